"""Evaluate: the scores of a run once more, from its folder alone. `--help` lists the keys."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import door
from mlplab.config.groups import CONF


@hydra.main(config_path=CONF, config_name="evaluate", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.command.evaluate import evaluate
    from mlplab.config.cli import answer

    answer(evaluate, config, "evaluate")


def main() -> None:
    door(task, "evaluate")


if __name__ == "__main__":
    main()
