"""In float64 the history of each member equals that of its single run to 1e-9, for every choice that can be stacked."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from mlplab.stack.assemble import assemble_members
from mlplab.stack.fit import StackedFit
from tests.stack.conftest import EXACT, SMALL, distance

LRS = {
    **{"sgd": 0.1, "momentum": 0.05, "nesterov": 0.05, "adam": 1e-3, "adamw": 1e-3, "rmsprop": 1e-3},
    **{"adagrad": 0.02, "nadam": 1e-3, "adamax": 2e-3},
}
DROPOUT = "model.dropout=0.3"


@pytest.mark.parametrize(
    "optimizer", [name if name in ("sgd", "adam") else pytest.param(name, marks=pytest.mark.slow) for name in LRS]
)
def test_each_optimizer_gives_the_history_of_a_single_run(
    optimizer: str, stacked: Callable[..., Any], single: Callable[..., Any]
) -> None:
    lr = LRS[optimizer]
    base = (*EXACT, f"optimizer={optimizer}", DROPOUT)
    own = [
        ("seed=1",),
        ("seed=2", f"optimizer.lr={lr / 10}", "model.dropout=0.5", "optimizer.weight_decay=0.1"),
        ("seed=3", f"optimizer.lr={lr * 10}"),
    ]
    members = stacked(base, own)
    for member, overrides in zip(members[:2], own[:2], strict=True):
        assert distance(single(*base, *overrides)[0], member.rows) < 1e-9
    rows, _ = single(*base, *own[2])
    assert distance(rows[:2], members[2].rows[:2]) < 1e-9
    alike = len(rows) == len(members[2].rows) and distance(rows, members[2].rows) < 1e-6
    assert alike or all(math.isfinite(value) for value in members[2].rows[-1].values())


CASES: dict[str, tuple[Sequence[str], list[tuple[str, ...]]]] = {
    "label smoothing": (["batch_size=7"], [("loss.label_smoothing=0.1",), ("loss.label_smoothing=0.3",), ("seed=3",)]),
    "class weights": (["loss.weight=balanced"], [("loss.label_smoothing=0.1",), ("seed=3",)]),
    "two classes": (["data=moons", DROPOUT], [("seed=1",), ("seed=3",)]),
    "values": (["data=sine", DROPOUT], [("seed=1",), ("seed=3",)]),
    "rmse": (["data=sine", "loss=rmse"], [("seed=1",), ("seed=3",)]),
    "one-hot targets": (["loss=mse"], [("seed=1",), ("seed=3",)]),
    "batch normalisation": (["model.normalisation=batch", DROPOUT], [("seed=1",), ("seed=3",)]),
    "layer normalisation": (["model.normalisation=layer"], [("seed=1",), ("seed=3",)]),
    "prelu": (["activation=prelu"], [("activation.init=0.1",), ("seed=3",)]),
    "leaky relu": (["activation=leaky_relu"], [("activation.negative_slope=0.1",), ("seed=3",)]),
    "norm bound": (["model.max_norm=1.0"], [("seed=1",), ("seed=3",)]),
    "norm bound, normalised": (["model.max_norm=1.0", "model.normalisation=layer"], [("seed=1",), ("seed=3",)]),
    "input noise": (["model.input_noise=0.3", DROPOUT], [("seed=1",), ("seed=3", "model.input_noise=0.5")]),
    "starting weights": ([], [("model.initialisation=he_normal",), ("model.initialisation=naive",)]),
    "clipping": (["trainer.gradient_clip_val=0.1"], [("seed=1",), ("seed=3",)]),
    "betas": ([], [("optimizer.betas=[0.8,0.99]",), ("optimizer.betas=[0.95,0.999]", "seed=2")]),
    "momentum": (["optimizer=momentum"], [("optimizer.momentum=0.5",), ("seed=2",)]),
    "cosine": (["scheduler=cosine"], [("seed=1",), ("seed=3", "optimizer.lr=0.01")]),
    "one cycle": (["scheduler=one_cycle"], [("seed=1",), ("seed=3", "optimizer.lr=0.01")]),
    "warm-up": (["scheduler=warmup_cosine"], [("seed=1",), ("seed=3", "scheduler.warmup_fraction=0.5")]),
    "step": (["scheduler=step"], [("scheduler.step_size=3",), ("scheduler.gamma=0.5",)]),
    "plateau": (["scheduler=plateau", "optimizer.lr=0.03"], [("scheduler.patience=0",), ("seed=3",)]),
    "score that rises": (["monitor=accuracy/val"], [("seed=1",), ("seed=3",)]),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_values_that_may_differ_between_members_give_the_history_of_a_single_run(
    case: str, stacked: Callable[..., Any], single: Callable[..., Any]
) -> None:
    base, own = CASES[case]
    for member, overrides in zip(stacked((*EXACT, *base), own), own, strict=True):
        rows, _ = single(*EXACT, *base, *overrides)
        assert distance(rows, member.rows) < 1e-9
        assert member.best is not None


FOLDED: dict[str, Sequence[str]] = {
    "dropout": (DROPOUT,),
    "pixels": ("data=digits", DROPOUT, "data.num_train=300", "trainer.max_epochs=5"),
    "scaled targets": ("data=diabetes", DROPOUT, "scheduler=plateau", "trainer.max_epochs=10"),
    "class weights": ("loss.weight=balanced", "loss.label_smoothing=0.1"),
    "two classes": ("data=moons", "loss.pos_weight=balanced", "batch_size=7"),
    "early stopping": ("callback=early_stopping", "callback.early_stopping.patience=1", "optimizer.lr=0.03"),
}


@pytest.mark.parametrize(
    "case",
    [name if name in ("dropout", "scaled targets") else pytest.param(name, marks=pytest.mark.slow) for name in FOLDED],
)
def test_folds_in_one_stack_give_the_history_of_each_single_run(
    case: str, stacked: Callable[..., Any], single: Callable[..., Any]
) -> None:
    """Two folds of one split, each with its own training and validation rows, scaling, class weights and targets."""
    base = (*EXACT, *FOLDED[case], "data.folds=2")
    own = [("data.fold=0", "seed=1"), ("data.fold=1", "seed=1"), ("data.fold=1", "seed=2", "optimizer.lr=0.01")]
    members = stacked(base, own)
    assert members[0].rows != members[1].rows
    for member, overrides in zip(members, own, strict=True):
        assert distance(single(*base, *overrides)[0], member.rows) < 1e-9


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_folds_of_a_table_give_the_history_of_each_single_run(
    task: str, stacked: Callable[..., Any], single: Callable[..., Any], tmp_path: Any
) -> None:
    """With text and missing values: each fold fits categories and medians on its own training rows."""
    cells = [[row % 13 if row % 9 else "", "abc"[row % 3], row * row % 17, row % 2] for row in range(100)]
    lines = [",".join(map(str, row)) for row in [["size", "kind", "y", "label"], *cells]]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    name = {"regression": "y", "classification": "label"}[task]
    table = ("data=csv", f"data.path={tmp_path / 't.csv'}", f"data.target={name}", f"data.task={task}")
    base = (*EXACT, *table, DROPOUT, "data.folds=4", "trainer.max_epochs=5")
    own = [("data.fold=0",), ("data.fold=3", "seed=1")]
    for member, overrides in zip(stacked(base, own), own, strict=True):
        assert distance(single(*base, *overrides)[0], member.rows) < 1e-9


@pytest.mark.parametrize(
    ("model", "more"),
    [("maxout", ("model.dropout=0.2",)), ("residual_mlp", ("model.num_blocks=2", "model.width=8")), ("linear", ())],
)
def test_each_network_gives_the_history_of_a_single_run(
    model: str, more: tuple[str, ...], stacked: Callable[..., Any], single: Callable[..., Any]
) -> None:
    base = ("data=iris", "trainer.precision=64-true", "trainer.max_epochs=5", f"model={model}", *more)
    own = [("seed=1",), ("seed=2", "optimizer.lr=0.01")]
    for member, overrides in zip(stacked((*base, "trainer.accelerator=cpu"), own), own, strict=True):
        assert distance(single(*base, *overrides)[0], member.rows) < 1e-9


def test_each_member_stops_when_its_single_run_does(stacked: Callable[..., Any], single: Callable[..., Any]) -> None:
    base = (*EXACT, "callback=early_stopping", "callback.early_stopping.patience=1", "optimizer.lr=0.1", DROPOUT)
    own = [("seed=1",), ("seed=3",), ("optimizer.lr=0.001",), ("callback.early_stopping.patience=3",)]
    members = stacked(base, own)
    assert len({len(member.rows) for member in members}) > 1
    for member, overrides in zip(members, own, strict=True):
        assert distance(single(*base, *overrides)[0], member.rows) < 1e-9
        assert member.has_ended


@pytest.mark.slow
def test_a_member_that_diverges_has_the_error_of_its_single_run_and_changes_no_other(
    stacked: Callable[..., Any], single: Callable[..., Any]
) -> None:
    base = (*EXACT, "data=sine", "optimizer=sgd", DROPOUT)
    own = [("seed=1",), ("optimizer.lr=1e8",), ("optimizer.lr=30",), ("seed=3",)]
    members = stacked(base, own)
    for member, overrides in zip(members, own, strict=True):
        rows, failure = single(*base, *overrides)
        assert distance(rows, member.rows) < 1e-9
        assert member.failure == failure
    assert [bool(member.failure) for member in members] == [False, True, True, False]


def test_a_member_whose_measured_loss_is_not_finite_changes_no_other(
    stacked: Callable[..., Any], single: Callable[..., Any]
) -> None:
    """The last update of the epoch made its weights infinite: no training loss has seen them yet."""
    base = ("data=sine", "optimizer=sgd", "batch_size=1000", "trainer.max_epochs=3", "trainer.accelerator=cpu")
    own = [("seed=1",), ("optimizer.lr=1e38",), ("seed=3",)]
    members = stacked(base, own)
    assert [bool(member.failure) for member in members] == [False, True, False]
    for member, overrides in zip(members[::2], own[::2], strict=True):
        rows, _ = single(*base, *overrides)
        assert distance(rows, member.rows) < 1e-4


def test_after_an_interruption_every_member_is_returned_with_its_last_complete_epoch(
    configured: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    members = assemble_members([configured(*EXACT, f"seed={seed}") for seed in (1, 2)])
    ended_states: list[Any] = []
    fit = StackedFit(members, lambda _, ended: ended_states.extend(ended))
    update, count = fit._update, iter(range(1000))

    def interrupted(rows: Any) -> list[int]:
        if next(count) == 10:
            raise KeyboardInterrupt
        return update(rows)

    monkeypatch.setattr(fit, "_update", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit.run()
    assert [member for member, *_ in ended_states] == members
    assert {(last.steps, len(member.rows) - 1, member.has_ended) for member, last, _ in ended_states} == {(9, 3, False)}


def test_after_each_epoch_the_members_that_still_train_can_be_saved(configured: Callable[..., Any]) -> None:
    members = assemble_members([configured(*EXACT, "trainer.max_epochs=3", f"seed={seed}") for seed in (1, 2)])
    found: list[tuple[int, list[int]]] = []
    StackedFit(
        members,
        lambda *_: None,
        lambda fit, epochs: found.append((epochs, [last.steps for _, last, _ in fit.states()])),
    ).run()
    assert found == [(1, [3, 3]), (2, [6, 6]), (3, [])]


@pytest.mark.parametrize("clip", ["null", "0.1"])
def test_points_within_an_epoch_are_every_n_steps_apart(clip: str, stacked: Callable[..., Any]) -> None:
    clipping = f"trainer.gradient_clip_val={clip}"
    members = stacked((*SMALL, "trainer.max_epochs=4", "report.every_n_steps=5", clipping), [("seed=1",), ("seed=2",)])
    for member in members:
        assert [point.step for point in member.points] == [5, 10]
