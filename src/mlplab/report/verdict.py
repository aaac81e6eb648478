"""What the two curves say, in a word and in a sentence."""

from collections.abc import Sequence
from typing import NamedTuple

Row = dict[str, float]


class Verdict(NamedTuple):
    name: str
    text: str


def verdict(rows: Sequence[Row], best_epoch: int) -> Verdict:
    """`diverging`: the training loss ends above its start. `overfitting`: the validation loss ends 10 % or more above
    its lowest. `still_improving`: the best epoch is among the last 5 % of all. `fits`: none of these.

    rows: the history, epoch 0 first."""
    last = rows[-1]
    lowest = min(rows[1:], key=lambda row: row["loss/val"])
    train, val = last["loss/train"], last["loss/val"]
    ends = f"validation loss ends at {val:.3g}, training loss at {train:.3g}: a gap of {val - train:.3g}"
    if train > rows[0]["loss/train"]:
        return Verdict("diverging", f"diverging: training loss ends above where it began, try a smaller lr; {ends}")
    if val > lowest["loss/val"] and val - lowest["loss/val"] >= 0.1 * lowest["loss/val"]:
        turned = f"validation loss was lowest at epoch {lowest['epoch']:.0f} ({lowest['loss/val']:.3g})"
        return Verdict("overfitting", f"overfitting: {turned}; {ends}")
    if best_epoch > 0.95 * (len(rows) - 1):
        return Verdict("still_improving", f"still improving: the best epoch, {best_epoch}, is among the last; {ends}")
    return Verdict("fits", f"fits: validation loss stays within 10 % of its lowest; {ends}")
