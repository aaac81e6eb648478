"""By what a run was made: versions of this library, and of those that its numbers may depend on."""

import lightning
import torch

import mlplab


def versions() -> dict[str, str]:
    return {"mlplab": mlplab.__version__, "torch": torch.__version__, "lightning": lightning.__version__}
