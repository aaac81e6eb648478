"""Trains a network, or with -m a sweep of them. `--help` lists the groups and their choices."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import run_cli
from mlplab.config.groups import CONF_DIR


@hydra.main(config_path=CONF_DIR, config_name="train", version_base="1.3")
def task(config: DictConfig) -> float | None:
    from mlplab.command.job import train_job

    return train_job(config)


def main() -> None:
    run_cli(task)


if __name__ == "__main__":
    main()
