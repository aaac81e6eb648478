"""Lesson: an idea of a course, trained, drawn and held to numbers. `--help` lists the lessons."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import door
from mlplab.config.groups import CONF


@hydra.main(config_path=CONF, config_name="lesson", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.command.lesson import lesson
    from mlplab.config.cli import answer

    answer(lesson, config, "lesson")


def main() -> None:
    door(task, "lesson")


if __name__ == "__main__":
    main()
