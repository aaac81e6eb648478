"""Predicts new rows or images with a trained run. `--help` lists the keys."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import run_cli, run_command
from mlplab.config.groups import CONF_DIR


@hydra.main(config_path=CONF_DIR, config_name="predict", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.command.predict import predict

    run_command(predict, config, "predict")


def main() -> None:
    run_cli(task, "predict")


if __name__ == "__main__":
    main()
