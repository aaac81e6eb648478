"""Suggests a learning rate by a short training over a range of them. `--help` lists the keys."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import run_cli, run_command
from mlplab.config.groups import CONF_DIR


@hydra.main(config_path=CONF_DIR, config_name="find_lr", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.command.find_lr import find_lr

    run_command(find_lr, config, "find_lr")


def main() -> None:
    run_cli(task, "find_lr")


if __name__ == "__main__":
    main()
