"""All that is told of one run, in the order in which it is read: a page of HTML, or panels alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlplab.report import html
from mlplab.report.counted import counted
from mlplab.report.course import course
from mlplab.report.examples import (
    MOST_FEATURES,
    farthest,
    images,
    lines_of_classes,
    table_of_classes,
    table_of_values,
    with_features,
    worst_told,
)
from mlplab.report.look import LOSSES
from mlplab.report.outcome import Outcome
from mlplab.report.panel import Panel

WORST_IMAGES = 24
WORST_ROWS = 12
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Story:
    """scores: of scores.json. rows: the history. loss: its name, and after a comma what it is of.

    order: of the features, those that matter most first. differences: key, value, default, as words.
    """

    title: str
    run: str
    scores: Mapping[str, Any]
    rows: Sequence[Mapping[str, float]]
    loss: str
    outcome: Outcome
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
        trained = f"{counted(known['epochs'], 'epoch')} in {known['seconds']:.3g} s on {known['device']}"
        return f"{known['parameters']:,} parameters · {trained} · seed {known['seed']} · {versions}"

    def _curves(self) -> list[str]:
        name, _, unit = self.loss.partition(", ")
        of = f"loss ({LOSSES.get(name, name)})" + (f"\n{unit}" if unit else "")
        best, rows = int(self.scores["best_epoch"]), list(map(dict, self.rows))
        others = [score for score in ("accuracy", "r2") if f"{score}/val" in rows[0]]
        return [course(rows, best, of=of), *(course(rows, best, score, _named(score)) for score in others)]

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
            places = farthest(told.target, told.predictions, WORST_ROWS)
            said = "The largest errors, in units of each target's standard deviation. "
            table = table_of_values(places, told.target, told.predictions, told.target_names)
        else:
            places = worst_told(told.predictions, told.target, WORST_IMAGES if told.image_size else WORST_ROWS)
            said = "The rows whose true class was given the least probability. "
            given = (places, told.predictions, told.target, told.chosen, told.class_names)
            if told.image_size:
                shown = images(told.features, told.image_size)[places]
                return [html.words(said, "quiet"), html.tiles(list(shown), lines_of_classes(*given))]
            table = table_of_classes(*given)
        if len(told.feature_names) > MOST_FEATURES:
            said += "The inputs that matter most are shown."
        shown_too = with_features(table, places, told.features, told.feature_names, self.order)
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
