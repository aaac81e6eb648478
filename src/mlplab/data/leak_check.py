"""Look for leaks between the splits before training: what is certain always, what is likely if asked."""

from typing import Literal

from mlplab.data.leak import Leak
from mlplab.data.nearness import near_copies
from mlplab.data.overlap import copies, dates, groups
from mlplab.data.splits import Splits
from mlplab.data.suspicion import lone_feature, unlike

Level = Literal["basic", "full", "off"]
BASIC = (copies, groups, dates)
FULL = (*BASIC, near_copies, lone_feature, unlike)


def find_leaks(splits: Splits) -> list[Leak]:
    """By the level that the data set was asked for."""
    checks = {"off": (), "basic": BASIC, "full": FULL}[splits.leak_check]
    return [leak for check in checks for leak in check(splits)]


def told(splits: Splits) -> dict[str, str]:
    """Lines for the console; a full check that found nothing says so."""
    found = [leak.text for leak in find_leaks(splits)]
    if not found and splits.leak_check == "full":
        found = ["none found: copies, groups, dates, near copies, a feature that tells the target, splits unlike"]
    return {"leak": "\n".join(found)} if found else {}
