"""Trains and draws a lesson of the course, and checks its claims. `--help` lists the lessons."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import run_cli, run_command
from mlplab.config.groups import CONF_DIR


@hydra.main(config_path=CONF_DIR, config_name="lesson", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.command.lesson import lesson

    run_command(lesson, config, "lesson")


def main() -> None:
    run_cli(task, "lesson")


if __name__ == "__main__":
    main()
