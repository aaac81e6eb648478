"""Resume: a run that was stopped goes on in its folder. `--help` lists the keys."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import door
from mlplab.config.groups import CONF


@hydra.main(config_path=CONF, config_name="resume", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.command.job import go_on
    from mlplab.config.cli import answer

    answer(go_on, config, "resume")


def main() -> None:
    door(task, "resume")


if __name__ == "__main__":
    main()
