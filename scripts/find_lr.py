"""Find_lr: which learning rate to begin with, by a short training over all of them. `--help` lists the keys."""

import hydra
from omegaconf import DictConfig

from mlplab.command_line import door
from mlplab.configuration import CONF


@hydra.main(config_path=CONF, config_name="find_lr", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.door.find_lr import find_lr
    from mlplab.settings import answer

    answer(find_lr, config, "find_lr")


def main() -> None:
    door(task, "find_lr")


if __name__ == "__main__":
    main()
