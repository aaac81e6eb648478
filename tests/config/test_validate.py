"""A configuration is judged before anything heavy is imported."""

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

import mlplab
from mlplab.config.groups import CONF_DIR
from mlplab.config.schema import NULLABLE
from mlplab.config.tree import flatten, select
from mlplab.config.validate import validate
from mlplab.errors import UserError


@pytest.fixture(scope="module")
def defaults() -> dict[str, Any]:
    config: Any = OmegaConf.to_container(mlplab.configure())
    return config


def changed(defaults: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    config = copy.deepcopy(defaults)
    *path, last = key.split(".")
    part = config
    for name in path:
        part = part[name]
    part[last] = value
    return config


def test_the_defaults_pass(defaults: dict[str, Any]) -> None:
    validate(defaults, defaults)


@pytest.mark.parametrize(
    ("key", "value", "needed"),
    [
        ("optimizer.lr", 0, "above 0"),
        ("optimizer.lr", -0.1, "above 0"),
        ("optimizer.lr", float("nan"), "above 0"),
        ("optimizer.lr", "abc", "a number"),
        ("optimizer.lr", True, "a number"),
        ("optimizer.betas", [0.9, 1.0], "below 1"),
        ("optimizer.fused", "yes", "true or false"),
        ("batch_size", 0, "from 1 to"),
        ("batch_size", 1.5, "a whole number"),
        ("seed", -1, "from 0 to 4294967295"),
        ("trainer.max_epochs", 0, "from 1 to"),
        ("trainer.devices", 2, "one of 1"),
        ("trainer.precision", "31-true", "one of 32-true"),
        ("data.num_train", "many", "a whole number"),
        ("data.num_train", 2.5, "a whole number"),
        ("data.val_fraction", 1.0, "below 1"),
        ("data.label_noise", 1.5, "at most 1"),
        ("data.split", "rnadom", "one of official, random, group"),
        ("model.hidden_features", [], "model=linear"),
        ("model.hidden_features", [8, 0], "from 1 to"),
        ("model.hidden_features", 8, "a list"),
        ("model.dropout", 1.0, "below 1"),
        ("model.output_activation", "sigmoid", "takes a linear output"),
        ("monitor", "acc/val", "accuracy/val"),
        ("monitor", "loss/test", "no such score"),
        ("loss.weight", "even", "balanced"),
        ("optimizer.betas", [0.9], "a list of 2 is needed, not of 1"),
        ("optimizer.betas", 0.9, "a list is needed"),
        ("batch_size", [1, 2], "one value is needed"),
        ("data.num_train", [1, 2], "one value is needed"),
        ("batch_size", None, "a whole number is needed"),
        ("monitor", None, "a word is needed"),
        ("seed", 2**32, "from 0 to 4294967295"),
        ("model.hidden_features", [10**12], "from 1 to 1000000000"),
        ("optimizer.lr", 1e-300, "too small"),
        ("optimizer.lr", {"a": 1}, "a number is needed"),
        ("optimizer", 3, "keys and values are needed"),
        ("model.activation", None, "keys and values are needed"),
        ("data.split_seed", 2**40, "from 0 to 4294967295"),
        ("model._recursive_", False, "not a setting"),
        ("optimizer._partial_", False, "not a setting"),
        ("optimizer._target_", "os.system", "is not of mlplab, torch"),
        ("trainer.fast_dev_run", True, "the lab sets it itself"),
        ("scheduler.gamma", 0.5, "what is chosen has no such key"),
        ("callback.mine", 3, "what is chosen has no such key"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(
    defaults: dict[str, Any], key: str, value: Any, needed: str
) -> None:
    with pytest.raises(UserError) as mistake:
        validate(changed(defaults, key, value), defaults)
    message = str(mistake.value)
    assert needed in message
    assert key in message
    assert "\n" not in message


def test_an_int_may_stand_for_a_float_and_null_takes_any(defaults: dict[str, Any]) -> None:
    validate(changed(defaults, "optimizer.lr", 1), defaults)
    validate(changed(defaults, "data.num_train", 100), defaults)


@pytest.mark.parametrize(
    ("learner", "losses"),
    [("classifier", "ce, mse, mae"), ("binary_classifier", "bce, mse, mae"), ("regressor", "mse, mae, rmse, huber")],
)
def test_a_loss_of_the_wrong_task_is_refused_with_those_that_fit(
    defaults: dict[str, Any], learner: str, losses: str
) -> None:
    config = changed(changed(defaults, "choice.learner", learner), "choice.loss", "nll")
    with pytest.raises(UserError, match=f"choose {losses}"):
        validate(config, defaults)


def test_a_squashed_output_wants_a_target_scaled_to_its_range() -> None:
    with pytest.raises(UserError, match=r"learner\.target_scaling=minmax"):
        mlplab.configure("data=diabetes", "model.output_activation=sigmoid")
    mlplab.configure("data=diabetes", "model.output_activation=sigmoid", "learner.target_scaling=minmax")


def test_a_key_that_nothing_reads_is_refused(defaults: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="nothing reads"):
        validate({**defaults, "epochs": 3}, defaults)


def test_batch_norm_needs_two_rows_a_batch(defaults: dict[str, Any]) -> None:
    config = changed(changed(defaults, "model.normalisation", "batch"), "batch_size", 1)
    with pytest.raises(UserError, match="batch_size=1"):
        validate(config, defaults)


@given(
    st.dictionaries(st.text("abc", min_size=1), st.integers() | st.dictionaries(st.text("xyz", min_size=1), st.none()))
)
def test_every_leaf_is_found_again_by_its_dotted_key(config: dict[str, Any]) -> None:
    for key, value in flatten(config):
        assert select(config, key, "absent") == value


def test_checking_imports_neither_torch_nor_lightning() -> None:
    code = (
        "import sys, mlplab; mlplab.configure('data=mnist', 'optimizer.lr=0.1');"
        "heavy = {'torch', 'lightning', 'torchvision', 'sklearn', 'pandas', 'matplotlib'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True).stderr == ""


def test_a_key_that_is_gone_is_named(defaults: dict[str, Any]) -> None:
    config = copy.deepcopy(defaults)
    del config["optimizer"]["lr"]
    with pytest.raises(UserError, match=r"optimizer\.lr: this key is needed"):
        validate(config, defaults)


def test_null_is_taken_where_a_yaml_has_it_and_nowhere_else() -> None:
    """A key that is null in conf/ would else be refused when an experiment has set it."""
    found = set()
    for path in Path(CONF_DIR).glob("*/*.yaml"):
        own: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        if path.parent.name not in ("experiment", "lesson"):  # lessons have a door of their own
            found |= {f"{path.parent.name}.{key}" for key, value in flatten(own) if value is None}
    assert found <= NULLABLE
    assert mlplab.configure("experiment=line", "data.x_train=null", "data.split=random").data.x_train is None


def test_a_list_where_either_is_taken_may_be_a_word() -> None:
    words = ("data=csv", "data.path=x", "data.task=regression")
    for target in ("price", "[price,rent]", "2020"):
        mlplab.configure(*words, f"data.target={target}")
    for target in ("[]", "null", "{a:1}", "[[a]]"):
        with pytest.raises(UserError, match=r"data\.target"):
            mlplab.configure(*words, f"data.target={target}")


def test_an_int_becomes_a_float_where_the_default_is_one() -> None:
    config = mlplab.configure("optimizer.betas=[0,0.9]", "optimizer.lr=1", "batch_size=8")
    assert [type(beta) for beta in config.optimizer.betas] == [float, float]
    assert type(config.optimizer.lr) is float
    assert type(config.batch_size) is int
