"""What is told at each point of the plane: the regions of classes, or the height of a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from mlplab.report.look import ORDER

CLASS_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
MAX_REGION_POINTS = 400  # points that are drawn
DOT = 18
REGION_GRID = 120  # places along each side

Limits = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Plane:
    """A rectangle about the points of two features. names: of the axes."""

    limits: Limits
    names: Sequence[str]
    count: int = REGION_GRID

    @classmethod
    def about(cls, features: np.ndarray, names: Sequence[str], count: int = REGION_GRID) -> "Plane":
        """features: (N, 2)."""
        low, high = features.min(axis=0).astype(float), features.max(axis=0).astype(float)
        room = 0.12 * np.where(high > low, high - low, 1.0)
        (x0, y0), (x1, y1) = (low - room).tolist(), (high + room).tolist()
        return cls(((x0, x1), (y0, y1)), names, count)

    def points(self) -> np.ndarray:
        """(count², 2), row by row from the lower left."""
        x, y = np.meshgrid(*(np.linspace(*limit, self.count) for limit in self.limits))
        return np.stack([x.ravel(), y.ravel()], axis=1)

    def frame(self, axes: Axes) -> None:
        axes.set(xlim=self.limits[0], ylim=self.limits[1], xlabel=self.names[0], ylabel=self.names[1])
        axes.spines[:].set_visible(True)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        return (*self.limits[0], *self.limits[1])


def draw_regions(
    axes: Axes, plane: Plane, probabilities: np.ndarray, chosen: np.ndarray, class_names: Sequence[str]
) -> None:
    """A colour a class, fainter where less is sure. probabilities: (count², C). chosen: (count²,) class indices."""
    side, classes = plane.count, len(class_names)
    sure = (probabilities.max(axis=1) - 1 / classes) / (1 - 1 / classes)
    colours = np.array([to_rgb(_colour(number)) for number in range(classes)])
    shade = np.concatenate([colours[chosen], 0.08 + 0.27 * np.clip(sure, 0, 1)[:, None]], axis=1)
    axes.imshow(
        shade.reshape(side, side, 4), extent=plane.extent, origin="lower", aspect="auto", interpolation="nearest"
    )
    x, y = (np.linspace(*limit, side) for limit in plane.limits)
    for number in range(1 if classes == 2 else 0, classes):
        lead = _lead(probabilities, chosen, number).reshape(side, side)
        if lead.min() < 0 < lead.max():
            axes.contour(x, y, lead, [0], colors="black", linewidths=1)
    plane.frame(axes)


def draw_points(
    axes: Axes, features: np.ndarray, target: np.ndarray, class_names: Sequence[str], size: float = DOT
) -> None:
    """A colour and a mark a class. features: (N, 2). target: (N,)."""
    features, target = features[:MAX_REGION_POINTS], target[:MAX_REGION_POINTS]
    for number, name in enumerate(class_names):
        at = target == number
        mark = CLASS_MARKERS[number % len(CLASS_MARKERS)]
        style: dict[str, Any] = {"color": _colour(number), "edgecolors": "white", "linewidths": size / 40}
        axes.scatter(features[at, 0], features[at, 1], s=size, marker=mark, label=name, zorder=3, **style)


def name_classes(axes: Axes, count: int) -> None:
    """The classes of the points that are drawn, above the picture."""
    columns = min(4, count)
    axes.figure.legend(loc="outside upper left", ncols=columns, frameon=False, fontsize=9, handletextpad=0.2)


def draw_height(axes: Axes, plane: Plane, values: np.ndarray, lines: int | Sequence[float] = 8) -> None:
    """values: (count²,), darker where they are larger, with named contours. lines: how many of these, or where."""
    x, y = (np.linspace(*limit, plane.count) for limit in plane.limits)
    height = values.reshape(plane.count, plane.count)
    style: dict[str, Any] = {"cmap": "Greys", "alpha": 0.6, "interpolation": "nearest"}
    axes.imshow(height, extent=plane.extent, origin="lower", aspect="auto", **style)
    if height.max() > height.min():
        drawn = axes.contour(x, y, height, lines, colors="black", linewidths=1)
        for name in axes.clabel(drawn, fmt="%g", fontsize=8, zorder=4):
            name.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6})
    plane.frame(axes)


def _lead(probabilities: np.ndarray, chosen: np.ndarray, number: int) -> np.ndarray:
    """Of a class over the others, 0 at its border: of two classes where the learner's threshold is."""
    if probabilities.shape[1] > 2:
        others = np.delete(probabilities, number, axis=1).max(axis=1)
        return probabilities[:, number] - others
    own, inside = probabilities[:, number], chosen == number
    if inside.all() or not inside.any():
        return np.where(inside, 1.0, -1.0)
    return own - (own[inside].min() + own[~inside].max()) / 2


def _colour(number: int) -> str:
    return ORDER[number % len(ORDER)]
