"""Names of Lightning beyond its documented interface: a failure here says which of them an upgrade has changed."""

from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from mlplab.learner import lightning_internals as internals


class Line(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        return self.layer(batch[0]).square().mean()

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Recorder(Callback):
    def __init__(self) -> None:
        self.batches: list[int] = []
        self.hooks: list[Any] = []

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *_: Any) -> None:
        self.batches.append(internals.batches_done(trainer))
        self.hooks.append(vars(module).get(internals.CURRENT_HOOK, "missing"))
        if trainer.global_step == 1:
            internals.count_update(trainer)
            assert trainer.global_step == 2, "count_update: global_step no longer counts the updates of the loop"
            internals.update_callback_metrics(trainer, {"loss/val": 0.5})
            assert trainer.callback_metrics["loss/val"] == 0.5, "callback_metrics returns a copy"


def test_each_name_does_what_it_is_used_for(tmp_path: Path) -> None:
    recorder = Recorder()
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        enable_model_summary=False,
        callbacks=[recorder],
        default_root_dir=tmp_path,
        **quiet,
    )
    assert recorder in internals.callbacks_of(trainer), "Trainer.callbacks is no list of callbacks"
    internals.limit_log_interval(trainer, 3)
    assert trainer.log_every_n_steps == 3  # type: ignore[attr-defined]
    rows = DataLoader(TensorDataset(torch.randn(6, 1)), batch_size=2)
    trainer.fit(Line(), rows)
    assert recorder.batches == [0, 1, 2], "batch_progress.current.completed"
    assert "missing" not in recorder.hooks, f"Lightning no longer sets {internals.CURRENT_HOOK}"
    assert trainer.global_step == 4


def test_callbacks_can_be_added_during_a_fit(tmp_path: Path) -> None:
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu", default_root_dir=tmp_path)
    added = Recorder()
    internals.set_callbacks(trainer, [*internals.callbacks_of(trainer), added])
    assert internals.callbacks_of(trainer)[-1] is added
