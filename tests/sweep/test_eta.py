"""The estimated duration of the rest of a sweep."""

import pytest

from mlplab.sweep import eta


@pytest.mark.parametrize(
    ("seconds", "text"),
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
def test_a_duration_has_at_most_two_units(seconds: float, text: str) -> None:
    assert eta.format_duration(seconds) == text


@pytest.mark.parametrize(
    ("jobs", "at_once", "text"),
    [
        (5, 1, "about 2 min for the other 4 jobs, if they are like the first"),
        (2, 1, "about 30 s for the other job, if they are like the first"),
        (5, 2, "about 1 min for the other 4 jobs, 2 at once, if they are like the first"),
        (1, 1, ""),
        (4, 4, ""),  # they end about now
    ],
)
def test_each_remaining_job_is_expected_to_take_as_long_as_the_first(
    jobs: int, at_once: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter((100.0, 130.0))
    monkeypatch.setattr(eta.time, "perf_counter", lambda: next(times))
    eta.mark_start()
    assert eta.estimate_remaining(jobs, at_once) == text
    assert eta.estimate_remaining(jobs, at_once, seconds=30.0) == text


def test_there_is_no_estimate_if_no_job_has_started_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eta, "_started", [])
    assert eta.estimate_remaining(5) == ""


def test_a_stack_prints_its_progress_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = iter((100.0, 104.0, 112.0, 116.0, 123.0, 140.0))
    monkeypatch.setattr(eta.time, "perf_counter", lambda: next(times))
    progress = eta.StackProgress(5)
    for done in range(1, 6):
        progress.update(done)
    assert capsys.readouterr().out.splitlines() == [
        "epoch 2/5 of the stack, about 18 s left",
        "epoch 4/5 of the stack, about 6 s left",
    ]
