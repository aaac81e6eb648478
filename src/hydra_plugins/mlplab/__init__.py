"""`hydra/launcher=stacked`: jobs of one form train as one. Hydra finds launchers in packages of this name only."""
