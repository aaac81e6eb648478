"""Measures what shared cores cost: a run alone and beside busy processes, with a long and a short spin of threads.

    python benchmarks/sharing.py

OpenMP's threads wait by spinning. GNU OpenMP spins for very long unless GOMP_SPINCOUNT limits it; the commands set it
to 1000.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from scratch import scratch_folder

TRAIN = Path(__file__).resolve().parents[1] / "scripts" / "train.py"
SPINS = {"long spin": "30000000000", "short spin": "1000"}
BUSY = [sys.executable, "-c", "while True: pass"]


def samples_per_second(spin: str, busy: int) -> float:
    others = [subprocess.Popen(BUSY) for _ in range(busy)]
    try:
        output = subprocess.run(
            [sys.executable, str(TRAIN), "trainer.max_epochs=10", "trainer.max_time=00:00:01:00"],
            cwd=scratch_folder(),
            env={**os.environ, "GOMP_SPINCOUNT": spin},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    finally:
        for process in others:
            process.kill()
            process.wait()
    return float(re.findall(r"([\d,]+) samples/s", output)[-1].replace(",", ""))


def main() -> None:
    print(f"{'samples/s':<12}{'alone':>10}{'1 busy':>10}{'2 busy':>10}")
    for name, spin in SPINS.items():
        print(f"{name:<12}" + "".join(f"{samples_per_second(spin, busy):>10,.0f}" for busy in (0, 1, 2)), flush=True)


if __name__ == "__main__":
    main()
