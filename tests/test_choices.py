"""Every choice of every group, found from the conf folder, trains one epoch."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlplab.config.groups import CONF_DIR
from mlplab.config.schema import LOSSES

Train = Callable[..., tuple[Path, dict[str, Any]]]
SMALL = ("trainer.max_epochs=1", "model.hidden_features=[8]")
DATA_OF = {"classifier": "iris", "binary_classifier": "moons", "regressor": "line"}


def choices(group: str) -> list[str]:
    return sorted(path.stem for path in Path(CONF_DIR, group).glob("*.yaml"))


def is_a_run(folder: Path, scores: dict[str, Any]) -> bool:
    """All files are there, all scores are numbers."""
    files = ("config.yaml", "history.csv", "scores.json", "checkpoints/best.ckpt", "checkpoints/last.ckpt")
    numbers = [value for value in scores.values() if isinstance(value, float)]
    assert json.loads((folder / "scores.json").read_text()) == scores
    return all((folder / name).exists() for name in files) and all(map(math.isfinite, numbers))


def write_idx(path: Path, values: np.ndarray) -> None:
    """The format of MNIST's files: two zero bytes, type 8 (uint8), number of dimensions, sizes, values."""
    header = bytes([0, 0, 8, values.ndim]) + b"".join(size.to_bytes(4, "big") for size in values.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + values.astype(np.uint8).tobytes())


@pytest.fixture
def laid_out(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], list[str]]:
    """The overrides that a dataset needs; its files as the download (or the user) would lay them out."""
    generator = np.random.default_rng(0)

    def images(prefix: str, folder: Path, first_label: int) -> None:
        for part, count in (("train", 60), ("t10k" if prefix == "" else "test", 30)):
            name = f"{prefix}{part}"
            write_idx(folder / f"{name}-images-idx3-ubyte", generator.integers(0, 256, (count, 28, 28)))
            write_idx(folder / f"{name}-labels-idx1-ubyte", np.arange(count) % 3 + first_label)

    def lay(data: str) -> list[str]:
        if data in ("mnist", "fashion_mnist", "sign_mnist", "california"):
            return [f"data.root={request.getfixturevalue('mlplab_data')}", "data.num_train=500"]
        if data == "kmnist":
            images("", tmp_path / "KMNIST" / "raw", 0)
            return [f"data.root={tmp_path}"]
        if data == "emnist":
            images("emnist-letters-", tmp_path / "EMNIST" / "raw", 1)
            return [f"data.root={tmp_path}"]
        if data == "image_folder":
            for number in range(30):
                path = tmp_path / "images" / "ab"[number % 2] / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(generator.integers(0, 256, (9, 7, 3), dtype=np.uint8)).save(path)
            return [f"data.root={tmp_path / 'images'}"]
        if data == "csv":
            rows = [f"{x},{'red' if x % 2 else 'blue'},{3 * x}" for x in range(40)]
            (tmp_path / "table.csv").write_text("\n".join(["x,colour,price", *rows]))
            return [f"data.path={tmp_path / 'table.csv'}", "data.target=price", "data.task=regression"]
        return []

    return lay


@pytest.mark.parametrize("data", [name for name in choices("data") if name != "base"])
def test_every_dataset_trains(train: Train, laid_out: Callable[[str], list[str]], data: str) -> None:
    assert is_a_run(*train(f"data={data}", *laid_out(data), *SMALL))


def test_a_table_of_classes_trains_without_naming_learner_or_loss(train: Train, tmp_path: Path) -> None:
    rows = [f"{x},{'big' if x > 20 else 'small'}" for x in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["x,size", *rows]))
    _, scores = train(
        f"data.path={tmp_path / 't.csv'}", "data=csv", "data.target=size", "data.task=classification", *SMALL
    )
    assert "accuracy/test" in scores


@pytest.mark.parametrize("model", choices("model"))
@pytest.mark.parametrize("data", DATA_OF.values())
def test_every_model_trains(train: Train, model: str, data: str) -> None:
    assert is_a_run(*train(f"data={data}", f"model={model}", "trainer.max_epochs=1"))


@pytest.mark.parametrize("activation", choices("activation"))
def test_every_activation_trains(train: Train, activation: str) -> None:
    assert is_a_run(*train("data=iris", f"activation={activation}", *SMALL))


@pytest.mark.parametrize(("learner", "loss"), [(learner, loss) for learner, fit in LOSSES.items() for loss in fit])
def test_every_loss_trains_with_every_learner_that_it_fits(train: Train, learner: str, loss: str) -> None:
    assert is_a_run(*train(f"data={DATA_OF[learner]}", f"learner={learner}", f"loss={loss}", *SMALL))


@pytest.mark.parametrize("override", ["loss.weight=balanced", "loss.label_smoothing=0.1"])
def test_the_options_of_cross_entropy_train(train: Train, override: str) -> None:
    assert is_a_run(*train("data=wine", override, *SMALL))


@pytest.mark.parametrize("precision", ["32-true", "64-true", "bf16-mixed"])
def test_balanced_classes_train_in_every_precision(train: Train, precision: str) -> None:
    assert is_a_run(*train("data=wine", "loss.weight=balanced", f"trainer.precision={precision}", *SMALL))


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "adagrad"])
def test_gradients_are_clipped_under_mixed_precision(train: Train, optimizer: str) -> None:
    mixed = ("trainer.precision=bf16-mixed", "trainer.gradient_clip_val=1")
    assert is_a_run(*train("data=iris", f"optimizer={optimizer}", *mixed, *SMALL))


def test_balanced_binary_cross_entropy_trains(train: Train) -> None:
    assert is_a_run(*train("data=breast_cancer", "loss.pos_weight=balanced", *SMALL))


@pytest.mark.parametrize("optimizer", choices("optimizer"))
def test_every_optimizer_trains_and_takes_lr(train: Train, optimizer: str) -> None:
    folder, scores = train("data=iris", f"optimizer={optimizer}", "optimizer.lr=0.012", *SMALL)
    assert is_a_run(folder, scores)
    assert (folder / "history.csv").read_text().splitlines()[1].split(",")[3] == "0.012"


@pytest.mark.parametrize("scheduler", choices("scheduler"))
def test_every_scheduler_trains(train: Train, scheduler: str) -> None:
    assert is_a_run(*train("data=iris", f"scheduler={scheduler}", *SMALL))


@pytest.mark.parametrize("callback", choices("callback"))
def test_every_callback_trains(train: Train, callback: str) -> None:
    assert is_a_run(*train("data=iris", f"callback=[{callback}]", *SMALL))


@pytest.mark.parametrize("report", ["default", pytest.param("full", marks=pytest.mark.slow)])
def test_every_report_trains(train: Train, report: str) -> None:
    assert is_a_run(*train(f"report={report}", "data.num_train=100", *SMALL))


@pytest.mark.parametrize("precision", ["32-true", "64-true", "bf16-mixed"])
@pytest.mark.parametrize("data", DATA_OF.values())
def test_every_precision_trains(train: Train, data: str, precision: str) -> None:
    assert is_a_run(*train(f"data={data}", f"trainer.precision={precision}", *SMALL))


@pytest.mark.parametrize("initialisation", ["he_normal", "he_uniform", "xavier_normal", "orthogonal", "lecun_normal"])
@pytest.mark.parametrize("normalisation", ["batch", "layer"])
def test_options_of_the_mlp_train_together(train: Train, initialisation: str, normalisation: str) -> None:
    options = ("model.dropout=0.2", "model.max_norm=3", f"model.normalisation={normalisation}")
    assert is_a_run(*train("data=iris", f"model.initialisation={initialisation}", *options, *SMALL))


def test_regression_outputs_can_be_bounded_by_a_sigmoid(train: Train) -> None:
    squash = ("model.output_activation=sigmoid", "learner.target_scaling=minmax")
    assert is_a_run(*train("data=function", *squash, *SMALL))
