"""The stacked launcher: which jobs train together, what it prints, what its jobs return."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.experimental.callback import Callback
from hydra.types import HydraContext
from omegaconf import OmegaConf

import mlplab
from hydra_plugins.mlplab.stacked_launcher import LazyConfigs, StackedLauncher, StackJob, create_job, summary
from mlplab.command.job import train_job
from mlplab.config.compose import JobComposer, isolated_hydra
from mlplab.config.configure import resolve_plain
from mlplab.config.tree import to_plain
from mlplab.run.folder import run_state
from mlplab.sweep.plan import plan_sweep
from tests.sweep.in_process import composed, sweep

SMALL = ("data=iris", "trainer.max_epochs=2", "model.hidden_features=[4]", "report.picture=false", "sweep.name=s")
STACKED = ("hydra/launcher=stacked", *SMALL)


def single_jobs(count: int) -> list[StackJob]:
    return [StackJob(number, [], {"run_dir": f"s/{number}_"}, "") for number in range(count)]


def test_the_summary_has_each_reason_once_with_its_jobs() -> None:
    jobs = single_jobs(10)
    assert (
        summary(jobs, [[0, 1], [2, 3]], {4: "a", 5: "b", 6: "a"})
        == "stacked: 2, 2 of 10 jobs; singly: #4, #6 (a); singly: #5 (b)"
    )
    assert summary(jobs, [], dict.fromkeys(range(10), "a")).endswith("singly: #0, #1, #2, #3, #4 and 5 more (a)")


def test_jobs_that_fit_no_stack_train_singly_and_one_line_says_why(
    sweep_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sweep(train_job, *STACKED, "optimizer=adam,lbfgs", "optimizer.lr=0.1,0.01")
    lines = capfd.readouterr().out.splitlines()
    assert lines[:2] == ["4 jobs -> outputs/sweeps/s", "stacked: 2 of 4 jobs; singly: #2, #3 (optimizer=lbfgs)"]
    assert sorted(line.split()[0] for line in lines if line.startswith("#")) == ["#0", "#1", "#2", "#3"]
    assert [run_state(run) for run in sweep_folder.glob("*_*")] == ["finished"] * 4


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("optimizer=lbfgs",), "optimizer=lbfgs"),
        (("trainer.max_time=00:00:10:00",), "trainer.max_time"),
        (("callback=[none,weight_averaging]",), "callback "),
    ],
)
def test_a_sweep_without_a_stack_says_why_too(
    arguments: tuple[str, ...], reason: str, sweep_folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    launch(*STACKED, *arguments, "seed=1,2")
    assert capfd.readouterr().out.startswith(f"stacked: none of 2 jobs; singly: #0, #1 ({reason}")
    assert not list(sweep_folder.glob("*/scores.json")), "the task function of this test trains nothing"


def launch(*arguments: str, with_plan: bool = True) -> list[Any]:
    """What the launcher returns; jobs that it passes to Hydra's basic launcher do nothing."""
    with composed(*arguments) as (config, loader):
        plan = plan_sweep(config, list(config.hydra.overrides.task), loader)
        launcher: Any = Plugins.instance().instantiate_launcher(
            hydra_context=HydraContext(config_loader=loader, callbacks=Callbacks()),
            task_function=lambda _: None,
            config=config,
        )
        launcher.plan = plan if with_plan else None
        return list(launcher.launch([job.overrides for job in plan.jobs], 0))


def test_the_jobs_of_a_stack_return_their_scores_in_order_with_and_without_a_plan(sweep_folder: Path) -> None:
    first, second = launch(*STACKED, "optimizer.lr=0.1,0.01")
    assert (first.overrides[-1], second.overrides[-1]) == ("optimizer.lr=0.1", "optimizer.lr=0.01")
    scores = [float(first.return_value), float(second.return_value)]
    assert scores[0] < scores[1]
    again = launch(*STACKED, "sweep.name=t", "optimizer.lr=0.1,0.01", with_plan=False)
    assert [float(job.return_value) for job in again] == scores
    names = [run.name for run in sorted(sweep_folder.with_name("t").iterdir())]
    assert names == ["0_optimizer.lr=0.1", "1_optimizer.lr=0.01"]


def test_callbacks_of_the_user_are_called_for_the_jobs_of_a_stack(sweep_folder: Path) -> None:
    callback = "+hydra.callbacks.mine._target_=hydra.experimental.callback.Callback"
    called: list[tuple[str, int, float]] = []

    class Jobs(Callback):
        def on_job_start(self, config: Any, **_: Any) -> None:
            called.append(("start", config.hydra.job.num, config.optimizer.lr))

        def on_job_end(self, config: Any, job_return: Any, **_: Any) -> None:
            assert job_return.return_value > 0
            called.append(("end", config.hydra.job.num, config.optimizer.lr))

    callbacks = Callbacks()
    callbacks.callbacks.append(Jobs())
    sweep(train_job, *STACKED, callback, "optimizer.lr=0.1,0.01", callbacks=callbacks)
    assert called == [("start", 0, 0.1), ("start", 1, 0.01), ("end", 0, 0.1), ("end", 1, 0.01)]
    assert len(list(sweep_folder.glob("*/scores.json"))) == 2


def test_a_started_run_resumes_singly(sweep_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (sweep_folder / "1_seed=2").mkdir(parents=True)
    (sweep_folder / "1_seed=2" / "config.yaml").touch()
    launch(*STACKED, "seed=1,2,3")
    assert capfd.readouterr().out.splitlines()[0] == "stacked: 2 of 3 jobs; singly: #1 (begun before)"


def test_folds_with_different_numbers_of_rows_are_split() -> None:
    """178 rows less 36 of test make folds of 28, 28, 28, 29 and 29 rows in some order."""
    folds = [f"data.folds=5 data.fold={fold}" for fold in range(5)]
    jobs = [
        StackJob(0, [], to_plain(mlplab.configure("data=wine", *overrides.split())), "")
        for overrides in ("", "seed=1", *folds)
    ]
    stacks, alone = StackedLauncher().split_by_rows(jobs, [[0, 1], [2, 3, 4, 5, 6]], {9: "a"})
    assert stacks[0] == [0, 1]
    assert sorted(map(len, stacks[1:])) == [2, 3]
    assert sorted(place for places in stacks[1:] for place in places) == [2, 3, 4, 5, 6]
    assert alone == {9: "a"}


def test_a_job_is_the_same_with_and_without_the_plan() -> None:
    with isolated_hydra():
        fixed = "hydra.job.config.override_dirname.exclude_keys=[data,sweep.name]"
        master = compose("train", ["data=iris", "sweep.name=s", fixed], return_hydra_config=True)
        composer = JobComposer(GlobalHydra.instance().config_loader(), master)
        overrides = ["data=iris", "optimizer.lr=1", "sweep.name=s"]
        config = composer.compose(overrides)
        resolved = {tuple(overrides): (resolve_plain(config, overrides), config.hydra.job.override_dirname)}
        one, other = create_job(overrides, 5, composer, {}), create_job(overrides, 5, composer, resolved)
        assert one == other
        assert one.run == Path("outputs/sweeps/s/5_optimizer.lr=1")
        assert (one.sweep_number, one.label, one.config["optimizer"]["lr"]) == ("5", "#5 optimizer.lr=1", 1.0)
        moved = create_job([*overrides, "hydra.sweep.subdir='2_lr=1'"], 0, composer, resolved)
        assert (moved.sweep_number, moved.config["optimizer"]["lr"]) == ("2", 1.0)


def test_lazy_configurations_equal_the_plain_ones_and_share_nothing() -> None:
    alike = {"seed": 0, "run_dir": "a", "optimizer": {"lr": 0.1, "betas": [0.9, 0.999]}, "callback": {}}
    others = [
        alike,
        alike | {"seed": 1, "run_dir": "b", "optimizer": {"lr": 1, "betas": [0.5, 0.999]}},
        alike | {"seed": True, "callback": {"early": {"patience": 3}}},
        {"seed": 0, "more": 1},
    ]
    made = LazyConfigs(others)
    assert [OmegaConf.to_container(config) for config in made] == others
    assert made[2].seed is True
    made[1].optimizer.lr = 5
    assert (made[0].optimizer.lr, made[1].optimizer.lr) == (0.1, 5)
    assert made[1] is made[1]
