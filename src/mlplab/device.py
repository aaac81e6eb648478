"""Is the device there that was asked for, and does it know the precision?"""

import torch

from mlplab.errors import Mistake


def check_device(accelerator: str, precision: str, trained: bool = False) -> None:
    """Raises Mistake where Lightning would take another precision with a mere warning, or none.

    trained: the precision is that of a run, and no longer to choose.
    """
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    there = {"auto": True, "cpu": True, "cuda": cuda, "mps": mps, "gpu": cuda or mps}
    if not there[accelerator]:
        found = ", ".join(name for name in ("cuda", "mps", "cpu") if there[name])
        raise Mistake(f"trainer.accelerator={accelerator}: there is no such device here, only {found}")
    if accelerator == "cpu" or not (cuda or mps):
        device = "a CPU"
        lacks = {"16-mixed": "bf16-mixed"}
    elif cuda and accelerator != "mps":
        device = "this GPU"
        lacks = {} if torch.cuda.is_bf16_supported() else {"bf16-mixed": "16-mixed"}
    else:
        device = "MPS"
        lacks = {"64-true": "32-true, or trainer.accelerator=cpu"}
    if precision in lacks:
        remedy = "measure where the run was trained" if trained else f"use {lacks[precision]}"
        raise Mistake(f"trainer.precision={precision}: {device} has it not; {remedy}")
