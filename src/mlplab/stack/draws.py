"""Random numbers of K members, each from a generator of its own: those that the member's single run would draw."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor


class Draws:
    def __init__(self, generators: Sequence[Generator]) -> None:
        self.generators = list(generators)

    def kept(self, like: Tensor, shares: Sequence[float]) -> Tensor:
        """(K, B, F) of 0 and 1, of ones a share by member; as dropout draws it."""
        drawn = torch.empty_like(like, memory_format=torch.contiguous_format)
        for part, share, generator in zip(drawn.unbind(0), shares, self.generators, strict=True):
            part.bernoulli_(share, generator=generator)
        return drawn

    def normal(self, like: Tensor) -> Tensor:
        drawn = torch.empty(like.shape, dtype=like.dtype)
        for part, generator in zip(drawn.unbind(0), self.generators, strict=True):
            part.normal_(generator=generator)
        return drawn

    def only(self, places: Sequence[int]) -> "Draws":
        return Draws([self.generators[place] for place in places])


def standing_generator() -> Generator:
    """A generator that goes on where torch's global one stands."""
    generator = Generator()
    generator.set_state(torch.get_rng_state())
    return generator
