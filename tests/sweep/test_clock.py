"""How long the rest of a sweep takes."""

import pytest

from mlplab.sweep import clock


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "1 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (80, "1 min 20 s"),
        (1234, "20 min"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
    ],
)
def test_a_time_is_said_in_two_parts(seconds: float, said: str) -> None:
    assert clock.duration(seconds) == said


@pytest.mark.parametrize(
    ("jobs", "at_once", "said"),
    [
        (5, 1, "about 2 min for the other 4 jobs, if they are like the first"),
        (2, 1, "about 30 s for the other job, if they are like the first"),
        (5, 2, "about 1 min for the other 4 jobs, 2 at once, if they are like the first"),
        (1, 1, ""),
        (4, 4, ""),  # they end about now
    ],
)
def test_the_rest_takes_as_long_as_the_first_job_each(
    jobs: int, at_once: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter((100.0, 130.0))
    monkeypatch.setattr(clock.time, "perf_counter", lambda: next(times))
    clock.start()
    assert clock.estimate(jobs, at_once) == said
    assert clock.estimate(jobs, at_once, seconds=30.0) == said


def test_nothing_is_said_where_no_job_has_begun_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_since", [])
    assert clock.estimate(5) == ""
