"""report.html: one run on a page, in the order in which it is read; its panels alone go to TensorBoard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlplab.report.figure import Panel
from mlplab.report.html import Figure as HtmlFigure
from mlplab.report.html import Table, Tile, render
from mlplab.report.predictions import Predictions
from mlplab.report.regression import RESIDUAL_COLUMNS
from mlplab.report.style import LOSS_NAMES, SPLIT_NAMES, draw_loss
from mlplab.report.text import count_noun

Row = dict[str, float]

WORST_IMAGES = 24
WORST_ROWS = 12
MAX_FEATURES = 8  # columns beside a worst row
MAX_EPOCHS = 500  # whose values are on the page
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class RunReport:
    """scores: of scores.json. rows: of history.csv. loss: its name, and after a comma what it is measured on.

    order: of the features, the most important first. differences: key, value and default as strings.
    """

    title: str
    run: str
    scores: Mapping[str, Any]
    rows: Sequence[Mapping[str, float]]
    loss: str
    outcome: Predictions
    command: str
    differences: Sequence[tuple[str, str, str]] = ()
    shape: Sequence[Panel] = ()
    importance: Sequence[Panel] = ()
    order: Sequence[int] = ()
    slice: Sequence[Panel] = ()
    notes: Sequence[str] = ()

    def panels(self) -> list[Panel]:
        """Returns every figure but the curves."""
        results = [*self.outcome.result_panels(), *self.outcome.probability_panels()]
        return [*results, *self.importance, *self.shape, *self.slice]

    def html(self) -> str:
        return render(
            "report.html.j2",
            title=self.title,
            facts=f"{self.run} · {self._facts()}",
            verdict=self.scores.get("verdict_text") or str(self.scores.get("verdict", "")).replace("_", " "),
            notes=self.notes,
            curves=self._curves(),
            scores=self._scores(),
            rows=self.outcome.rows,
            **self._results(),
            **self._errors(),
            probabilities=_figures(self.outcome.probability_panels()),
            inputs=_figures([*self.importance, *self.shape]),
            slice=_figures(self.slice),
            differences=Table(["key", "this run", "default"], self.differences),
            command=self.command,
        )

    def _facts(self) -> str:
        scores = self.scores
        versions = ", ".join(f"{name} {scores[name]}" for name in ("mlplab", "torch", "lightning") if name in scores)
        trained = f"{count_noun(scores['epochs'], 'epoch')} in {scores['seconds']:.3g} s on {scores['device']}"
        return f"{scores['parameters']:,} parameters · {trained} · seed {scores['seed']} · {versions}"

    def _curves(self) -> list[HtmlFigure]:
        name, _, unit = self.loss.partition(", ")
        label = f"loss ({LOSS_NAMES.get(name, name)})" + (f"\n{unit}" if unit else "")
        best, rows = int(self.scores["best_epoch"]), list(map(dict, self.rows))
        others = [score for score in ("accuracy", "r2") if f"{score}/val" in rows[0]]
        return [
            interactive_curves(rows, best, label=label),
            *(interactive_curves(rows, best, score, _score_name(score)) for score in others),
        ]

    def _scores(self) -> Table:
        names = [name.removesuffix("/val") for name in self.scores if name.endswith("/val")]
        rows = [[split, *(self.scores[f"{name}/{split}"] for name in names)] for split in SPLITS]
        baseline = "majority class" if self.outcome.chosen is not None else "training mean"
        rows.append([f"baseline: {baseline}, on test", *(self.scores.get(f"baseline/{name}") for name in names)])
        measured = f"train: {self.scores['train_rows_measured']:,} of its rows, measured like val"
        return Table(["", *names], rows, f"At the best epoch, {self.scores['best_epoch']}; {measured}.")

    def _results(self) -> dict[str, Any]:
        outcome = self.outcome
        if outcome.chosen is None:
            title, header, rows = "Residuals", [*RESIDUAL_COLUMNS], outcome.parity.per_target()
        else:
            title, (header, rows) = "Results per class", outcome.per_class()
        table = Table(header, rows, f"On {outcome.rows}")
        return {"results_title": title, "results": table, "result_figures": _figures(outcome.result_panels())}

    def _errors(self) -> dict[str, Any]:
        """Returns the worst rows: as images, else as a table."""
        outcome, images = self.outcome, []
        if outcome.chosen is None:
            text = "Sorted by the error in units of each target's standard deviation. "
            places = worst_regressed(outcome.target, outcome.predictions, WORST_ROWS)
            header, *all_rows = outcome.parity.rows()
            rows = [all_rows[at] for at in places]
        else:
            text = "Rows whose true class has the lowest predicted probability. "
            count = WORST_IMAGES if outcome.image_size else WORST_ROWS
            places = worst_classified(outcome.predictions, outcome.target, count)
            header, rows = ["row", "true", "probability", "predicted", "probability"], outcome.classified_rows(places)
            if outcome.image_size:
                pixels = to_images(outcome.features, outcome.image_size)[places]
                images = [Tile(*tile) for tile in zip(pixels, map(image_caption, rows), strict=True)]
        if len(outcome.feature_names) > MAX_FEATURES and not images:
            text += "The most important inputs are shown."
        shown = self.order[:MAX_FEATURES]
        features = outcome.features[places][:, shown].astype(float).tolist()
        table = Table(
            [*map(str, header), *(outcome.feature_names[at] for at in shown)],
            [[*row, *cells] for row, cells in zip(rows, features, strict=True)],
        )
        return {"errors_text": text, "error_images": images, "errors": table}


def _figures(panels: Sequence[Panel]) -> list[HtmlFigure]:
    return [panel.html() for panel in panels]


def _score_name(score: str) -> str:
    return "R²" if score == "r2" else score


def interactive_curves(rows: Sequence[Row], best_epoch: int, score: str = "loss", label: str = "") -> HtmlFigure:
    """Draws training against validation by epoch, with the values that the page's script shows.

    rows: of history.csv. label: of the vertical axis.
    """

    def draw(axes: Axes) -> None:
        values = np.array([row[f"{score}/{split}"] for row in rows for split in ("train", "val")])
        axes.set_ylim(*_limits(values, score))
        axes.set_ylabel(label or score)
        axes.axvline(best_epoch, color="0.6", linewidth=1, linestyle=":")
        draw_loss(axes, rows, score)
        at = float(np.clip(rows[best_epoch][f"{score}/val"], *axes.get_ylim()))
        axes.plot(best_epoch, at, "o", color="black", markersize=4, clip_on=False, zorder=5)

    def points(_: Figure, axes: Axes) -> dict[str, Any]:
        return {"names": [SPLIT_NAMES[split] for split in ("train", "val")], "points": _points(axes, rows, score)}

    value = f"{rows[best_epoch][f'{score}/val']:.4g}"
    caption = f"The dotted line marks the best epoch, {best_epoch}: validation {value}."
    title = f"{score.capitalize() if score != 'r2' else 'R²'} by epoch"
    return Panel(f"curve_{score}", title, draw, caption).html(points)


def _points(axes: Axes, rows: Sequence[Row], score: str) -> list[list[float | str]]:
    """Returns per epoch: x in units of the SVG, the epoch, the formatted values."""
    figure: Any = axes.figure
    figure.draw_without_rendering()
    places = np.unique(np.linspace(0, len(rows) - 1, min(MAX_EPOCHS, len(rows))).round().astype(int))
    shown = [rows[place] for place in places]
    x = axes.transData.transform([(row["epoch"], 0.0) for row in shown])[:, 0] * 72 / figure.dpi
    values = [[f"{row[f'{score}/{split}']:.4g}" for split in ("train", "val")] for row in shown]
    return [[round(float(at), 1), int(row["epoch"]), *pair] for at, row, pair in zip(x, shown, values, strict=True)]


def _limits(values: np.ndarray, score: str) -> tuple[float, float]:
    """Starts a loss at zero; accuracy and R² end at 1, and R² far below zero does not flatten the rest."""
    if score == "loss":
        return 0.0, 1.05 * float(values.max()) or 1.0
    low = max(float(values.min()), -1.0)
    return low - 0.05 * (1 - low), 1.02


def worst_classified(probabilities: np.ndarray, target: np.ndarray, count: int) -> np.ndarray:
    """Returns places of the rows whose true class has the lowest probability, the lowest first.

    probabilities: (N, C). target: (N,).
    """
    of_true = probabilities[np.arange(len(target)), target]
    return np.argsort(of_true, kind="stable")[:count]


def worst_regressed(target: np.ndarray, predictions: np.ndarray, count: int) -> np.ndarray:
    """Returns places of the rows with the largest error, in units of each target's standard deviation.

    target, predictions: (N, K).
    """
    std = target.std(axis=0)
    errors = np.abs(target.astype(np.float64) - predictions) / np.where(std > 0, std, 1.0)
    return np.argsort(-errors.max(axis=1), kind="stable")[:count]


def image_caption(row: Sequence[object]) -> list[str]:
    """Returns the lines below an image. row: as Predictions.classified_rows returns it."""
    number, true, of_true, predicted, of_predicted = row
    return [f"row {number}", f"true {true} ({of_true:.2g})", f"predicted {predicted} ({of_predicted:.2g})"]


def to_images(features: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Returns (N, H, W) or (N, H, W, 3) uint8. features: (N, in_features), uint8 or any range, which is scaled to
    0..255."""
    if features.dtype != np.uint8:
        low, high = float(features.min()), float(features.max())
        features = ((features - low) / ((high - low) or 1.0) * 255).round().astype(np.uint8)
    return features.reshape(len(features), *size)
