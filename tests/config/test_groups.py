"""Where the YAML files lie, and which keys they have."""

from pathlib import Path

import mlplab
from mlplab.config.groups import CONF_DIR, choice_has_key, choice_keys, choices
from mlplab.config.tree import portable_config


def test_conf_is_found_and_holds_the_groups() -> None:
    assert Path(CONF_DIR, "train.yaml").exists()
    assert {"data", "model", "optimizer", "loss"} <= {path.name for path in Path(CONF_DIR).iterdir()}


def test_the_keys_of_a_choice_are_its_own_and_those_it_inherits() -> None:
    assert choice_keys(Path(CONF_DIR, "data", "moons.yaml")) == {
        *("_target_", "num_rows", "noise"),
        *("split", "val_fraction", "test_fraction", "split_seed", "num_train", "label_noise"),
        *("leak_check", "folds", "fold"),
    }
    assert choice_keys(Path(CONF_DIR, "scheduler", "none.yaml")) == set()


def test_a_key_may_be_looked_for_inside_another() -> None:
    path = Path(CONF_DIR, "callback", "early_stopping.yaml")
    assert choice_has_key(path, "early_stopping")
    assert choice_has_key(path, "early_stopping.patience")
    assert not choice_has_key(path, "early_stopping.wat")
    assert not choice_has_key(path, "patience")


def test_what_datasets_share_is_no_choice() -> None:
    assert "mnist" in choices("data")
    assert "base" not in choices("data")


def test_a_kept_configuration_knows_nothing_of_the_command_that_began_its_sweep() -> None:
    config = mlplab.configure(
        "data=iris", "sweep.name=s", "sweep.resume=true", "sweep.fail_fast=true", "sweep.ensemble=true"
    )
    assert portable_config(config)["sweep"] == {"name": "s", "resume": None, "fail_fast": False, "ensemble": False}
    assert config.sweep.resume is True
