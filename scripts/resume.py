"""Resume: a run that was stopped goes on in its folder. `--help` lists the keys."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import door
from mlplab.config.groups import CONF


@hydra.main(config_path=CONF, config_name="resume", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.config.cli import answer
    from mlplab.door.job import go_on

    answer(go_on, config, "resume")


def main() -> None:
    door(task, "resume")


if __name__ == "__main__":
    main()
