"""The verdict of real runs that were made to go wrong, each in one way, and of healthy ones, over seeds."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

import mlplab
from mlplab.run.build import build_splits

pytestmark = pytest.mark.slow
SEEDS = range(5)
Recipe = Callable[[Path, np.random.Generator], Sequence[str]]


def table(path: Path, columns: dict[str, Sequence[object]]) -> tuple[str, ...]:
    rows = [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join([",".join(columns), *rows]))
    return ("data=csv", f"data.path={path}", "data.target=y")


def features(rows: np.ndarray) -> dict[str, Sequence[object]]:
    return {f"x{number}": column.round(4).tolist() for number, column in enumerate(rows.T)}


def labels(yes: np.ndarray) -> list[str]:
    return np.where(yes, "yes", "no").tolist()


def noise(path: Path, random: np.random.Generator) -> Sequence[str]:
    """A coin for a target."""
    rows, target = random.normal(size=(500, 6)), random.random(500) < 0.5
    return (*table(path, {**features(rows), "y": labels(target)}), "data.task=classification", "trainer.max_epochs=15")


def leak(path: Path, random: np.random.Generator) -> Sequence[str]:
    """A column that was made from the target."""
    rows, target = random.normal(size=(600, 6)), random.random(600) < 0.5
    code = (7 + 2 * target + 0.1 * random.normal(size=600)).round(2).tolist()
    columns = {**features(rows), "code": code, "y": labels(target)}
    return (*table(path, columns), "data.task=classification", "trainer.max_epochs=20")


def sites(path: Path, random: np.random.Generator) -> Sequence[str]:
    """Five sites, of which one makes no errors, and happens to be val."""
    site = np.repeat(np.arange(5), 160)
    split = (
        "data.task=classification",
        "data.split=group",
        "data.group=site",
        "data.ignore=[site]",
        "data.split_seed=0",
    )
    while True:
        rows = random.normal(size=(800, 4))
        wrong = (site != random.integers(5)) & (random.random(800) < 0.3)
        columns = {**features(rows), "site": site.tolist(), "y": labels((rows[:, 0] > 0) ^ wrong)}
        own = (*table(path, columns), *split)
        val = build_splits(mlplab.configure(*own)).val
        if bool(((val.features[:, 0] > 0).long() == val.target).all()):
            return (*own, "model=linear", "optimizer.lr=0.05", "trainer.max_epochs=10")


def rare(path: Path, random: np.random.Generator) -> Sequence[str]:
    """Few rows of one class, hard to classify."""
    rows = random.normal(size=(1000, 4))
    target = rows[:, 0] + 1.2 * random.normal(size=1000) > 2.8
    columns = {**features(rows), "y": labels(target)}
    return (*table(path, columns), "data.task=classification", "model.hidden_features=[16]", "trainer.max_epochs=20")


def plain(*overrides: str) -> Recipe:
    return lambda path, random: overrides


DIGITS = ("data=digits", "data.num_train=600", "model.hidden_features=[64,32]", "trainer.max_epochs=10")
DEEP = f"model.hidden_features={[32] * 8}".replace(" ", "")
CAUSES: dict[str, Recipe] = {
    "fits": plain("data=digits", "model.hidden_features=[64,32]", "trainer.max_epochs=20", "scheduler=cosine"),
    "overfitting": plain("data=digits", "data.num_train=100", "data.label_noise=0.2", "trainer.max_epochs=60"),
    "underfitting": plain("data=sine", "model=linear", "optimizer.lr=0.05", "trainer.max_epochs=30"),
    "still_improving": plain("data=digits", "trainer.max_epochs=3"),
    "lr_too_high": plain("data=diabetes", "activation=tanh", "optimizer.lr=0.2", "trainer.max_epochs=20"),
    "lr_too_low": plain(*DIGITS, "optimizer.lr=1e-6"),
    "dead_units": plain(*DIGITS, "optimizer.lr=0.1"),
    "vanishing_gradient": plain(*DIGITS, "activation=sigmoid", DEEP),
    "no_better_than_baseline": noise,
    "validation_better_than_training": sites,
    "suspiciously_perfect": leak,
    "uneven_classes": rare,
}
HEALTHY: dict[str, Recipe] = {
    "moons": plain("data=moons", "model.hidden_features=[32]", "optimizer.lr=0.03", "scheduler=cosine"),
    "breast cancer": plain("data=breast_cancer", "callback=early_stopping"),
    "diabetes": plain("data=diabetes", "model.hidden_features=[16]", "callback=early_stopping", "optimizer.lr=0.01"),
    "digits": plain("data=digits", "optimizer=sgd", "activation=tanh", "trainer.max_epochs=20"),
}


def verdicts(folder: Path, name: str, recipe: Recipe) -> list[str]:
    found = []
    for seed in SEEDS:
        run = folder / f"{name}_{seed}"
        own = recipe(folder / f"{name}_{seed}.csv", np.random.default_rng(seed))
        common = (f"run_dir={run}", "report.picture=false", "trainer.accelerator=cpu")
        config = mlplab.configure(*common, f"seed={seed}", f"data.split_seed={seed}", *own)
        found.append(mlplab.train(config)["verdict"])
    return found


@pytest.fixture(scope="module")
def confusion(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[str]]:
    """By cause, how often each verdict was given."""
    folder = tmp_path_factory.mktemp("causes")
    return {cause: Counter(verdicts(folder, cause, recipe)) for cause, recipe in CAUSES.items()}


def test_twelve_causes_of_five_seeds_get_the_right_verdict(confusion: dict[str, Counter[str]]) -> None:
    right = sum(found[cause] for cause, found in confusion.items())
    assert right >= 0.95 * len(CAUSES) * len(SEEDS), confusion
    assert all(found[cause] >= 4 for cause, found in confusion.items()), confusion


def test_healthy_runs_get_no_alarm(tmp_path: Path, confusion: dict[str, Counter[str]]) -> None:
    found = {name: Counter(verdicts(tmp_path, name, recipe)) for name, recipe in HEALTHY.items()}
    found["of the causes"] = confusion["fits"]
    calm = sum(counts["fits"] for counts in found.values())
    assert calm >= 0.95 * len(found) * len(SEEDS), found
