"""Sweepers and launchers, which Hydra finds in packages below `hydra_plugins` only."""
