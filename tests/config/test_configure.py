"""Overrides become a validated configuration."""

from pathlib import Path

import pytest

import mlplab
import mlplab.config.configure as configure_module
from mlplab.command.job import train_job
from mlplab.config.configure import VALIDATED
from mlplab.config.validate import validate
from mlplab.errors import UserError
from tests.conftest import run_script
from tests.sweep.in_process import planned, sweep


@pytest.mark.parametrize(
    ("overrides", "learner", "loss"),
    [
        (["data=digits"], "classifier", "ce"),
        (["data=moons"], "binary_classifier", "bce"),
        (["data=diabetes"], "regressor", "mse"),
        (["data=diabetes", "loss=mae"], "regressor", "mae"),
        (["data=breast_cancer", "learner=classifier", "loss=ce"], "classifier", "ce"),
        (["data=csv", "data.path=x", "data.target=y", "data.task=classification"], "classifier", "ce"),
        (["data=csv", "data.path=x", "data.target=y", "data.task=regression"], "regressor", "mse"),
        (["data=csv", "data.path=x", "data.target=y", "data.task=regression", "loss=huber"], "regressor", "huber"),
        (["experiment=line"], "regressor", "mse"),
        (["experiment=line", "data=sine", "data.x_train=null", "data.split=random"], "regressor", "mse"),
    ],
)
def test_a_dataset_picks_its_learner_and_loss_and_the_command_line_wins(
    overrides: list[str], learner: str, loss: str
) -> None:
    config = mlplab.configure(*overrides)
    assert (config.choice.learner, config.choice.loss) == (learner, loss)
    assert config.learner._target_.split(".")[-2] == learner


def test_an_experiment_wins_over_the_defaults_and_loses_to_the_command_line() -> None:
    assert mlplab.configure("experiment=overfit").trainer.max_epochs == 100
    assert mlplab.configure("experiment=overfit", "trainer.max_epochs=7").trainer.max_epochs == 7
    assert mlplab.configure("experiment=line", "optimizer=adam").choice.optimizer == "adam"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["experiment=overfit", "model=linear"], "sets model.hidden_features, which model=linear does not have"),
        (
            ["experiment=overfit_cured", "optimizer=lbfgs"],
            "sets optimizer.weight_decay, which optimizer=lbfgs does not have",
        ),
        (
            ["data=csv", "data.path=x", "data.target=y", "data.task=regression", "learner=classifier", "loss=ce"],
            "task=regression",
        ),
    ],
)
def test_options_that_do_not_fit_each_other_are_refused(overrides: list[str], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        mlplab.configure(*overrides)


@pytest.mark.parametrize(
    "group", ["data", "model", "activation", "learner", "loss", "optimizer", "scheduler", "trainer"]
)
def test_a_group_that_was_deleted_has_to_be_chosen(group: str) -> None:
    with pytest.raises(UserError, match=f"^{group}: choose one$"):
        mlplab.configure(f"~{group}")


def test_several_callbacks_add_up() -> None:
    config = mlplab.configure("callback=[early_stopping,weight_averaging]", "callback.early_stopping.patience=3")
    assert set(config.callback) == {"early_stopping", "weight_averaging"}


def test_activation_parameters_reach_the_model() -> None:
    config = mlplab.configure("activation=leaky_relu", "activation.negative_slope=0.2")
    assert config.model.activation.negative_slope == 0.2


def test_the_learner_of_another_task_is_refused() -> None:
    with pytest.raises(UserError, match="whose task is regression"):
        mlplab.configure("data=diabetes", "learner=classifier", "loss=ce")


def test_configurations_from_python_do_not_disturb_each_other() -> None:
    first = mlplab.configure("data=iris")
    second = mlplab.configure()
    assert (first.choice.data, second.choice.data) == ("iris", "digits")


def test_an_empty_list_of_callbacks_is_a_choice() -> None:
    assert mlplab.configure("callback=[]").callback == {}


def test_a_job_takes_the_configuration_that_the_plan_validated(
    sweep_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the process of the sweep each job's configuration is validated once, before the first job."""
    calls = []
    monkeypatch.setattr(configure_module, "validate", lambda *given: calls.append(validate(*given)))
    sweep(train_job, "data=iris", "seed=1,2,3", "trainer.max_epochs=1", "report.picture=false", "sweep.name=s")
    assert len(calls) == 3
    assert len(list(sweep_folder.glob("*/scores.json"))) == 3


def test_an_earlier_validation_is_not_taken_for_another_command() -> None:
    VALIDATED[("data=iris",)] = {}
    jobs = planned("data=wine", "seed=1,2").jobs
    assert set(VALIDATED) == {tuple(job.overrides) for job in jobs}


def test_an_old_name_of_a_task_in_a_users_yaml_file_is_read_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.yaml").write_text("defaults: [csv, _self_]\npath: x.csv\ntarget: y\ntask: values\n")
    answer = run_script(
        "train", f"hydra.searchpath=[file://{tmp_path}]", "data=mine", "learner=classifier", cwd=tmp_path
    )
    note = "note: data.task=values was renamed to data.task=regression; the old name works until the next format\n"
    assert answer.stderr == f"{note}mlplab: data.task=regression does not fit learner=classifier\n"


def test_choices_may_be_in_another_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.yaml").write_text("defaults: [iris, _self_]\nnum_train: 60\n")
    assert mlplab.configure(f"hydra.searchpath=[file://{tmp_path}]", "data=mine").data.num_train == 60
