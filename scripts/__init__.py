"""Entry points: each parses a command line with Hydra and calls one function."""
