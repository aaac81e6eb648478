"""Compares hydra/launcher=stacked with the basic launcher, joblib with two processes, and scikit-learn, on small nets.

python benchmarks/sweeps.py [--cases digits,moons,mnist] [--sides basic,joblib,sklearn] [--pairs 1]

Seconds are from the start of the first job to the last file; libraries are imported before, in joblib's processes too.
The last column is the whole command.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
LRS = ",".join(f"{3e-4 * 1.3**place:.5f}" for place in range(16))
DIGITS = ("data=digits", "model.hidden_features=[64]", "trainer.max_epochs=30")
MOONS = ("data=moons", "data.num_rows=1000", "learner=classifier", "loss=ce", "model.hidden_features=[16]")
GRID = (f"optimizer.lr={LRS}", "seed=0,1,2,3")
MNIST = ("data=mnist", "model.hidden_features=[512,512]", "batch_size=64", "trainer.max_epochs=3")
CASES = {
    "digits": ("64 jobs of 64-64-10 on digits, 30 epochs", (*DIGITS, *GRID)),
    "digits, pictures": ("the same with curves.png", (*DIGITS, *GRID, "report.picture=true")),
    "moons": ("64 jobs of 2-16-2 on moons, 1,000 rows, 100 epochs", (*MOONS, "trainer.max_epochs=100", *GRID)),
    "mnist": ("4 jobs of 784-512-512-10 on MNIST, 3 epochs", (*MNIST, "optimizer.lr=0.0005,0.001", "seed=0,1")),
}
IMPORTS = "import mlplab.stack.train, mlplab.report.curves, sklearn.datasets\n"
WARM = f"{IMPORTS}import runpy, sys; sys.argv[:] = sys.argv[1:]; "
SKLEARN = """
import time, warnings
warnings.filterwarnings("ignore")
import numpy as np
from joblib import Parallel, delayed
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.neural_network import MLPClassifier
import mlplab
from mlplab.run.build import build_splits
splits = build_splits(mlplab.configure("data=digits"))
x = np.concatenate([splits.train.features.numpy(), splits.val.features.numpy()])
y = np.concatenate([splits.train.target.numpy(), splits.val.target.numpy()])
x = (x - x.mean(0)) / np.maximum(x.std(0), 1e-6)
split = PredefinedSplit([-1] * len(splits.train) + [0] * len(splits.val))
net = MLPClassifier((64,), batch_size=32, max_iter=30, tol=0.0, n_iter_no_change=1000)
grid = {"learning_rate_init": [3e-4 * 1.3**place for place in range(16)], "random_state": [0, 1, 2, 3]}
def search(grid):
    return GridSearchCV(net, grid, cv=split, refit=False, n_jobs=2).fit(x, y)
search({"random_state": [0, 1]})  # starts the processes and imports
started = time.perf_counter()
search(grid)
print("seconds", time.perf_counter() - started)
"""


def sweep(launcher: str, overrides: tuple[str, ...]) -> tuple[float, float]:
    """Returns the seconds from the first job's start to the last file, and those of the whole command."""
    more = ("hydra.launcher.n_jobs=2",) if launcher == "joblib" else ()
    picture = () if any("picture" in override for override in overrides) else ("report.picture=false",)
    command = ("-m", f"hydra/launcher={launcher}", "sweep.name=s", *more, *overrides, *picture)
    script = str(REPO / "scripts" / "train.py")
    warm = [sys.executable, "-c", WARM + f"runpy.run_path({script!r}, run_name='__main__')"]
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as early:
        Path(early, "sitecustomize.py").write_text(
            "import sys\nif any('loky' in argument for argument in sys.orig_argv): " + IMPORTS
        )
        found = os.pathsep.join([early, os.environ["PYTHONPATH"]])
        process = subprocess.Popen(
            [*warm, script, *command],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": found},
        )
        assert process.stdout is not None
        launched = 0.0
        for line in process.stdout:
            if re.match(r"\d+ jobs -> ", line):
                launched = time.time()
        if process.wait():
            raise SystemExit(f"{launcher}: the sweep failed")
        whole = time.perf_counter() - start
        files = [path for path in Path(folder, "outputs/sweeps/s").glob("*/**/*") if path.is_file()]
        if launcher == "joblib":  # its processes start later
            launched = min(path.stat().st_mtime for path in files if path.name == "config.yaml")
        return max(path.stat().st_mtime for path in files) - launched, whole


def sklearn() -> tuple[float, float]:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", SKLEARN], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1]), time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", default="digits,digits, pictures,moons,mnist".replace(", ", "; "))
    parser.add_argument("--sides", default="basic,joblib,sklearn")
    parser.add_argument("--pairs", type=int, default=1)
    options = parser.parse_args()
    sides = [side for side in options.sides.split(",") if side]
    os.environ.setdefault("PYTHONPATH", str(REPO / "src"))
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # as the command sets it, before torch is imported
    print("| sweep | launcher | seconds, median | seconds / stacked | whole command, s |\n|---|---|---|---|---|")
    for name in (case.replace("; ", ", ") for case in options.cases.split(",")):
        title, overrides = CASES[name]
        others = [side for side in sides if side != "sklearn" or name == "digits"]
        found: dict[str, list[tuple[float, float]]] = {side: [] for side in ("stacked", *others)}
        for _ in range(options.pairs):
            for side, times in found.items():
                times.append(sklearn() if side == "sklearn" else sweep(side, overrides))
        base = statistics.median(seconds for seconds, _ in found["stacked"])
        for side, times in found.items():
            seconds, whole = (statistics.median(column) for column in zip(*times, strict=True))
            ratio = f"**{seconds / base:.1f}**" if side != "stacked" else ""
            label = "scikit-learn's GridSearchCV, n_jobs=2" if side == "sklearn" else side
            print(f"| {title} | {label} | {seconds:.2f} | {ratio} | {whole:.1f} |", flush=True)


if __name__ == "__main__":
    main()
