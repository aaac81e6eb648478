"""The picture of a range test: the curve on a log scale, the rate to begin with on it."""

from pathlib import Path

import numpy as np
from PIL import Image

from mlplab.report.curves import draw_rates


def test_the_rate_is_marked_on_the_curve(tmp_path: Path) -> None:
    rates = [10.0**power for power in range(-6, 2)]
    losses = [2.0, 2.0, 1.8, 1.0, 0.6, 0.5, 3.0, 90.0]
    for name, suggested in (("a", rates[3]), ("b", rates[5])):
        draw_rates(rates, losses, suggested, "digits", tmp_path / f"{name}.png")
    a, b = (np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"), dtype=int) for name in "ab")
    assert a.shape == b.shape == (440, 704)
    moved = np.argwhere(np.abs(a - b) > 128)
    assert np.ptp(moved[:, 1]) > 704 * 0.2, "two decades to the right"
