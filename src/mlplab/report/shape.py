"""What a learner is over one or two inputs: decision regions, the height of a value, the fitted curve."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes

from mlplab.report.fitted import draw_fit, draw_probabilities, line
from mlplab.report.panel import Panel
from mlplab.report.regions import DOT, Plane, draw_height, draw_points, draw_regions, name_classes

Told = tuple[np.ndarray, np.ndarray | None]
Points = Mapping[str, tuple[np.ndarray, np.ndarray]]  # by split: features and target


def teller(learner: Any, classes: bool) -> Callable[[np.ndarray], Told]:
    """Raw features (N, F) -> predictions (N, C) or (N, K), and the class that is told; in the learner's own mode."""

    def tell(features: np.ndarray) -> Told:
        with torch.inference_mode():
            given = torch.from_numpy(features).to(learner.device, learner.dtype)
            predictions = learner(given)
            chosen = learner.choose(predictions).cpu().numpy() if classes else None
        return columns(predictions.cpu().numpy()), chosen

    return tell


def columns(predictions: np.ndarray) -> np.ndarray:
    """(N, C): a column a class of two classes too, whose learner tells the second alone."""
    return np.stack([1 - predictions, predictions], axis=1) if predictions.ndim == 1 else predictions


def shape(
    tell: Callable[[np.ndarray], Told],
    points: Points,
    feature_names: Sequence[str],
    class_names: Sequence[str],
    target_names: Sequence[str],
) -> list[Panel]:
    """Nothing for more than two inputs. What is told is asked for when a panel is drawn."""
    features = np.concatenate([own for own, _ in points.values()])
    if features.shape[1] == 1:
        return _of_line(tell, points, line(features), feature_names[0], class_names, target_names)
    if features.shape[1] == 2:
        return _of_plane(tell, points, Plane.about(features, feature_names), class_names, target_names)
    return []


def draw_boundary(
    axes: Axes,
    tell: Callable[[np.ndarray], Told],
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
    tell: Callable[[np.ndarray], Told],
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
    tell: Callable[[np.ndarray], Told],
    points: Points,
    plane: Plane,
    class_names: Sequence[str],
    target_names: Sequence[str],
) -> list[Panel]:
    size = (4.8, 4.4)
    if class_names:

        def draw(axes: Axes) -> None:
            draw_boundary(axes, tell, plane, next(iter(points.values())), class_names)
            name_classes(axes, len(class_names))

        caption = f"What is told at each point, fainter where it is less sure; dots are rows of {next(iter(points))}."
        return [Panel("boundary", "Decision boundary", draw, caption, size)]

    def of_target(number: int) -> Callable[[Axes], None]:
        return lambda axes: draw_height(axes, plane, tell(plane.points())[0][:, number])

    return [
        Panel(f"height_{at}", f"{one} as it is told", of_target(at), size=size) for at, one in enumerate(target_names)
    ]
