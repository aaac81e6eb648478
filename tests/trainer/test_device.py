"""A device or a precision that is not there is refused, not replaced."""

import pytest
import torch

from mlplab.errors import UserError
from mlplab.trainer.device import check_device


@pytest.fixture(params=["cpu", "cuda", "mps"])
def machine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What torch would say on such a machine: only one of them is here."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param == "cuda")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: request.param == "mps")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    return str(request.param)


def test_a_device_that_is_not_there_is_refused(machine: str) -> None:
    there = {"cpu": {"auto", "cpu"}, "cuda": {"auto", "cpu", "gpu", "cuda"}, "mps": {"auto", "cpu", "gpu", "mps"}}
    for accelerator in ("auto", "cpu", "gpu", "cuda", "mps"):
        if accelerator in there[machine]:
            check_device(accelerator, "32-true")
        else:
            with pytest.raises(UserError, match=rf"trainer\.accelerator={accelerator}: there is no such device here"):
                check_device(accelerator, "32-true")


def test_a_precision_that_the_device_lacks_is_refused(machine: str) -> None:
    for precision in ("32-true", "bf16-mixed"):
        check_device("auto", precision)
    with pytest.raises(UserError, match=r"trainer\.precision=16-mixed: a CPU does not support it; use bf16-mixed"):
        check_device("cpu", "16-mixed")
    check_device("cpu", "64-true")
    lacking = {"cpu": "16-mixed", "mps": "64-true"}.get(machine)
    if lacking:
        with pytest.raises(UserError, match=rf"trainer\.precision={lacking}"):
            check_device("auto", lacking)
