"""Resumes a run that was stopped, in its folder. `--help` lists the keys."""

import hydra
from omegaconf import DictConfig

from mlplab.config.cli import run_cli, run_command
from mlplab.config.groups import CONF_DIR


@hydra.main(config_path=CONF_DIR, config_name="resume", version_base="1.3")
def task(config: DictConfig) -> None:
    from mlplab.command.job import resume_job

    run_command(resume_job, config, "resume")


def main() -> None:
    run_cli(task, "resume")


if __name__ == "__main__":
    main()
