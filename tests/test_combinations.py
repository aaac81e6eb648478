"""Any combination of choices and values trains to finite scores or is refused in one line."""

import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlplab
from mlplab.config.groups import CONF_DIR, choice_keys, choices
from mlplab.config.schema import CHOICES, LENGTHS, RANGES, Range
from mlplab.errors import RunError, UserError

# those that need no file
DATA = [
    *("iris", "wine", "breast_cancer", "diabetes", "linnerud", "line", "sine", "polynomial", "function"),
    *("xor", "moons", "circles", "blobs", "spiral"),
]
GROUPS = ("model", "activation", "learner", "loss", "optimizer", "scheduler", "callback", "report", "experiment")
BIG = {"model.hidden_features", "model.width", "model.num_blocks", "model.expansion", "model.pieces", "data.num_rows"}
SLOW = {"optimizer.max_iter", "optimizer.history_size", "trainer.max_epochs"}
NUMBERS: list[Any] = [0, 1, -1, 0.5, 1e-9, 1e9, 1e38, 1e300, 2**40]
ODD = [*NUMBERS, "nan", "inf", "-inf", "word", "null", "true", "[]", "[1,2]"]
LIBRARY = re.compile(r"\b[A-Z]\w*(Error|Exception)\b|Traceback|full_key|debug=true")


def in_range(key: str, allowed: Range) -> st.SearchStrategy[Any]:
    """Small values for keys with which a run takes long."""
    low, high = max(allowed.low, -1e3), min(allowed.high, 1e3)
    if key in BIG | SLOW:
        high = min(high, 40)
    if allowed.integer:
        return st.integers(int(low), int(high))
    return st.floats(low, high, exclude_min=not allowed.include_low, exclude_max=not allowed.include_high).map(
        lambda number: f"{number:.6g}"
    )


def values(key: str) -> st.SearchStrategy[Any]:
    odd = st.sampled_from([value for value in ODD if not (key in BIG and value in (1e9, 2**40))])
    if key in CHOICES:
        return st.sampled_from([*CHOICES[key], "wat"]).map(lambda value: "null" if value is None else value)
    allowed = RANGES.get(key)
    if not isinstance(allowed, Range):
        return odd | st.floats(-10, 10)
    good = in_range(key, allowed)
    if key in LENGTHS:
        return st.lists(good, min_size=1, max_size=3).map(lambda items: f"[{','.join(map(str, items))}]") | odd
    return st.one_of(good, good, good, odd)


def keys(chosen: dict[str, str]) -> list[str]:
    found = ["seed", "batch_size", "monitor", "trainer.precision", "trainer.gradient_clip_val", "trainer.accelerator"]
    for group, choice in chosen.items():
        path = Path(CONF_DIR, group, f"{choice}.yaml")
        inner = ("model", "activation", "learner", "loss", "optimizer", "scheduler", "data", "report")
        if group in inner:
            found += [
                f"{group}.{key}" for key in sorted(choice_keys(path)) if key[0] != "_" and key not in ("activation",)
            ]
    return [key for key in found if key not in ("data.name", "data.function", "report.picture")]


@st.composite
def overrides(draw: st.DrawFn) -> list[str]:
    chosen = {"data": draw(st.sampled_from(DATA))}
    for group in draw(st.lists(st.sampled_from(GROUPS), unique=True, max_size=5)):
        there = [choice for choice in choices(group) if choice != "mnist"]
        chosen[group] = draw(st.sampled_from(there))
    arguments = [f"{group}={choice}" for group, choice in chosen.items()]
    present = {"model": "mlp", "optimizer": "adam", "activation": "relu", "report": "default", **chosen}
    for key in draw(st.lists(st.sampled_from(keys(present)), unique=True, max_size=3)):
        value = "accuracy/val" if key == "monitor" and draw(st.booleans()) else draw(values(key))
        arguments.append(f"{key}={value}")
    return arguments


def trains_or_is_refused(arguments: list[str]) -> None:
    """Trains in this process: finite scores, or an error of one line that names no library."""
    folder = Path(tempfile.mkdtemp())
    small = ("report.picture=false", "trainer.max_epochs=2", "data.num_train=60")
    there = {word.split("=")[0] for word in arguments}
    if {"data=linnerud", "experiment=line"} & set(arguments):  # they have fewer rows
        there.add("data.num_train")
    given = [*arguments, *(word for word in small if word.split("=")[0] not in there)]
    try:
        with warnings.catch_warnings(record=True) as printed:
            warnings.simplefilter("always")
            scores = mlplab.train(mlplab.configure(*given, f"run_dir={folder / 'run'}"))
    except (UserError, RunError) as error:
        line = str(error)
        assert line
        assert "\n" not in line
        assert not LIBRARY.search(line), line
    else:
        assert json.loads((folder / "run" / "scores.json").read_text()) == scores
        numbers = {name: value for name, value in scores.items() if isinstance(value, float)}
        assert all(map(math.isfinite, numbers.values())), numbers
        shown = {str(one.message) for one in printed if not re.search("LeafSpec|torch.jit", str(one.message))}
        assert not shown, shown
    finally:
        shutil.rmtree(folder)


WIDE = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=False)


@settings(WIDE, max_examples=6, derandomize=True)
@given(overrides())
def test_any_combination_trains_or_is_refused_in_one_line(arguments: list[str]) -> None:
    trains_or_is_refused(arguments)


@pytest.mark.slow
@settings(WIDE, max_examples=60, derandomize=True)
@given(st.data())
def test_many_combinations_train_or_are_refused_in_one_line(data: st.DataObject) -> None:
    trains_or_is_refused(data.draw(overrides()))


@pytest.mark.long
@settings(WIDE, max_examples=1000)
@given(overrides())
def test_a_thousand_combinations_train_or_are_refused_in_one_line(arguments: list[str]) -> None:
    trains_or_is_refused(arguments)


def test_invalid_configurations_are_refused_before_anything_heavy_is_imported() -> None:
    """In a process of its own, where nothing is imported yet."""
    invalid: list[list[str]] = []

    @settings(WIDE, max_examples=15, derandomize=True)
    @given(overrides())
    def keep(arguments: list[str]) -> None:
        invalid.append(arguments)

    keep()
    code = """if True:
        import json, sys, mlplab
        from mlplab.errors import UserError
        refused = 0
        for words in json.load(sys.stdin):
            try:
                mlplab.configure(*words)
            except UserError:
                refused += 1
        heavy = {"torch", "lightning", "torchvision", "sklearn", "pandas", "matplotlib"} & set(sys.modules)
        print(refused, *heavy)
    """
    answer = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(invalid), capture_output=True, text=True, check=True
    )
    refused, *heavy = answer.stdout.split()
    assert int(refused) > 3
    assert not heavy
