"""The numbers of K members as they stood at one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mlplab.stack.weights import Weights


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


def put(held: Snapshot, weights: Weights, network: nn.Module) -> None:
    """The one member of a snapshot into its network."""
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), weights.singles(held.flat[0]), strict=True):
            parameter.copy_(value)
        for name, values in held.buffers.items():
            network.get_buffer(name).copy_(values[0])


def put_weights(held: Snapshot, weights: Weights, network: Any) -> None:
    """All members of a snapshot into a stacked network."""
    weights.flat.copy_(held.flat)
    for name, values in network.buffers.items():
        values.copy_(held.buffers[name])


def put_back(held: Snapshot, weights: Weights, network: Any, optimizer: Any) -> None:
    """All members of a snapshot into what trains them."""
    put_weights(held, weights, network)
    optimizer.state, optimizer.products, optimizer.steps = held.state, held.products, held.steps


def joined(parts: Sequence[Snapshot]) -> Snapshot:
    """Of all members of some snapshots, in their order."""
    first = parts[0]
    return Snapshot(
        torch.cat([one.flat for one in parts]),
        {name: torch.cat([one.buffers[name] for one in parts]) for name in first.buffers},
        {name: torch.cat([one.state[name] for one in parts]) for name in first.state},
        torch.cat([one.products for one in parts]),
        first.steps,
    )
