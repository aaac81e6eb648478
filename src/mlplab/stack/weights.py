"""The parameters of K networks of one form as one tensor (K, P), with a view (K, ...) for each parameter."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Slot:
    """Where a parameter lies within the P columns. turned: as (in, out), so that its gradient comes in one piece."""

    name: str
    start: int
    shape: tuple[int, ...]
    turned: bool

    @property
    def end(self) -> int:
        return self.start + int(torch.Size(self.shape).numel())

    def stacked(self, flat: Tensor) -> Tensor:
        """The view (K, ...) of (K, P)."""
        shape = self.shape[::-1] if self.turned else self.shape
        return flat[:, self.start : self.end].view(len(flat), *shape)

    def single(self, row: Tensor) -> Tensor:
        """The view of one member's row (P,) in the parameter's own shape."""
        part = row[self.start : self.end]
        return part.view(self.shape[::-1]).T if self.turned else part.view(self.shape)


class Weights:
    """flat: (K, P). A leaf is the view of one parameter, of which autograd takes the gradient."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        linear = {id(layer.weight) for layer in networks[0].modules() if isinstance(layer, nn.Linear)}
        self.slots: list[Slot] = []
        start = 0
        for name, parameter in networks[0].named_parameters():
            self.slots.append(Slot(name, start, tuple(parameter.shape), id(parameter) in linear))
            start = self.slots[-1].end
        rows = [torch.cat([_flat(one) for one in self._turned(network)]) for network in networks]
        self.take(torch.stack(rows))

    def take(self, flat: Tensor) -> None:
        self.flat = flat
        self._gradient = torch.empty_like(flat)
        self._wide: dict[str, Tensor] = {}
        self.leaves: dict[str, Tensor] = {
            slot.name: slot.stacked(flat).detach().requires_grad_() for slot in self.slots
        }

    def widened(self, name: str, width: int) -> Callable[[], Tensor]:
        """What gives the leaf (K, ..., n) with columns of zeros up to a width, of which `gradients` tells nothing."""
        leaf = self.leaves[name]
        wide = self._wide[name] = leaf.new_zeros(*leaf.shape[:-1], width).requires_grad_()
        own, held = leaf.detach(), wide.detach()[..., : leaf.shape[-1]]

        def take() -> Tensor:
            held.copy_(own)
            return wide

        return take

    def gradients(self, loss: Tensor) -> list[Tensor]:
        """Of a scalar, by slot: (K, ...) each."""
        found = torch.autograd.grad(loss, [self._wide.get(name, leaf) for name, leaf in self.leaves.items()])
        held = zip(found, self.leaves.items(), strict=True)
        return [one[..., : leaf.shape[-1]] if name in self._wide else one for one, (name, leaf) in held]

    def joined(self, gradients: Sequence[Tensor]) -> Tensor:
        """(K, P), in the same memory each time."""
        return torch.cat([one.flatten(1) for one in gradients], dim=1, out=self._gradient)

    def singles(self, row: Tensor) -> list[Tensor]:
        """One member's row (P,) as its parameters are."""
        return [slot.single(row) for slot in self.slots]

    def _turned(self, network: nn.Module) -> Iterator[Tensor]:
        for slot, parameter in zip(self.slots, network.parameters(), strict=True):
            yield parameter.T if slot.turned else parameter


def _flat(parameter: Tensor) -> Tensor:
    return parameter.detach().reshape(-1)


@dataclass
class Snapshot:
    """flat: (K, P) weights. buffers, state, products: (K, ...), of networks and optimizers."""

    flat: Tensor
    buffers: dict[str, Tensor]
    state: dict[str, Tensor]
    products: Tensor
    steps: int

    def copied(self) -> "Snapshot":
        return Snapshot(
            self.flat.clone(),
            {name: values.clone() for name, values in self.buffers.items()},
            {name: values.clone() for name, values in self.state.items()},
            self.products.clone(),
            self.steps,
        )

    def only(self, places: Sequence[int]) -> "Snapshot":
        at = torch.tensor(places, dtype=torch.long)
        return Snapshot(
            self.flat[at],
            {name: values[at] for name, values in self.buffers.items()},
            {name: values[at] for name, values in self.state.items()},
            self.products[at],
            self.steps,
        )

    def take_weights(self, places: Sequence[int], of: "Snapshot") -> None:
        at = torch.tensor(places, dtype=torch.long)
        self.flat[at] = of.flat[at]
        for name, values in self.buffers.items():
            values[at] = of.buffers[name][at]


def load_member(held: Snapshot, weights: Weights, network: nn.Module) -> None:
    """The one member of a snapshot into its network."""
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), weights.singles(held.flat[0]), strict=True):
            parameter.copy_(value)
        for name, values in held.buffers.items():
            network.get_buffer(name).copy_(values[0])


def load_all(held: Snapshot, weights: Weights, network: Any) -> None:
    """All members of a snapshot into a stacked network."""
    weights.flat.copy_(held.flat)
    for name, values in network.buffers.items():
        values.copy_(held.buffers[name])


def restore(held: Snapshot, weights: Weights, network: Any, optimizer: Any) -> None:
    """All members of a snapshot into what trains them."""
    load_all(held, weights, network)
    optimizer.state, optimizer.products, optimizer.steps = held.state, held.products, held.steps


def concatenate(parts: Sequence[Snapshot]) -> Snapshot:
    """Of all members of some snapshots, in their order."""
    first = parts[0]
    return Snapshot(
        torch.cat([one.flat for one in parts]),
        {name: torch.cat([one.buffers[name] for one in parts]) for name in first.buffers},
        {name: torch.cat([one.state[name] for one in parts]) for name in first.state},
        torch.cat([one.products for one in parts]),
        first.steps,
    )
