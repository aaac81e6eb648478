"""Compare: a table of all runs, best first. `--help` lists the keys."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import door
from mlplab.config.groups import CONF


@hydra.main(config_path=CONF, config_name="compare", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.command.compare import compare
    from mlplab.config.cli import answer

    answer(compare, config, "compare")


def main() -> None:
    door(task, "compare")


if __name__ == "__main__":
    main()
