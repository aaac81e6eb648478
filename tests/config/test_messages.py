"""An error as one line, with a suggestion."""

import pytest

import mlplab
from mlplab.config.messages import describe_error
from mlplab.errors import RunError, UserError


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("optimizer=adm", "did you mean adam?"),
        ("data=nothing_like_it", "choose blobs, breast_cancer"),
        ("epochs=3", "did you mean trainer.max_epochs?"),
        ("lr=0.1", "did you mean optimizer.lr?"),
        ("trainer.max_epoch=3", "did you mean trainer.max_epochs?"),
        ("optimizr=adam", "did you mean optimizer?"),
        ("hidden=[3]", "did you mean model.hidden_features?"),
        ("+whatever=1", "whatever: unknown key"),
        ("optimizer.lr=[1", "optimizer.lr=[1"),
        ("optimizer", "optimizer"),
        ("data=csv", "data.path=... data.target=... data.task=..."),
        ("data=base", "base"),
        ("data=[iris,wine]", "data=[iris,wine]: choose one"),
        ("choice.data=wine", "choice.data=wine: records what was chosen; choose by data="),
        ("scheduler.gamma=0.5", "scheduler=exponential or step has it"),
        ("trainer.max_time=5", "DD:HH:MM:SS"),
        ("callback=[early_stopping,wat]", "callback=wat: unknown choice; choose early_stopping"),
        ("callback.early_stopping.patience=3", "callback=early_stopping has it"),
        ("num_rows=100", "did you mean data.num_rows?"),
        ("seed=1,2", "seed=1,2: must be one value; add -m to run each"),
        ("+optimizer=adam", "write optimizer=... without +"),
        ("+data=iris", "write data=... without +"),
        ("hydra/launcher=foo", "hydra/launcher=foo: unknown choice"),
        ("optimizer=null", "optimizer=null: unknown choice; choose adadelta"),
        ("callback=[5]", "callback=[5]: unknown choice"),
        ("model.hidden_features.5=3", "give the whole list"),
        ("run_dir=null", "run_dir=null: must be a string"),
        ("seed = 3", "write key=value without spaces"),
        ("data.name=wine", "data.name=wine: cannot be set; choose by data="),
        ("--wat", "--wat: unknown option; see --help"),
        ("--config-dir=nowhere", "no such folder"),
    ],
)
def test_a_wrong_override_is_one_line_with_a_suggestion(override: str, expected: str) -> None:
    with pytest.raises(UserError) as error:
        mlplab.configure(override)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_any_other_error_is_one_line_with_its_type() -> None:
    assert describe_error(KeyError("monitor\n  is\n  missing")).startswith("KeyError: ")
    assert "\n" not in describe_error(ZeroDivisionError("a\nb"))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
            "out of memory",
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate 20 GiB"), "out of memory"),
        (MemoryError(), "out of memory: try a smaller batch_size"),
        (OSError(28, "No space left on device", "run/history.csv"), "run/history.csv: No space left on device"),
        (PermissionError(13, "Permission denied", "outputs"), "outputs: Permission denied"),
        (RunError("the loss became nan"), "the loss became nan"),
    ],
)
def test_an_error_of_the_machine_is_one_line(error: Exception, expected: str) -> None:
    assert describe_error(error).startswith(expected)
