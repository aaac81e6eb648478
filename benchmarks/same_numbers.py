"""Trains six fixed-seed configurations at a commit and in the working tree, and compares every number, bit for bit.

python benchmarks/same_numbers.py COMMIT [--ignore KEY ...]     one line per configuration; one to two minutes
python benchmarks/same_numbers.py --store     writes tests/same_numbers.json again; about 30 seconds

Compares scores.json, history.csv and the tensors of the checkpoints, on this machine, on one thread. Exit status 1
if anything differs. --ignore leaves out keys of scores.json, or columns of history.csv, changed on purpose. --store
is for after an intended change of the numbers: tests/test_same_numbers.py compares three of the configurations, in
float64, with the stored values.
"""

import argparse
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

REPO = Path(__file__).resolve().parents[1]
OWN_TREE = Path(__file__).with_name("own_tree.py")
STORE = REPO / "tests" / "same_numbers.json"
ALWAYS = ("trainer.accelerator=cpu", "report.picture=false")
CASES = {
    "digits": (
        *("data=digits", "model.hidden_features=[48,24]", "model.normalisation=batch", "activation=silu"),
        *("optimizer=adamw", "optimizer.lr=0.01", "scheduler=one_cycle", "callback=weight_averaging"),
        *("data.label_noise=0.1", "loss.label_smoothing=0.05", "trainer.max_epochs=4"),
    ),
    "diabetes": (
        *("data=diabetes", "loss=huber", "model.hidden_features=[32,16]", "model.normalisation=layer"),
        *("activation=tanh", "optimizer=momentum", "optimizer.lr=0.01", "scheduler=step", "scheduler.step_size=2"),
        *("trainer.gradient_clip_val=1.0", "trainer.max_epochs=6", "seed=3"),
    ),
    "breast_cancer": (
        *("data=breast_cancer", "loss=bce", "loss.pos_weight=balanced", "model.hidden_features=[16]"),
        *("activation=elu", "optimizer=rmsprop", "optimizer.lr=0.003", "scheduler=cosine", "batch_size=24"),
        *("callback=early_stopping", "trainer.max_epochs=5", "data.split_seed=2"),
    ),
    # nothing here needs single mini-batches: small networks then train fused mini-batches
    "moons, fused mini-batches": (
        *("data=moons", "model=residual_mlp", "model.dropout=0.2", "activation=gelu", "optimizer=nadam"),
        *("optimizer.lr=0.005", "scheduler=warmup_cosine", "batch_size=8", "trainer.max_epochs=4"),
    ),
    "stacked sweep of four": (
        *("-m", "hydra/launcher=stacked", "data=wine", "model.hidden_features=[24]", "model.dropout=0.3"),
        *("optimizer=adam", "optimizer.lr=0.01,0.001", "seed=0,1", "scheduler=exponential", "trainer.max_epochs=5"),
    ),
    "image_folder": (
        *("data=image_folder", "data.root={images}", "data.size=[12,12]", "model=maxout", "model.dropout=0.1"),
        *("model.initialisation=he_normal", "optimizer=adagrad", "optimizer.lr=0.02", "scheduler=plateau"),
        *("callback=gradient_accumulation", "batch_size=16", "trainer.max_epochs=4"),
    ),
}
STORED = ("digits", "diabetes", "breast_cancer")  # no dropout: processors of other vendors draw other masks
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
UNCOMPARED = {"seconds", "samples_per_second", "mlplab", "torch", "lightning"}  # times and versions
CHECKPOINTS = ("best.ckpt", "last.ckpt")  # the second has the optimizer's state
Values = dict[str, Any]


class ComparisonError(Exception):
    """Ends the program, or the comparison of one configuration, with one line."""


def train(trees: Sequence[Path], overrides: tuple[str, ...], root: Path) -> list[list[Path]]:
    """Trains one configuration with the code of each tree, at once; returns the run folders of each."""
    folders = [root / f"tree{number}" for number in range(len(trees))]
    processes: list[subprocess.Popen[str]] = []
    try:
        for tree, folder in zip(trees, folders, strict=True):
            processes.append(_started(tree, overrides, folder))
        for process, tree in zip(processes, trees, strict=True):
            _wait(process, "in the working tree" if tree == REPO else "at the commit")
        return [sorted(path.parent for path in folder.rglob("scores.json")) for folder in folders]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _started(tree: Path, overrides: tuple[str, ...], folder: Path) -> subprocess.Popen[str]:
    draw_images(folder / "images")
    arguments = [override.format(images=folder / "images") for override in (*overrides, *ALWAYS)]
    return subprocess.Popen(
        [sys.executable, str(OWN_TREE), str(tree), *arguments],
        cwd=folder,
        env={**os.environ, **THREADS, "PYTHONPATH": str(tree / "src")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait(process: subprocess.Popen[str], where: str) -> None:
    _, errors = process.communicate()
    if process.returncode:
        reason = (errors.strip().splitlines() or [f"exit status {process.returncode}"])[-1]
        raise ComparisonError(f"training failed {where}: {reason}")


def draw_images(root: Path) -> None:
    """Writes 30 images of each of three classes: horizontal, vertical and diagonal stripes, shifted, with noise."""
    noise = random.Random(0)
    for name, (right, down) in {"diagonal": (30, 30), "horizontal": (0, 40), "vertical": (40, 0)}.items():
        folder = root / name
        folder.mkdir(parents=True)
        for number in range(30):
            shift = noise.randrange(256)
            pixels = [(right * x + down * y + shift + noise.randrange(60)) % 256 for y in range(12) for x in range(12)]
            Image.frombytes("L", (12, 12), bytes(pixels)).save(folder / f"{number:02}.png")


def scores_of(run: Path) -> Values:
    scores: Values = json.loads((run / "scores.json").read_text())
    return scores


def history_of(run: Path) -> Values:
    """Returns the cells of history.csv as text, by row and column."""
    with open(run / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {f"row {number}, {column}": cell for number, row in enumerate(rows) for column, cell in row.items()}


def tensors_of(path: Path) -> Values:
    """Returns the weights of a checkpoint and, where there are any, the optimizers' states, by dotted name."""
    checkpoint = torch.load(path, map_location="cpu", weights_only=True) if path.exists() else {}
    parts = {name: checkpoint[name] for name in ("state_dict", "optimizer_states") if name in checkpoint}
    return dict(_leaves(parts, ""))


def _leaves(node: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(node, Mapping | list | tuple):
        entries = node.items() if isinstance(node, Mapping) else enumerate(node)
        for key, value in entries:
            yield from _leaves(value, f"{name}.{key}".lstrip("."))
    else:
        yield name, node


def difference(there: Path, here: Path, ignored: Collection[str] = ()) -> str:
    """Returns the first place where two run folders differ, with both values; nothing where they are equal."""
    files = {"scores.json": (scores_of(there), scores_of(here)), "history.csv": (history_of(there), history_of(here))}
    for name in CHECKPOINTS:
        files[name] = tensors_of(there / "checkpoints" / name), tensors_of(here / "checkpoints" / name)
    unread = UNCOMPARED | set(ignored)
    return next((f"{name}: {found}" for name, pair in files.items() if (found := _first(*pair, unread))), "")


def _first(there: Values, here: Values, unread: Collection[str]) -> str:
    names = [name for name in {**there, **here} if name.split(", ")[-1] not in unread]
    for name in names:
        if name not in there or name not in here:
            return f"{name} only in the {'working tree' if name in here else 'commit'}"
        if found := _unequal(there[name], here[name]):
            return f"{name}{found}"
    return ""


def _unequal(there: Any, here: Any) -> str:
    if isinstance(there, Tensor) and isinstance(here, Tensor) and _form(there) == _form(here):
        places = (_bits(there) != _bits(here)).any(dim=1).nonzero()
        if not len(places):
            return ""
        at = [int(one) for one in torch.unravel_index(places[0, 0], there.shape)]
        return f"{at if at else ''}: {there[tuple(at)].item()!r} != {here[tuple(at)].item()!r}"
    values = [_form(one) if isinstance(one, Tensor) else repr(one) for one in (there, here)]
    return "" if values[0] == values[1] else f": {values[0]} != {values[1]}"


def _form(tensor: Tensor) -> str:
    return f"{tensor.dtype} {tuple(tensor.shape)}"


def _bits(tensor: Tensor) -> Tensor:
    """Returns the bytes of a tensor, (elements, bytes per element)."""
    return tensor.reshape(-1).view(torch.uint8).reshape(tensor.numel(), tensor.element_size())


def compare(tree: Path, overrides: tuple[str, ...], ignored: Collection[str]) -> str:
    """Trains one configuration with the code of a tree and of this one; returns where its runs differ first, if any."""
    with tempfile.TemporaryDirectory() as root:
        try:
            there, here = train([tree, REPO], overrides, Path(root))
        except ComparisonError as error:
            return str(error)
        if len(there) != len(here) or not there:
            return f"number of runs: {len(there)} != {len(here)}"
        for number, pair in enumerate(zip(there, here, strict=True)):
            if found := difference(*pair, ignored):
                return f"run {number}, {found}" if len(there) > 1 else found
    return ""


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Yields a folder with the files of a commit, and removes it at the end."""
    if _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}").returncode:
        raise ComparisonError(f"{commit}: no such commit")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder).resolve() / "tree"
        try:
            if (added := _git("worktree", "add", "--detach", str(tree), commit)).returncode:
                raise ComparisonError(f"{commit}: cannot be checked out: {added.stderr.strip().splitlines()[-1]}")
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))
            _git("worktree", "prune")


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(REPO), *arguments], capture_output=True, text=True, check=False)


def compare_all(commit: str, ignored: Collection[str]) -> int:
    """Prints one line per configuration; returns the exit status."""
    status = 0
    with checked_out(commit) as tree:
        for name, overrides in CASES.items():
            found = compare(tree, overrides, ignored)
            print(f"{name:<27}{found or 'equal'}", flush=True)
            status = 1 if found else status
    return status


def measured(name: str) -> dict[str, Values]:
    """Trains a configuration in float64 here; returns the scores and the losses of the history that are stored."""
    with tempfile.TemporaryDirectory() as root:
        [[run]] = train([REPO], (*CASES[name], "trainer.precision=64-true"), Path(root))
        scores = {key: value for key, value in scores_of(run).items() if _is_stored(key)}
        return {"scores": scores, "history": {k: float(v) for k, v in history_of(run).items() if ", loss/" in k}}


def _is_stored(key: str) -> bool:
    return key == "best_epoch" or key.endswith(("/train", "/val", "/test"))


def store() -> int:
    STORE.write_text(json.dumps({name: measured(name) for name in STORED}, indent=1) + "\n")
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("commit", nargs="?", help="a commit, branch or tag of this repository")
    what.add_argument("--store", action="store_true", help="write the values that the test compares with")
    parser.add_argument("--ignore", nargs="+", default=[], metavar="KEY", help="keys or columns not compared")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the folders of the commit are removed
    try:
        raise SystemExit(store() if options.store else compare_all(options.commit, options.ignore))
    except ComparisonError as error:
        raise SystemExit(f"same_numbers: {error}") from None


if __name__ == "__main__":
    main()
