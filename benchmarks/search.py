"""Does a search reach what a grid finds, sooner? TPE with pruning against a grid of as many jobs, on digits, by seeds.

    python benchmarks/search.py [--case two,several] [--seeds 0,1,2,3,4] [hydra.sweeper.KEY=VALUE ...]

Both are commands as a user types them, 40 jobs over the same ranges with the same seed, basic launcher, pictures off,
one after the other. The grid's seconds are from its first job's start to its last file. The search's are counted
likewise, up to the end of the first job whose best validation loss is at most the grid's.
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
CASES = {  # what both have, the grid's values, the search's ranges
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


def measured(case: str, seed: int, more: list[str]) -> tuple[str, float]:
    """A row of the table, and the share of the grid's seconds after which the search was as good."""
    both, values, ranges = CASES[case]
    with tempfile.TemporaryDirectory() as name:
        grid = sweep(Path(name), "grid", *both, *values, f"seed={seed}")
        found = sweep(Path(name), "search", *SEARCH, *more, *both, *ranges, f"seed={seed}")
    assert len(grid) == len(found) == 40
    goal, whole = min(loss for _, loss in grid), max(seconds for seconds, _ in grid)
    job, seconds = next(((job, end) for job, (end, loss) in enumerate(found) if loss <= goal), (-1, float("inf")))
    pruned = sum(loss == float("inf") for _, loss in found)
    least, last, share = min(loss for _, loss in found), max(end for end, _ in found), seconds / whole
    at = f"{seconds:.1f} | {job} | {share:.2f}" if job >= 0 else "never | | "
    return f"| {seed} | {goal:.4f} | {whole:.1f} | {least:.4f} | {last:.1f} | {pruned} | {at} |", share


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--case", default=",".join(CASES))
    parser.add_argument("--seeds", default="0,1,2,3,4")
    given, more = parser.parse_known_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for case in given.case.split(","):
        both, values, ranges = CASES[case]
        print(f"\n{case}: {' '.join((*both, *values))}\nagainst {' '.join((*SEARCH, *more, *both, *ranges))}\n")
        print("| seed | grid, best | s | search, best | s, whole | pruned | s to the grid's best | at job | share |")
        print("|---|---|---|---|---|---|---|---|---|", flush=True)
        shares = []
        for seed in map(int, given.seeds.split(",")):
            row, share = measured(case, seed, more)
            print(row, flush=True)
            shares.append(share)
        met = sum(share <= 0.5 for share in shares)
        print(
            f"\nmedian: {statistics.median(shares):.2f} of the grid's seconds; at most half in {met} of {len(shares)}"
        )


if __name__ == "__main__":
    main()
