"""mlplab: an experiment lab for multilayer perceptrons. Importing it imports nothing heavy."""

import importlib
from typing import Any

__version__ = "0.1.0"
# loaded from subpackages: a submodule `mlplab.train` would hide the function of the same name
_HOMES = {
    "configure": "mlplab.config.configure",
    "reopen": "mlplab.run.predictor",
    "resume": "mlplab.run.resume",
    "train": "mlplab.run.train",
}
__all__ = ["configure", "reopen", "resume", "train"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module mlplab has no attribute {name}")
    return getattr(importlib.import_module(_HOMES[name]), name)
