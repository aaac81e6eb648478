"""Tests the activations of normalised layers before training, and the lesson in full."""

from pathlib import Path

import pytest
import torch

from mlplab.lesson.base import LessonRunner
from mlplab.lesson.normalisation import initial_layers
from mlplab.run.resume import resume
from mlplab.run.train import train
from tests.conftest import passes_with_the_claims_of_the_page

# std of max(z, 0) for standard normal z: sqrt(1/2 - 1/(2 pi))
HALF_NORMAL = 0.5838


@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_normalised_layers_have_activations_of_equal_std(tmp_path: Path, kind: str) -> None:
    overrides = ("data=digits", "data.num_train=200", "model.hidden_features=[64,64,64,64]", "trainer.max_epochs=1")
    run = LessonRunner(tmp_path, train, resume).run(kind, *overrides, f"model.normalisation={kind}")
    before = {name: value.clone() for name, value in run.untrained_learner().named_parameters()}
    assert [layer.spread for layer in initial_layers(run)[:-1]] == pytest.approx([HALF_NORMAL] * 4, rel=0.1)
    assert all(torch.equal(value, before[name]) for name, value in run.untrained_learner().named_parameters())


@pytest.mark.long
def test_the_claims_of_the_lesson_hold(tmp_path: Path) -> None:
    passes_with_the_claims_of_the_page("normalisation", tmp_path)
