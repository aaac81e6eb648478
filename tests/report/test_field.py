"""A field shows what is said of each place."""

import numpy as np
from matplotlib.figure import Figure

from mlplab.report.field import draw_field


def test_a_field_is_asked_of_places_in_its_limits_and_names_its_contours() -> None:
    asked: list[np.ndarray] = []

    def predict(places: np.ndarray) -> np.ndarray:
        asked.append(places)
        return places[:, 0]

    figure = Figure()
    axes = figure.subplots()
    draw_field(axes, predict, ((-1, 1), (2, 6)), [-1, 0, 1], contour=[0.5], count=20)
    (places,) = asked
    assert places.shape == (400, 2)
    assert (places.min(axis=0).tolist(), places.max(axis=0).tolist()) == ([-1, 2], [1, 6])
    assert (axes.get_xlim(), axes.get_ylim()) == ((-1, 1), (2, 6))
    assert [text.get_text() for text in axes.texts] == ["0.5"]
    (line,) = axes.collections[-1].get_paths()
    assert np.allclose(line.vertices[:, 0], 0.5)
