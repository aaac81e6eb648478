"""From a command line to a configuration, and Hydra's messages in one line."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import mlplab
from mlplab.config.compose import folder_name
from mlplab.errors import UserError
from tests.conftest import REPO, door


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
    ("overrides", "said"),
    [
        (["experiment=overfit", "model=linear"], "sets model.hidden_features, which model=linear has not"),
        (["experiment=overfit_cured", "optimizer=lbfgs"], "sets optimizer.weight_decay, which optimizer=lbfgs has not"),
        (
            ["data=csv", "data.path=x", "data.target=y", "data.task=regression", "learner=classifier", "loss=ce"],
            "task=regression",
        ),
    ],
)
def test_settings_that_do_not_fit_each_other_are_told_before_anything_begins(overrides: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        mlplab.configure(*overrides)


def test_several_callbacks_add_up() -> None:
    config = mlplab.configure("callback=[early_stopping,weight_averaging]", "callback.early_stopping.patience=3")
    assert set(config.callback) == {"early_stopping", "weight_averaging"}


def test_activation_parameters_reach_the_model() -> None:
    config = mlplab.configure("activation=leaky_relu", "activation.negative_slope=0.2")
    assert config.model.activation.negative_slope == 0.2


def test_the_learner_of_another_kind_of_target_is_refused() -> None:
    with pytest.raises(UserError, match="whose target is values"):
        mlplab.configure("data=diabetes", "learner=classifier", "loss=ce")


def test_configurations_from_python_do_not_disturb_each_other() -> None:
    first = mlplab.configure("data=iris")
    second = mlplab.configure()
    assert (first.choice.data, second.choice.data) == ("iris", "digits")


def test_folder_names_are_safe_and_short() -> None:
    assert folder_name("model.hidden_features=[8, 8],data.path=/a b") == "model.hidden_features=-8,-8-,data.path=-a-b"
    assert len(folder_name("x" * 500)) == 100


def test_no_callbacks_at_all_are_a_choice_too() -> None:
    assert mlplab.configure("callback=[]").callback == {}


@pytest.mark.parametrize("word", ["optimizer.lr=-1", "optimizer=adm", "--wat"])
def test_debug_shows_the_traceback_of_a_wrong_configuration_too(word: str, tmp_path: Path) -> None:
    answer = door("train", word, "debug=true", cwd=tmp_path)
    assert answer.returncode == 1
    assert "Traceback" in answer.stderr
    assert answer.stderr.splitlines()[-1].startswith("mlplab: ")
    quiet = door("train", word, cwd=tmp_path)
    assert (quiet.returncode, len(quiet.stderr.splitlines())) == (1, 1)


@pytest.mark.slow
def test_a_run_whose_reader_has_seen_enough_goes_on_in_silence(tmp_path: Path) -> None:
    arguments = "data=iris trainer.max_epochs=2 report.picture=false run_dir=run"
    command = f"{shlex.quote(sys.executable)} {REPO / 'scripts' / 'train.py'} {arguments} | head -n 1"
    answer = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (answer.stdout.count("\n"), answer.stderr) == (1, "")
    assert (tmp_path / "run" / "scores.json").exists()
