"""sweep.html: the comparison of many runs on one page, and its figures."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from mlplab.comparison.comparison import Comparison
from mlplab.comparison.text import (
    best_ensemble_text,
    comparison_table,
    conclusion_text,
    ensemble_gains,
    footer_text,
    format_mean_std,
)
from mlplab.report.curves import NAMED, draw_family
from mlplab.report.figure import Panel
from mlplab.report.html import Table, render
from mlplab.report.style import LOSS_NAMES, SPLIT_NAMES
from mlplab.report.sweep_plots import draw_effect, draw_front, draw_heat, draw_parallel, pareto_front
from mlplab.report.text import count_noun

KINDS = ("curves", "heat", "effect_", "parallel", "cost_")  # names of the figures start with these
COSTS = {"parameters": "parameters", "seconds": "training time per run (s)"}
MAX_CELLS = 12  # along a side of the heat map
MAX_LINES = 300  # in parallel coordinates
PLUS_MINUS = " ± "


def comparison_page(
    title: str,
    comparisons: Sequence[Comparison],
    panels: Mapping[int, Sequence[Panel]],
    missing: Sequence[str],
    commands: Sequence[str],
    tests: bool = False,
) -> str:
    """panels: by place of the comparison. missing: one line per failed or unfinished run. tests: show test scores."""
    runs = [run for comparison in comparisons for run in comparison.runs]
    finished = sum(run.state == "finished" for run in runs)
    configurations = sum(len(comparison.configurations) for comparison in comparisons)
    facts = f"{count_noun(len(runs), 'run')} of {count_noun(configurations, 'configuration')} · {finished} finished"
    if pruned := sum(run.state == "pruned" for run in runs):
        facts += f" · {pruned} pruned"
    alone = len(comparisons) == 1
    return render(
        "sweep.html.j2",
        title=title,
        facts=facts,
        comparisons=[
            _section(comparison, panels.get(at, ()), tests, alone) for at, comparison in enumerate(comparisons)
        ],
        missing=missing,
        commands=commands,
    )


def _section(comparison: Comparison, panels: Sequence[Panel], tests: bool, alone: bool) -> dict[str, Any]:
    """Returns what sweep.html.j2 shows of one dataset."""
    drawn = {panel.name: panel.html() for panel in panels}
    return {
        "suffix": "" if alone else f": {comparison.data}",
        "conclusion": [_sentence(line) for line in conclusion_text(comparison, PLUS_MINUS)],
        "table": _table(*comparison_table(comparison, tests=tests, sign=PLUS_MINUS)),
        "footer": [line.replace("+-", "±") for line in footer_text(comparison, tests)],
        "ensembles": _table(*ensemble_gains(comparison, tests)) if comparison.ensembles else None,
        "ensemble_conclusion": [_sentence(line) for line in best_ensemble_text(comparison)],
        **{name: drawn.get(name) for name in ("curves", "heat", "parallel")},
        "effects": [figure for name, figure in drawn.items() if name.startswith("effect_")],
        "costs": [figure for name, figure in drawn.items() if name.startswith("cost_")],
    }


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> Table:
    """Replaces the ranks in the first column by numbers."""
    return Table(header, [[int(rank) if rank.isdigit() else None, *cells] for rank, *cells in lines])


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def build_figures(comparison: Comparison) -> list[Panel]:
    """Returns the curves; with more than one configuration the figures of its keys. None where no run has finished."""
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
    found = {configuration.name: configuration.curves(comparison.score) for configuration in comparison.ranked}
    found = {name: curve for name, curve in found.items() if curve[0]}
    if not found:
        return []

    def draw(axes: Any) -> None:
        draw_family(axes, found, axis_label(comparison), comparison.lower_is_better)

    several = comparison.most > 1
    caption = f"Lines are means over {comparison.chance}, bands one standard deviation. " if several else ""
    if len(found) > NAMED:
        caption += f"The {NAMED} best are labelled, the others grey. "
    caption += "The table has each run at its best epoch, so its scores can be better than those at the last epoch."
    return [Panel("curves", f"{_score(comparison)} by epoch", draw, caption, (9.6, 4.4))]


def heatmap_figure(comparison: Comparison) -> list[Panel]:
    """Draws a heat map for two keys of at least two values each."""
    counts = [len(comparison.levels(key)) for key in comparison.keys]
    if len(counts) != 2 or min(counts) < 2 or max(counts) > MAX_CELLS:
        return []
    rows, columns = comparison.keys
    levels = ([*comparison.levels(rows)], [*comparison.levels(columns)])
    by_values = {
        (configuration.own.get(rows), configuration.own.get(columns)): configuration
        for configuration in comparison.configurations
    }
    values = np.full((len(levels[0]), len(levels[1])), np.nan)
    labels = [["" for _ in levels[1]] for _ in levels[0]]
    best = (0, 0)
    for (at, row), (to, column) in product(enumerate(levels[0]), enumerate(levels[1])):
        if (configuration := by_values.get((row, column))) is None:
            continue
        labels[at][to] = configuration.verdict
        if (mean := configuration.mean(comparison.score)) is not None:
            values[at, to] = mean
            is_best = configuration is comparison.best
            note = "\nbest" if is_best else "\n≈ best" if configuration in comparison.tied else ""
            labels[at][to] = format_mean_std(mean, configuration.std(comparison.score), "\n± ") + note
            best = (at, to) if is_best else best

    def draw(axes: Any) -> None:
        draw_heat(axes, (rows, columns), levels, values, labels, best, comparison.lower_is_better)

    caption = "Darker is better; the best is framed."
    if comparison.tied:
        caption += f" ≈ best: variation over {comparison.chance} explains the difference."
    size = (max(1.9 + 1.1 * len(levels[1]), 4.2), max(0.9 + 0.8 * len(levels[0]), 2.6))
    return [Panel("heat", f"{_score(comparison)} by {rows} and {columns}", draw, caption, size)]


def effect_figures(comparison: Comparison) -> list[Panel]:
    """Returns one figure per key, over all values of the other keys."""
    found = []
    for key in comparison.keys:
        scores: dict[str, list[float]] = {level: [] for level in comparison.levels(key)}
        for configuration, mean in comparison.means:
            if key in configuration.own:
                scores[configuration.own[key]].append(mean)
        scores = {level: means for level, means in scores.items() if means}
        if len(scores) > 1:
            found.append(_effect_figure(comparison, key, scores))
    return found


def _effect_figure(comparison: Comparison, key: str, scores: dict[str, list[float]]) -> Panel:
    numbers = comparison.levels(key)
    known = [value for level in scores if (value := numbers[level]) is not None]
    places = known if len(known) == len(scores) else None

    def draw(axes: Any) -> None:
        draw_effect(axes, key, scores, places, axis_label(comparison), comparison.lower_is_better)

    mean = f" (its mean over {comparison.chance})" if comparison.most > 1 else ""
    caption = f"A grey dot is a configuration{mean}."
    if len(comparison.keys) > 1:
        caption += " Mean and best are taken over all values of the other keys."
    return Panel(f"effect_{key}", f"Effect of {key}", draw, caption)


def parallel_figure(comparison: Comparison) -> list[Panel]:
    """Draws parallel coordinates for three keys or more."""
    if len(comparison.keys) < 3:
        return []
    shown = [(configuration.own, mean) for configuration, mean in comparison.means[:MAX_LINES]]
    levels = {}
    for key in comparison.keys:  # from bottom to top: numbers ascending, of strings the value of the best one last
        values = comparison.levels(key)
        levels[key] = [*values][::-1] if None in values.values() else [*values]
    tied = len(comparison.tied)

    def draw(axes: Any) -> None:
        draw_parallel(axes, levels, shown, tied, comparison.score, comparison.lower_is_better)

    caption = "A line is a configuration, from its values to its score; better scores are higher. Blue: the best."
    caption += " Dashed: the difference to the best may be chance." if tied else ""
    return [Panel("parallel", "Parallel coordinates", draw, caption, (2.6 * len(levels) + 2.4, 4.4))]


def cost_figures(comparison: Comparison) -> list[Panel]:
    """Draws the score against parameters and seconds; none where all configurations cost the same."""
    found = []
    for cost in COSTS:
        ranked = enumerate(comparison.means, start=1)
        known = [(rank, spent, mean) for rank, (own, mean) in ranked if (spent := own.fact(cost))]
        if len({spent for _, spent, _ in known}) > 1:
            found.append(_cost_figure(comparison, cost, known))
    return found


def _cost_figure(comparison: Comparison, cost: str, known: Sequence[tuple[int, float, float]]) -> Panel:
    """known: rank in the table, cost, score."""
    ranks, costs, scores = map(list, zip(*known, strict=True))
    front = [int(ranks[at]) for at in pareto_front(costs, scores, comparison.lower_is_better)]

    def draw(axes: Any) -> None:
        labels = (COSTS[cost], axis_label(comparison))
        draw_front(axes, [*map(str, ranks)], costs, scores, labels, comparison.lower_is_better)

    named = "; ".join(f"{rank}: {comparison.ranked[rank - 1].name}" for rank in sorted(front[-NAMED:]))
    caption = f"A dot is a configuration, a number its rank in the table; the line is the Pareto front. {named}."
    return Panel(f"cost_{cost}", f"{_score(comparison)} against {cost}", draw, caption)


def axis_label(comparison: Comparison) -> str:
    """Returns `validation loss (cross entropy)`."""
    label = _score(comparison)
    if comparison.score.startswith("loss/") and comparison.loss:
        label += f" ({LOSS_NAMES.get(comparison.loss, comparison.loss)})"
    return label[0].lower() + label[1:]


def _score(comparison: Comparison) -> str:
    """Returns `Validation loss`."""
    metric, _, split = comparison.score.partition("/")
    name = f"{SPLIT_NAMES.get(split, split)} {'R²' if metric == 'r2' else metric}".strip()
    return name[:1].upper() + name[1:]
