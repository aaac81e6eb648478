"""The YAML files, their choices and keys."""

from pathlib import Path

from mlplab.config.groups import CONF_DIR, choice_has_key, choice_keys, choices


def test_conf_is_found_and_holds_the_groups() -> None:
    assert Path(CONF_DIR, "train.yaml").exists()
    assert {"data", "model", "optimizer", "loss"} <= {path.name for path in Path(CONF_DIR).iterdir()}


def test_the_keys_of_a_choice_include_inherited_keys() -> None:
    assert choice_keys(Path(CONF_DIR, "data", "moons.yaml")) == {
        *("_target_", "num_rows", "noise"),
        *("split", "val_fraction", "test_fraction", "split_seed", "num_train", "label_noise"),
        *("leak_check", "folds", "fold"),
    }
    assert choice_keys(Path(CONF_DIR, "scheduler", "none.yaml")) == set()


def test_a_dotted_name_is_a_key_of_a_nested_dict() -> None:
    path = Path(CONF_DIR, "callback", "early_stopping.yaml")
    assert choice_has_key(path, "early_stopping")
    assert choice_has_key(path, "early_stopping.patience")
    assert not choice_has_key(path, "early_stopping.wat")
    assert not choice_has_key(path, "patience")


def test_base_yaml_is_no_choice() -> None:
    assert "mnist" in choices("data")
    assert "base" not in choices("data")
