"""Settings that are good alone and do not fit each other."""

import pytest

import mlplab
from mlplab.config.tree import to_plain
from mlplab.config.validate import check_combinations
from mlplab.errors import UserError


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("data=line data.low=3 data.high=1", "data.low=3 is not below data.high=1"),
        ("data=line data.low=1 data.high=1", "data.low=1 is not below data.high=1"),
        ("data=line data.low=-1e308 data.high=1e308", "too far apart"),
        ("data=line data.x_train=[1,2]", "data.x_train needs data.split=official"),
        ("data.val_fraction=0.5 data.test_fraction=0.5", "leave no training rows"),
        ("data=csv data.path=x data.target=[y,y] data.task=regression", "y is given twice"),
        ("data=csv data.path=x data.target=[y,z] data.task=classification", "classes stand in one column"),
        ("data=function data.ranges={T:3}", "data.ranges: T: 3 is not [low, high]"),
        ("data=function data.ranges={T:[2,1]}", "data.ranges: T: [2, 1] is not [low, high]"),
        ("data=function data.ranges=[1,2]", "low and high of each argument are needed"),
        ("data=function data.ranges={}", "low and high of each argument are needed"),
        ("data=iris data.split=official", "no official split"),
        ("data=iris data.fold=1", "data.fold=1: is one of data.folds, which is not given"),
        ("data=iris data.folds=5 data.fold=5", "data.fold=5: data.folds=5 are numbered from 0 to 4"),
        ("data=line data.x_train=[1,2] data.split=official data.folds=2", "data.x_train names the training rows"),
        ("data=line data.split=official", "no official split"),
        ("data=mnist data.split=group", "this dataset has no groups; use random"),
        ("data=csv data.path=x data.target=y data.task=regression data.split=group", "name a column with data.group"),
        ("activation=hardtanh activation.min_val=2", "activation.min_val=2 is not below activation.max_val=1"),
        ("trainer.max_time=00:00:00:00", "above 0"),
        ("optimizer=adagrad scheduler=one_cycle scheduler.cycle_momentum=true", "optimizer=adagrad has no momentum"),
        ("monitor=r2/val", "choose loss/val, loss/train, accuracy/val"),
    ],
)
def test_what_does_not_fit_is_told_with_the_keys_that_disagree(words: str, said: str) -> None:
    with pytest.raises(UserError) as mistake:
        mlplab.configure(*words.split())
    assert said in str(mistake.value)
    assert "\n" not in str(mistake.value)


@pytest.mark.parametrize(
    "words",
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
def test_what_fits_passes(words: str) -> None:
    mlplab.configure(*words.split())


def test_cv_in_an_experiment_would_be_read_by_nobody() -> None:
    config = to_plain(mlplab.configure("data=iris"))
    with pytest.raises(UserError, match=r"^cv=5: stands for two keys on the command line of a sweep"):
        check_combinations({**config, "cv": 5})
