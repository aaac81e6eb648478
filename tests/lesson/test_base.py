"""Tests claims, the runner of lessons and the values of runs."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

import mlplab
from mlplab.errors import RunError, UserError
from mlplab.lesson.base import (
    SPLIT_BY_SEED,
    Claim,
    LessonRun,
    LessonRunner,
    Relation,
    best_score,
    curves,
    final_value,
    lowest_value,
)

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("relation", "limit", "worst", "holds"),
    [("<=", 3, 3, True), ("<=", 2.5, 3, False), (">=", 1, 1, True), (">=", 2, 1, False), ("==", 1, 3, False)],
)
def test_a_claim_compares_the_worst_value_with_the_limit(
    relation: Relation, limit: float, worst: float, holds: bool
) -> None:
    claim = Claim("three seeds", [1, 3, 2], relation, limit)
    assert (claim.measured, claim.holds) == (worst, holds)
    assert claim.to_dict()["values"] == [1, 3, 2]


@given(VALUES, st.sampled_from(["<=", ">="]), st.floats(-1e6, 1e6))
def test_a_claim_holds_when_it_holds_for_each_seed(values: list[float], relation: Relation, limit: float) -> None:
    each = [Claim("", [value], relation, limit).holds for value in values]
    assert Claim("", values, relation, limit).holds == all(each)


@pytest.mark.parametrize("relation", ["<=", ">=", "=="])
def test_nan_satisfies_no_limit(relation: Relation) -> None:
    claim = Claim("a run that diverged", [0.0, math.nan], relation, 0)
    assert math.isnan(claim.measured)
    assert not claim.holds


def test_the_relation_equal_has_no_tolerance() -> None:
    assert Claim("", 491, "==", 491).to_dict()["values"] == [491.0]
    assert Claim("", [491, 491], "==", 491).holds
    assert not Claim("", [0.1 + 0.2], "==", 0.3).holds


IRIS_OVERRIDES = ("data=iris", "model.hidden_features=[4]", "trainer.max_epochs=3", "report.trajectory=true")


class CountedCommands:
    """Train and resume, with a record of their calls."""

    def __init__(self) -> None:
        self.trained: list[str] = []
        self.resumed: list[Path] = []

    def runner(self, folder: Path) -> LessonRunner:
        def train(config: Any) -> dict[str, Any]:
            self.trained.append(config.run_dir)
            return mlplab.train(config)

        def resume(run: Path) -> dict[str, Any]:
            self.resumed.append(run)
            return mlplab.resume(run)

        return LessonRunner(folder, train, resume)


def test_a_run_that_has_finished_is_not_trained_again(tmp_path: Path) -> None:
    commands = CountedCommands()
    first = commands.runner(tmp_path).run("iris", *IRIS_OVERRIDES)
    again = commands.runner(tmp_path).run("iris", *IRIS_OVERRIDES)
    assert (len(commands.trained), commands.resumed) == (1, [])
    assert (first.rows, first.scores) == (again.rows, again.scores)
    assert first.folder.parent == tmp_path / "runs"


def test_another_configuration_is_another_run(tmp_path: Path) -> None:
    commands = CountedCommands()
    runner = commands.runner(tmp_path)
    assert runner.run("iris", *IRIS_OVERRIDES).folder != runner.run("iris", *IRIS_OVERRIDES, "seed=1").folder
    assert len(commands.trained) == 2


def test_a_stopped_run_is_resumed(tmp_path: Path) -> None:
    commands = CountedCommands()
    run = commands.runner(tmp_path).run("iris", *IRIS_OVERRIDES)
    (run.folder / "scores.json").unlink()
    assert commands.runner(tmp_path).run("iris", *IRIS_OVERRIDES).rows == run.rows
    assert commands.resumed == [run.folder]


def test_a_run_loads_its_history_its_learners_and_its_trajectory(tmp_path: Path) -> None:
    run = CountedCommands().runner(tmp_path).run("iris", *IRIS_OVERRIDES)
    assert run.column("epoch") == [0, 1, 2, 3]
    parts = run.splits()
    for learner, epoch in (
        (run.untrained_learner(), 0),
        (run.learner("last"), 3),
        (run.learner(), run.scores["best_epoch"]),
    ):
        with torch.no_grad():
            scores = learner.measure(learner.network(parts.val.features), parts.val.target)
        assert scores["loss"] == pytest.approx(run.column("loss/val")[epoch], rel=1e-6)
        weights = torch.cat([value.flatten() for value in learner.network.parameters()]).detach().numpy()
        assert np.array_equal(run.trajectory()[epoch], weights)


def test_a_run_that_fails_is_a_run_error(tmp_path: Path) -> None:
    diverging = ("data=diabetes", "optimizer=sgd", "optimizer.lr=1e9", "trainer.max_epochs=3")
    with pytest.raises(RunError, match=r"try a smaller optimizer\.lr"):
        CountedCommands().runner(tmp_path).run("diverging", *diverging)


def test_each_seed_is_a_run_with_its_own_weights_and_where_asked_its_own_split(tmp_path: Path) -> None:
    runner = CountedCommands().runner(tmp_path)
    overrides = (*IRIS_OVERRIDES[:2], "trainer.max_epochs=1")
    same, own = runner.run_seeds("same", [3, 4], *overrides), runner.run_seeds("own", [3, 4], *overrides, SPLIT_BY_SEED)
    assert [run.config.seed for run in same] == [3, 4]
    assert [run.config.data.split_seed for run in same] == [0, 0]
    assert [run.config.data.split_seed for run in own] == [3, 4]
    assert same[0].rows[0] != same[1].rows[0]
    first, second = (run.splits().train.features for run in own)
    assert not torch.equal(first, second)


def test_a_run_predicts_from_raw_features(tmp_path: Path) -> None:
    run = CountedCommands().runner(tmp_path).run("iris", *IRIS_OVERRIDES)
    test = run.splits().test
    probabilities = run.predict(test.features.numpy())
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(len(test)), abs=1e-6)
    accuracy = np.mean(probabilities.argmax(axis=1) == test.target.numpy())
    assert accuracy == pytest.approx(run.scores["accuracy/test"], abs=1e-6)
    assert [layer.dead for layer in run.layers(run.learner())][1:] == [0]


def test_an_invalid_override_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown choice"):
        CountedCommands().runner(tmp_path).run("iris", "data=irris")


RUNS = [
    LessonRun(Path(), OmegaConf.create(), [{"loss/val": value} for value in losses], {"accuracy/test": best})
    for losses, best in (((3.0, 1.0, 2.0), 0.5), ((2.0, 2.0, 4.0), 1))
]


def test_values_are_collected_per_run() -> None:
    assert final_value(RUNS, "loss/val").tolist() == [2, 4]
    assert final_value(RUNS, "loss/val", 1).tolist() == [1, 2]
    assert lowest_value(RUNS, "loss/val").tolist() == [1, 2]
    assert best_score(RUNS, "accuracy/test").tolist() == [0.5, 1.0]
    np.testing.assert_array_equal(curves(RUNS, "loss/val"), [[3, 1, 2], [2, 2, 4]])
