"""Predictions over one or two inputs: decision regions, heat map of a regression, fitted curve."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from mlplab.report.figure import Panel
from mlplab.report.style import COLOURS, SPLIT_NAMES, cycle_colour, draw_lines

Predict = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]
Rows = tuple[np.ndarray, np.ndarray]  # features and target
Points = Mapping[str, Rows]  # by split
Limits = tuple[tuple[float, float], tuple[float, float]]

DOT = 18  # area in square points
REGION_GRID = 120  # points along each side of a plane
CURVE_GRID = 300  # points along an axis
MAX_POINTS = 400  # rows that are drawn of each split
SPLIT_MARKERS = {"train": "o", "val": "s", "test": "^"}
CLASS_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


class ColumnNames(Protocol):
    """A DataInfo, or any object with these names."""

    @property
    def feature_names(self) -> Sequence[str]: ...
    @property
    def class_names(self) -> Sequence[str]: ...
    @property
    def target_names(self) -> Sequence[str]: ...


def predict_function(learner: Any, classes: bool) -> Predict:
    """Returns a function from raw features (N, F) to predictions (N, C) or (N, K), and predicted classes (N,) or None.

    The learner stays in its train or eval mode.
    """

    def predict(features: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        with torch.inference_mode():
            predictions = learner(torch.from_numpy(features).to(learner.device, learner.dtype))
            chosen = learner.choose(predictions).cpu().numpy() if classes else None
        return probability_columns(predictions.cpu().numpy()), chosen

    return predict


def probability_columns(predictions: np.ndarray) -> np.ndarray:
    """Returns (N, C): adds the column of the first of two classes, whose learner predicts the second alone."""
    return np.stack([1 - predictions, predictions], axis=1) if predictions.ndim == 1 else predictions


def boundary_panels(predict: Predict, points: Points, names: ColumnNames) -> list[Panel]:
    """Returns the figures of a learner with one or two inputs; none for more inputs. `predict` is called by the
    drawing."""
    features = np.concatenate([inputs for inputs, _ in points.values()])
    if features.shape[1] == 1:
        return _line_panels(predict, points, names, axis_grid(features))
    if features.shape[1] == 2:
        return _plane_panels(predict, points, names, Plane.about(features, names.feature_names))
    return []


def _line_panels(predict: Predict, points: Points, names: ColumnNames, x: np.ndarray) -> list[Panel]:
    (name,) = names.feature_names

    def draw_classes(axes: Axes) -> None:
        draw_probabilities(axes, x[:, 0], predict(x)[0], names.class_names, name)

    def draw_target(axes: Axes, number: int) -> None:
        rows = {split: (inputs[:, 0], target[:, number]) for split, (inputs, target) in points.items()}
        draw_fit(axes, x[:, 0], predict(x)[0][:, number], rows, (name, names.target_names[number]))

    if names.class_names:
        return [Panel("probabilities", f"Probability of each class by {name}", draw_classes)]
    return [
        Panel(f"fit_{at}", f"Fitted curve of {target}", partial(draw_target, number=at))
        for at, target in enumerate(names.target_names)
    ]


def _plane_panels(predict: Predict, points: Points, names: ColumnNames, plane: "Plane") -> list[Panel]:
    size = (4.8, 4.4)
    split, rows = next(iter(points.items()))

    def draw_classes(axes: Axes) -> None:
        draw_boundary(axes, predict, plane, rows, names.class_names)
        _add_legend(axes, ncols=min(4, len(names.class_names)), handletextpad=0.2)

    def draw_target(axes: Axes, number: int) -> None:
        draw_heatmap(axes, plane, predict(plane.points())[0][:, number])

    if names.class_names:
        caption = "Predicted class at each point, fainter where its probability is lower"
        caption += f"; dots are {SPLIT_NAMES[split]} rows."
        return [Panel("boundary", "Decision boundary", draw_classes, caption, size)]
    return [
        Panel(f"height_{at}", f"Predicted {target}", partial(draw_target, number=at), size=size)
        for at, target in enumerate(names.target_names)
    ]


def _add_legend(axes: Axes, ncols: int, handletextpad: float) -> None:
    axes.figure.legend(loc="outside upper left", ncols=ncols, frameon=False, fontsize=9, handletextpad=handletextpad)


@dataclass(frozen=True)
class Plane:
    """A rectangle around the rows of two features. names: of the axes. count: points along each side."""

    limits: Limits
    names: Sequence[str]
    count: int = REGION_GRID

    @classmethod
    def about(cls, features: np.ndarray, names: Sequence[str], count: int = REGION_GRID) -> "Plane":
        """features: (N, 2)."""
        low, high = features.min(axis=0).astype(float), features.max(axis=0).astype(float)
        margin = 0.12 * np.where(high > low, high - low, 1.0)
        (x0, y0), (x1, y1) = (low - margin).tolist(), (high + margin).tolist()
        return cls(((x0, x1), (y0, y1)), names, count)

    def points(self) -> np.ndarray:
        """Returns (count², 2), row by row from the lower left."""
        x, y = np.meshgrid(*self.coordinates())
        return np.stack([x.ravel(), y.ravel()], axis=1)

    def coordinates(self) -> list[np.ndarray]:
        """Returns the coordinates along each side."""
        return [np.linspace(*limit, self.count) for limit in self.limits]

    def frame(self, axes: Axes) -> None:
        axes.set(xlim=self.limits[0], ylim=self.limits[1], xlabel=self.names[0], ylabel=self.names[1])
        axes.spines[:].set_visible(True)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        return (*self.limits[0], *self.limits[1])


def draw_boundary(
    axes: Axes,
    predict: Predict,
    plane: Plane,
    points: Rows,
    class_names: Sequence[str],
    size: float = DOT,
) -> None:
    """Draws decision regions and rows. points: features (N, 2) and class indices (N,)."""
    probabilities, chosen = predict(plane.points())
    assert chosen is not None
    draw_regions(axes, plane, probabilities, chosen, class_names)
    draw_points(axes, *points, class_names, size)


def draw_regions(
    axes: Axes, plane: Plane, probabilities: np.ndarray, chosen: np.ndarray, class_names: Sequence[str]
) -> None:
    """Draws one colour per class, fainter where its probability is lower, and the borders.

    probabilities: (count², C). chosen: predicted class indices, (count²,).
    """
    side, classes = plane.count, len(class_names)
    certainty = (probabilities.max(axis=1) - 1 / classes) / (1 - 1 / classes)
    colours = np.array([to_rgb(cycle_colour(number)) for number in range(classes)])
    shade = np.concatenate([colours[chosen], 0.08 + 0.27 * np.clip(certainty, 0, 1)[:, None]], axis=1)
    axes.imshow(
        shade.reshape(side, side, 4), extent=plane.extent, origin="lower", aspect="auto", interpolation="nearest"
    )
    for number in range(1 if classes == 2 else 0, classes):
        margin = _margin(probabilities, chosen, number).reshape(side, side)
        if margin.min() < 0 < margin.max():
            axes.contour(*plane.coordinates(), margin, [0], colors="black", linewidths=1)
    plane.frame(axes)


def _margin(probabilities: np.ndarray, chosen: np.ndarray, number: int) -> np.ndarray:
    """Returns the lead of a class over the others, 0 at its border; for two classes that is the learner's threshold."""
    own, inside = probabilities[:, number], chosen == number
    if probabilities.shape[1] > 2:
        return own - np.delete(probabilities, number, axis=1).max(axis=1)
    if inside.all() or not inside.any():
        return np.where(inside, 1.0, -1.0)
    return own - (own[inside].min() + own[~inside].max()) / 2


def draw_points(
    axes: Axes, features: np.ndarray, target: np.ndarray, class_names: Sequence[str], size: float = DOT
) -> None:
    """Draws rows with one colour and marker per class. features: (N, 2). target: (N,)."""
    features, target = features[:MAX_POINTS], target[:MAX_POINTS]
    for number, name in enumerate(class_names):
        at = target == number
        marker = CLASS_MARKERS[number % len(CLASS_MARKERS)]
        style: dict[str, Any] = {"color": cycle_colour(number), "edgecolors": "white", "linewidths": size / 40}
        axes.scatter(features[at, 0], features[at, 1], s=size, marker=marker, label=name, zorder=3, **style)


def draw_heatmap(axes: Axes, plane: Plane, values: np.ndarray, lines: int | Sequence[float] = 8) -> None:
    """Draws values, (count²,), darker where they are larger, with labelled contours. lines: their number or levels."""
    height = values.reshape(plane.count, plane.count)
    style: dict[str, Any] = {"cmap": "Greys", "alpha": 0.6, "interpolation": "nearest"}
    axes.imshow(height, extent=plane.extent, origin="lower", aspect="auto", **style)
    if height.max() > height.min():
        contours = axes.contour(*plane.coordinates(), height, lines, colors="black", linewidths=1)
        for label in axes.clabel(contours, fmt="%g", fontsize=8, zorder=4):
            label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6})
    plane.frame(axes)


def axis_grid(features: np.ndarray) -> np.ndarray:
    """Returns (CURVE_GRID, 1) points around the rows of one feature. features: (N, 1)."""
    low, high = float(features.min()), float(features.max())
    margin = 0.1 * ((high - low) or 1.0)
    return np.linspace(low - margin, high + margin, CURVE_GRID)[:, None]


def draw_fit(
    axes: Axes,
    x: np.ndarray,
    predicted: np.ndarray,
    points: Points,
    names: Sequence[str],
) -> None:
    """Draws a fitted curve and the rows.

    x, predicted: (CURVE_GRID,). points: input and target by split. names: of the input and of the target.
    """
    for split, (inputs, target) in points.items():
        style: dict[str, Any] = {"marker": SPLIT_MARKERS[split], "color": COLOURS[split], "alpha": 0.7, "linewidths": 0}
        axes.scatter(inputs[:MAX_POINTS], target[:MAX_POINTS], s=14, label=SPLIT_NAMES[split], **style)
    axes.plot(x, predicted, color="black", linewidth=1.8, label="prediction")
    low, high = (float(end([end(target) for _, target in points.values()])) for end in (np.min, np.max))
    margin = 0.2 * ((high - low) or 1.0)  # by the targets alone: the limits stay the same from epoch to epoch
    axes.set(xlim=(x[0], x[-1]), ylim=(low - margin, high + margin), xlabel=names[0], ylabel=names[1])
    _add_legend(axes, ncols=4, handletextpad=0.3)


def draw_probabilities(
    axes: Axes, x: np.ndarray, probabilities: np.ndarray, class_names: Sequence[str], name: str
) -> None:
    """Draws one curve per class. probabilities: (CURVE_GRID, C). name: of the input."""
    axes.set(xlim=(x[0], x[-1]), ylim=(-0.02, 1.02), xlabel=name, ylabel="predicted probability")
    draw_lines(axes, {label: (x.tolist(), probabilities[:, at].tolist()) for at, label in enumerate(class_names)})
