"""Compares fits of mlplab with a bare PyTorch loop, with a DataLoader, and with Keras on jax, in a table of ratios.

    python benchmarks/throughput.py [--pairs 7] [--threads 1] [--case NAME] [--settings] [--cpu] [--keras PYTHON]

Each side runs in its own process, which has fitted once before; they take turns, and the ratio is the median over
pairs. "First fits" is the ratio of the fits before, which include compilation, measured once. The side `lab` is what
the train command fits: every default callback, both curves, checkpoints, TensorBoard, history. Keras gets the same
rows, network, batch size and epochs, and evaluates val and the measured slice as one.
--settings compares options of mlplab with its defaults. --cpu counts processor seconds, for a shared machine.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from scratch import scratch_folder

HERE = Path(__file__).resolve().parent
WIDE = ("data=mnist", "model.hidden_features=[512,512]")
CASES = {
    "mnist-64": ("784-512-512-10, batch 64, MNIST", (*WIDE, "batch_size=64", "trainer.max_epochs=2")),
    "mnist-256": ("784-512-512-10, batch 256, MNIST", (*WIDE, "batch_size=256", "trainer.max_epochs=3")),
    "digits-32": (
        "64-32-10, batch 32, digits",
        ("data=digits", "model.hidden_features=[32]", "batch_size=32", "trainer.max_epochs=100"),
    ),
    "california-256": (
        "8-64-64-1, batch 256, california",
        ("data=california", "model.hidden_features=[64,64]", "batch_size=256", "trainer.max_epochs=60"),
    ),
}
SETTINGS = {
    f"mnist-{size}": (f"784-512-512-10, batch {size}, MNIST", (*WIDE, f"batch_size={size}", f"trainer.max_epochs={n}"))
    for size, n in ((64, 2), (1024, 4), (4096, 6))
}
CHOSEN = {
    "bf16-mixed": ("trainer.precision=bf16-mixed",),
    "medium": ("trainer.matmul_precision=medium",),
    "compile": ("trainer.compile=true",),
    "no-blocks": ("trainer.blocks=false",),
}


class Side:
    def __init__(self, command: list[str], threads: int | None) -> None:
        environment = {**os.environ, "GOMP_SPINCOUNT": "1000"}
        if threads:
            environment |= {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process: Any = subprocess.Popen(command, env=environment, text=True, **pipes)
        if threads and hasattr(os, "sched_setaffinity"):  # XLA ignores the number of threads, not that of processors
            os.sched_setaffinity(self.process.pid, range(threads))
        self.first = self.run()

    def run(self) -> tuple[float, float]:
        print("go", file=self.process.stdin, flush=True)
        for line in self.process.stdout:
            if line.startswith("result"):
                _, speed, loss = line.split()
                return float(speed), float(loss)
        raise SystemExit(f"{' '.join(self.process.args)} ended without a result")


def compare(title: str, names: tuple[str, str], sides: list[Side], pairs: int) -> None:
    """Prints a row of the table: the first side compared with the second."""
    results = [[side.run() for side in sides] for _ in range(pairs)]
    ratios = [first[0] / second[0] for first, second in results]
    speeds = [statistics.median(result[number][0] for result in results) for number in range(2)]
    losses = " / ".join(f"{result[1]:.4f}" for result in results[-1])
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    ratio = f"**{statistics.median(ratios):.2f}** ({spread}) | {sides[0].first[0] / sides[1].first[0]:.2f}"
    print(f"| {title} | {' / '.join(names)} | {speeds[0]:,.0f} | {speeds[1]:,.0f} | {ratio} | {losses} |", flush=True)
    for side in sides:
        side.process.stdin.close()
        side.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--case")
    parser.add_argument("--settings", action="store_true")
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--keras", metavar="PYTHON")
    options = parser.parse_args()
    cases = SETTINGS if options.settings else CASES
    clock = ["--cpu"] if options.cpu else []
    print(f"{options.threads or os.cpu_count()} thread(s), {options.pairs} pairs, {time.strftime('%Y-%m-%d')}\n")
    print("| case | sides | samples/s, first | second | ratio, median (range) | first fits | final loss/val |")
    print("|---|---|---|---|---|---|---|")
    for name, (title, overrides) in cases.items():
        if options.case in (None, name):
            others = list(CHOSEN) if options.settings else ["bare", *(["loader"] if name == "mnist-256" else [])]
            rows = "" if options.settings else export(overrides)
            peers = {"bare": [sys.executable, str(HERE / "bare_loop.py"), rows, *clock]}
            if options.keras:
                peers["keras"] = [options.keras, str(HERE / "keras_peer.py"), rows, *clock]
            for other in [*others, *(["keras"] if options.keras and not options.settings else [])]:
                ours = [sys.executable, str(HERE / "lab_side.py"), "lab", *clock, *overrides]
                through = [*ours[:2], "loader", *ours[3:]]
                pair = [[*ours, *CHOSEN[other]], ours] if options.settings else [ours, peers.get(other, through)]
                names = (other, "defaults") if options.settings else ("lab", other)
                compare(title, names, [Side(command, options.threads) for command in pair], options.pairs)


def export(overrides: tuple[str, ...]) -> str:
    """Writes scaled rows of train and val and the options of the fit for a peer without mlplab; returns the path."""
    import numpy as np
    import torch

    import mlplab
    from mlplab.run.build import build_splits

    config = mlplab.configure(*overrides)
    splits = build_splits(config)
    path = str(Path(scratch_folder()) / "rows.npz")
    pixels = splits.train.features.dtype == torch.uint8
    features, target = splits.train.features.float().numpy(), splits.train.target.numpy()
    mean, std = (features.mean(), features.std()) if pixels else (features.mean(0), features.std(0))
    shift, factor = (0, 1) if splits.class_names else (target.mean(0), target.std(0))
    rows: dict[str, Any] = {}
    for name, part in (("", splits.train), ("_val", splits.val)):
        rows[f"x{name}"] = (part.features.float().numpy() - mean) / np.where(std > 0, std, 1)
        rows[f"y{name}"] = (part.target.numpy() - shift) / factor if splits.info.target_names else part.target.numpy()
    widths = [*config.model.hidden_features, len(splits.class_names) or len(splits.info.target_names)]
    np.savez(path, **rows, widths=widths, batch_size=config.batch_size, epochs=config.trainer.max_epochs)
    return path


if __name__ == "__main__":
    main()
