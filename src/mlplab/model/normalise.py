"""Normalisation layers by name."""

from torch import nn

from mlplab.errors import Mistake


def normalisation_layer(name: str, features: int) -> list[nn.Module]:
    """No layer for none."""
    if name not in ("none", "batch", "layer"):
        raise Mistake(f"model.normalisation={name}: one of none, batch, layer")
    if name == "batch":
        return [nn.BatchNorm1d(features)]
    return [nn.LayerNorm(features)] if name == "layer" else []
