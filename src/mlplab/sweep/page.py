"""sweep.html: what a sweep came to on one page, which needs nothing beside itself."""

from collections.abc import Mapping, Sequence

from mlplab.report import html
from mlplab.report.figure import Panel
from mlplab.sweep.comparison import Comparison
from mlplab.sweep.gain import best_ensemble, gains
from mlplab.sweep.told import conclusion, footer, grid


def page(
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
    main, *rest = conclusion(one, " ± ")
    header, lines = grid(one, tests=tests, sign=" ± ")
    rows = [[_place(first), *cells] for first, *cells in lines]
    told = [html.words(line.replace("+-", "±"), "quiet") for line in footer(one, tests)]
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
    header, lines = gains(one, tests)
    rows = [[_place(first), *cells] for first, *cells in lines]
    what = html.words("An ensemble predicts the mean of its members' predictions.", "quiet")
    told = [html.words(_sentence(line)) for line in best_ensemble(one)]
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
