"""What is known of a job of a grid is what its words say."""

from pathlib import Path

from hydra import compose
from hydra.core.global_hydra import GlobalHydra

from hydra_plugins.mlplab_stacked.jobs import job_of
from mlplab.command_line import settled
from mlplab.composer import Composer
from mlplab.configuration import own_hydra


def test_a_job_is_the_same_whether_it_was_known_or_not() -> None:
    with own_hydra():
        fixed = "hydra.job.config.override_dirname.exclude_keys=[data,sweep.name]"
        master = compose("train", ["data=iris", "sweep.name=s", fixed], return_hydra_config=True)
        composer = Composer(GlobalHydra.instance().config_loader(), master)
        words = ["data=iris", "optimizer.lr=1", "sweep.name=s"]
        config = composer.compose(words)
        known = {tuple(words): (settled(config, words), config.hydra.job.override_dirname)}
        one, other = job_of(words, 5, composer, {}), job_of(words, 5, composer, known)
        assert one == other
        assert one.run == Path("outputs/sweeps/s/5_optimizer.lr=1")
        assert (one.place, one.label, one.config.optimizer.lr) == ("5", "#5 optimizer.lr=1", 1.0)
        moved = job_of([*words, "hydra.sweep.subdir='2_lr=1'"], 0, composer, known)
        assert (moved.place, moved.config.optimizer.lr) == ("2", 1.0)
