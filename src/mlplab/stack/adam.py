"""Adam's step for K members, as far as can be by torch's own fused one, which takes one lr a call."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.optim.adam import adam

if TYPE_CHECKING:  # which imports this
    from mlplab.stack.optimizer import Number, StackedOptimizer

LARGE = 2**15  # parameters of a net for which one call a member costs less than passes over all


def step_adam(
    own: "StackedOptimizer", gradient: Tensor, lr: "Number", beta1: "Number", beta2: "Number", eps: "Number", **_: Any
) -> None:
    first, second = own.kept("exp_avg"), own.kept("exp_avg_sq")
    if own.flat.shape[1] >= LARGE:
        for place, held in enumerate(zip(own.flat, gradient, first, second, strict=True)):
            step_member(own, place, *([one] for one in held))
    elif any(isinstance(one, Tensor) for one in (beta1, beta2, eps)):
        first.lerp_(gradient, own.cast(1 - beta1))
        second.lerp_(gradient * gradient, own.cast(1 - beta2))
        unbiased = own.cast((1 - beta2**own.steps) ** -0.5)
        rate = own.cast(lr / (1 - beta1**own.steps))
        own.flat.sub_((first / second.sqrt().mul_(unbiased).add_(own.cast(eps))).mul_(rate))
    elif isinstance(lr, Tensor):
        move = own.zeroed()
        step_member(own, 0, [move], [gradient], [first], [second], lr=1.0)
        own.flat.addcmul_(move, own.cast(lr))
    else:
        step_member(own, 0, [own.flat], [gradient], [first], [second])


def step_member(
    own: "StackedOptimizer",
    place: int,
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    first: Sequence[Tensor],
    second: Sequence[Tensor],
    **given: float,
) -> None:
    """With a member's numbers: torch's own step, which passes once over what the formula passes over eight times."""
    held = {name: own.settings[name] for name in ("lr", "beta1", "beta2", "eps")} | given
    numbers: Any = {name: float(one[place]) if isinstance(one, Tensor) else one for name, one in held.items()}
    steps = [torch.tensor(float(own.steps - 1)) for _ in weights]
    settings: dict[str, Any] = {"amsgrad": False, "maximize": False, "weight_decay": 0.0, **numbers}
    adam([*weights], [*gradients], [*first], [*second], [], steps, fused=True, **settings)
