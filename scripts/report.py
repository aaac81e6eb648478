"""Writes a run as one HTML page, with its curves, errors and pictures. `--help` lists the keys."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import run_cli, run_command
from mlplab.config.groups import CONF_DIR


@hydra.main(config_path=CONF_DIR, config_name="report", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.command.report import report

    run_command(report, config, "report")


def main() -> None:
    run_cli(task, "report")


if __name__ == "__main__":
    main()
