"""Linear warm-up, then cosine decay to zero, by step; torch has both, but each needs its own length."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


class WarmupCosine(LambdaLR):
    """Raises the learning rate linearly to that of the optimizer over the first `warmup_fraction` of `total_steps`,
    then lowers it to 0 (Loshchilov and Hutter, SGDR, 2017, arXiv:1608.03983; warm-up: Goyal et al., 2017,
    arXiv:1706.02677)."""

    def __init__(self, optimizer: Optimizer, total_steps: int, warmup_fraction: float = 0.1) -> None:
        self.warmup = max(1, round(warmup_fraction * total_steps))
        self.total_steps = total_steps
        super().__init__(optimizer, self._factor)

    def _factor(self, step: int) -> float:
        if step < self.warmup:
            return (step + 1) / self.warmup
        progress = (step - self.warmup) / max(1, self.total_steps - self.warmup)
        return (1 + math.cos(math.pi * min(1.0, progress))) / 2
