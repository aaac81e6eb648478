"""What this package uses of torch beyond its documented interface, written for torch 2.15.

tests/trainer/test_torch_internals.py says which of these an upgrade has changed.
"""

from torch import nn
from torch._dynamo.exc import TorchDynamoException
from torch._inductor.exc import InductorError
from torch.optim import Optimizer

COMPILER_ERRORS = (TorchDynamoException, InductorError)
MODULE_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


def has_hooks(module: nn.Module) -> bool:
    """Returns whether a forward or backward hook is registered on the module."""
    return any(getattr(module, name) for name in MODULE_HOOKS)


def mark_as_stepped(optimizer: Optimizer) -> None:
    """Marks an optimizer whose steps are taken elsewhere: a scheduler warns where it steps before its optimizer."""
    optimizer._opt_called = True  # type: ignore[attr-defined]
