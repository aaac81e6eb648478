"""Predict: what a run says of new rows or images. `--help` lists the keys."""

import hydra
from omegaconf import DictConfig

from mlplab.command_line import door
from mlplab.configuration import CONF


@hydra.main(config_path=CONF, config_name="predict", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.door.predict import predict
    from mlplab.settings import answer

    answer(predict, config, "predict")


def main() -> None:
    door(task, "predict")


if __name__ == "__main__":
    main()
