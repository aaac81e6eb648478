"""One update of K members by torch's formulas, elementwise; torch's optimizers take one learning rate per call."""

from collections.abc import Callable, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adagrad, Adam, Adamax, AdamW, NAdam, Optimizer, RMSprop
from torch.optim.adam import adam

from mlplab.stack.weights import Snapshot

Number = Any  # a float where all members agree, else (K, 1) in double precision
NUMBERS = ("lr", "momentum", "dampening", "eps", "alpha", "lr_decay", "momentum_decay")
LARGE = 2**15  # parameters from which a call per member costs less than several passes over all members


class StackedOptimizer:
    """flat: (K, P) weights, changed in place. state: (K, P) each, under torch's names.

    numbers: hyperparameters from the first parameter group of each member's optimizer, one Number per name.
    mu_products: (K, 1) NAdam's product of momentum factors, in float32 as torch keeps it.
    """

    def __init__(self, optimizers: Sequence[Optimizer], networks: Sequence[nn.Module], flat: Tensor) -> None:
        self.flat = flat
        self.state: dict[str, Tensor] = {}
        self.mu_products = torch.ones(len(flat), 1, dtype=torch.float32)
        self.steps = 0
        groups = [optimizer.param_groups[0] for optimizer in optimizers]
        self.first = groups[0]
        self.formula = FORMULAS[type(optimizers[0])]
        self.decoupled = type(optimizers[0]) is AdamW or bool(self.first.get("decoupled_weight_decay"))
        self.numbers = SimpleNamespace(
            **{name: _number([group[name] for group in groups]) for name in NUMBERS if name in self.first}
        )
        if "betas" in self.first:
            betas = zip(*(group["betas"] for group in groups), strict=True)
            self.numbers.beta1, self.numbers.beta2 = map(_number, betas)
        self.decay = _weight_decay(optimizers, networks, flat.dtype)

    def set_learning_rates(self, rates: Sequence[float]) -> None:
        self.numbers.lr = _number(rates)

    def load(self, snapshot: Snapshot) -> None:
        """Takes the state of all members from a snapshot, without a copy."""
        self.state, self.mu_products, self.steps = snapshot.state, snapshot.mu_products, snapshot.steps

    def step(self, gradient: Tensor) -> None:
        """gradient: (K, P)."""
        self.steps += 1
        if self.decay is not None and self.decoupled:
            self._decay_weights()
        elif self.decay is not None:
            gradient = gradient + self.decay * self.flat
        self.formula(self, gradient, self.numbers)

    @property
    def can_step_per_parameter(self) -> bool:
        """Whether gradients need no concatenation, which takes a tenth of the step of a large network."""
        adam_formula = self.formula is _adam and self.flat.shape[1] >= LARGE
        return adam_formula and (self.decay is None or self.decoupled)

    def step_per_parameter(self, gradients: Sequence[Tensor]) -> None:
        """gradients: (K, ...) for each parameter, in their order."""
        self.steps += 1
        if self.decay is not None:
            self._decay_weights()
        sizes = [gradient[0].numel() for gradient in gradients]
        stacked = (self.flat, self.state_of("exp_avg"), self.state_of("exp_avg_sq"))
        for index in range(len(self.flat)):
            weights, first, second = (torch.split(values[index], sizes) for values in stacked)
            own = [gradient[index].reshape(-1) for gradient in gradients]
            _adam_of_member(self, index, weights, own, first, second)

    def state_of(self, name: str, initial: float = 0.0) -> Tensor:
        if name not in self.state:
            self.state[name] = torch.full_like(self.flat, initial)
        return self.state[name]

    def moving_average(self, name: str, values: Tensor, weight: Number) -> Tensor:
        """Updates an exponential moving average. weight: of the new values."""
        return self.state_of(name).lerp_(values, self.cast(weight))

    def cast(self, value: Number) -> Number:
        return value.to(self.flat.dtype) if isinstance(value, Tensor) else value

    @cached_property
    def move(self) -> Tensor:
        """(K, P), the same memory for each step."""
        return torch.empty_like(self.flat)

    def _decay_weights(self) -> None:
        self.flat.mul_(1 - self.cast(self.numbers.lr) * self.decay)


def optimizer_state(
    optimizer: Optimizer, stacked: dict[str, Tensor], steps: int, mu_product: Tensor
) -> dict[str, Tensor]:
    """Returns what torch's optimizer keeps for one parameter. stacked: the state of that parameter."""
    kind = type(optimizer)
    if kind is SGD:
        return stacked or {}
    step = {"step": torch.tensor(float(steps), dtype=torch.float32)}
    return {**step, **({"mu_product": mu_product} if kind is NAdam else {}), **stacked}


def _number(values: Sequence[Any]) -> Number:
    if len(set(values)) == 1:
        return values[0]
    return torch.tensor(values, dtype=torch.float64)[:, None]


def _weight_decay(optimizers: Sequence[Optimizer], networks: Sequence[nn.Module], dtype: torch.dtype) -> Tensor | None:
    """Returns (K, P), or (K, 1) where it is the same for all parameters; None where there is none."""
    rows = []
    for optimizer, network in zip(optimizers, networks, strict=True):
        decays = {param: group["weight_decay"] for group in optimizer.param_groups for param in group["params"]}
        rows.append([decays[parameter] for parameter in network.parameters()])
    values = torch.tensor(rows, dtype=torch.float64).to(dtype)
    if not values.any():
        return None
    if (values == values[:, :1]).all():
        return values[:, :1]
    sizes = torch.tensor([parameter.numel() for parameter in networks[0].parameters()])
    return values.repeat_interleave(sizes, dim=1)


def _sgd(stack: StackedOptimizer, gradient: Tensor, numbers: SimpleNamespace) -> None:
    if stack.first["momentum"]:
        momentum = stack.cast(numbers.momentum)
        if "momentum_buffer" in stack.state:
            buffer = stack.state["momentum_buffer"].mul_(momentum).add_(gradient * stack.cast(1 - numbers.dampening))
        else:
            buffer = stack.state["momentum_buffer"] = gradient.clone()
        gradient = gradient + buffer * momentum if stack.first["nesterov"] else buffer
    stack.flat.sub_(gradient * stack.cast(numbers.lr))


def _adam(stack: StackedOptimizer, gradient: Tensor, numbers: SimpleNamespace) -> None:
    lr, beta1, beta2, eps = numbers.lr, numbers.beta1, numbers.beta2, numbers.eps
    first, second = stack.state_of("exp_avg"), stack.state_of("exp_avg_sq")
    if stack.flat.shape[1] >= LARGE:
        for index, rows in enumerate(zip(stack.flat, gradient, first, second, strict=True)):
            _adam_of_member(stack, index, *([row] for row in rows))
    elif any(isinstance(value, Tensor) for value in (beta1, beta2, eps)):
        first.lerp_(gradient, stack.cast(1 - beta1))
        second.lerp_(gradient * gradient, stack.cast(1 - beta2))
        unbiased = stack.cast((1 - beta2**stack.steps) ** -0.5)
        rate = stack.cast(lr / (1 - beta1**stack.steps))
        stack.flat.sub_((first / second.sqrt().mul_(unbiased).add_(stack.cast(eps))).mul_(rate))
    elif isinstance(lr, Tensor):
        move = stack.move.zero_()
        _adam_of_member(stack, 0, [move], [gradient], [first], [second], lr=1.0)
        stack.flat.addcmul_(move, stack.cast(lr))
    else:
        _adam_of_member(stack, 0, [stack.flat], [gradient], [first], [second])


def _adam_of_member(
    stack: StackedOptimizer,
    index: int,
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    first: Sequence[Tensor],
    second: Sequence[Tensor],
    **replaced: float,
) -> None:
    """Takes torch's fused step with the numbers of one member: one pass over memory where the formula takes eight."""
    numbers = {name: getattr(stack.numbers, name) for name in ("lr", "beta1", "beta2", "eps")} | replaced
    own: Any = {name: float(value[index]) if isinstance(value, Tensor) else value for name, value in numbers.items()}
    own |= {"amsgrad": False, "maximize": False, "weight_decay": 0.0, "fused": True}
    steps = [torch.tensor(float(stack.steps - 1)) for _ in weights]
    adam([*weights], [*gradients], [*first], [*second], [], steps, **own)


def _adamax(stack: StackedOptimizer, gradient: Tensor, numbers: SimpleNamespace) -> None:
    first = stack.moving_average("exp_avg", gradient, 1 - numbers.beta1)
    largest = stack.state_of("exp_inf").mul_(stack.cast(numbers.beta2))
    torch.maximum(largest, gradient.abs().add_(stack.cast(numbers.eps)), out=largest)
    stack.flat.sub_((first / largest).mul_(stack.cast(numbers.lr / (1 - numbers.beta1**stack.steps))))


def _nadam(stack: StackedOptimizer, gradient: Tensor, numbers: SimpleNamespace) -> None:
    lr, beta1, beta2, decay = numbers.lr, numbers.beta1, numbers.beta2, numbers.momentum_decay
    now, following = (beta1 * (1 - 0.5 * 0.96 ** ((stack.steps + ahead) * decay)) for ahead in (0, 1))
    stack.mu_products *= now.float() if isinstance(now, Tensor) else now
    product = stack.mu_products.double()
    first = stack.moving_average("exp_avg", gradient, 1 - beta1)
    second = stack.moving_average("exp_avg_sq", gradient * gradient, 1 - beta2)
    divisor = second.mul(stack.cast(1 / (1 - beta2**stack.steps))).sqrt_().add_(stack.cast(numbers.eps))
    gradient_rate = stack.cast(lr * (1 - now) / (1 - product))
    first_rate = stack.cast(lr * following / (1 - product * following))
    stack.flat.sub_((gradient * gradient_rate).add_(first * first_rate).div_(divisor))


def _rmsprop(stack: StackedOptimizer, gradient: Tensor, numbers: SimpleNamespace) -> None:
    average = stack.moving_average("square_avg", gradient * gradient, 1 - numbers.alpha)
    move = gradient / average.sqrt().add_(stack.cast(numbers.eps))
    if stack.first["momentum"]:
        move = stack.state_of("momentum_buffer").mul_(stack.cast(numbers.momentum)).add_(move)
    stack.flat.sub_(move * stack.cast(numbers.lr))


def _adagrad(stack: StackedOptimizer, gradient: Tensor, numbers: SimpleNamespace) -> None:
    total = stack.state_of("sum", stack.first["initial_accumulator_value"]).addcmul_(gradient, gradient)
    rate = stack.cast(numbers.lr / (1 + (stack.steps - 1) * numbers.lr_decay))
    stack.flat.sub_((gradient / total.sqrt().add_(stack.cast(numbers.eps))).mul_(rate))


FORMULAS: dict[type, Callable[..., None]] = {
    SGD: _sgd,
    Adam: _adam,
    AdamW: _adam,
    Adamax: _adamax,
    NAdam: _nadam,
    RMSprop: _rmsprop,
    Adagrad: _adagrad,
}
