"""By level: what is certain always, what is likely if asked, nothing if not wanted."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlplab.data.bundled import Bundled
from mlplab.data.leakage import find_leaks, format_leaks
from mlplab.data.sign_mnist import SignMNIST
from mlplab.data.splits import Splits
from mlplab.data.vision import Vision


def leaky(level: Any) -> Splits:
    """Of each of three kinds one: rows of training in val, nearly such in test, and the class as a feature."""
    splits = Bundled(name="breast_cancer", leak_check=level).splits()
    splits.val.features[:5] = splits.train.features[:5]
    splits.test.features[:5] = splits.train.features[5:10] * (1 + 1e-6)
    for start, part in ((0, splits.val), (5, splits.test)):
        part.target[:5] = splits.train.target[start : start + 5]
    for part in (splits.train, splits.val, splits.test):
        part.features[:, 3] = part.target
    return splits


def test_levels_look_for_more_and_more() -> None:
    found = {level: [leak.kind for leak in find_leaks(leaky(level))] for level in ("off", "basic", "full")}
    assert found == {"off": [], "basic": ["copies"], "full": ["copies", "near_copies", "feature"]}


def test_what_is_found_is_told_a_line_each() -> None:
    lines = format_leaks(leaky("full"))["leak"].splitlines()
    assert [line.split(" rows")[0] for line in lines[:2]] == ["5 of 114 val", "5 of 114 test"]
    assert lines[2].startswith("mean area alone tells the target")


def test_a_basic_check_that_finds_nothing_is_silent_and_a_full_one_says_so() -> None:
    splits = Bundled(name="wine").splits()
    assert splits.leak_check == "basic"
    assert format_leaks(splits) == format_leaks(replace(splits, leak_check="off")) == {}
    assert format_leaks(replace(splits, leak_check="full"))["leak"].startswith("none found: ")


@pytest.mark.parametrize("name", ["digits", "wine", "breast_cancer", "diabetes", "linnerud"])
def test_bundled_data_sets_give_no_false_alarm(name: str) -> None:
    assert find_leaks(Bundled(name=name, leak_check="full", split_seed=7).splits()) == []


@pytest.mark.slow
def test_mnist_is_clean_as_published(mlplab_data: Path) -> None:
    splits = Vision(name="MNIST", root=str(mlplab_data), split="official", val_fraction=0.1).splits()
    assert find_leaks(replace(splits, leak_check="full")) == []


@pytest.mark.slow
def test_sign_language_is_clean_as_published_and_caught_where_photos_are_mixed(mlplab_data: Path) -> None:
    root = str(mlplab_data)
    assert find_leaks(SignMNIST(root=root, split="official", leak_check="full").splits()) == []
    mixed = SignMNIST(root=root, split="random", leak_check="full").splits()
    assert [leak.kind for leak in find_leaks(mixed)] == ["groups", "groups", "near_copies", "near_copies"]
    assert [leak.kind for leak in find_leaks(replace(mixed, leak_check="basic"))] == ["groups", "groups"]
