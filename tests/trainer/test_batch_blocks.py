"""Fused mini-batches and the plain loop give the same weights, history, scores and running tags, bit for bit."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mlplab
from mlplab.data.datamodule import TensorLoader
from mlplab.data.splits import Split
from mlplab.errors import RunError
from mlplab.run.build import build, build_learner
from mlplab.trainer import batch_blocks
from mlplab.trainer.batch_blocks import FusedDataModule, FusedLoader, FusedTraining, fuse_batches
from mlplab.trainer.step_metrics import StepMetrics

pytestmark = pytest.mark.filterwarnings("ignore:GPU available but not used")

Train = Callable[..., tuple[Path, dict[str, Any]]]
# 31 batches, the last of them of 11 rows: a single one has joined it
SMALL = (
    *("data=digits", "data.num_train=311", "model.hidden_features=[16]", "batch_size=10", "trainer.max_epochs=3"),
    *("report.every_n_steps=5", "trainer.accelerator=cpu"),
)
PLAIN = "trainer.blocks=false"


def history(run: Path) -> list[dict[str, str]]:
    with open(run / "history.csv", newline="") as file:
        return [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]


def weights(run: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return torch.load(run / "checkpoints" / f"{name}.ckpt", weights_only=True, map_location="cpu")["state_dict"]


def running(run: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    tags = ("running/loss", "running/lr", "running/gradient_norm")
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags}


@pytest.mark.parametrize(
    "choices",
    [
        (),
        ("optimizer=momentum", "scheduler=one_cycle"),
        ("optimizer=adamw", "scheduler=warmup_cosine", "model.dropout=0.3"),
        ("model.input_noise=0.5", "model.dropout=0.3"),
        ("optimizer=rmsprop", "scheduler=step", "scheduler.step_size=1"),
        ("optimizer=nadam", "scheduler=plateau", "scheduler.patience=0"),
        ("optimizer=sgd", "scheduler=cosine", "trainer.gradient_clip_val=0.1", "model.normalisation=batch"),
        ("callback=early_stopping", "callback.early_stopping.patience=1", "optimizer.lr=0.3", "trainer.max_epochs=9"),
    ],
    ids=lambda choices: " ".join(choices) or "defaults",
)
def test_all_files_of_a_run_are_the_same_bit_for_bit(
    choices: tuple[str, ...], train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_blocks, "MAX_BATCHES", 7)
    fused: list[FusedDataModule] = []
    init = FusedDataModule.__init__

    def record(module: FusedDataModule, *arguments: Any) -> None:
        fused.append(module)
        init(module, *arguments)

    monkeypatch.setattr(FusedDataModule, "__init__", record)
    first, scores = train(*SMALL, *choices)
    assert fused, "mini-batches are meant to be fused"
    fused.clear()
    second, same = train(*SMALL, *choices, PLAIN)
    assert not fused
    timed = ("seconds", "samples_per_second")
    assert {name: scores[name] for name in scores if name not in timed} == {
        name: same[name] for name in same if name not in timed
    }
    assert history(first) == history(second)
    assert [int(row["step"]) for row in history(first)[:3]] == [0, 31, 62]
    assert running(first) == running(second)
    for name in ("last", "best"):
        ours, theirs = weights(first, name), weights(second, name)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_a_regression_is_the_same_bit_for_bit(train: Train) -> None:
    first, second = (train("data=sine", "trainer.max_epochs=2", *more)[0] for more in ((), (PLAIN,)))
    assert history(first) == history(second)


def test_a_nan_loss_is_reported_in_the_same_way(train: Train) -> None:
    settings = (*SMALL, "optimizer=sgd", "optimizer.lr=1e18")
    messages = []
    for more in ((), (PLAIN,)):
        with pytest.raises(RunError) as failure:
            train(*settings, *more)
        messages.append(str(failure.value))
    assert messages[0] == messages[1]
    assert "at epoch 1, step " in messages[0]


def data_module(*overrides: str, callback: Callback | None = None) -> Any:
    """The data module that a fit with these overrides uses."""
    overrides = ("data=iris", "trainer.accelerator=cpu", "run_dir=unused", *overrides)
    config, lab = mlplab.configure(*overrides), build(mlplab.configure(*overrides, PLAIN))
    if callback is not None:
        lab.trainer.callbacks.append(callback)  # type: ignore[attr-defined]
    learner = build_learner(config, lab.splits)
    return fuse_batches(config.trainer, learner, lab.batches, lab.trainer)


class BatchCallback(Callback):
    def on_before_zero_grad(self, *_: Any) -> None: ...


@pytest.mark.parametrize(
    "override",
    [
        *("trainer.blocks=false", "optimizer=lbfgs", "trainer.precision=64-true", "trainer.precision=bf16-mixed"),
        *("callback=[weight_averaging]", "callback=[gradient_accumulation]"),
        *("+trainer.max_steps=5", "+trainer.limit_train_batches=2", "model.hidden_features=[4096,4096]"),
    ],
)
def test_options_that_need_the_plain_loop_are_not_fused(override: str) -> None:
    assert not isinstance(data_module(override), FusedDataModule)


class OtherStepMetrics(StepMetrics):
    def on_train_batch_end(self, *_: Any) -> None: ...


@pytest.mark.parametrize("callback", [BatchCallback(), OtherStepMetrics(), ModelCheckpoint(every_n_train_steps=3)])
def test_another_callback_with_a_batch_hook_needs_the_plain_loop(callback: Callback) -> None:
    assert isinstance(data_module(), FusedDataModule)
    assert not isinstance(data_module(callback=callback), FusedDataModule)


OWN = """
import torch
from torch import nn
from torch.optim import SGD

from mlplab.learner.classifier import Classifier
from mlplab.model.mlp import MLP
from mlplab.model.layers import InputScaler


class Penalised(Classifier):
    def training_step(self, batch, number):
        penalty = sum(parameter.abs().sum() for parameter in self.parameters())
        return super().training_step(batch, number) + 0.1 * penalty


class Once:
    def on_train_batch_end(self, *_):
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.mul_(0.9)


class Shrinking(Once, Classifier):
    pass


class Clipped(Classifier):
    def configure_gradient_clipping(self, *_, **__):
        nn.utils.clip_grad_norm_(self.parameters(), 0.01)


class Manual(Classifier):
    def __init__(self, *arguments, **rest):
        super().__init__(*arguments, **rest)
        self.automatic_optimization = False


class Patched(Classifier):
    def __init__(self, *arguments, **rest):
        super().__init__(*arguments, **rest)
        self.encode = lambda target: target.roll(1)


class Noisy(MLP):
    def forward(self, features):
        scaled = self.scale(features)
        return self.of_scaled(scaled + torch.randn_like(scaled) if self.training else scaled)


class Hooked(MLP):
    def __init__(self, *arguments, **rest):
        super().__init__(*arguments, **rest)
        self.register_forward_hook(lambda own, _, output: 2 * output if own.training else output)


class Centred(InputScaler):
    def forward(self, features):
        scaled = super().forward(features)
        return scaled - scaled.mean(dim=0) if self.training else scaled


class ByBatch(MLP):
    def __init__(self, in_features, *arguments, **rest):
        super().__init__(in_features, *arguments, **rest)
        self.scale = Centred(in_features)


class Twice(SGD):
    def step(self, closure=None):
        for _ in range(1 if closure is None else 2):
            loss = super().step(closure)
        return loss


class Counting(Classifier):
    def metrics(self, predictions, target):
        return {**super().metrics(predictions, target), "rows": torch.tensor(float(len(target)))}

    def decode(self, output):
        return super().decode(output).clamp(min=1e-6)


class Wider(MLP):
    def of_scaled(self, features):
        return 2 * super().of_scaled(features)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a user module in the current folder."""
    name = f"own_{tmp_path.name}"  # a module is imported once per process
    (tmp_path / f"{name}.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    return name


@pytest.mark.parametrize(
    ("group", "kind"),
    [
        *(("learner", kind) for kind in ("Penalised", "Shrinking", "Clipped", "Patched")),
        *(("model", kind) for kind in ("Noisy", "Hooked", "ByBatch")),
        ("optimizer", "Twice"),
    ],
)
def test_a_custom_class_that_acts_on_mini_batches_acts_on_each(
    group: str, kind: str, module: str, train: Train
) -> None:
    default = (*SMALL, "optimizer=sgd", "trainer.max_epochs=1")
    overrides = (*default, f"{group}._target_={module}.{kind}", f"allow=[{module}]")
    assert not isinstance(data_module(*overrides), FusedDataModule)
    fused, plain, other = (weights(train(*choices)[0]) for choices in (overrides, (*overrides, PLAIN), default))
    assert all(torch.equal(fused[key], plain[key]) for key in plain)
    assert not all(torch.equal(fused[key], other[key]) for key in plain)


def test_a_learner_with_manual_optimization_needs_the_plain_loop(module: str) -> None:
    assert not isinstance(data_module(f"learner._target_={module}.Manual", f"allow=[{module}]"), FusedDataModule)


def test_custom_classes_that_do_not_change_updates_are_fused(module: str, train: Train) -> None:
    overrides = (*SMALL, f"learner._target_={module}.Counting", f"model._target_={module}.Wider", f"allow=[{module}]")
    assert isinstance(data_module(*overrides), FusedDataModule)
    (first, scores), (second, _) = train(*overrides), train(*overrides, PLAIN)
    assert scores["rows/val"] > 0
    assert history(first) == history(second)


def test_a_fused_batch_groups_the_batches_of_the_loader_from_any_position() -> None:
    part = Split(torch.arange(23.0)[:, None], torch.arange(23))
    loader = TensorLoader(part, 2, shuffle_seed=1)
    loader.set_epoch(4)
    fused = FusedLoader(part, 2, 1, size=3)
    fused.set_epoch(4)
    in_turn = [rows.tolist() for block in fused for rows in torch.split(block.target, block.sizes)]
    assert in_turn == [target.tolist() for _, target in loader]
    fused.load_state_dict({"given": 3})
    assert next(iter(fused)).target.tolist() == [*in_turn[3], *in_turn[4], *in_turn[5]]
    assert fused.state_dict() == {"given": 6}
    assert len(fused) == len(list(fused)) == 4


def test_a_fused_learner_accepts_a_plain_batch(tmp_path: Path) -> None:
    lab = build(mlplab.configure("data=iris", "trainer.accelerator=cpu", f"run_dir={tmp_path}"))
    assert isinstance(lab.learner, FusedTraining)
    rows = (lab.splits.train.features[:5], lab.splits.train.target[:5])
    expected = lab.learner.loss(lab.learner.network(rows[0]), rows[1])
    assert torch.equal(lab.learner.training_step(rows, 0), expected)
