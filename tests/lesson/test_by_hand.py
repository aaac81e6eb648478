"""By hand and by the library: the same curve; the lesson in full by hand."""

from pathlib import Path

import numpy as np
import pytest

from mlplab.lesson.base import LessonRunner
from mlplab.lesson.by_hand import curves_by_hand
from mlplab.run.resume import resume
from mlplab.run.train import train
from tests.conftest import holds_as_the_book_says

SETTINGS = ("data=digits", "data.num_train=300", "model.hidden_features=[12]", "optimizer=sgd", "optimizer.lr=0.2")


def test_the_curve_by_hand_is_that_of_the_run(tmp_path: Path) -> None:
    run = LessonRunner(tmp_path, train, resume).run(
        "digits", *SETTINGS, "activation=silu", "trainer.precision=64-true", "trainer.max_epochs=2", "seed=3"
    )
    own = curves_by_hand(run, "silu")
    for split in ("train", "val"):
        assert len(own[split]) == 3
        np.testing.assert_allclose(own[split], run.column(f"loss/{split}"), rtol=0, atol=1e-12)
    assert own["train"][-1] < own["train"][0] - 0.3


@pytest.mark.slow
def test_the_lesson_holds_and_draws(tmp_path: Path) -> None:
    holds_as_the_book_says("by_hand", tmp_path)
