"""The parameters of K networks of the same shape as one tensor (K, P), with a view (K, ...) for each parameter."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Slot:
    """The columns of one parameter among P. transposed: stored as (in, out), so that its gradient is contiguous."""

    name: str
    start: int
    shape: tuple[int, ...]
    transposed: bool

    @property
    def end(self) -> int:
        return self.start + int(torch.Size(self.shape).numel())

    def stacked(self, flat: Tensor) -> Tensor:
        """Returns the parameter of all members: a view (K, ...) of (K, P)."""
        shape = self.shape[::-1] if self.transposed else self.shape
        return flat[:, self.start : self.end].view(len(flat), *shape)

    def single(self, row: Tensor) -> Tensor:
        """Returns the parameter of one member in its own shape: a view of a row (P,)."""
        part = row[self.start : self.end]
        return part.view(self.shape[::-1]).T if self.transposed else part.view(self.shape)


class Weights:
    """flat: (K, P). leaves: by name, the view (K, ...) of one parameter, for which autograd computes the gradient."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        layers = networks[0].named_modules()
        linear = {f"{name}.weight" for name, layer in layers if isinstance(layer, nn.Linear)}
        self.slots: list[Slot] = []
        start = 0
        for name, parameter in networks[0].named_parameters():
            self.slots.append(Slot(name, start, tuple(parameter.shape), transposed=name in linear))
            start = self.slots[-1].end
        self.flat = torch.stack([torch.cat([*self._columns(network)]) for network in networks])
        self.leaves = {slot.name: slot.stacked(self.flat).detach().requires_grad_() for slot in self.slots}
        self._gradient = torch.empty_like(self.flat)
        self._padded: dict[str, Tensor] = {}

    def padded(self, name: str, width: int) -> Callable[[], Tensor]:
        """Returns a function that gives the leaf (K, ..., n) with zeros up to `width`; `gradients` leaves them out."""
        leaf = self.leaves[name]
        padded = self._padded[name] = leaf.new_zeros(*leaf.shape[:-1], width).requires_grad_()
        source, filled = leaf.detach(), padded.detach()[..., : leaf.shape[-1]]

        def current() -> Tensor:
            filled.copy_(source)
            return padded

        return current

    def gradients(self, loss: Tensor) -> list[Tensor]:
        """Returns the gradients of a scalar, (K, ...) for each slot."""
        found = torch.autograd.grad(loss, [self._padded.get(name, leaf) for name, leaf in self.leaves.items()])
        pairs = zip(found, self.leaves.items(), strict=True)
        return [grad[..., : leaf.shape[-1]] if name in self._padded else grad for grad, (name, leaf) in pairs]

    def concatenate(self, gradients: Sequence[Tensor]) -> Tensor:
        """Joins gradients (K, ...) of each slot to (K, P), in the same memory each time."""
        return torch.cat([gradient.flatten(1) for gradient in gradients], dim=1, out=self._gradient)

    def parameters_of(self, row: Tensor) -> list[Tensor]:
        """Returns the row (P,) of one member as the parameters of its network."""
        return [slot.single(row) for slot in self.slots]

    def _columns(self, network: nn.Module) -> Iterator[Tensor]:
        for slot, parameter in zip(self.slots, network.parameters(), strict=True):
            yield (parameter.T if slot.transposed else parameter).detach().reshape(-1)


@dataclass
class Snapshot:
    """The state of K members at one moment.

    flat: weights (K, P). buffers, state: (K, ...) by name, of networks and optimizers. mu_products: see
    StackedOptimizer. steps: updates so far.
    """

    flat: Tensor
    buffers: dict[str, Tensor]
    state: dict[str, Tensor]
    mu_products: Tensor
    steps: int

    def clone(self) -> "Snapshot":
        return concatenate_snapshots([self])

    def select(self, indices: Sequence[int]) -> "Snapshot":
        index = torch.tensor(indices, dtype=torch.long)
        buffers, state = ({name: values[index] for name, values in own.items()} for own in (self.buffers, self.state))
        return Snapshot(self.flat[index], buffers, state, self.mu_products[index], self.steps)

    def copy_weights(self, indices: Sequence[int], source: "Snapshot") -> None:
        """Overwrites weights and buffers of the members at these indices; the optimizer's state stays."""
        index = torch.tensor(indices, dtype=torch.long)
        self.flat[index] = source.flat[index]
        for name, values in self.buffers.items():
            values[index] = source.buffers[name][index]

    def load_into(self, network: nn.Module, weights: Weights) -> None:
        """Copies weights and buffers of a snapshot of one member into its network."""
        with torch.no_grad():
            for parameter, value in zip(network.parameters(), weights.parameters_of(self.flat[0]), strict=True):
                parameter.copy_(value)
            for name, values in self.buffers.items():
                network.get_buffer(name).copy_(values[0])


def concatenate_snapshots(parts: Sequence[Snapshot]) -> Snapshot:
    """Returns the members of all parts, in their order."""
    first = parts[0]
    return Snapshot(
        torch.cat([part.flat for part in parts]),
        {name: torch.cat([part.buffers[name] for part in parts]) for name in first.buffers},
        {name: torch.cat([part.state[name] for part in parts]) for name in first.state},
        torch.cat([part.mu_products for part in parts]),
        first.steps,
    )
