"""Tests the standard deviation of activations before training, and the lesson in full."""

from pathlib import Path

import pytest

from mlplab.lesson.base import LessonRunner
from mlplab.lesson.initialisation import activation_stds
from mlplab.run.resume import resume
from mlplab.run.train import train
from tests.conftest import passes_with_the_claims_of_the_page


def test_naive_weights_multiply_the_signal_by_the_root_of_half_the_width_each_layer(tmp_path: Path) -> None:
    runner = LessonRunner(tmp_path, train, resume)
    overrides = ("data=digits", "data.num_train=200", "model.hidden_features=[128,128,128]", "trainer.max_epochs=1")
    runs = {
        initialisation: runner.run(initialisation, *overrides, f"model.initialisation={initialisation}")
        for initialisation in ("naive", "he_normal")
    }
    naive, he = (activation_stds([run.layers(run.untrained_learner())])[0] for run in runs.values())
    assert (naive[1:] / naive[:-1]).tolist() == pytest.approx([8, 8], rel=0.3)
    assert (he[1:] / he[:-1]).tolist() == pytest.approx([1, 1], rel=0.3)


@pytest.mark.long
def test_the_claims_of_the_lesson_hold(tmp_path: Path) -> None:
    passes_with_the_claims_of_the_page("initialisation", tmp_path)
