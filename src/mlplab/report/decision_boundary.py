"""What a learner is over one or two inputs: decision regions, the height of a value, the fitted curve."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from mlplab.report.figure import Panel
from mlplab.report.style import COLOUR_CYCLE, COLOURS, SPLIT_NAMES, draw_lines

Predict = tuple[np.ndarray, np.ndarray | None]
Points = Mapping[str, tuple[np.ndarray, np.ndarray]]  # by split: features and target


def predict_function(learner: Any, classes: bool) -> Callable[[np.ndarray], Predict]:
    """Raw features (N, F) -> predictions (N, C) or (N, K), and the class that is told; in the learner's own mode."""

    def tell(features: np.ndarray) -> Predict:
        with torch.inference_mode():
            given = torch.from_numpy(features).to(learner.device, learner.dtype)
            predictions = learner(given)
            chosen = learner.choose(predictions).cpu().numpy() if classes else None
        return probability_columns(predictions.cpu().numpy()), chosen

    return tell


def probability_columns(predictions: np.ndarray) -> np.ndarray:
    """(N, C): a column a class of two classes too, whose learner tells the second alone."""
    return np.stack([1 - predictions, predictions], axis=1) if predictions.ndim == 1 else predictions


def boundary_panels(
    tell: Callable[[np.ndarray], Predict],
    points: Points,
    feature_names: Sequence[str],
    class_names: Sequence[str],
    target_names: Sequence[str],
) -> list[Panel]:
    """Nothing for more than two inputs. What is told is asked for when a panel is drawn."""
    features = np.concatenate([own for own, _ in points.values()])
    if features.shape[1] == 1:
        return _of_line(tell, points, axis_grid(features), feature_names[0], class_names, target_names)
    if features.shape[1] == 2:
        return _of_plane(tell, points, Plane.about(features, feature_names), class_names, target_names)
    return []


DOT = 18
Limits = tuple[tuple[float, float], tuple[float, float]]
REGION_GRID = 120  # places along each side


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


def draw_boundary(
    axes: Axes,
    tell: Callable[[np.ndarray], Predict],
    plane: Plane,
    points: tuple[np.ndarray, np.ndarray],
    class_names: Sequence[str],
    size: float = DOT,
) -> None:
    """points: features (N, 2) and their classes (N,)."""
    probabilities, chosen = tell(plane.points())
    assert chosen is not None
    draw_regions(axes, plane, probabilities, chosen, class_names)
    draw_points(axes, *points, class_names, size)


def _of_line(
    tell: Callable[[np.ndarray], Predict],
    points: Points,
    x: np.ndarray,
    name: str,
    class_names: Sequence[str],
    target_names: Sequence[str],
) -> list[Panel]:
    if class_names:

        def draw(axes: Axes) -> None:
            draw_probabilities(axes, x[:, 0], tell(x)[0], class_names, name)

        return [Panel("probabilities", f"Probability of each class by {name}", draw)]

    def of_target(number: int) -> Callable[[Axes], None]:
        def draw(axes: Axes) -> None:
            own = {split: (inputs[:, 0], target[:, number]) for split, (inputs, target) in points.items()}
            draw_fit(axes, x[:, 0], tell(x)[0][:, number], own, (name, target_names[number]))

        return draw

    return [Panel(f"fit_{at}", f"Fitted curve of {one}", of_target(at)) for at, one in enumerate(target_names)]


def _of_plane(
    tell: Callable[[np.ndarray], Predict],
    points: Points,
    plane: Plane,
    class_names: Sequence[str],
    target_names: Sequence[str],
) -> list[Panel]:
    size = (4.8, 4.4)
    if class_names:

        def draw(axes: Axes) -> None:
            draw_boundary(axes, tell, plane, next(iter(points.values())), class_names)
            draw_class_legend(axes, len(class_names))

        caption = f"What is told at each point, fainter where it is less sure; dots are rows of {next(iter(points))}."
        return [Panel("boundary", "Decision boundary", draw, caption, size)]

    def of_target(number: int) -> Callable[[Axes], None]:
        return lambda axes: draw_heatmap(axes, plane, tell(plane.points())[0][:, number])

    return [
        Panel(f"height_{at}", f"{one} as it is told", of_target(at), size=size) for at, one in enumerate(target_names)
    ]


MAX_CURVE_POINTS = 400  # points that are drawn, of each split
CURVE_GRID = 300  # places along the axis
SPLIT_MARKERS = {"train": "o", "val": "s", "test": "^"}


def axis_grid(features: np.ndarray) -> np.ndarray:
    """(FINE, 1) about the points. features: (N, 1)."""
    low, high = float(features.min()), float(features.max())
    room = 0.1 * ((high - low) or 1.0)
    return np.linspace(low - room, high + room, CURVE_GRID)[:, None]


def draw_fit(
    axes: Axes,
    x: np.ndarray,
    told: np.ndarray,
    points: Mapping[str, tuple[np.ndarray, np.ndarray]],
    names: Sequence[str],
) -> None:
    """x, told: (FINE,). points: by split, input and target. names: of the input and of the target."""
    for split, (own, target) in points.items():
        style: dict[str, Any] = {"marker": SPLIT_MARKERS[split], "color": COLOURS[split], "alpha": 0.7, "linewidths": 0}
        axes.scatter(own[:MAX_CURVE_POINTS], target[:MAX_CURVE_POINTS], s=14, label=SPLIT_NAMES[split], **style)
    axes.plot(x, told, color="black", linewidth=1.8, label="prediction")
    low, high = (float(end([end(target) for _, target in points.values()])) for end in (np.min, np.max))
    room = 0.2 * ((high - low) or 1.0)  # not by what is told: from epoch to epoch the frame stays
    axes.set(xlim=(x[0], x[-1]), ylim=(low - room, high + room), xlabel=names[0], ylabel=names[1])
    axes.figure.legend(loc="outside upper left", ncols=4, frameon=False, fontsize=9, handletextpad=0.3)


def draw_probabilities(axes: Axes, x: np.ndarray, told: np.ndarray, class_names: Sequence[str], name: str) -> None:
    """told: (FINE, C)."""
    axes.set(xlim=(x[0], x[-1]), ylim=(-0.02, 1.02), xlabel=name, ylabel="probability")
    draw_lines(axes, {word: (x.tolist(), told[:, at].tolist()) for at, word in enumerate(class_names)})


CLASS_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
MAX_REGION_POINTS = 400  # points that are drawn


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


def draw_class_legend(axes: Axes, count: int) -> None:
    """The classes of the points that are drawn, above the picture."""
    columns = min(4, count)
    axes.figure.legend(loc="outside upper left", ncols=columns, frameon=False, fontsize=9, handletextpad=0.2)


def draw_heatmap(axes: Axes, plane: Plane, values: np.ndarray, lines: int | Sequence[float] = 8) -> None:
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
    return COLOUR_CYCLE[number % len(COLOUR_CYCLE)]
