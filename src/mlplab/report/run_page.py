"""All that is told of one run, in the order in which it is read: a page of HTML, or panels alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlplab.report import html
from mlplab.report.figure import Panel
from mlplab.report.predictions import Predictions
from mlplab.report.style import LOSS_NAMES, SPLIT_NAMES, draw_loss
from mlplab.report.text import count_noun

WORST_IMAGES = 24
WORST_ROWS = 12
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class RunReport:
    """scores: of scores.json. rows: the history. loss: its name, and after a comma what it is of.

    order: of the features, those that matter most first. differences: key, value, default, as words.
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
    notes: Sequence[str] = field(default_factory=tuple)

    def panels(self) -> list[Panel]:
        """Every picture but the curves."""
        outcome = self.outcome
        return [*outcome.hits(), *outcome.probabilities(), *self.importance, *self.shape, *self.slice]

    def html(self) -> str:
        told = self.outcome
        return html.page(
            self.title,
            [
                html.heading(self.title, f"{self.run} · {self._facts()}"),
                html.words(self._verdict(), "verdict"),
                *(html.words(note, "quiet") for note in self.notes),
                html.section("Curves", html.row(*self._curves())),
                html.section("Scores", self._scores()),
                html.section("Classes" if told.chosen is not None else "Values", *self._hits()),
                html.section(f"Worst of {told.rows}", *self._worst()),
                html.section("Probabilities", html.row(*_drawn(told.probabilities()))),
                html.section("What the inputs do", html.row(*_drawn([*self.importance, *self.shape]))),
                html.section("The loss around the weights", html.row(*_drawn(self.slice))),
                html.section("Configuration", *self._configuration()),
            ],
        )

    def _verdict(self) -> str:
        return str(self.scores.get("verdict_text") or str(self.scores.get("verdict", "")).replace("_", " "))

    def _facts(self) -> str:
        known = self.scores
        versions = ", ".join(f"{name} {known[name]}" for name in ("mlplab", "torch", "lightning") if name in known)
        trained = f"{count_noun(known['epochs'], 'epoch')} in {known['seconds']:.3g} s on {known['device']}"
        return f"{known['parameters']:,} parameters · {trained} · seed {known['seed']} · {versions}"

    def _curves(self) -> list[str]:
        name, _, unit = self.loss.partition(", ")
        of = f"loss ({LOSS_NAMES.get(name, name)})" + (f"\n{unit}" if unit else "")
        best, rows = int(self.scores["best_epoch"]), list(map(dict, self.rows))
        others = [score for score in ("accuracy", "r2") if f"{score}/val" in rows[0]]
        return [
            interactive_curves(rows, best, of=of),
            *(interactive_curves(rows, best, score, _named(score)) for score in others),
        ]

    def _scores(self) -> str:
        """As scores.json has them."""
        names = [name.removesuffix("/val") for name in self.scores if name.endswith("/val")]
        kept = [[split, *(self.scores[f"{name}/{split}"] for name in names)] for split in SPLITS]
        constant = "majority class, on test" if self.outcome.chosen is not None else "training mean, on test"
        kept.append([constant, *(self.scores.get(f"baseline/{name}") for name in names)])
        measured = f"train: {self.scores['train_rows_measured']:,} of its rows, measured as val is"
        return html.table(["", *names], kept, f"At the best epoch, {self.scores['best_epoch']}; {measured}.")

    def _hits(self) -> list[str]:
        panels = html.row(*_drawn(self.outcome.hits()))
        if self.outcome.chosen is not None:
            return [html.table(*self.outcome.per_class(), f"Of {self.outcome.rows}"), panels]
        header = ["residual (target - prediction) of", "mean", "sd", "min", "median", "max"]
        return [html.table(header, self.outcome.parity.per_target(), f"Of {self.outcome.rows}"), panels]

    def _worst(self) -> list[str]:
        told = self.outcome
        if told.chosen is None:
            places = worst_regressed(told.target, told.predictions, WORST_ROWS)
            said = "The largest errors, in units of each target's standard deviation. "
            table = values_table(places, told.target, told.predictions, told.target_names)
        else:
            places = worst_classified(told.predictions, told.target, WORST_IMAGES if told.image_size else WORST_ROWS)
            said = "The rows whose true class was given the least probability. "
            given = (places, told.predictions, told.target, told.chosen, told.class_names)
            if told.image_size:
                shown = to_images(told.features, told.image_size)[places]
                return [html.words(said, "quiet"), html.tiles(list(shown), image_captions(*given))]
            table = classes_table(*given)
        if len(told.feature_names) > MAX_FEATURES:
            said += "The inputs that matter most are shown."
        shown_too = add_features(table, places, told.features, told.feature_names, self.order)
        return [html.words(said, "quiet"), html.table(*shown_too)]

    def _configuration(self) -> list[str]:
        if not self.differences:
            told = [html.words("Every setting is the default of its dataset.")]
        else:
            said = "What sets this run apart from the defaults of its dataset:"
            told = [html.words(said, "quiet"), html.table(["key", "this run", "default"], self.differences)]
        return [*told, html.words("The command that trains it again:", "quiet"), html.code(self.command)]


def _drawn(panels: Sequence[Panel]) -> list[str]:
    return [panel.html() for panel in panels]


def _named(score: str) -> str:
    return "R²" if score == "r2" else score


Row = dict[str, float]
MOST = 500  # epochs whose values are on the page


def interactive_curves(rows: Sequence[Row], best_epoch: int, score: str = "loss", of: str = "") -> str:
    """rows: the history. of: the name of the loss, and its unit."""

    def draw(axes: Axes) -> None:
        values = np.array([row[f"{score}/{split}"] for row in rows for split in ("train", "val")])
        axes.set_ylim(*_limits(values, score))
        axes.set_ylabel(of or score)
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
    """x in the units of the SVG, epoch, then the values as they are to be read."""
    size: Any = axes.figure
    size.draw_without_rendering()
    places = np.unique(np.linspace(0, len(rows) - 1, min(MOST, len(rows))).round().astype(int))
    chosen = [rows[place] for place in places]
    x = axes.transData.transform([(row["epoch"], 0.0) for row in chosen])[:, 0] * 72 / size.dpi
    told = [[f"{row[f'{score}/{split}']:.4g}" for split in ("train", "val")] for row in chosen]
    return [[round(float(at), 1), int(row["epoch"]), *two] for at, row, two in zip(x, chosen, told, strict=True)]


def _limits(values: np.ndarray, score: str) -> tuple[float, float]:
    """A loss stands on zero; a share, or R², has its best at the top."""
    if score == "loss":
        return 0.0, 1.05 * float(values.max()) or 1.0
    low = max(float(values.min()), -1.0)
    return low - 0.05 * (1 - low), 1.02


MAX_FEATURES = 8


def worst_classified(probabilities: np.ndarray, target: np.ndarray, count: int) -> np.ndarray:
    """Places of the rows whose true class was given the least probability, the least first.

    probabilities: (N, C). target: (N,).
    """
    of_true = probabilities[np.arange(len(target)), target]
    return np.argsort(of_true, kind="stable")[:count]


def worst_regressed(target: np.ndarray, predictions: np.ndarray, count: int) -> np.ndarray:
    """Places of the rows with the largest error, in units of each target's sd. target, predictions: (N, K)."""
    sd = target.std(axis=0)
    errors = np.abs(target.astype(np.float64) - predictions) / np.where(sd > 0, sd, 1.0)
    return np.argsort(-errors.max(axis=1), kind="stable")[:count]


def image_captions(
    places: np.ndarray, probabilities: np.ndarray, target: np.ndarray, chosen: np.ndarray, names: Sequence[str]
) -> list[list[str]]:
    """What stands below each image: its row, from 1 on, and both classes with their probabilities."""
    return [
        [
            f"row {at + 1}",
            f"is {names[target[at]]} ({probabilities[at, target[at]]:.2g})",
            f"told {names[chosen[at]]} ({probabilities[at, chosen[at]]:.2g})",
        ]
        for at in places.tolist()
    ]


def classes_table(
    places: np.ndarray, probabilities: np.ndarray, target: np.ndarray, chosen: np.ndarray, names: Sequence[str]
) -> tuple[list[str], list[list[object]]]:
    """Header and a row each."""
    header = ["row", "is", "probability", "told", "probability"]
    rows: list[list[object]] = [
        [
            at + 1,
            names[target[at]],
            float(probabilities[at, target[at]]),
            names[chosen[at]],
            float(probabilities[at, chosen[at]]),
        ]
        for at in places.tolist()
    ]
    return header, rows


def values_table(
    places: np.ndarray, target: np.ndarray, predictions: np.ndarray, names: Sequence[str]
) -> tuple[list[str], list[list[object]]]:
    header = ["row", names[0], "predicted", "residual"]
    if len(names) > 1:
        header = ["row", *(f"{kind}{name}" for name in names for kind in ("", "predicted ", "residual of "))]
    rows: list[list[object]] = []
    for at in places.tolist():
        pairs = zip(target[at].tolist(), predictions[at].tolist(), strict=True)
        rows.append([at + 1, *(float(value) for is_, told in pairs for value in (is_, told, is_ - told))])
    return header, rows


def add_features(
    table: tuple[list[str], list[list[object]]],
    places: np.ndarray,
    features: np.ndarray,
    names: Sequence[str],
    order: Sequence[int],
) -> tuple[list[str], list[list[object]]]:
    """The same with the values of the first features in `order`."""
    header, rows = table
    shown = list(order)[:MAX_FEATURES]
    cells = features[places][:, shown].astype(float).tolist()
    return [*header, *(names[at] for at in shown)], [[*row, *own] for row, own in zip(rows, cells, strict=True)]


def to_images(features: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """(N, H, W) or (N, H, W, 3) uint8, from black to white. features: (N, in_features), pixels of 0..255 or of less."""
    if features.dtype != np.uint8:
        low, high = float(features.min()), float(features.max())
        features = ((features - low) / ((high - low) or 1.0) * 255).round().astype(np.uint8)
    return features.reshape(len(features), *size)
