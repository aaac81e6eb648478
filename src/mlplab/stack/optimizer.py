"""One step for K members by torch's own formulas, element by element; torch's optimizers take one lr a call."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, Adamax, AdamW, NAdam, Optimizer, RMSprop
from torch.optim.adam import adam

Number = Any  # a float where all members share it, else (K, 1) in double precision


class StackedOptimizer:
    """flat: (K, P) weights, changed in place. state: (K, P) each, by torch's own names.

    settings: of each member, as its optimizer's first group has them: one name a Number.
    """

    def __init__(self, optimizers: Sequence[Optimizer], networks: Sequence[nn.Module], flat: Tensor) -> None:
        self.flat = flat
        self.state: dict[str, Tensor] = {}
        self.products = torch.ones(len(flat), 1, dtype=torch.float32)  # NAdam's, which torch keeps so
        self.steps = 0
        self._move: Tensor | None = None
        groups = [one.param_groups[0] for one in optimizers]
        self.first = groups[0]
        self.formula = FORMULAS[type(optimizers[0])]
        self.apart = type(optimizers[0]) is AdamW or bool(self.first.get("decoupled_weight_decay"))
        self.settings = {name: _number([group[name] for group in groups]) for name in NAMES if name in self.first}
        if "betas" in self.first:
            for place, name in enumerate(("beta1", "beta2")):
                self.settings[name] = _number([group["betas"][place] for group in groups])
        self.decay = _decay(optimizers, networks, flat.dtype)

    def take_rates(self, rates: Sequence[float]) -> None:
        self.settings["lr"] = _number(rates)

    def step(self, gradient: Tensor) -> None:
        self.steps += 1
        if self.decay is not None and self.apart:
            self._shrink()
        elif self.decay is not None:
            gradient = gradient + self.decay * self.flat
        self.formula(self, gradient, **self.settings)

    @property
    def takes_pieces(self) -> bool:
        """Whether gradients need not be joined first: of a large net that is a tenth of the step."""
        return self.formula is step_adam and self.flat.shape[1] >= LARGE and (self.decay is None or self.apart)

    def step_in_pieces(self, gradients: Sequence[Tensor]) -> None:
        """gradients: (K, ...) of each parameter, in their order."""
        self.steps += 1
        if self.decay is not None:
            self._shrink()
        sizes = [one[0].numel() for one in gradients]
        held = (self.flat, self.kept("exp_avg"), self.kept("exp_avg_sq"))
        for place in range(len(self.flat)):
            weights, first, second = (torch.split(one[place], sizes) for one in held)
            step_member(self, place, weights, [one[place].reshape(-1) for one in gradients], first, second)

    def _shrink(self) -> None:
        self.flat.mul_(1 - self.cast(self.settings["lr"]) * self.decay)

    def cast(self, value: Number) -> Number:
        return value.to(self.flat.dtype) if isinstance(value, Tensor) else value

    def kept(self, name: str, start: float = 0.0) -> Tensor:
        if name not in self.state:
            self.state[name] = torch.full_like(self.flat, start)
        return self.state[name]

    def zeroed(self) -> Tensor:
        """(K, P), the same at each step."""
        if self._move is None:
            self._move = torch.empty_like(self.flat)
        return self._move.zero_()

    def averaged(self, name: str, values: Tensor, share: Number) -> Tensor:
        """The moving average, by a share of the new."""
        return self.kept(name).lerp_(values, self.cast(share))


def optimizer_state(optimizer: Optimizer, stacked: dict[str, Tensor], steps: int, product: Tensor) -> dict[str, Tensor]:
    """What torch keeps beside one weight: stacked, of that weight alone."""
    kind = type(optimizer)
    if kind is SGD:
        return stacked or {}
    counted = {"step": torch.tensor(float(steps), dtype=torch.float32)}
    return {**counted, **({"mu_product": product} if kind is NAdam else {}), **stacked}


def _number(values: Sequence[Any]) -> Number:
    if len(set(values)) == 1:
        return values[0]
    return torch.tensor(values, dtype=torch.float64)[:, None]


def _decay(optimizers: Sequence[Optimizer], networks: Sequence[nn.Module], dtype: torch.dtype) -> Tensor | None:
    """(K, P), or (K, 1) where no parameter is spared."""
    rows = []
    for one, network in zip(optimizers, networks, strict=True):
        found = {id(held): group["weight_decay"] for group in one.param_groups for held in group["params"]}
        rows.append([found[id(parameter)] for parameter in network.parameters()])
    values = torch.tensor(rows, dtype=torch.float64).to(dtype)
    if not values.any():
        return None
    if (values == values[:, :1]).all():
        return values[:, :1]
    sizes = torch.tensor([parameter.numel() for parameter in networks[0].parameters()])
    return values.repeat_interleave(sizes, dim=1)


def _sgd(own: StackedOptimizer, gradient: Tensor, lr: Number, momentum: Number, dampening: Number, **_: Any) -> None:
    if own.first["momentum"]:
        momentum = own.cast(momentum)
        if "momentum_buffer" in own.state:
            buffer = own.state["momentum_buffer"].mul_(momentum).add_(gradient * own.cast(1 - dampening))
        else:
            buffer = own.state["momentum_buffer"] = gradient.clone()
        gradient = gradient + buffer * momentum if own.first["nesterov"] else buffer
    own.flat.sub_(gradient * own.cast(lr))


def _adamax(
    own: StackedOptimizer, gradient: Tensor, lr: Number, beta1: Number, beta2: Number, eps: Number, **_: Any
) -> None:
    first = own.averaged("exp_avg", gradient, 1 - beta1)
    largest = own.kept("exp_inf").mul_(own.cast(beta2))
    torch.maximum(largest, gradient.abs().add_(own.cast(eps)), out=largest)
    own.flat.sub_((first / largest).mul_(own.cast(lr / (1 - beta1**own.steps))))


def _nadam(
    own: StackedOptimizer,
    gradient: Tensor,
    lr: Number,
    beta1: Number,
    beta2: Number,
    eps: Number,
    momentum_decay: Number,
    **_: Any,
) -> None:
    now, following = (beta1 * (1 - 0.5 * 0.96 ** ((own.steps + ahead) * momentum_decay)) for ahead in (0, 1))
    own.products *= now.float() if isinstance(now, Tensor) else now
    done = own.products.double()
    first = own.averaged("exp_avg", gradient, 1 - beta1)
    second = own.averaged("exp_avg_sq", gradient * gradient, 1 - beta2)
    below = second.mul(own.cast(1 / (1 - beta2**own.steps))).sqrt_().add_(own.cast(eps))
    by_gradient, by_first = own.cast(lr * (1 - now) / (1 - done)), own.cast(lr * following / (1 - done * following))
    own.flat.sub_((gradient * by_gradient).add_(first * by_first).div_(below))


def _rmsprop(
    own: StackedOptimizer, gradient: Tensor, lr: Number, alpha: Number, momentum: Number, eps: Number, **_: Any
) -> None:
    move = gradient / own.averaged("square_avg", gradient * gradient, 1 - alpha).sqrt().add_(own.cast(eps))
    if own.first["momentum"]:
        move = own.kept("momentum_buffer").mul_(own.cast(momentum)).add_(move)
    own.flat.sub_(move * own.cast(lr))


def _adagrad(own: StackedOptimizer, gradient: Tensor, lr: Number, lr_decay: Number, eps: Number, **_: Any) -> None:
    total = own.kept("sum", own.first["initial_accumulator_value"]).addcmul_(gradient, gradient)
    rate = own.cast(lr / (1 + (own.steps - 1) * lr_decay))
    own.flat.sub_((gradient / total.sqrt().add_(own.cast(eps))).mul_(rate))


NAMES = ("lr", "momentum", "dampening", "eps", "alpha", "lr_decay", "momentum_decay")


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


FORMULAS: dict[type, Callable[..., None]] = {
    SGD: _sgd,
    Adam: step_adam,
    AdamW: step_adam,
    Adamax: _adamax,
    NAdam: _nadam,
    RMSprop: _rmsprop,
    Adagrad: _adagrad,
}
LARGE = 2**15  # parameters of a net for which one call a member costs less than passes over all


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
