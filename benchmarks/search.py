"""Does a search reach what a grid finds, sooner? TPE with pruning against a grid of as many jobs, on digits, by seeds.

    python benchmarks/search.py [--seeds 5] [--jobs 40]

Both are commands as a user types them, with the basic launcher, pictures off. The grid's seconds are from its first
job's start to its last file. The search's are counted likewise, up to the end of the first job whose best validation
loss is at most the grid's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TRAIN = Path(__file__).resolve().parents[1] / "scripts" / "train.py"
SHARED = ("data=digits", "trainer.max_epochs=30", "report.picture=false", "model.hidden_features=[64]")
GRID = ("optimizer.lr=1e-4,3e-4,1e-3,3e-3,1e-2,3e-2,1e-1,3e-1,1,3", "optimizer=sgd,momentum,adam,adamw")
SPACE = ("optimizer.lr=tag(log,interval(1e-4,3))", "optimizer=sgd,momentum,adam,adamw")
PRUNED = ("hydra.sweeper.pruner=median", "hydra.sweeper.grace=2", "hydra.sweeper.first=5")


def ended(run: Path) -> float:
    files = [run / name for name in ("scores.json", "pruned.txt", "failure.txt") if (run / name).exists()]
    return files[0].stat().st_mtime


def sweep(folder: Path, name: str, *words: str) -> list[tuple[float, float]]:
    """Of each job in turn: seconds since the first job's start, best validation loss (of those that finished)."""
    command = [sys.executable, str(TRAIN), "-m", *SHARED, *words, f"sweep.name={name}"]
    subprocess.run(command, cwd=folder, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    runs = [path for path in (folder / "outputs" / "sweeps" / name).iterdir() if (path / "config.yaml").exists()]
    runs.sort(key=lambda path: int(path.name.partition("_")[0]))
    start = min((run / "config.yaml").stat().st_mtime for run in runs)
    return [(ended(run) - start, best(run)) for run in runs]


def best(run: Path) -> float:
    scores = run / "scores.json"
    return float(json.loads(scores.read_text())["loss/val"]) if scores.exists() else float("inf")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=40)
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    print("| seed | grid, best | s | search, best | s, whole | s to the grid's best | at job | of the grid's s |")
    print("|---|---|---|---|---|---|---|---|")
    shares = []
    for seed in range(given.seeds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            grid = sweep(folder, "grid", *GRID, f"seed={seed}")
            how = ("hydra/sweeper=tpe", f"hydra.sweeper.num_jobs={given.jobs}")
            found = sweep(folder, "search", *how, *PRUNED, *SPACE, f"seed={seed}")
        goal, whole = min(loss for _, loss in grid), max(seconds for seconds, _ in grid)
        reached = next(((job, seconds) for job, (seconds, loss) in enumerate(found) if loss <= goal), None)
        job, seconds = reached or (-1, float("inf"))
        shares.append(seconds / whole)
        least, last = min(loss for _, loss in found), max(seconds for seconds, _ in found)
        at = f"{seconds:.1f} | {job}" if reached else "never | "
        told = f"{seed} | {goal:.4f} | {whole:.1f} | {least:.4f} | {last:.1f} | {at} | {shares[-1]:.2f}"
        print(f"| {told} |", flush=True)
    print(f"\nmedian over {given.seeds} seeds: {statistics.median(shares):.2f} of the grid's seconds")


if __name__ == "__main__":
    main()
