"""Tests the claims and the table of the remedies lesson, and the lesson in full."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

import mlplab
from mlplab.lesson.base import LessonRun, LessonRunner
from mlplab.lesson.remedies import MORE_ROWS, NO_REMEDY, Remedies, chunks, claims, mean_and_range, table
from tests.conftest import passes_with_the_claims_of_the_page


def run(*val: float, accuracy: float = 0.5) -> LessonRun:
    rows = [{"loss/val": loss, "loss/train": 0.25, "accuracy/val": accuracy} for loss in val]
    return LessonRun(Path(), OmegaConf.create(), rows, {})


RUNS = {
    NO_REMEDY: [run(1, 2), run(2, 4)],
    MORE_ROWS: [run(1, 1, accuracy=0.7), run(1, 2, accuracy=0.6)],
    "magic": [run(1, 3), run(1, 1)],
}


def test_each_remedy_is_compared_with_the_bare_run_of_its_seed() -> None:
    found = {claim.text: claim.to_dict()["values"] for claim in claims(RUNS, ["magic"])}
    assert found == {
        "no remedy: validation loss, final / lowest": [2, 2],
        "more rows: final validation loss / that without a remedy": [0.5, 0.5],
        "magic: final validation loss / that without a remedy, worst seed": [1.5],
        "more rows: gain in validation accuracy": pytest.approx([0.2, 0.1]),
        "fraction of the remedies that raise validation accuracy for every seed": [0.5],
    }


def test_the_table_has_a_row_per_remedy_with_means_over_seeds() -> None:
    assert table(RUNS)[1] == ["more rows", "1.50  (1.00 to 2.00)", "0.25  (0.25 to 0.25)", "0.65  (0.60 to 0.70)"]
    assert mean_and_range([1.0, 2.5, 4.0]) == "2.50  (1.00 to 4.00)"


def test_panels_are_arranged_in_rows() -> None:
    assert chunks("abcde", 3) == ["abc", "de"]


def test_a_small_lesson_draws_its_figure_and_returns_claims(tmp_path: Path) -> None:
    runner = LessonRunner(tmp_path, mlplab.train, mlplab.resume)
    bare = ["data=digits", "data.num_train=50", "model.hidden_features=[4]", "trainer.max_epochs=3"]
    remedies = {
        MORE_ROWS: ["data.num_train=60"],
        "stopped": ["trainer.max_epochs=2"],
        "noise": ["model.input_noise=1.0"],
    }
    drawn = Remedies([0], bare, remedies, ["stopped"]).show(runner)
    assert runner.picture.stat().st_size > 10_000
    assert len(drawn) == 6


@pytest.mark.long
def test_each_remedy_lowers_the_validation_loss(tmp_path: Path) -> None:
    passes_with_the_claims_of_the_page("remedies", tmp_path)
