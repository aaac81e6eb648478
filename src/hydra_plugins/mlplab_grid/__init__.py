"""Hydra's plain grid, safe to interrupt: what has finished is not launched again, a killed job costs no other."""

from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper


class Grid(BasicSweeper):
    """The jobs are those that the gate let in."""

    def __init__(self) -> None:
        super().__init__(max_batch_size=None)

    def sweep(self, arguments: list[str]) -> Any:
        from mlplab.sweep.launch import launch_all
        from mlplab.sweep.preflight import gate_of

        config, launcher, context = self.config, self.launcher, self.hydra_context
        assert config is not None
        assert launcher is not None
        assert context is not None
        launch_all(launcher.launch, Path(config.hydra.sweep.dir), gate_of(context).plan, config.sweep.resume)
