"""The configurations of jobs are those that Hydra composes one by one."""

from collections.abc import Iterator
from typing import Any

import pytest
from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

import mlplab.config.compose  # noqa: F401, which knows how a folder is named
from mlplab.config.compose import JobComposer, isolated_hydra
from mlplab.config.tree import to_plain

SWEEP = [
    ["data=iris", f"optimizer.lr={lr}", f"optimizer={name}", "sweep.name=s", f"model.hidden_features={widths}", *more]
    for lr in (0.1, 0.01)
    for name in ("sgd", "adam")  # the choice changes back and forth
    for widths in ("[4]", "[8,8]")
    for more in ((), ("hydra.sweep.subdir='7_a=1,b'",), ("+model.extra={a:1}",))
]


@pytest.fixture
def sweep() -> Iterator[tuple[Any, DictConfig]]:
    """Hydra's loader, and the configuration of a sweep."""
    with isolated_hydra():
        fixed = "hydra.job.config.override_dirname.exclude_keys=[data,sweep.name]"
        master = compose("train", ["data=iris", "sweep.name=s", fixed], return_hydra_config=True)
        yield GlobalHydra.instance().config_loader(), master


def test_each_is_composed_as_hydra_composes_it(sweep: tuple[Any, DictConfig]) -> None:
    loader, master = sweep
    composer = JobComposer(loader, master)
    for words in SWEEP:
        ours = composer.compose(words)
        found = to_plain(ours), _own(ours)
        theirs = loader.load_sweep_config(master, words)
        HydraConfig.instance().set_config(theirs)
        expected = to_plain(theirs), _own(theirs)
        for one in (found, expected):
            one[0].pop("run_dir")  # the time of day
        assert found == expected
        assert found[0]["choice"]["optimizer"] == words[2].partition("=")[2]


def _own(config: DictConfig) -> dict[str, Any]:
    hydra = config.hydra
    words = {name: list(hydra.overrides[name]) for name in ("task", "hydra")}
    return {**words, "swept": hydra.job.override_dirname, "choices": dict(hydra.runtime.choices)}


def test_a_job_has_its_number_and_its_folder(sweep: tuple[Any, DictConfig]) -> None:
    composer = JobComposer(*sweep)
    for number in (3, 4):  # the second from what is known of the first
        hydra = composer.numbered(["data=iris", "seed=1", "sweep.name=s"], number).hydra
        assert (hydra.job.num, hydra.job.id) == (number, str(number))
        assert hydra.runtime.output_dir.endswith(f"outputs/sweeps/s/{number}_seed=1")
    named = ["data=iris", "seed=1", "sweep.name=s", "hydra.sweep.subdir='0_mine'"]
    assert composer.numbered(named, 5).hydra.runtime.output_dir.endswith("outputs/sweeps/s/0_mine")
