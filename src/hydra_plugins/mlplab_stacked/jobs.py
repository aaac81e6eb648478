"""The jobs that a launcher is given: what each trains, and where. Those of a grid the gate knows already."""

import os
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from mlplab.config.compose import Composer, folder_name, settled
from mlplab.run.folder import number_of


@dataclass
class Job:
    """plain: the configuration, resolved, without Hydra's own part."""

    number: int
    overrides: list[str]
    plain: dict[str, Any]
    swept: str

    @property
    def run(self) -> Path:
        return Path(self.plain["run_dir"])

    @property
    def place(self) -> str:
        """Its number in the sweep, of which the jobs that are launched may be a part."""
        return number_of(self.run.name)

    @property
    def label(self) -> str:
        return f"#{self.place} {self.swept}"


def job_of(words: Sequence[str], number: int, composer: Composer, known: Mapping[tuple[str, ...], Any]) -> Job:
    """known: of the jobs of a grid, by their words, what each trains and which keys it is named by."""
    if tuple(words) in known:
        held, swept = known[tuple(words)]
        folder = os.path.join(composer.sweep, f"{number}_{folder_name(swept)}")
    else:
        config = composer.numbered(words, number)
        hydra, held = config.hydra, settled(config, config.hydra.overrides.task)
        swept, folder = hydra.job.override_dirname, hydra.runtime.output_dir
    held = {**held, "run_dir": os.path.relpath(folder)}
    return Job(number, list(words), held, swept)


class Configs(Sequence[DictConfig]):
    """Of jobs: each is made where it is used first, which may be in a process that trains a part of them, from that of
    the first job by what differs: from the plain one OmegaConf takes ten times as long."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self._made: dict[int, DictConfig] = {}

    def __len__(self) -> int:
        return len(self.jobs)

    def __getitem__(self, place: Any) -> Any:
        if place not in self._made:
            self._made[place] = self._like_first(self.jobs[place].plain)
        return self._made[place]

    def _like_first(self, plain: dict[str, Any]) -> DictConfig:
        first, pickled = self._first
        config: DictConfig = pickle.loads(pickled)
        return config if _changed(config, first, plain) else OmegaConf.create(plain)

    @cached_property
    def _first(self) -> tuple[dict[str, Any], bytes]:
        plain = self.jobs[0].plain
        return plain, pickle.dumps(OmegaConf.create(plain))


def _changed(config: DictConfig, first: Mapping[str, Any], plain: Mapping[str, Any]) -> bool:
    """What differs from the first is put in; nothing is done where the keys are others."""
    if first.keys() != plain.keys():
        return False
    for key, value in plain.items():
        nested = isinstance(value, dict) and isinstance(first[key], dict) and value.keys() == first[key].keys()
        if repr(value) != repr(first[key]) and not (nested and _changed(config[key], first[key], value)):
            config[key] = value
    return True
