"""Report: a run as one page of HTML, with its curves, errors and pictures. `--help` lists the keys."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import door
from mlplab.config.groups import CONF


@hydra.main(config_path=CONF, config_name="report", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.command.report import report
    from mlplab.config.cli import answer

    answer(report, config, "report")


def main() -> None:
    door(task, "report")


if __name__ == "__main__":
    main()
