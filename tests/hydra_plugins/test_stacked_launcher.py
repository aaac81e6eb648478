"""The stacked launcher: which jobs train together, what it prints, what its jobs return."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

import mlplab
from hydra_plugins.mlplab.stacked_launcher import Job, LazyConfigs, StackedLauncher, _told, make_job
from mlplab.config.compose import JobComposer, isolated_hydra, resolve_plain
from mlplab.config.tree import to_plain


def test_reasons_are_told_once_with_the_numbers_of_their_jobs() -> None:
    jobs: Any = [SimpleNamespace(place=str(number)) for number in range(10)]
    assert (
        _told(jobs, [[0, 1], [2, 3]], {4: "a", 5: "b", 6: "a"})
        == "stacked: 2, 2 of 10 jobs; singly: #4, #6 (a); singly: #5 (b)"
    )
    assert _told(jobs, [], dict.fromkeys(range(10), "a")).endswith("singly: #0, #1, #2, #3, #4 and 5 more (a)")


def test_jobs_of_one_form_are_parted_where_their_rows_are_not() -> None:
    """178 rows less 36 of test make folds of 28, 28, 28, 29 and 29 rows in some order."""
    words = [f"data.folds=5 data.fold={fold}" for fold in range(5)]
    jobs: Any = [
        SimpleNamespace(config=config, plain=to_plain(config))
        for config in (mlplab.configure("data=wine", *one.split()) for one in ("", "seed=1", *words))
    ]
    stacks, alone = StackedLauncher()._by_rows(jobs, [[0, 1], [2, 3, 4, 5, 6]], {9: "a"})
    assert stacks[0] == [0, 1]
    assert sorted(map(len, stacks[1:])) == [2, 3]
    assert sorted(place for places in stacks[1:] for place in places) == [2, 3, 4, 5, 6]
    assert alone == {9: "a"}


def test_a_job_is_the_same_whether_it_was_known_or_not() -> None:
    with isolated_hydra():
        fixed = "hydra.job.config.override_dirname.exclude_keys=[data,sweep.name]"
        master = compose("train", ["data=iris", "sweep.name=s", fixed], return_hydra_config=True)
        composer = JobComposer(GlobalHydra.instance().config_loader(), master)
        words = ["data=iris", "optimizer.lr=1", "sweep.name=s"]
        config = composer.compose(words)
        known = {tuple(words): (resolve_plain(config, words), config.hydra.job.override_dirname)}
        one, other = make_job(words, 5, composer, {}), make_job(words, 5, composer, known)
        assert one == other
        assert one.run == Path("outputs/sweeps/s/5_optimizer.lr=1")
        assert (one.place, one.label, one.plain["optimizer"]["lr"]) == ("5", "#5 optimizer.lr=1", 1.0)
        moved = make_job([*words, "hydra.sweep.subdir='2_lr=1'"], 0, composer, known)
        assert (moved.place, moved.plain["optimizer"]["lr"]) == ("2", 1.0)


def test_the_configuration_of_each_job_is_that_of_its_own_words() -> None:
    alike = {"seed": 0, "run_dir": "a", "optimizer": {"lr": 0.1, "betas": [0.9, 0.999]}, "callback": {}}
    others = [
        alike,
        alike | {"seed": 1, "run_dir": "b", "optimizer": {"lr": 1, "betas": [0.5, 0.999]}},
        alike | {"seed": True, "callback": {"early": {"patience": 3}}},
        {"seed": 0, "more": 1},
    ]
    made = LazyConfigs([Job(place, [], plain, "") for place, plain in enumerate(others)])
    assert [OmegaConf.to_container(config) for config in made] == others
    assert made[2].seed is True
    made[1].optimizer.lr = 5
    assert (made[0].optimizer.lr, made[1].optimizer.lr) == (0.1, 5)
    assert made[1] is made[1]
