"""mlplab: an experiment lab for multilayer perceptrons. Importing it imports nothing heavy."""

from typing import Any

__all__ = ["configure", "train"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "configure":
        from mlplab.command_line import configure

        return configure
    if name == "train":
        from mlplab.train import train

        return train
    raise AttributeError(f"module mlplab has no attribute {name}")
