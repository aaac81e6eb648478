"""The sides of throughput.py that use mlplab: one fit per line of standard input, which prints samples per second.

python benchmarks/lab_side.py lab|loader [--cpu] OVERRIDES
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from scratch import scratch_folder

Fit = Callable[[], tuple[int, float]]  # samples trained on, the last loss/val


def lab(overrides: tuple[str, ...]) -> Callable[[], Fit]:
    import mlplab
    from mlplab.run.build import build

    def prepare() -> Fit:
        run = build(mlplab.configure(*overrides, "trainer.accelerator=cpu", f"run_dir={scratch_folder()}"))

        def fit() -> tuple[int, float]:
            run.trainer.fit(run.learner, datamodule=run.batches)
            run.overlay.close()
            return run.trainer.max_epochs * len(run.splits.train), run.learner.scores["loss/val"]  # type: ignore[operator]

        return fit

    return prepare


def loader(overrides: tuple[str, ...]) -> Callable[[], Fit]:
    """Loads with mlplab's learner torchvision's Dataset, with the transforms of PyTorch's MNIST example."""
    import torch
    from lightning import Trainer
    from torch.utils.data import DataLoader, Subset
    from torchvision import datasets, transforms

    import mlplab
    from mlplab.run.build import build_learner, build_splits

    config = mlplab.configure(*overrides)
    splits = build_splits(config)
    form = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
    rows = datasets.MNIST(config.data.root, train=True, transform=form)
    train, val = range(len(splits.train)), range(len(splits.train), len(rows))
    workers = (
        {"num_workers": torch.get_num_threads(), "persistent_workers": True} if torch.get_num_threads() > 1 else {}
    )

    def prepare() -> Fit:
        learner = build_learner(config, splits)
        learner.network.scale = torch.nn.Flatten()  # the transforms scale
        parts: Any = [
            DataLoader(Subset(rows, part), config.batch_size, shuffle=part is train, **workers) for part in (train, val)
        ]
        measured = DataLoader(Subset(rows, range(len(val))), config.batch_size, **workers)
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
        trainer = Trainer(max_epochs=config.trainer.max_epochs, enable_model_summary=False, accelerator="cpu", **quiet)

        def fit() -> tuple[int, float]:
            trainer.fit(learner, parts[0], [parts[1], measured])
            return config.trainer.max_epochs * len(train), learner.scores["loss/val"]

        return fit

    return prepare


def main(side: str, overrides: tuple[str, ...], cpu: bool) -> None:
    import warnings

    warnings.filterwarnings("ignore", message=".*does not have many workers")
    prepare = loader(overrides) if side == "loader" else lab(overrides)
    clock = time.process_time if cpu else time.perf_counter
    for _ in sys.stdin:
        fit = prepare()
        started = clock()
        samples, loss = fit()
        print(f"result {samples / (clock() - started)} {loss}", flush=True)


if __name__ == "__main__":
    overrides = tuple(argument for argument in sys.argv[2:] if argument != "--cpu")
    main(sys.argv[1], overrides, "--cpu" in sys.argv)
