"""Values of runs made by hand, one a run."""

from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

from mlplab.lesson.base import LessonRun, best_score, curves, final_value, lowest_value, ratio, with_seeds

RUNS = [
    LessonRun(Path(), OmegaConf.create(), [{"loss/val": value} for value in losses], {"accuracy/test": best})
    for losses, best in (((3.0, 1.0, 2.0), 0.5), ((2.0, 2.0, 4.0), 1))
]


def test_each_run_has_its_value() -> None:
    assert final_value(RUNS, "loss/val") == [2, 4]
    assert final_value(RUNS, "loss/val", 1) == [1, 2]
    assert lowest_value(RUNS, "loss/val") == [1, 2]
    assert best_score(RUNS, "accuracy/test") == [0.5, 1.0]
    np.testing.assert_array_equal(curves(RUNS, "loss/val"), [[3, 1, 2], [2, 2, 4]])


def test_ratios_are_by_run() -> None:
    assert ratio([3, 1], [2, 4]) == [1.5, 0.25]


def test_a_seed_draws_the_split_too() -> None:
    assert with_seeds(3) == ("seed=3", "data.split_seed=3")
