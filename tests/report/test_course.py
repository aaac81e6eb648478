"""Curves on a page: the values that a script says are those of the history, at their place."""

import html
import json
import re
from typing import Any

import numpy as np
import pytest

from mlplab.report.run_page import MOST, interactive_curves


def history(count: int) -> list[dict[str, float]]:
    return [
        {"epoch": e, "loss/train": 1 / (1 + e), "loss/val": 1.5 / (1 + e), "r2/train": -40 / (1 + e), "r2/val": -50.0}
        for e in range(count)
    ]


def points(text: str) -> dict[str, Any]:
    (held,) = re.findall(r"data-points='([^']+)'", text)
    found: dict[str, Any] = json.loads(html.unescape(held))
    return found


def test_every_epoch_has_its_values_from_left_to_right() -> None:
    text = interactive_curves(history(5), best_epoch=4, of="loss (cross entropy)")
    held = points(text)
    assert held["names"] == ["training", "validation"]
    assert [row[1:] for row in held["points"]] == [[e, f"{1 / (1 + e):.4g}", f"{1.5 / (1 + e):.4g}"] for e in range(5)]
    steps = np.diff([row[0] for row in held["points"]])
    assert steps == pytest.approx(np.full(4, steps[0]), abs=0.2)
    width = float(re.findall(r'viewBox="0 0 ([\d.]+)', text)[0])
    assert 0 < held["points"][0][0] < held["points"][-1][0] < width
    assert "best epoch, 4: validation 0.3." in text
    assert ">loss (cross entropy)</text>" in text


def test_of_many_epochs_some_are_said_the_first_and_the_last_among_them() -> None:
    epochs = [row[1] for row in points(interactive_curves(history(3000), 2999))["points"]]
    assert len(epochs) == MOST
    assert (epochs[0], epochs[-1]) == (0, 2999)


def test_r2_far_below_zero_does_not_flatten_the_rest() -> None:
    text = interactive_curves(history(4), 3, "r2", "R²")
    assert "R² by epoch" in text
    assert not re.search(r">[−-]\d\d+</text>", text)  # no tick at -20
