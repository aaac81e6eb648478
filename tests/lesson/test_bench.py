"""A bench trains what is not trained yet, and nothing twice."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import mlplab
from mlplab.errors import RunError, UserError
from mlplab.lesson.base import LessonRunner

IRIS = ("data=iris", "model.hidden_features=[4]", "trainer.max_epochs=3", "report.trajectory=true")


class Counted:
    """The doors, and how often each was opened."""

    def __init__(self) -> None:
        self.trained: list[str] = []
        self.resumed: list[Path] = []

    def bench(self, folder: Path) -> LessonRunner:
        def train(config: Any) -> dict[str, Any]:
            self.trained.append(config.run_dir)
            return mlplab.train(config)

        def resume(run: Path) -> dict[str, Any]:
            self.resumed.append(run)
            return mlplab.resume(run)

        return LessonRunner(folder, train, resume)


def test_a_run_that_has_finished_is_not_trained_again(tmp_path: Path) -> None:
    doors = Counted()
    first = doors.bench(tmp_path).run("iris", *IRIS)
    again = doors.bench(tmp_path).run("iris", *IRIS)
    assert (len(doors.trained), doors.resumed) == (1, [])
    assert (first.rows, first.scores) == (again.rows, again.scores)
    assert first.folder.parent == tmp_path / "runs"


def test_other_settings_are_another_run(tmp_path: Path) -> None:
    doors = Counted()
    bench = doors.bench(tmp_path)
    assert bench.run("iris", *IRIS).folder != bench.run("iris", *IRIS, "seed=1").folder
    assert len(doors.trained) == 2


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    doors = Counted()
    run = doors.bench(tmp_path).run("iris", *IRIS)
    (run.folder / "scores.json").unlink()
    assert doors.bench(tmp_path).run("iris", *IRIS).rows == run.rows
    assert doors.resumed == [run.folder]


def test_a_run_gives_its_curve_its_weights_and_its_path(tmp_path: Path) -> None:
    run = Counted().bench(tmp_path).run("iris", *IRIS)
    assert run.column("epoch") == [0, 1, 2, 3]
    parts = run.splits()
    for learner, epoch in ((run.fresh(), 0), (run.learner("last"), 3), (run.learner(), run.scores["best_epoch"])):
        with torch.no_grad():
            scores = learner.measure(learner.network(parts.val.features), parts.val.target)
        assert scores["loss"] == pytest.approx(run.column("loss/val")[epoch], rel=1e-6)
        weights = torch.cat([one.flatten() for one in learner.network.parameters()]).detach().numpy()
        assert np.array_equal(run.path()[epoch], weights)


def test_a_run_that_must_fail_tells_why_and_is_not_tried_again(tmp_path: Path) -> None:
    doors = Counted()
    wild = ("data=diabetes", "optimizer=sgd", "optimizer.lr=1e9", "trainer.max_epochs=3")
    assert "try a smaller optimizer.lr" in doors.bench(tmp_path).fails("wild", *wild)
    assert "try a smaller optimizer.lr" in doors.bench(tmp_path).fails("wild", *wild)
    assert len(doors.trained) == 1
    with pytest.raises(RunError, match="loss became"):
        doors.bench(tmp_path / "other").run("wild", *wild)


def test_a_wrong_setting_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown choice"):
        Counted().bench(tmp_path).run("iris", "data=irris")
