"""Compares runs in a table, best first. `--help` lists the keys."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import run_cli, run_command
from mlplab.config.groups import CONF_DIR


@hydra.main(config_path=CONF_DIR, config_name="compare", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.command.compare import compare

    run_command(compare, config, "compare")


def main() -> None:
    run_cli(task, "compare")


if __name__ == "__main__":
    main()
