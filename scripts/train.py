"""Train: from the command line to curves. `--help` lists the groups and their choices."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import door
from mlplab.config.groups import CONF


@hydra.main(config_path=CONF, config_name="train", version_base="1.3")
def task(config: DictConfig) -> float | None:
    from mlplab.command.job import job

    return job(config)


def main() -> None:
    door(task)


if __name__ == "__main__":
    main()
