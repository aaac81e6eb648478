"""Command line and YAML files become one checked configuration.

Imports neither torch nor pandas, so that a wrong key is reported within a second. May import: files, errors, signals.
"""
