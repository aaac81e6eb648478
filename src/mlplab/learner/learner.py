"""What a classifier and a regressor share: the step, the measuring of a split, the optimizer."""

import inspect
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from typing import Any, Literal

import torch
from lightning import LightningModule
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from mlplab.errors import UserError

Batch = tuple[Tensor, Tensor]


class Learner(LightningModule):
    """network: any module, raw features (N, ...) -> raw output (N, out_features).

    loss: (output, encoded target) -> scalar. optimizer, scheduler: constructors that lack only the parameters (the
    optimizer). monitor, mode: the score that tells the best epoch. Validation loaders: 0 is val, 1 the measured slice
    of train; their scores, as floats named `<metric>/<split>`, stand in `scores` after each.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: nn.Module,
        optimizer: Callable[..., Optimizer] = Adam,
        scheduler: Callable[..., Any] | None = None,
        monitor: str = "loss/val",
        mode: Literal["min", "max"] = "min",
    ) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.measured_loss = _unregularised(loss)
        self.make_optimizer = optimizer
        self.make_scheduler = scheduler
        self.monitor = monitor
        self.mode = mode
        self.scores: dict[str, float] = {}
        self._kept: dict[str, list[Batch]] = defaultdict(list)

    @abstractmethod
    def encode(self, target: Tensor) -> Tensor:
        """The target in the form that the loss takes."""

    @abstractmethod
    def decode(self, output: Tensor) -> Tensor:
        """Raw output as predictions: probabilities, or values in their own unit."""

    @abstractmethod
    def metrics(self, predictions: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Every metric of all rows, by name; of values in the target's own unit."""

    @abstractmethod
    def baseline(self, target: Tensor) -> Tensor:
        """(1, out_features): the best constant output, from training targets alone."""

    @staticmethod
    @abstractmethod
    def combine(outputs: Tensor) -> Tensor:
        """Raw outputs of K networks (K, N, out_features) -> (N, out_features), decoded as the mean of predictions."""

    def choose(self, predictions: Tensor) -> Tensor:
        """(N,) the class that is told, by predictions; of values there is none."""
        raise NotImplementedError

    def learn_target(self, target: Tensor) -> None:
        """Take what is learned from training targets; classes need nothing."""

    def forward(self, features: Tensor) -> Tensor:
        return self.decode(self.network(features))

    def training_step(self, batch: Batch, _: int) -> Tensor:
        features, target = batch
        return self.loss(self.network(features), self.encode(target))

    def validation_step(self, batch: Batch, _: int, dataloader_idx: int = 0) -> None:
        self._keep(("val", "train")[dataloader_idx], batch)

    def test_step(self, batch: Batch, _: int) -> None:
        self._keep("test", batch)

    def on_validation_epoch_start(self) -> None:
        self._kept.clear()  # of a measuring that was interrupted

    def on_test_epoch_start(self) -> None:
        self._kept.clear()

    def on_validation_epoch_end(self) -> None:
        self._score()
        if self.trainer.state.fn == TrainerFn.FITTING:
            self._hand_out()
        else:
            self.log_dict(self.scores)

    def on_test_epoch_end(self) -> None:
        self._score()
        # a test score belongs to the best epoch, which Lightning does not know
        self.log_dict(self.scores, logger=False)

    def _hand_out(self) -> None:
        """What `log_dict` does in a fit, without its objects a score: they cost milliseconds an epoch."""
        self.trainer.callback_metrics.update({name: torch.tensor(score) for name, score in self.scores.items()})
        if not self.trainer.sanity_checking:
            for logger in self.trainer.loggers:
                logger.log_metrics({**self.scores, "epoch": self.current_epoch}, step=self.global_step)

    def measure(self, output: Tensor, target: Tensor) -> dict[str, float]:
        """Loss and metrics of raw outputs (N, out_features) and targets (N,) or (N, K), as one batch."""
        output = output.detach().to(torch.promote_types(output.dtype, torch.float32))
        loss = self.measured_loss(output, self.encode(target))
        scores = {"loss": loss, **self.metrics(self.decode(output), target)}
        return {name: float(score) for name, score in scores.items()}

    def configure_optimizers(self) -> Any:
        optimizer = _made("optimizer", self.make_optimizer, self._parameter_groups())
        if self.make_scheduler is None:
            return optimizer
        known: dict[str, Callable[[], Any]] = {
            "total_steps": self.total_steps,
            "T_max": lambda: self.trainer.max_epochs,
            "mode": lambda: self.mode,
        }
        lacking = self._scheduler_lacks
        given = {name: known[name]() for name in known if name in lacking}
        scheduler = _made("scheduler", self.make_scheduler, optimizer, **given)
        interval = "step" if "total_steps" in inspect.signature(self.make_scheduler).parameters else "epoch"
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": interval, "monitor": self.monitor},
        }

    @property
    def plans_length(self) -> bool:
        """Whether the learning rates follow from the number of epochs."""
        return bool(self._scheduler_lacks & {"total_steps", "T_max"})

    @property
    def _scheduler_lacks(self) -> set[str]:
        """The arguments that only a trainer knows."""
        if self.make_scheduler is None:
            return set()
        takes = inspect.signature(self.make_scheduler).parameters
        return takes.keys() - getattr(self.make_scheduler, "keywords", {})

    def total_steps(self) -> int:
        """Updates of the whole training, for schedulers by step."""
        return int(self.trainer.estimated_stepping_batches)

    def _parameter_groups(self) -> list[Any]:
        """Weight decay acts on parameters of two or more dimensions only: biases and norms have no cause to shrink."""
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        decay = inspect.signature(self.make_optimizer).parameters.get("weight_decay")
        if decay is None or decay.default == 0:  # a group of its own costs each step a call
            return parameters
        groups: list[dict[str, Any]] = [
            {"params": [parameter for parameter in parameters if parameter.ndim >= 2]},
            {"params": [parameter for parameter in parameters if parameter.ndim < 2], "weight_decay": 0.0},
        ]
        return [group for group in groups if group["params"]]

    def _keep(self, split: str, batch: Batch) -> None:
        features, target = batch
        self._kept[split].append((self.network(features), target))

    def _score(self) -> None:
        """A split is measured as one batch: a mean of batch means is wrong for rmse and for weighted ce."""
        self.scores = {}
        for split, blocks in self._kept.items():
            output, target = (torch.cat(parts) for parts in zip(*blocks, strict=True))
            self.scores |= {f"{name}/{split}": score for name, score in self.measure(output, target).items()}
        self._kept.clear()


def _made(name: str, make: Callable[..., Any], *arguments: Any, **given: Any) -> Any:
    """What torch says of settings that it refuses only now."""
    try:
        return make(*arguments, **given)
    except (TypeError, ValueError, RuntimeError, ArithmeticError, LookupError) as error:
        raise UserError(f"{name}: {error}") from error


def _unregularised(loss: nn.Module) -> nn.Module:
    """The loss as it is measured: label smoothing off, class weights on."""
    measured = deepcopy(loss)
    if isinstance(measured, nn.CrossEntropyLoss):
        measured.label_smoothing = 0.0
    return measured
