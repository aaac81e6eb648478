"""Evaluates a run again, from its folder alone. `--help` lists the keys."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import run_cli, run_command
from mlplab.config.groups import CONF_DIR


@hydra.main(config_path=CONF_DIR, config_name="evaluate", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.command.evaluate import evaluate

    run_command(evaluate, config, "evaluate")


def main() -> None:
    run_cli(task, "evaluate")


if __name__ == "__main__":
    main()
