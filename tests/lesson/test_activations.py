"""Tests activation functions against formulas and difference quotients, and the lesson in full."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlplab.lesson.activations import DISPLAY_NAMES, build_activation, function_and_derivative
from tests.conftest import passes_with_the_claims_of_the_page


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def elu(x: float) -> float:
    return x if x > 0 else math.exp(x) - 1


FORMULAS: dict[str, Callable[[float], float]] = {
    "linear": lambda x: x,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": lambda x: (math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x)),
    "softsign": lambda x: x / (1 + abs(x)),
    "hardtanh": lambda x: min(1, max(-1, x)),
    "relu": lambda x: max(0, x),
    "leaky_relu": lambda x: max(0.01 * x, x),
    "elu": elu,
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (math.exp(x) - 1)),
    "softplus": softplus,
    "silu": lambda x: x / (1 + math.exp(-x)),
    "mish": lambda x: x * math.tanh(softplus(x)),
    "gelu": lambda x: x / 2 * (1 + math.erf(x / math.sqrt(2))),
    "maxout": lambda x: max(x, -x / 2),
}
POINTS = np.array([-3.7, -1.3, -0.4, 0.3, 0.9, 2.6])


@pytest.mark.parametrize("name", DISPLAY_NAMES)
def test_a_function_equals_its_formula_and_its_derivative_a_difference_quotient(name: str) -> None:
    formula = np.vectorize(FORMULAS[name], otypes=[float])
    values, derivatives = function_and_derivative(build_activation(name), POINTS)
    np.testing.assert_allclose(values, formula(POINTS), atol=1e-7)
    np.testing.assert_allclose(derivatives, (formula(POINTS + 1e-6) - formula(POINTS - 1e-6)) / 2e-6, atol=1e-6)


@pytest.mark.long
def test_the_claims_of_the_lesson_hold(tmp_path: Path) -> None:
    passes_with_the_claims_of_the_page("activations", tmp_path)
