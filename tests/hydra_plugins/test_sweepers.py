"""The sweepers, run in this process with a task function that writes the files of a run in place of training."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig

from mlplab.command.job import pruning_judge
from mlplab.run.folder import PRUNED_FILE
from mlplab.sweep.eta import mark_start
from mlplab.sweep.halving import ROUNDS_FILE
from mlplab.sweep.manifest import read_manifest
from tests.sweep.in_process import sweep

SMALL = ("data=iris", "trainer.max_epochs=8", "report.picture=false", "sweep.name=s")
SWEEP = Path("outputs/sweeps/s")


@pytest.fixture(autouse=True)
def _working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLPLAB_SWEEP", raising=False)


def task(config: DictConfig) -> float | None:
    """One epoch after the other, whose loss is the learning rate; ends where a pruning judge says so."""
    hydra = HydraConfig.get()
    run = Path(hydra.runtime.output_dir)
    mark_start()
    (run / "config.yaml").touch()
    (run / PRUNED_FILE).unlink(missing_ok=True)
    judge = pruning_judge(hydra.sweeper, Path(hydra.sweep.dir))
    history = run / "history.csv"
    rows = history.read_text().splitlines() if history.exists() else ["epoch,loss/val,seconds", "0,9,0"]
    for epoch in range(len(rows) - 1, config.trainer.max_epochs + 1):
        rows.append(f"{epoch},{config.optimizer.lr},{epoch}")
        history.write_text("\n".join(rows) + "\n")
        if reason := judge(epoch, config.optimizer.lr) if judge else "":
            (run / PRUNED_FILE).write_text(reason)
            return None
    (run / "scores.json").write_text(json.dumps({"loss/val": config.optimizer.lr, "epochs": epoch}))
    return float(config.optimizer.lr)


def epochs_of(run: Path) -> int:
    return len((run / "history.csv").read_text().splitlines()) - 2


def finished() -> list[str]:
    return sorted(path.parent.name.partition("_")[0] for path in SWEEP.glob("*/scores.json"))


def quietly(*arguments: str) -> None:
    """The table reads folders that are not of a real run: it reports them as failed."""
    with pytest.raises(SystemExit) as ended:
        sweep(task, *SMALL, *arguments)
    assert ended.value.code == 1


def test_hydra_finds_the_sweepers_and_not_their_base() -> None:
    names = {found.__name__ for found in Plugins.instance().discover(Sweeper) if "mlplab" in found.__module__}
    assert names == {"GridSweeper", "SearchSweeper", "HalvingSweeper"}
