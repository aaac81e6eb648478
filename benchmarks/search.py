"""Compares a search with a grid: seconds until TPE with pruning finds a loss as low as a grid of as many jobs.

    python benchmarks/search.py [--case two,several] [--seeds 0,1,2,3,4] [hydra.sweeper.KEY=VALUE ...]

Both are commands as a user types them, one after the other: 40 jobs on digits over the same ranges with the same seed,
basic launcher, no pictures. The grid's seconds are from the start of its first job to its last file; the search's end
with the first job whose best validation loss is at most the grid's.
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
SHARED = ("data=digits", "trainer.max_epochs=30", "report.picture=false")
SEARCH = ("hydra/sweeper=tpe", "hydra.sweeper.num_jobs=40", "hydra.sweeper.pruner=median")
TWO = ("optimizer=sgd,momentum,adam,adamw", "model.hidden_features=[64]")
CASES = {  # overrides of both, of the grid, of the search
    "two": (
        TWO,
        ("optimizer.lr=1e-4,3e-4,1e-3,3e-3,1e-2,3e-2,1e-1,3e-1,1,3",),
        ("optimizer.lr=tag(log,interval(1e-4,3))",),
    ),
    "several": (
        ("optimizer=sgd,adam",),
        ("optimizer.lr=1e-4,1e-3,1e-2,1e-1,1", "model.hidden_features=[32],[128]", "model.dropout=0,0.3"),
        (
            "optimizer.lr=tag(log,interval(1e-4,1))",
            "model.hidden_features=[32],[64],[128]",
            "model.dropout=interval(0,0.3)",
        ),
    ),
}


def end_time(run: Path) -> float:
    files = [run / name for name in ("scores.json", "pruned.txt", "failure.txt") if (run / name).exists()]
    return files[0].stat().st_mtime


def sweep(folder: Path, name: str, *overrides: str) -> list[tuple[float, float]]:
    """Runs a sweep. Returns per job, in order: seconds from the first job's start to its end, best validation loss."""
    command = [sys.executable, str(TRAIN), "-m", *SHARED, *overrides, f"sweep.name={name}"]
    subprocess.run(command, cwd=folder, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    runs = [path for path in (folder / "outputs" / "sweeps" / name).iterdir() if (path / "config.yaml").exists()]
    runs.sort(key=lambda path: int(path.name.partition("_")[0]))
    start = min((run / "config.yaml").stat().st_mtime for run in runs)
    return [(end_time(run) - start, best(run)) for run in runs]


def best(run: Path) -> float:
    scores = run / "scores.json"
    return float(json.loads(scores.read_text())["loss/val"]) if scores.exists() else float("inf")


def measure(case: str, seed: int, more: list[str]) -> tuple[str, float]:
    """Returns a row of the table, and the fraction of the grid's seconds after which the search was as good."""
    both, values, ranges = CASES[case]
    with tempfile.TemporaryDirectory() as name:
        grid = sweep(Path(name), "grid", *both, *values, f"seed={seed}")
        found = sweep(Path(name), "search", *SEARCH, *more, *both, *ranges, f"seed={seed}")
    assert len(grid) == len(found) == 40
    goal, whole = min(loss for _, loss in grid), max(seconds for seconds, _ in grid)
    job, seconds = next(((job, end) for job, (end, loss) in enumerate(found) if loss <= goal), (-1, float("inf")))
    pruned = sum(loss == float("inf") for _, loss in found)
    lowest, last, fraction = min(loss for _, loss in found), max(end for end, _ in found), seconds / whole
    at = f"{seconds:.1f} | {job} | {fraction:.2f}" if job >= 0 else "never | | "
    return f"| {seed} | {goal:.4f} | {whole:.1f} | {lowest:.4f} | {last:.1f} | {pruned} | {at} |", fraction


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--case", default=",".join(CASES))
    parser.add_argument("--seeds", default="0,1,2,3,4")
    options, more = parser.parse_known_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for case in options.case.split(","):
        both, values, ranges = CASES[case]
        print(f"\n{case}: {' '.join((*both, *values))}\ncompared with {' '.join((*SEARCH, *more, *both, *ranges))}\n")
        print("| seed | grid, best | s | search, best | s, whole | pruned | s to the grid's best | at job | fraction |")
        print("|---|---|---|---|---|---|---|---|---|", flush=True)
        fractions = []
        for seed in map(int, options.seeds.split(",")):
            row, fraction = measure(case, seed, more)
            print(row, flush=True)
            fractions.append(fraction)
        median, met = statistics.median(fractions), sum(fraction <= 0.5 for fraction in fractions)
        print(f"\nmedian: {median:.2f} of the grid's seconds; at most half in {met} of {len(fractions)}")


if __name__ == "__main__":
    main()
