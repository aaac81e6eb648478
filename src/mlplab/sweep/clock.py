"""How long the rest of a sweep will take, said after its first job."""

import time

_since: list[float] = []


def start() -> None:
    """A job begins, or its libraries are imported, which the next ones need not wait for."""
    _since[:] = [time.perf_counter()]


def estimate(jobs: int, done: int) -> str:
    """After a job that has ended, of a sweep whose jobs run one after the other; nothing where none is left."""
    if not _since or done >= jobs:
        return ""
    left = jobs - done
    seconds = (time.perf_counter() - _since[0]) * left
    others = f"{left} jobs" if left > 1 else "job"
    return f"about {duration(seconds)} for the other {others}, if they are like the first"


def duration(seconds: float) -> str:
    """To two parts: `40 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 and whole < 600 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 // 60 else "")
