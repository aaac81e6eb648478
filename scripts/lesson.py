"""Lesson: an idea of a course, trained, drawn and held to numbers. `--help` lists the lessons."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import run_cli
from mlplab.config.groups import CONF_DIR


@hydra.main(config_path=CONF_DIR, config_name="lesson", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.command.lesson import lesson
    from mlplab.config.cli import run_command

    run_command(lesson, config, "lesson")


def main() -> None:
    run_cli(task, "lesson")


if __name__ == "__main__":
    main()
