"""Predict: what a run says of new rows or images. `--help` lists the keys."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import door
from mlplab.config.groups import CONF


@hydra.main(config_path=CONF, config_name="predict", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.command.predict import predict
    from mlplab.config.cli import answer

    answer(predict, config, "predict")


def main() -> None:
    door(task, "predict")


if __name__ == "__main__":
    main()
