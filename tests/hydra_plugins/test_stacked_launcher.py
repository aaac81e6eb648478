"""What the launcher says of the jobs that it cannot stack."""

from types import SimpleNamespace
from typing import Any

import mlplab
from hydra_plugins.mlplab.stacked_launcher import StackedLauncher, _told
from mlplab.config.tree import to_plain


def test_reasons_are_told_once_with_the_numbers_of_their_jobs() -> None:
    jobs: Any = [SimpleNamespace(place=str(number)) for number in range(10)]
    assert (
        _told(jobs, [[0, 1], [2, 3]], {4: "a", 5: "b", 6: "a"})
        == "stacked: 2, 2 of 10 jobs; singly: #4, #6 (a); singly: #5 (b)"
    )
    assert _told(jobs, [], dict.fromkeys(range(10), "a")).endswith("singly: #0, #1, #2, #3, #4 and 5 more (a)")


def test_jobs_of_one_form_are_parted_where_their_rows_are_not() -> None:
    """178 rows less 36 of test make folds of 28, 28, 28, 29 and 29 rows in some order."""
    words = [f"data.folds=5 data.fold={fold}" for fold in range(5)]
    jobs: Any = [
        SimpleNamespace(config=config, plain=to_plain(config))
        for config in (mlplab.configure("data=wine", *one.split()) for one in ("", "seed=1", *words))
    ]
    stacks, alone = StackedLauncher()._by_rows(jobs, [[0, 1], [2, 3, 4, 5, 6]], {9: "a"})
    assert stacks[0] == [0, 1]
    assert sorted(map(len, stacks[1:])) == [2, 3]
    assert sorted(place for places in stacks[1:] for place in places) == [2, 3, 4, 5, 6]
    assert alone == {9: "a"}
