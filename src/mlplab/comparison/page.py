"""sweep.html: what a sweep came to on one page, which needs nothing beside itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from mlplab.comparison.comparison import Comparison
from mlplab.comparison.settings import Configuration
from mlplab.comparison.text import (
    best_ensemble_text,
    comparison_table,
    conclusion_text,
    ensemble_gains,
    footer_text,
    format_mean_std,
)
from mlplab.config.schema import monitor_mode
from mlplab.report import html
from mlplab.report.curves import NAMED, draw_family
from mlplab.report.figure import Panel
from mlplab.report.style import LOSS_NAMES, SPLIT_NAMES
from mlplab.report.sweep_plots import draw_effect, draw_front, draw_heat, draw_parallel, pareto_front


def comparison_page(
    title: str,
    comparisons: Sequence[Comparison],
    panels: Mapping[int, Sequence[Panel]],
    missing: Sequence[str],
    commands: Sequence[str],
    tests: bool = False,
) -> str:
    """panels: by the comparison's place. missing: a line a failed or unfinished run."""
    runs = [run for one in comparisons for run in one.runs]
    ended = sum(run.state == "finished" for run in runs)
    settings = sum(len(one.settings) for one in comparisons)
    facts = f"{_count(len(runs), 'run')} of {_count(settings, 'setting')} · {ended} finished"
    if pruned := sum(run.state == "pruned" for run in runs):
        facts += f" · {pruned} pruned"
    parts = [html.heading(title, facts)]
    for place, one in enumerate(comparisons):
        parts += _parts(one, panels.get(place, ()), tests, alone=len(comparisons) == 1)
    if missing:
        parts.append(html.section("Failed or not finished", *(html.words(line) for line in missing)))
    said = html.words("The page of a best run, and what more there is:", "quiet")
    parts.append(html.section("Commands", said, html.code("\n".join(commands))))
    return html.page(title, parts)


def _parts(one: Comparison, panels: Sequence[Panel], tests: bool, alone: bool) -> list[str]:
    main, *rest = conclusion_text(one, " ± ")
    header, lines = comparison_table(one, tests=tests, sign=" ± ")
    rows = [[_place(first), *cells] for first, *cells in lines]
    told = [html.words(line.replace("+-", "±"), "quiet") for line in footer_text(one, tests)]
    drawn = {panel.name: panel.html() for panel in panels}
    wide = {name: drawn.get(name, "") for name in ("curves", "heat", "parallel")}
    effects, costs = ([drawn[name] for name in drawn if name.startswith(kind)] for kind in ("effect_", "cost_"))
    of = "" if alone else f": {one.data}"
    return [
        html.words(_sentence(main), "verdict"),
        *(html.words(_sentence(line)) for line in rest),
        html.section(f"Settings, best first{of}", _whole(html.table(header, rows)), *told),
        _ensembles(one, tests, of),
        html.section(f"Curves{of}", wide["curves"]),
        html.section(f"What each key does{of}", wide["heat"], html.row(*effects), wide["parallel"]),
        html.section(f"What it costs{of}", html.row(*costs)),
    ]


def _ensembles(one: Comparison, tests: bool, of: str) -> str:
    if not one.ensembles:
        return ""
    header, lines = ensemble_gains(one, tests)
    rows = [[_place(first), *cells] for first, *cells in lines]
    what = html.words("An ensemble predicts the mean of its members' predictions.", "quiet")
    told = [html.words(_sentence(line)) for line in best_ensemble_text(one)]
    return html.section(f"Ensembles, best first{of}", _whole(html.table(header, rows)), what, *told)


def _whole(table: str) -> str:
    """Whose cells stay on one line; where there is less room it is moved."""
    return f'<div class="whole">{table}</div>'


def _place(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


KINDS = ("curves", "heat", "effect_", "parallel", "cost_")  # by which their names begin
COSTS = {"parameters": "parameters", "seconds": "seconds of training a run"}
MAX_CELLS = 12  # a side of the heat map
MAX_LINES = 300


def build_figures(comparison: Comparison) -> list[Panel]:
    """Nothing of a single setting but its curves, nothing at all where no run has ended."""
    if not comparison.ranked:
        return []
    return [
        *curves_figure(comparison),
        *heatmap_figure(comparison),
        *effect_figures(comparison),
        *parallel_figure(comparison),
        *cost_figures(comparison),
    ]


def curves_figure(comparison: Comparison) -> list[Panel]:
    score, settings = comparison.score, comparison.ranked
    found = {setting.name: setting.curves(score) for setting in settings}
    found = {name: curve for name, curve in found.items() if curve[0]}
    if not found:
        return []

    def draw(axes: Any) -> None:
        draw_family(axes, found, axis_label(comparison), _lower(comparison))

    several = comparison.most > 1
    said = f"A line is the mean over {comparison.chance}, its band one standard deviation. " if several else ""
    if len(found) > NAMED:
        said += f"The {NAMED} best are named, the others grey. "
    said += "The table takes each run's best epoch, so its numbers can be better than the lines' ends."
    return [Panel("curves", f"{_score(comparison)} by epoch, each setting", draw, said, (9.6, 4.4))]


def heatmap_figure(comparison: Comparison) -> list[Panel]:
    """Of two keys."""
    if len(comparison.keys) != 2 or _lengths(comparison)[1] < 2 or _lengths(comparison)[-1] > MAX_CELLS:
        return []
    rows, columns = comparison.keys
    score, best = comparison.score, comparison.ranked[0]
    levels = ([*comparison.levels(rows)], [*comparison.levels(columns)])
    by = {(setting.own.get(rows), setting.own.get(columns)): setting for setting in comparison.settings}
    values = np.full((len(levels[0]), len(levels[1])), np.nan)
    words = [["" for _ in levels[1]] for _ in levels[0]]
    place = (0, 0)
    for (at, row), (to, column) in product(enumerate(levels[0]), enumerate(levels[1])):
        setting = by.get((row, column))
        mean = None if setting is None else setting.mean(score)
        words[at][to] = "" if setting is None else setting.verdict
        if setting is not None and mean is not None:
            values[at, to] = mean
            note = "\nbest" if setting is best else "\n≈ best" if setting in comparison.tied else ""
            words[at][to] = format_mean_std(mean, setting.sd(score), "\n± ") + note
            place = (at, to) if setting is best else place

    def draw(axes: Any) -> None:
        draw_heat(axes, (rows, columns), levels, values, words, place, _lower(comparison))

    said = "Darker is better; the best is framed."
    if comparison.tied:
        said += f" ≈ best: the difference is no more than {comparison.chance} explain."
    size = (1.9 + 1.1 * len(levels[1]), 0.9 + 0.8 * len(levels[0]))
    title = f"{_score(comparison)} by {rows} and {columns}"
    return [Panel("heat", title, draw, said, (max(size[0], 4.2), max(size[1], 2.6)))]


def effect_figures(comparison: Comparison) -> list[Panel]:
    """A picture a key, over all values of the other keys."""
    if len(comparison.ranked) < 2:
        return []
    found = []
    for key in comparison.keys:
        levels = comparison.levels(key)
        own = {level: _values(comparison, key, level) for level in levels}
        own = {level: values for level, values in own.items() if values}
        if len(own) > 1:
            found.append(_effect(comparison, key, own))
    return found


def _effect(comparison: Comparison, key: str, own: dict[str, list[float]]) -> Panel:
    numbers = comparison.levels(key)
    known = [value for level in own if (value := numbers[level]) is not None]
    places = known if len(known) == len(own) else None

    def draw(axes: Any) -> None:
        draw_effect(axes, key, own, places, axis_label(comparison), _lower(comparison))

    said = f"A grey dot is a setting{f' (its mean over {comparison.chance})' if comparison.most > 1 else ''}."
    if len(comparison.keys) > 1:
        said += " Mean and best are those over all values of the other keys."
    return Panel(f"effect_{key}", f"What {key} does", draw, said)


def parallel_figure(comparison: Comparison) -> list[Panel]:
    """Of three keys or more."""
    if len(comparison.keys) < 3:
        return []
    settings = [(setting.own, setting.mean(comparison.score) or 0.0) for setting in comparison.ranked[:MAX_LINES]]
    levels = {key: _upward(comparison.levels(key)) for key in comparison.keys}
    tied = len(comparison.tied)

    def draw(axes: Any) -> None:
        draw_parallel(axes, levels, settings, tied, comparison.score, _lower(comparison))

    said = "A line is a setting, from its values to its score, better ones higher. Blue: the best."
    said += " Dashed: the difference to it may be chance." if tied else ""
    return [Panel("parallel", "Which values go with a good score", draw, said, (2.6 * len(levels) + 2.4, 4.4))]


def _upward(levels: dict[str, float | None]) -> list[str]:
    """Of words that of the best setting on top, of numbers the largest."""
    return [*levels][::-1] if None in levels.values() else [*levels]


def cost_figures(comparison: Comparison) -> list[Panel]:
    """Score against parameters and seconds; nothing where all settings cost the same."""
    found = []
    for cost, label in COSTS.items():
        known = [
            (place, spent, mean)
            for place, setting in enumerate(comparison.ranked, start=1)
            if (spent := setting.fact(cost)) and (mean := setting.mean(comparison.score)) is not None
        ]
        if len({spent for _, spent, _ in known}) > 1:
            title = f"{_score(comparison)} against {cost}"
            found.append(_front(comparison, known, label, Panel(f"cost_{cost}", title, lambda _: None)))
    return found


def _front(comparison: Comparison, known: Sequence[tuple[int, float, float]], label: str, panel: Panel) -> Panel:
    """known: place in the table, cost, score."""
    places, spent, scores = map(list, zip(*known, strict=True))
    best = [int(places[at]) for at in pareto_front(spent, scores, _lower(comparison))]

    def draw(axes: Any) -> None:
        draw_front(axes, [*map(str, places)], spent, scores, (label, axis_label(comparison)), _lower(comparison))

    named = "; ".join(f"{place}: {comparison.ranked[place - 1].name}" for place in sorted(best[-NAMED:]))
    said = "A dot is a setting, a number its place in the table. On the line nothing is better at no more cost."
    return replace(panel, draw=draw, caption=f"{said} {named}.")


def axis_label(comparison: Comparison) -> str:
    """`validation loss (cross entropy)`."""
    said = _score(comparison)
    if comparison.score.startswith("loss/") and comparison.loss:
        said += f" ({LOSS_NAMES.get(comparison.loss, comparison.loss)})"
    return said[0].lower() + said[1:]


def _score(comparison: Comparison) -> str:
    metric, _, split = comparison.score.partition("/")
    return (
        f"{SPLIT_NAMES.get(split, split)} {'R²' if metric == 'r2' else metric}".strip().capitalize().replace("r²", "R²")
    )


def _lower(comparison: Comparison) -> bool:
    return monitor_mode(comparison.score) == "min"


def _values(comparison: Comparison, key: str, level: str) -> list[float]:
    alike: list[Configuration] = [setting for setting in comparison.ranked if setting.own.get(key) == level]
    return [mean for setting in alike if (mean := setting.mean(comparison.score)) is not None]


def _lengths(comparison: Comparison) -> list[int]:
    """Of rows and columns that have values at all, the lesser first."""
    counts = sorted(len(comparison.levels(key)) for key in comparison.keys)
    return [0, *counts] if counts and counts[0] > 1 else [0, 0, 0]
