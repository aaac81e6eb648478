"""Types, ranges, classes and combinations of a configuration."""

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

import mlplab
from mlplab.config.groups import CONF_DIR
from mlplab.config.schema import NULLABLE
from mlplab.config.tree import flatten, to_plain
from mlplab.config.validate import check_combinations, validate
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
    ("key", "value", "expected"),
    [
        ("optimizer.lr", 0, "above 0"),
        ("optimizer.lr", -0.1, "above 0"),
        ("optimizer.lr", float("nan"), "above 0"),
        ("optimizer.lr", "abc", "a number"),
        ("optimizer.lr", True, "a number"),
        ("optimizer.betas", [0.9, 1.0], "below 1"),
        ("optimizer.fused", "yes", "true or false"),
        ("batch_size", 0, "from 1 to"),
        ("batch_size", 1.5, "an integer"),
        ("seed", -1, "from 0 to 4294967295"),
        ("trainer.max_epochs", 0, "from 1 to"),
        ("trainer.devices", 2, "one of 1"),
        ("trainer.precision", "31-true", "one of 32-true"),
        ("data.num_train", "many", "an integer"),
        ("data.num_train", 2.5, "an integer"),
        ("data.val_fraction", 1.0, "below 1"),
        ("data.label_noise", 1.5, "at most 1"),
        ("data.split", "rnadom", "one of official, random, group"),
        ("model.hidden_features", [], "model=linear"),
        ("model.hidden_features", [8, 0], "from 1 to"),
        ("model.hidden_features", 8, "a list"),
        ("model.dropout", 1.0, "below 1"),
        ("model.output_activation", "sigmoid", "needs model.output_activation=linear"),
        ("monitor", "acc/val", "accuracy/val"),
        ("monitor", "loss/test", "unknown score"),
        ("loss.weight", "even", "balanced"),
        ("optimizer.betas", [0.9], "must be a list of 2, not of 1"),
        ("optimizer.betas", 0.9, "must be a list"),
        ("batch_size", [1, 2], "must be one value"),
        ("data.num_train", [1, 2], "must be one value"),
        ("batch_size", None, "must be an integer"),
        ("monitor", None, "must be a string"),
        ("seed", 2**32, "from 0 to 4294967295"),
        ("model.hidden_features", [10**12], "from 1 to 1000000000"),
        ("optimizer.lr", 1e-300, "too small"),
        ("optimizer.lr", {"a": 1}, "must be a number"),
        ("optimizer", 3, "must be a mapping"),
        ("model.activation", None, "must be a mapping"),
        ("data.split_seed", 2**40, "from 0 to 4294967295"),
        ("model._recursive_", False, "cannot be set"),
        ("optimizer._partial_", False, "cannot be set"),
        ("optimizer._target_", "os.system", "must be from mlplab, torch"),
        ("trainer.fast_dev_run", True, "cannot be set: mlplab sets it"),
        ("scheduler.gamma", 0.5, "unknown key for the chosen"),
        ("callback.mine", 3, "unknown key for the chosen"),
    ],
)
def test_a_wrong_value_is_refused_with_the_values_allowed(
    defaults: dict[str, Any], key: str, value: Any, expected: str
) -> None:
    with pytest.raises(UserError) as error:
        validate(changed(defaults, key, value), defaults)
    message = str(error.value)
    assert expected in message
    assert key in message
    assert "\n" not in message


def test_an_int_may_stand_for_a_float_and_a_default_of_null_takes_any_value(defaults: dict[str, Any]) -> None:
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


def test_a_sigmoid_output_needs_a_target_scaled_to_its_range() -> None:
    with pytest.raises(UserError, match=r"learner\.target_scaling=minmax"):
        mlplab.configure("data=diabetes", "model.output_activation=sigmoid")
    mlplab.configure("data=diabetes", "model.output_activation=sigmoid", "learner.target_scaling=minmax")


def test_an_unknown_key_is_refused(defaults: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="epochs: unknown key"):
        validate({**defaults, "epochs": 3}, defaults)


def test_batch_norm_needs_two_rows_a_batch(defaults: dict[str, Any]) -> None:
    config = changed(changed(defaults, "model.normalisation", "batch"), "batch_size", 1)
    with pytest.raises(UserError, match="batch_size=1"):
        validate(config, defaults)


def test_validation_imports_neither_torch_nor_lightning() -> None:
    code = (
        "import sys, mlplab; mlplab.configure('data=mnist', 'optimizer.lr=0.1');"
        "heavy = {'torch', 'lightning', 'torchvision', 'sklearn', 'pandas', 'matplotlib'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True).stderr == ""


def test_a_deleted_key_is_named(defaults: dict[str, Any]) -> None:
    config = copy.deepcopy(defaults)
    del config["optimizer"]["lr"]
    with pytest.raises(UserError, match=r"optimizer\.lr: required key is missing"):
        validate(config, defaults)


def test_null_is_allowed_where_a_yaml_has_it() -> None:
    """Otherwise a key that is null in conf/ would be refused when an experiment has set it."""
    null_keys = set()
    for path in Path(CONF_DIR).glob("*/*.yaml"):
        keys: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
        if path.parent.name not in ("experiment", "lesson"):  # lessons are validated by their own command
            null_keys |= {f"{path.parent.name}.{key}" for key, value in flatten(keys) if value is None}
    assert null_keys <= NULLABLE
    assert mlplab.configure("experiment=line", "data.x_train=null", "data.split=random").data.x_train is None


def test_data_target_takes_a_string_or_a_list() -> None:
    table = ("data=csv", "data.path=x", "data.task=regression")
    for target in ("price", "[price,rent]", "2020"):
        mlplab.configure(*table, f"data.target={target}")
    for target in ("[]", "null", "{a:1}", "[[a]]"):
        with pytest.raises(UserError, match=r"data\.target"):
            mlplab.configure(*table, f"data.target={target}")


def test_an_int_becomes_a_float_where_the_default_is_one() -> None:
    config = mlplab.configure("optimizer.betas=[0,0.9]", "optimizer.lr=1", "batch_size=8")
    assert [type(beta) for beta in config.optimizer.betas] == [float, float]
    assert type(config.optimizer.lr) is float
    assert type(config.batch_size) is int


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ("data=line data.low=3 data.high=1", "data.low=3: must be below data.high=1"),
        ("data=line data.low=1 data.high=1", "data.low=1: must be below data.high=1"),
        ("data=line data.low=-1e308 data.high=1e308", "too far apart"),
        ("data=line data.x_train=[1,2]", "data.x_train needs data.split=official"),
        ("data.val_fraction=0.5 data.test_fraction=0.5", "leave no training rows"),
        ("data=csv data.path=x data.target=[y,y] data.task=regression", "y is given twice"),
        (
            "data=csv data.path=x data.target=[y,z] data.task=classification",
            "data.task=classification takes one column",
        ),
        ("data=function data.ranges={T:3}", "data.ranges: T: 3 is not [low, high]"),
        ("data=function data.ranges={T:[2,1]}", "data.ranges: T: [2, 1] is not [low, high]"),
        ("data=function data.ranges=[1,2]", "must be [low, high] for each argument"),
        ("data=function data.ranges={}", "must be [low, high] for each argument"),
        ("data=iris data.split=official", "no official split"),
        ("data=iris data.fold=1", "data.fold=1: needs data.folds"),
        ("data=iris data.folds=5 data.fold=5", "data.fold=5: must be an integer from 0 to 4"),
        (
            "data=line data.x_train=[1,2] data.split=official data.folds=2",
            "does not fit data.x_train, which names the training rows",
        ),
        ("data=line data.split=official", "no official split"),
        ("data=mnist data.split=group", "this dataset has no groups; use random"),
        ("data=csv data.path=x data.target=y data.task=regression data.split=group", "name a column with data.group"),
        ("activation=hardtanh activation.min_val=2", "activation.min_val=2: must be below activation.max_val=1"),
        ("trainer.max_time=00:00:00:00", "above 0"),
        ("optimizer=adagrad scheduler=one_cycle scheduler.cycle_momentum=true", "optimizer=adagrad has no momentum"),
        ("monitor=r2/val", "choose loss/val, loss/train, accuracy/val"),
    ],
)
def test_options_that_do_not_fit_are_refused_with_their_keys(overrides: str, expected: str) -> None:
    with pytest.raises(UserError) as error:
        mlplab.configure(*overrides.split())
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "overrides",
    [
        "data=line data.x_train=[1,2] data.split=official",
        "data=mnist data.val_fraction=0.5 data.test_fraction=0.9",
        "data=iris data.val_fraction=0.5 data.test_fraction=0.6 data.folds=5 data.fold=4",
        "data=function data.ranges={T:[1,2],P:[1,2],Q:[1,2]}",
        "optimizer=sgd scheduler=one_cycle scheduler.cycle_momentum=true",
        "trainer.max_time=00:00:00:01",
        "data=sign_mnist data.split=group",
        "data=csv data.path=x data.target=y data.task=regression data.split=group data.group=street",
        "data=csv data.path=x data.target=[y,z] data.task=regression",
    ],
)
def test_options_that_fit_pass(overrides: str) -> None:
    mlplab.configure(*overrides.split())


def test_cv_is_refused_outside_the_command_line() -> None:
    config = to_plain(mlplab.configure("data=iris"))
    with pytest.raises(UserError, match=r"^cv=5: only for the command line of a sweep"):
        check_combinations({**config, "cv": 5})
