"""Measures the seconds from process start to the first step, the memory of an MNIST run, the cost of rows and width.

python benchmarks/startup.py [--part startup|memory|growth]
"""

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from scratch import scratch_folder

TRAIN = str(Path(__file__).resolve().parents[1] / "scripts" / "train.py")
ROWS = [("data=blobs", f"data.num_rows={count}") for count in (10**3, 10**4, 10**5, 10**6)]
WIDTHS = [
    ("data=blobs", "data.num_rows=20000", f"model.hidden_features=[{width},{width}]") for width in (64, 256, 1024)
]


def first_step(started: float) -> None:
    """Runs in its own process, which ends at its first step."""
    marks = {"python": time.time()}
    import mlplab

    config = mlplab.configure("data=mnist", f"run_dir={scratch_folder()}")
    marks["command line"] = time.time()
    import mlplab.run.train
    from mlplab.run.build import build

    marks["imports"] = time.time()
    lab = build(config)
    marks["data and network"] = time.time()

    from lightning import Callback

    class Stop(Callback):
        def on_train_batch_start(self, *_: Any) -> None:
            marks["epoch 0 measured"] = time.time()
            before = [started, *marks.values()]
            for name, earlier, later in zip(marks, before, marks.values(), strict=False):
                print(f"{name}={later - earlier:.2f}")
            sys.stdout.flush()
            os._exit(0)

    lab.trainer.callbacks.insert(0, Stop())  # type: ignore[attr-defined]
    lab.trainer.fit(lab.learner, datamodule=lab.batches)


def startup() -> None:
    runs = []
    for _ in range(5):
        printed = output([sys.executable, __file__, "--first-step", str(time.time())])
        runs.append({name: float(value) for name, value in re.findall(r"^([\w ]+)=([\d.]+)$", printed, re.MULTILINE)})
    parts = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    print("| from process start to the first step (MNIST, defaults) | s |\n|---|---|")
    for name, seconds in parts.items():
        print(f"| {name} | {seconds:.2f} |")
    print(f"| in total | {statistics.median(sum(run.values()) for run in runs):.2f} |")
    helps = []
    for _ in range(5):
        started = time.perf_counter()
        output([sys.executable, TRAIN, "--help"])
        helps.append(time.perf_counter() - started)
    print(f"| `--help`, whole | {statistics.median(helps):.2f} |\n")
    times = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import mlplab.run.train"],
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    packages: Counter[str] = Counter()
    for own, module in re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", times, re.MULTILINE):
        packages[module.split(".")[0]] += int(own)
    largest = ", ".join(f"{name} {spent / 1e6:.2f}" for name, spent in packages.most_common(8))
    print(f"Imports by package, in s as `python -X importtime` counts: {largest}\n")


def memory() -> None:
    run = ["data=mnist", "model.hidden_features=[512,512]", "batch_size=64", "trainer.max_epochs=1"]
    output([sys.executable, TRAIN, *run, f"run_dir={scratch_folder()}/run"])
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"Peak memory of a run on MNIST, 784-512-512-10, batch 64: {peak:.2f} GB\n")


def growth() -> None:
    import mlplab
    import mlplab.run.train
    from mlplab.run.build import build

    print("| case | rows trained on | processor time per sample, us |\n|---|---|---|")
    for overrides in (*ROWS, *WIDTHS):
        seconds = []
        for _ in range(2):
            epochs = max(1, 100_000 // int(re.findall(r"num_rows=(\d+)", " ".join(overrides))[0]))
            settings = (*overrides, f"trainer.max_epochs={epochs}", f"run_dir={scratch_folder()}")
            lab = build(mlplab.configure(*settings))
            started = time.process_time()
            lab.trainer.fit(lab.learner, datamodule=lab.batches)
            seconds.append((time.process_time() - started) / (epochs * len(lab.splits.train)))
            lab.overlay.close()
        print(f"| {overrides[-1]} | {len(lab.splits.train):,} | {min(seconds) * 1e6:.1f} |", flush=True)


def output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"startup": startup, "memory": memory, "growth": growth}
    parser.add_argument("--part", choices=parts)
    parser.add_argument("--first-step", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.first_step:
        first_step(options.first_step)
    for name, part in parts.items():
        if options.part in (None, name):
            part()


if __name__ == "__main__":
    main()
