"""Base class of all learners: training step, scores of a split, optimizer and scheduler."""

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
from mlplab.learner.lightning_internals import update_callback_metrics

Batch = tuple[Tensor, Tensor]


class Learner(LightningModule):
    """Trains any network that maps raw features (N, ...) to raw outputs (N, out_features).

    loss: (output, encoded target) -> scalar. optimizer: called with the parameters. scheduler: called with the
    optimizer, and with total_steps, T_max and mode where it takes them and they are not set. monitor, mode: the score
    that decides the best epoch, and its direction. Expects two validation loaders: val, then the evaluated part of
    train. `scores` holds the latest scores as floats, named `<metric>/<split>`.
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
        self._outputs: dict[str, list[Batch]] = defaultdict(list)

    @abstractmethod
    def encode(self, target: Tensor) -> Tensor:
        """Converts a raw target to the form that the loss expects."""

    @abstractmethod
    def decode(self, output: Tensor) -> Tensor:
        """Converts raw outputs to predictions: probabilities, or values in the unit of the target."""

    @abstractmethod
    def metrics(self, predictions: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Computes every metric over all rows, by name; errors of a regression are in the unit of the target."""

    @abstractmethod
    def baseline(self, target: Tensor) -> Tensor:
        """Returns the best constant output (1, out_features), computed from training targets."""

    @staticmethod
    @abstractmethod
    def combine(outputs: Tensor) -> Tensor:
        """Combines the raw outputs of K networks: (K, N, out_features) -> (N, out_features).

        The result decodes to the mean of their predictions.
        """

    def choose(self, predictions: Tensor) -> Tensor:
        """Returns the predicted class (N,); a regressor has none."""
        raise NotImplementedError

    def learn_target(self, target: Tensor) -> None:
        """Fits what depends on training targets (the target scaling of a regressor)."""

    def forward(self, features: Tensor) -> Tensor:
        return self.decode(self.network(features))

    def training_step(self, batch: Batch, _: int) -> Tensor:
        features, target = batch
        return self.loss(self.network(features), self.encode(target))

    def validation_step(self, batch: Batch, _: int, dataloader_idx: int = 0) -> None:
        self._collect(("val", "train")[dataloader_idx], batch)

    def test_step(self, batch: Batch, _: int) -> None:
        self._collect("test", batch)

    def on_validation_epoch_start(self) -> None:
        self._outputs.clear()  # an interrupted evaluation may have left some

    on_test_epoch_start = on_validation_epoch_start

    def on_validation_epoch_end(self) -> None:
        self._score()
        if self.trainer.state.fn != TrainerFn.FITTING:
            self.log_dict(self.scores)
            return
        # as log_dict does in a fit, but without an object for each score: those cost milliseconds per epoch
        update_callback_metrics(self.trainer, self.scores)
        if not self.trainer.sanity_checking:
            for logger in self.trainer.loggers:
                logger.log_metrics({**self.scores, "epoch": self.current_epoch}, step=self.global_step)

    def on_test_epoch_end(self) -> None:
        self._score()
        # test scores are logged at the best epoch, which Lightning does not know
        self.log_dict(self.scores, logger=False)

    def measure(self, output: Tensor, target: Tensor) -> dict[str, float]:
        """Computes loss and metrics of raw outputs (N, out_features) and raw targets (N,) or (N, num_targets)."""
        output = output.detach().to(torch.promote_types(output.dtype, torch.float32))
        loss = self.measured_loss(output, self.encode(target))
        scores = {"loss": loss, **self.metrics(self.decode(output), target)}
        return {name: float(score) for name, score in scores.items()}

    def configure_optimizers(self) -> Any:
        optimizer = _call("optimizer", self.make_optimizer, self._parameter_groups())
        if self.make_scheduler is None:
            return optimizer
        run_time: dict[str, Callable[[], Any]] = {
            "total_steps": self.total_steps,
            "T_max": lambda: self.trainer.max_epochs,
            "mode": lambda: self.mode,
        }
        missing = self._missing_scheduler_arguments
        arguments = {name: value() for name, value in run_time.items() if name in missing}
        scheduler = _call("scheduler", self.make_scheduler, optimizer, **arguments)
        interval = "step" if "total_steps" in inspect.signature(self.make_scheduler).parameters else "epoch"
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "interval": interval, "monitor": self.monitor},
        }

    @property
    def needs_length(self) -> bool:
        """Whether the scheduler depends on the number of epochs."""
        return bool(self._missing_scheduler_arguments & {"total_steps", "T_max"})

    @property
    def _missing_scheduler_arguments(self) -> set[str]:
        """Arguments that the scheduler takes and that are not set; some are known only to the Trainer."""
        if self.make_scheduler is None:
            return set()
        parameters = inspect.signature(self.make_scheduler).parameters
        return parameters.keys() - getattr(self.make_scheduler, "keywords", {})

    def total_steps(self) -> int:
        """Returns the number of optimizer steps of the whole training."""
        return int(self.trainer.estimated_stepping_batches)

    def _parameter_groups(self) -> list[Any]:
        """Excludes biases and normalisation parameters (fewer than two dimensions) from weight decay."""
        parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
        decay = inspect.signature(self.make_optimizer).parameters.get("weight_decay")
        if decay is None or decay.default == 0:  # a second group costs time in each step
            return parameters
        groups: list[dict[str, Any]] = [
            {"params": [parameter for parameter in parameters if parameter.ndim >= 2]},
            {"params": [parameter for parameter in parameters if parameter.ndim < 2], "weight_decay": 0.0},
        ]
        return [group for group in groups if group["params"]]

    def _collect(self, split: str, batch: Batch) -> None:
        features, target = batch
        self._outputs[split].append((self.network(features), target))

    def _score(self) -> None:
        """Evaluates each split as one batch: a mean of batch means is wrong for rmse and for weighted cross entropy."""
        self.scores = {}
        for split, batches in self._outputs.items():
            output, target = (torch.cat(parts) for parts in zip(*batches, strict=True))
            self.scores |= {f"{name}/{split}": score for name, score in self.measure(output, target).items()}
        self._outputs.clear()


def _call(name: str, constructor: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """Calls a constructor of torch. Raises UserError with torch's message for arguments that it rejects."""
    try:
        return constructor(*arguments, **keywords)
    except (TypeError, ValueError, RuntimeError, ArithmeticError, LookupError) as error:
        raise UserError(f"{name}: {error}") from error


def _unregularised(loss: nn.Module) -> nn.Module:
    """Returns the loss for evaluation: without label smoothing, with class weights."""
    unregularised = deepcopy(loss)
    if isinstance(unregularised, nn.CrossEntropyLoss):
        unregularised.label_smoothing = 0.0
    return unregularised
