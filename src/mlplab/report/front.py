"""What a score costs: settings by parameters or seconds, and the front of those that nothing beats in both."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from mlplab.report.ticks import in_two, on_log_scale, plain_log, spans

BEHIND = {"facecolor": "#fefefe", "edgecolor": "none", "pad": 0.6, "alpha": 0.85}  # of a word; that of the page


def front(costs: Sequence[float], scores: Sequence[float], lower_is_better: bool = True) -> list[int]:
    """Places, by cost: each better than all that cost no more."""
    sign = 1 if lower_is_better else -1
    found: list[int] = []
    for place in sorted(range(len(costs)), key=lambda place: (costs[place], sign * scores[place])):
        if not found or sign * scores[place] < sign * scores[found[-1]]:
            found.append(place)
    return found


def draw_front(
    axes: Axes,
    names: Sequence[str],
    costs: Sequence[float],
    scores: Sequence[float],
    labels: tuple[str, str],
    lower_is_better: bool = True,
) -> None:
    """names: short ones, written beside what is on the front. labels: of the axes."""
    best = front(costs, scores, lower_is_better)
    across, up = labels
    if spans(costs, 5):
        axes.set_xscale("log")
        across = on_log_scale(across)
    if lower_is_better and spans(scores, 10):
        axes.set_yscale("log")
        up = on_log_scale(up)
    axes.set(xlabel=across, ylabel=in_two(up))
    axes.plot(costs, scores, "o", color="#999999", markersize=5, linewidth=0)
    axes.margins(0.12)
    for axis, scale in ((axes.xaxis, axes.get_xscale()), (axes.yaxis, axes.get_yscale())):
        if scale == "log":
            plain_log(axis)
    x, y = [costs[place] for place in best], [scores[place] for place in best]
    right, worst = axes.get_xlim()[1], axes.get_ylim()[1 if lower_is_better else 0]
    axes.step([x[0], *x, right], [worst, *y, y[-1]], where="post", color="#0072B2", linewidth=1.2)
    axes.plot(x, y, "o", color="#0072B2", markersize=7, linewidth=0)
    axes.set_xlim(right=right)
    axes.set_ylim(*((None, worst) if lower_is_better else (worst, None)))
    for place in best:
        side = (4, 5) if lower_is_better else (4, -12)
        at = (costs[place], scores[place])
        axes.annotate(names[place], at, side, textcoords="offset points", fontsize=9, bbox=BEHIND)
