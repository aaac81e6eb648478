"""A slip of the hand is answered in one line, with what was meant."""

import pytest

import mlplab
from mlplab.explain import explain
from mlplab.mistake import Mistake


@pytest.mark.parametrize(
    ("override", "answer"),
    [
        ("optimizer=adm", "did you mean adam?"),
        ("data=nothing_like_it", "choose blobs, breast_cancer"),
        ("epochs=3", "did you mean trainer.max_epochs?"),
        ("lr=0.1", "did you mean optimizer.lr?"),
        ("trainer.max_epoch=3", "did you mean trainer.max_epochs?"),
        ("optimizr=adam", "did you mean optimizer?"),
        ("hidden=[3]", "did you mean model.hidden_features?"),
        ("+whatever=1", "nothing reads"),
        ("optimizer.lr=[1", "optimizer.lr=[1"),
        ("optimizer", "optimizer"),
        ("data=csv", "data.path=... data.target=... data.task=..."),
        ("data=base", "base"),
        ("data=[iris,wine]", "data=[iris,wine]: choose one"),
        ("choice.data=wine", "choose by data="),
        ("scheduler.gamma=0.5", "scheduler=exponential or step has it"),
        ("trainer.max_time=5", "DD:HH:MM:SS"),
    ],
)
def test_a_slip_is_answered_in_one_line_with_what_was_meant(override: str, answer: str) -> None:
    with pytest.raises(Mistake) as mistake:
        mlplab.configure(override)
    assert answer in str(mistake.value)
    assert "\n" not in str(mistake.value)


def test_any_other_error_is_one_line_with_its_kind() -> None:
    assert explain(KeyError("monitor\n  is\n  missing")).startswith("KeyError: ")
    assert "\n" not in explain(ZeroDivisionError("a\nb"))
