"""Differences from the defaults, and the command that reproduces a configuration."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig

import mlplab
from mlplab.config.diff import MISSING, differences, reproducing_command
from mlplab.config.tree import portable_config
from mlplab.run.config_file import read_config, write_config


def stored(*overrides: str) -> dict[str, Any]:
    return portable_config(mlplab.configure(*overrides))


def settings(config: DictConfig) -> dict[str, Any]:
    return {key: value for key, value in portable_config(config).items() if key not in ("run_dir", "sweep")}


def test_the_defaults_of_a_dataset_differ_in_nothing() -> None:
    for data in ("digits", "diabetes", "breast_cancer"):
        assert differences(stored(f"data={data}")) == []
    assert reproducing_command(stored()) == "python scripts/train.py"
    assert reproducing_command(stored("data=diabetes")) == "python scripts/train.py data=diabetes"


def test_a_choice_and_its_keys_differ_from_the_defaults_of_the_choice() -> None:
    found = differences(stored("data=iris", "optimizer=sgd", "optimizer.lr=0.5", "callback=early_stopping"))
    assert found == [
        ("optimizer", "sgd", "adam"),
        ("callback", ["early_stopping"], ["none"]),
        ("optimizer.lr", 0.5, 0.1),
    ]


def test_an_experiment_differs_in_all_keys_that_it_sets() -> None:
    config = mlplab.configure("experiment=overfit")
    found = differences(portable_config(config))
    assert found[0] == ("experiment", "overfit", None)
    assert {key for key, _, _ in found[1:]} == {
        *("data.num_train", "data.label_noise", "model.hidden_features", "trainer.max_epochs")
    }
    assert reproducing_command(portable_config(config)) == "python scripts/train.py experiment=overfit"


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["data=iris", "seed=7", "model.hidden_features=[16,8]", "optimizer.lr=1e-05"],
        ["experiment=overfit_cured", "optimizer=sgd", "model.dropout=0.1"],
        ["experiment=line", "data.x_train=[1.0,2.5]", "trainer.max_epochs=3"],
        ["data=breast_cancer", "learner=classifier", "loss=ce", "activation=tanh", "model=linear"],
        ["data=iris", "callback=[early_stopping,weight_averaging]", "callback.early_stopping.patience=3"],
        ["data=iris", "callback=gradient_accumulation"],
        ["experiment=overfit", "report=full"],
        ["data=iris", "report=full", "report.graph=false"],
        ["data=iris", "+optimizer.amsgrad=true", "trainer.max_time=00:00:10:00", "scheduler=one_cycle"],
        ["data=function", "data.ranges={a:[0,1],b:[-1,2]}", "allow=[tests]"],
        [
            "data=csv",
            "data.path='/tmp/it is, a=file.csv'",
            "data.target='1'",
            "data.task=regression",
            "data.ignore=[a,'null']",
        ],
        [
            "data=csv",
            "data.path=/tmp/a.csv",
            r"data.separator='\t'",
            "data.task=classification",
            "data.target='it\\'s'",
        ],
        ["data=mnist", "data.root=/somewhere/else", "data.num_train=100"],
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_the_command_gives_the_same_configuration_again(arguments: list[str], tmp_path: Path) -> None:
    config = mlplab.configure(*arguments, f"run_dir={tmp_path}")
    write_config(portable_config(config))
    python, script, *again = shlex.split(reproducing_command(portable_config(read_config(tmp_path))))
    assert (python, script) == ("python", "scripts/train.py")
    assert settings(mlplab.configure(*again)) == settings(config)


def test_a_chosen_report_is_one_difference() -> None:
    assert differences(stored("data=iris", "report=full")) == [("report", "full", "default")]
    assert reproducing_command(stored("report=full")) == "python scripts/train.py report=full"


def test_a_key_that_was_added_has_no_default() -> None:
    (found,) = differences(stored("data=iris", "+optimizer.amsgrad=true"))
    assert found == ("optimizer.amsgrad", True, MISSING)
