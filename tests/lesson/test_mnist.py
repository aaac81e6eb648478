"""Tests the values that the MNIST lesson computes, and the lesson in full."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter

import mlplab
from mlplab.learner.classifier import Classifier
from mlplab.lesson.base import LessonRunner
from mlplab.lesson.mnist import MNIST, confident_scores, neighbour_correlation, weights
from mlplab.model.mlp import MLP
from tests.conftest import passes_with_the_claims_of_the_page

PROBABILITIES = np.array([[0.995, 0.005], [0.1, 0.9], [0.002, 0.998], [0.4, 0.6]])
TARGET = np.array([0, 0, 0, 1])


def test_the_fraction_of_confident_predictions_and_their_accuracy() -> None:
    assert confident_scores(PROBABILITIES, TARGET) == (0.5, 0.5)
    none, right = confident_scores(PROBABILITIES[[1, 3]], TARGET[[1, 3]])
    assert none == 0
    assert math.isnan(right), "NaN satisfies no limit"


def test_neighbouring_pixels_correlate_in_a_blurred_image_but_not_in_noise() -> None:
    noise = np.random.default_rng(0).standard_normal((64, 28, 28))
    assert abs(neighbour_correlation(noise)) < 0.05
    # a mean of three in a row shares two of them with its neighbour
    assert neighbour_correlation(uniform_filter(noise, (0, 0, 3))) == pytest.approx(2 / 3, abs=0.05)


def test_weights_are_those_of_the_first_layer_one_image_per_unit() -> None:
    network = MLP(784, 10, [5, 4])
    found = weights(Classifier(network, torch.nn.CrossEntropyLoss(), num_classes=10))
    first = next(layer for layer in network.modules() if isinstance(layer, torch.nn.Linear))
    assert found.shape == (5, 28, 28)
    assert np.array_equal(found[3, 1], first.weight[3, 28:56].detach().numpy())


@pytest.mark.slow
def test_a_small_lesson_draws_its_figure_and_returns_claims(tmp_path: Path, mlplab_data: Path) -> None:
    runner = LessonRunner(tmp_path, mlplab.train, mlplab.resume)
    claims = MNIST([0], num_rows=300, hidden=8, epochs=1, weight_decay=0.3).show(runner)
    assert runner.picture.stat().st_size > 10_000
    assert len(claims) == 7
    assert claims[0].holds


@pytest.mark.long
def test_a_network_classifies_digits_with_some_confident_errors(tmp_path: Path, mlplab_data: Path) -> None:
    passes_with_the_claims_of_the_page("mnist", tmp_path)
