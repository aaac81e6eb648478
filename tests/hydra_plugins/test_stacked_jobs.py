"""What is known of a job of a grid is what its words say."""

from pathlib import Path

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from hydra_plugins.mlplab.stacked_launcher import Job, LazyConfigs, make_job
from mlplab.config.compose import JobComposer, isolated_hydra
from mlplab.config.configure import resolve_plain


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
