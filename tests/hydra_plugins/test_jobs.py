"""The configurations of jobs are those that Hydra composes one by one."""

from types import SimpleNamespace
from typing import Any

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

import mlplab.command_line  # noqa: F401, which knows how a folder is named
from hydra_plugins.mlplab_stacked.jobs import Jobs
from mlplab.configuration import own_hydra, plain

SWEEP = [
    ["data=iris", f"optimizer.lr={lr}", f"optimizer={name}", "sweep.name=s", f"model.hidden_features={widths}"]
    for lr in (0.1, 0.01)
    for name in ("sgd", "adam")  # the choice changes back and forth
    for widths in ("[4]", "[8,8]")
]


def test_each_is_composed_as_hydra_composes_it() -> None:
    with own_hydra():
        loader: Any = GlobalHydra.instance().config_loader()
        fixed = "hydra.job.config.override_dirname.exclude_keys=[data,sweep.name]"
        master = compose("train", ["data=iris", "sweep.name=s", fixed], return_hydra_config=True)
        jobs = Jobs(SimpleNamespace(config_loader=loader), master).composed(SWEEP, 5)  # type: ignore[arg-type]
        for number, (words, job) in enumerate(zip(SWEEP, jobs, strict=True), start=5):
            whole = loader.load_sweep_config(master, words)
            HydraConfig.instance().set_config(whole)
            expected = {**plain(whole), "run_dir": job.plain["run_dir"]}
            assert job.plain == expected
            assert job.label == f"#{number} {whole.hydra.job.override_dirname}"
            assert job.plain["run_dir"].startswith(f"outputs/sweeps/s/{number}_")
            assert job.plain["choice"]["optimizer"] == words[2].partition("=")[2]
