"""What the launcher says of the jobs that it cannot stack."""

from types import SimpleNamespace
from typing import Any

from hydra_plugins.mlplab_stacked.launcher import _told


def test_reasons_are_told_once_with_the_numbers_of_their_jobs() -> None:
    jobs: Any = [SimpleNamespace(place=str(number)) for number in range(10)]
    assert (
        _told(jobs, [[0, 1], [2, 3]], {4: "a", 5: "b", 6: "a"})
        == "stacked: 2, 2 of 10 jobs; singly: #4, #6 (a); singly: #5 (b)"
    )
    assert _told(jobs, [], dict.fromkeys(range(10), "a")).endswith("singly: #0, #1, #2, #3, #4 and 5 more (a)")
