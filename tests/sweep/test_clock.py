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


def test_the_rest_takes_as_long_as_the_first_job_each(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter((100.0, 130.0, 130.0))
    monkeypatch.setattr(clock.time, "perf_counter", lambda: next(times))
    clock.start()
    assert clock.estimate(5, 1) == "about 2 min for the other 4 jobs, if they are like the first"
    assert clock.estimate(2, 1) == "about 30 s for the other job, if they are like the first"
    assert clock.estimate(1, 1) == ""


def test_nothing_is_said_where_no_job_has_begun_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_since", [])
    assert clock.estimate(5, 1) == ""
