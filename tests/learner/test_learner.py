"""Learner: the loss of a split, scores in evaluation mode, weight decay, schedulers in a fit."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from lightning import Callback, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import mlplab
from mlplab.errors import UserError
from mlplab.learner.classifier import Classifier
from mlplab.learner.losses import RootMeanSquaredError
from mlplab.learner.regressor import Regressor

pytestmark = pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers")
CONF = Path(__file__).resolve().parents[2] / "conf"


class Steps(Callback):
    """The lr before and the running loss of each step."""

    def __init__(self) -> None:
        self.lrs: list[float] = []
        self.losses: list[float] = []

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        self.lrs.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(self, trainer: Trainer, learner: Any, outputs: Any, *_: Any) -> None:
        self.losses.append(float(outputs["loss"]))


def trainer(epochs: int = 1, *callbacks: Callback) -> Trainer:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return Trainer(max_epochs=epochs, accelerator="cpu", enable_model_summary=False, callbacks=list(callbacks), **quiet)


def batches(features: Tensor, target: Tensor, size: int | None = None) -> DataLoader[Any]:
    return DataLoader(TensorDataset(features, target), batch_size=size or len(features))


def line() -> tuple[Tensor, Tensor]:
    features = torch.linspace(-1, 1, 12)[:, None]
    return features, 3 * features - 1


@pytest.mark.parametrize("size", [1, 7, 20])
def test_the_loss_of_a_split_is_that_of_all_rows_for_any_batch_size(size: int) -> None:
    torch.manual_seed(0)
    output, target = torch.randn(20, 3), torch.arange(20) % 3
    weight = [1.0, 5.0, 0.2]
    classifier = Classifier(nn.Identity(), nn.CrossEntropyLoss(weight=torch.tensor(weight)), num_classes=3)
    trainer().test(classifier, batches(output, target, size), verbose=False)
    rows = [
        (weight[t], math.log(sum(map(math.exp, o))) - o[t])
        for o, t in zip(output.tolist(), target.tolist(), strict=True)
    ]
    expected = sum(w * loss for w, loss in rows) / sum(w for w, _ in rows)
    assert classifier.scores["loss/test"] == pytest.approx(expected, rel=1e-5)

    values, wanted = torch.randn(20, 1), torch.randn(20, 1).exp() * 50
    regressor = Regressor(nn.Identity(), RootMeanSquaredError(), target_scaling="minmax")
    regressor.learn_target(wanted)
    trainer().test(regressor, batches(values, wanted, size), verbose=False)
    low, high = min(wanted.flatten().tolist()), max(wanted.flatten().tolist())
    pairs = zip(values.flatten().tolist(), wanted.flatten().tolist(), strict=True)
    expected = math.sqrt(sum((v - (t - low) / (high - low)) ** 2 for v, t in pairs) / 20)
    assert regressor.scores["loss/test"] == pytest.approx(expected, rel=1e-5)


def test_the_first_validation_loader_is_val_and_the_second_train() -> None:
    learner = Regressor(nn.Identity(), nn.L1Loss())
    val = batches(torch.zeros(3, 1), torch.full((3, 1), 2.0))
    train = batches(torch.zeros(3, 1), torch.full((3, 1), 5.0), 2)
    trainer().validate(learner, [val, train], verbose=False)
    assert (learner.scores["loss/val"], learner.scores["loss/train"]) == (2.0, 5.0)
    trainer().test(learner, val, verbose=False)
    assert set(learner.scores) == {f"{name}/test" for name in ("loss", "mse", "rmse", "mae", "r2")}


def test_scores_are_measured_without_dropout_unlike_the_running_loss() -> None:
    torch.manual_seed(0)
    features = torch.randn(128, 10)
    target = (features[:, 0] > 0).long()
    hidden = [nn.Linear(10, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 2)]
    network = nn.Sequential(nn.Dropout(0.5), *hidden)
    learner = Classifier(network, nn.CrossEntropyLoss(), 2, optimizer=partial(torch.optim.Adam, lr=0.02))
    train, val = (features[:64], target[:64]), (features[64:], target[64:])
    steps = Steps()
    trainer(20, steps).fit(learner, batches(*train), [batches(*val), batches(*train)])
    assert steps.losses[-1] > learner.scores["loss/val"] > learner.scores["loss/train"]
    network.eval()
    with torch.no_grad():
        probabilities = network(train[0]).double().softmax(dim=1)[torch.arange(64), train[1]]
    assert learner.scores["loss/train"] == pytest.approx(-float(probabilities.log().mean()), rel=1e-5)


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "optimizer").glob("*.yaml")))
def test_every_optimizer_decays_weights_and_no_biases(name: str) -> None:
    config = mlplab.configure(f"optimizer={name}").optimizer
    if "weight_decay" in config:
        config.weight_decay = 0.25
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    optimizer = Regressor(network, nn.MSELoss(), optimizer=instantiate(config, _convert_="all")).configure_optimizers()
    groups = [(sorted(p.ndim for p in group["params"]), group.get("weight_decay")) for group in optimizer.param_groups]
    if name == "lbfgs":
        assert groups == [([1, 1, 1, 1, 2, 2], None)]
    else:
        assert groups == [([2, 2], 0.25), ([1, 1, 1, 1], 0.0)]


@pytest.mark.parametrize(
    ("optimizer", "weight", "bias"),
    [
        # y = w x + b at w = b = 1, one row (2, 10): error -7, gradients -28 and -14
        (partial(torch.optim.SGD, lr=0.01, weight_decay=0.5), 1 - 0.01 * (-28 + 0.5), 1 + 0.01 * 14),
        # Adam's first step is lr times the gradient's sign, after the weight shrank by lr times its decay
        (partial(torch.optim.AdamW, lr=0.1, weight_decay=0.5), 1 - 0.1 * 0.5 + 0.1, 1 + 0.1),
    ],
)
def test_a_step_with_weight_decay_does_not_decay_the_bias(optimizer: Any, weight: float, bias: float) -> None:
    layer = nn.Linear(1, 1)
    nn.init.ones_(layer.weight)
    nn.init.ones_(layer.bias)
    learner = Regressor(layer, nn.MSELoss(), target_scaling="none", optimizer=optimizer)
    trainer().fit(learner, batches(torch.tensor([[2.0]]), torch.tensor([[10.0]])), batches(*line()))
    assert (layer.weight.item(), layer.bias.item()) == pytest.approx((weight, bias), rel=1e-5)


def half_cosine(fraction: float) -> float:
    return (1 + math.cos(math.pi * fraction)) / 2


def one_cycle(step: int) -> float:
    # twelve steps: 0 to 2.6 up from 1/25, then down to 11 at 1/25/10000
    low, last, top = 1 / 25, 1 / 25e4, 0.3 * 12 - 1
    if step <= top:
        return low + (1 - low) * (1 - half_cosine(step / top))
    return last + (1 - last) * half_cosine((step - top) / (11 - top))


# four epochs of three steps
LRS: dict[str, Callable[[int], float]] = {
    "none": lambda step: 1,
    "plateau": lambda step: 1,  # the loss falls
    "cosine": lambda step: half_cosine(step // 3 / 4),
    "exponential": lambda step: 0.95 ** (step // 3),
    "step": lambda step: 0.1 ** (step // 3 // 2),
    "one_cycle": one_cycle,
    "warmup_cosine": lambda step: (step + 1) / 3 if step < 3 else half_cosine((step - 3) / 9),
}
GIVEN = {"step": ["scheduler.step_size=2"], "warmup_cosine": ["scheduler.warmup_fraction=0.25"]}


def fitted_lrs(scheduler: Any, lr: float = 0.1, size: int = 4, **rest: Any) -> list[float]:
    torch.manual_seed(0)
    learner = Regressor(nn.Linear(1, 1), nn.MSELoss(), optimizer=partial(torch.optim.SGD, lr=lr), scheduler=scheduler)
    learner.monitor, learner.mode = rest.get("monitor", "loss/val"), rest.get("mode", "min")
    learner.learn_target(line()[1])
    steps = Steps()
    trainer(4, steps).fit(learner, batches(*line(), size), batches(*line()))
    return steps.lrs


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "scheduler").glob("*.yaml")))
def test_each_scheduler_steps_by_epoch_or_by_step_as_it_needs(name: str) -> None:
    config = mlplab.configure(f"scheduler={name}", "optimizer=sgd", *GIVEN.get(name, [])).scheduler
    lrs = fitted_lrs(instantiate(config, _convert_="all") or None)
    assert lrs == pytest.approx([0.1 * LRS[name](step) for step in range(12)], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("monitor", "mode"), [("loss/val", "min"), ("r2/val", "max")])
def test_plateau_lowers_the_lr_when_the_monitored_score_worsens_and_not_when_it_improves(
    monitor: str, mode: str
) -> None:
    plateau = partial(torch.optim.lr_scheduler.ReduceLROnPlateau, factor=0.1, patience=0)
    assert fitted_lrs(plateau, size=12, monitor=monitor, mode=mode) == [0.1] * 4
    # along the bias the curvature is 2: a step of 1.5 doubles its error
    assert fitted_lrs(plateau, lr=1.5, size=12, monitor=monitor, mode=mode)[:3] == pytest.approx([1.5, 1.5, 0.15])


def test_a_t_max_set_by_the_caller_is_used() -> None:
    cosine = partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=8)
    assert fitted_lrs(cosine) == pytest.approx([0.1 * half_cosine(step // 3 / 8) for step in range(12)])


def test_an_argument_that_torch_rejects_is_reported_in_one_line() -> None:
    network = torch.nn.Linear(2, 1)
    learner = Regressor(network, torch.nn.MSELoss(), optimizer=lambda given: torch.optim.SGD(given, lr=-1.0))
    with pytest.raises(UserError, match=r"optimizer: Invalid learning rate: -1\.0"):
        learner.configure_optimizers()
