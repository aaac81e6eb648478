"""Names of torch beyond its documented interface: a failure here says which of them an upgrade has changed."""

from collections.abc import Callable
from typing import Any

import pytest
from torch import nn

from mlplab.trainer.torch_internals import COMPILER_ERRORS, has_hooks

REGISTER = {
    "register_forward_pre_hook": lambda *_: None,
    "register_forward_hook": lambda *_: None,
    "register_full_backward_pre_hook": lambda *_: None,
    "register_full_backward_hook": lambda *_: None,
}


@pytest.mark.parametrize("register", REGISTER)
def test_each_kind_of_hook_of_a_module_is_found(register: str) -> None:
    module = nn.Linear(1, 1)
    assert not has_hooks(module)
    handle: Any = getattr(module, register)(REGISTER[register])
    assert has_hooks(module), f"{register} stores its hooks under another name"
    handle.remove()
    assert not has_hooks(module)


@pytest.mark.parametrize("error", COMPILER_ERRORS)
def test_compiler_errors_are_exceptions(error: Callable[..., Any]) -> None:
    assert isinstance(error, type)
    assert issubclass(error, Exception)
