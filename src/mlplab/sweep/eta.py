"""How long the rest of a sweep will take, said after its first job."""

import math
import time

EVERY = 10.0  # s between lines
_since: list[float] = []


def mark_start() -> None:
    """A job begins, or its libraries are imported, which the next ones need not wait for."""
    _since[:] = [time.perf_counter()]


def estimate_remaining(jobs: int, at_once: int = 1, seconds: float | None = None) -> str:
    """After the first of so many jobs has ended; nothing where the others end about now. seconds: that it took, without
    those since `start` in this process."""
    rounds = math.ceil(jobs / at_once) - 1
    if rounds < 1 or (seconds is None and not _since):
        return ""
    seconds = rounds * (time.perf_counter() - _since[0] if seconds is None else seconds)
    others = f"{jobs - 1} jobs" if jobs > 2 else "job"
    together = f", {at_once} at once" if at_once > 1 else ""
    return f"about {format_duration(seconds)} for the other {others}{together}, if they are like the first"


def format_duration(seconds: float) -> str:
    """To two parts: `40 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 and whole < 600 else "")
    return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 // 60 else "")


class StackProgress:
    """Says from time to time how far nets that train as one have come; those of a short sweep end before."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs
        self.began = self.said = time.perf_counter()

    def tell(self, done: int) -> None:
        """After so many epochs."""
        now = time.perf_counter()
        if now - self.said < EVERY or done == self.epochs:
            return
        self.said = now
        left = (now - self.began) / done * (self.epochs - done)
        print(f"epoch {done}/{self.epochs} of the stack, about {format_duration(left)} left", flush=True)
