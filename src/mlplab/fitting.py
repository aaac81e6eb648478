"""Do the settings fit each other? As check.py, without anything heavy."""

import math
import re
from collections.abc import Mapping
from typing import Any

from mlplab.configuration import choices_with
from mlplab.errors import Mistake
from mlplab.limits import LOSSES
from mlplab.monitor import METRICS

Config = Mapping[str, Any]
OFFICIAL = ("mlplab.data.vision.Vision", "mlplab.data.sign_mnist.SignMNIST")
GROUPED = ("mlplab.data.sign_mnist.SignMNIST",)


def fits_together(config: Config) -> None:
    """config: resolved, plain containers; each value alone is good. Raises Mistake for the first that does not fit."""
    choice = config["choice"]
    for group, chosen in choice.items():
        if not isinstance(chosen, str) and group != "experiment":
            raise Mistake(f"{group}: choose one")
    if "_target_" not in config["data"]:
        raise Mistake(f"data={choice['data']} is what datasets share, not a dataset; see --help for the choices")
    if config.get("cv") is not None:
        raise Mistake(f"cv={config['cv']}: stands for two keys on the command line of a sweep; give data.folds here")
    _loss_and_monitor(config, choice["learner"], choice["loss"])
    _data(config["data"], choice["learner"])
    _model(config, choice["learner"])
    _schedule(config)


def is_its_choice(config: Config, defaults: Config) -> None:
    """A run is known by its choices, so what another choice makes is not set behind the name of this one."""
    for group in config["choice"]:
        for key in ("_target_", "name"):
            value, usual = ((one.get(group) or {}).get(key) for one in (config, defaults))
            if value != usual and (others := choices_with(group, key, value)):
                chosen = f"choose by {group}={' or '.join(others)}"
                raise Mistake(f"{group}.{key}={value}: is not that of {group}={config['choice'][group]}; {chosen}")


def fits_data(config: Config, usual: str) -> None:
    """usual: the learner that the dataset picks itself, which tells what its target is."""
    choice = config["choice"]
    if (choice["learner"] == "regressor") != (usual == "regressor"):
        kind = "values" if usual == "regressor" else "classes"
        raise Mistake(f"learner={choice['learner']} does not fit data={choice['data']}, whose target is {kind}")


def _loss_and_monitor(config: Config, learner: str, loss: str) -> None:
    if loss not in LOSSES[learner]:
        raise Mistake(f"loss={loss} does not fit learner={learner}: choose {', '.join(LOSSES[learner])}")
    scores = [f"{metric}/{split}" for metric in ("loss", *METRICS[learner]) for split in ("val", "train")]
    if config["monitor"] not in scores:
        raise Mistake(f"monitor={config['monitor']}: there is no such score; choose {', '.join(scores)}")


def _data(data: Config, learner: str) -> None:
    task = data.get("task")
    if task is not None and (task == "values") != (learner == "regressor"):
        raise Mistake(f"data.task={task} does not fit learner={learner}")
    if learner != "regressor" and data.get("label_noise", 0) > 1:
        raise Mistake(f"data.label_noise={data['label_noise']}: a share of the labels is at most 1")
    if "low" in data and not data["low"] < data["high"]:
        raise Mistake(f"data.low={data['low']} is not below data.high={data['high']}")
    if "low" in data and math.isinf(data["high"] - data["low"]):
        raise Mistake(f"data.low={data['low']} and data.high={data['high']} are too far apart")
    if data.get("x_train") is not None and data["split"] != "official":
        raise Mistake(f"data.split={data['split']}: data.x_train needs data.split=official")
    _split(data)
    _folds(data)
    if data["split"] != "official" and data.get("folds") is None and data["val_fraction"] + data["test_fraction"] >= 1:
        given = f"data.val_fraction={data['val_fraction']} and data.test_fraction={data['test_fraction']}"
        raise Mistake(f"{given} leave no training rows: together they must stay below 1")
    targets = data.get("target")
    if isinstance(targets, list):
        twice = next((name for name in targets if targets.count(name) > 1), None)
        if twice is not None:
            raise Mistake(f"data.target: {twice} is given twice")
        if task == "classes" and len(targets) > 1:
            raise Mistake("data.target: classes stand in one column; give a list only with data.task=values")
    if data.get("ranges") is not None:
        _ranges(data["ranges"])


def _split(data: Config) -> None:
    """Of our own data sets it is known whether they have an official split, or groups."""
    kind = data["_target_"]
    if not kind.startswith("mlplab."):
        return
    if data["split"] == "official" and kind not in OFFICIAL and data.get("x_train") is None:
        raise Mistake("data.split=official: this dataset has no official split; use random or group")
    if data["split"] == "group" and kind not in GROUPED and data.get("group") is None:
        remedy = "name a column with data.group" if "group" in data else "use random"
        raise Mistake(f"data.split=group: this dataset has no groups; {remedy}")


def _folds(data: Config) -> None:
    folds, fold = data.get("folds"), data.get("fold", 0)
    if folds is None and fold:
        raise Mistake(f"data.fold={fold}: is one of data.folds, which is not given; add data.folds=5")
    if folds is not None and fold >= folds:
        raise Mistake(f"data.fold={fold}: data.folds={folds} are numbered from 0 to {folds - 1}")
    if folds is not None and data.get("x_train") is not None:
        raise Mistake("data.folds: data.x_train names the training rows, so there is nothing to take turns")


def _ranges(ranges: Any) -> None:
    example = "such as {T: [250, 400], P: [1, 10]}"
    if not isinstance(ranges, Mapping) or not ranges:
        raise Mistake(f"data.ranges={ranges}: low and high of each argument are needed, {example}")
    for name, limits in ranges.items():
        numbers = isinstance(limits, list) and all(isinstance(limit, int | float) for limit in limits)
        if not numbers or len(limits) != 2 or not limits[0] < limits[1]:
            raise Mistake(f"data.ranges: {name}: {limits} is not [low, high] with low below high, {example}")


def _model(config: Config, learner: str) -> None:
    model = config["model"]
    if model.get("hidden_features") == []:
        raise Mistake("model.hidden_features=[]: without a hidden layer it is model=linear")
    if model.get("normalisation") == "batch" and config["batch_size"] == 1:
        raise Mistake("batch_size=1: batch normalisation needs two rows or more; model.normalisation=layer takes one")
    squashed = model.get("output_activation", "linear")
    if squashed != "linear" and learner != "regressor":
        raise Mistake(f"model.output_activation={squashed}: learner={learner} takes a linear output")
    if squashed in ("sigmoid", "softplus") and config["learner"].get("target_scaling") == "standard":
        raise Mistake(f"model.output_activation={squashed} cannot reach negative values: learner.target_scaling=minmax")
    activation = model.get("activation", {})
    if "min_val" in activation and not activation["min_val"] < activation["max_val"]:
        low, high = activation["min_val"], activation["max_val"]
        raise Mistake(f"activation.min_val={low} is not below activation.max_val={high}")


def _schedule(config: Config) -> None:
    limit = config["trainer"].get("max_time")
    if limit is not None and not (re.fullmatch(r"\d+:\d\d:\d\d:\d\d", str(limit)) and re.search("[1-9]", str(limit))):
        raise Mistake(f"trainer.max_time={limit}: must be DD:HH:MM:SS above 0, as 00:00:10:00 for ten minutes")
    optimizer = config["optimizer"]
    cycles = config["scheduler"].get("cycle_momentum") and not optimizer["_target_"].endswith(".SGD")
    if cycles and not {"momentum", "betas"} & set(optimizer):
        chosen = config["choice"]["optimizer"]
        raise Mistake(f"scheduler.cycle_momentum=true: optimizer={chosen} has no momentum to cycle")
