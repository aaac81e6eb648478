"""Copies, groups and dates that overlap between splits are reported row by row; each level runs more checks."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.bundled import Bundled
from mlplab.data.csv import CSV
from mlplab.data.leakage import (
    Leak,
    date_overlap,
    exact_duplicates,
    find_leaks,
    first_examples,
    format_leaks,
    group_overlap,
    row_keys,
)
from mlplab.data.sign_mnist import SignMNIST
from mlplab.data.splits import GROUP, DataInfo, Split, Splits, Task
from mlplab.data.vision import Vision

SIZES = {"train": 60, "val": 30, "test": 30}


def splits_of(
    features: Mapping[str, np.ndarray],
    target: Mapping[str, np.ndarray] | None = None,
    columns: Mapping[str, Mapping[str, Any]] | None = None,
    **more: Any,
) -> Splits:
    """Rows are called by the letter of their split and their place: r3, v0, t7 (r: train). columns: of the origin."""
    target = target or {name: np.arange(len(rows)) % 2 for name, rows in features.items()}
    parts = {
        name: Split(
            torch.from_numpy(np.ascontiguousarray(features[name])), torch.from_numpy(np.ascontiguousarray(goal))
        )
        for name, goal in target.items()
    }
    origin = {}
    for name, rows in features.items():
        called = [f"{'r' if name == 'train' else name[0]}{place}" for place in range(len(rows))]
        origin[name] = pd.DataFrame((columns or {}).get(name, {}), index=called)
    names = more.pop("feature_names", tuple(f"x{number}" for number in range(1, features["train"].shape[1] + 1)))
    task = Task.CLASSIFICATION if parts["train"].target.ndim == 1 else Task.REGRESSION
    info = DataInfo(task, names, image_size=more.pop("image_size", None))
    return Splits(**parts, info=info, origin=origin, **more)


def clean(seed: int = 0, width: int = 4) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {name: generator.standard_normal((size, width)) for name, size in SIZES.items()}


@given(seed=st.integers(0, 1000), val=st.integers(0, 30), test=st.integers(0, 30), pixels=st.booleans())
@settings(max_examples=40, deadline=None)
def test_all_planted_copies_are_counted(seed: int, val: int, test: int, pixels: bool) -> None:
    features = clean(seed, width=8)
    if pixels:  # 256^8 different rows
        features = {name: (rows * 40).astype(np.int64).astype(np.uint8) for name, rows in features.items()}
    generator = np.random.default_rng(seed + 1)
    for name, count in (("val", val), ("test", test)):
        at = generator.permutation(SIZES[name])[:count]
        features[name][at] = features["train"][generator.integers(0, SIZES["train"], count)]
    found = {
        (leak.kind, leak.split): leak.rows
        for leak in exact_duplicates(splits_of(features))
        if "training row" in leak.what
    }
    assert found == {("copies", name): count for name, count in (("val", val), ("test", test)) if count}


def test_copies_are_reported_by_row_and_by_their_target() -> None:
    features = clean()
    features["val"][[0, 1]] = features["train"][[10, 12]]
    features["test"][7] = features["train"][11]
    features["test"][8] = -0.0
    features["train"][9] = 0.0
    first, second = exact_duplicates(splits_of(features))
    assert first.text.startswith(
        "2 of 30 val rows have all features of a training row, with the same target in 1 of them (row v0 as row r10, "
        "row v1 as row r12); "
    )
    assert (second.split, second.rows) == ("test", 2)
    assert second.what.endswith("training row, with the same target in 1 of them")
    assert second.examples == ("row t7 as row r11", "row t8 as row r9")


def test_copies_between_val_and_test_are_reported_if_training_has_none() -> None:
    features = clean()
    features["test"][3] = features["val"][4]
    features["test"][5] = features["val"][5] = features["train"][6]
    found = [(leak.split, leak.rows, leak.examples) for leak in exact_duplicates(splits_of(features))]
    assert found[-1] == ("test", 1, ("row t3 as row v4",))
    assert [rows for _, rows, _ in found] == [1, 1, 1]


def test_copies_with_another_target_are_reported_as_such() -> None:
    features = clean()
    features["val"][0] = features["train"][0]
    values = {name: np.random.default_rng(size).standard_normal((size, 2)) for name, size in SIZES.items()}
    (leak,) = exact_duplicates(splits_of(features, values))
    assert "with another target" in leak.what
    values["val"][0] = values["train"][0]
    (leak,) = exact_duplicates(splits_of(features, values))
    assert "with the same target" in leak.what


def test_only_equal_rows_have_equal_keys() -> None:
    rows = np.array([[0.0, 1.0], [1.0, 0.0], [-0.0, 1.0], [0.0, 1.0 + 1e-15]])
    keys = row_keys(Split(torch.from_numpy(rows), torch.zeros(4)))
    assert keys[0] == keys[2]
    assert len(set(keys.tolist())) == 3


@given(train=st.lists(st.integers(0, 9), min_size=60, max_size=60), val=st.lists(st.integers(0, 9), min_size=30))
@settings(max_examples=20, deadline=None)
def test_rows_of_shared_groups_are_counted(train: list[int], val: list[int]) -> None:
    columns = {"train": {GROUP: train}, "val": {GROUP: val[:30]}, "test": {GROUP: ["other"] * 30}}
    found = list(group_overlap(splits_of(clean(), columns=columns)))
    shared = [group for group in val[:30] if group in train]
    assert [(leak.split, leak.rows) for leak in found] == ([("val", len(shared))] if shared else [])
    assert all(f"of {len(set(shared))} groups" in leak.what and "data.split=group" in leak.remedy for leak in found)


def test_without_groups_or_dates_nothing_is_reported() -> None:
    splits = splits_of(clean())
    assert not [*group_overlap(splits), *date_overlap(splits), *exact_duplicates(splits)]


def days(*numbers: int) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(numbers, unit="D"))


def test_rows_not_later_than_the_newest_training_row_are_reported() -> None:
    columns = {
        "train": {"day": days(*range(60))},
        "val": {"day": days(*range(50, 80))},
        "test": {"day": days(*range(60, 90))},
    }
    (leak,) = date_overlap(splits_of(clean(), columns=columns))
    assert (leak.split, leak.rows) == ("val", 10)
    assert leak.text.startswith("10 of 30 val rows are not later than the newest training row (day) (row v0: 2024-02-2")


@pytest.mark.parametrize(("split", "leaks"), [("random", True), ("group", False)])
def test_groups_of_a_csv_file_overlap_in_a_random_split_only(tmp_path: Path, split: Any, leaks: bool) -> None:
    path = tmp_path / "patients.csv"
    lines = [f"{row * 0.1},{row // 4},{row % 7}" for row in range(200)]
    path.write_text("\n".join(["x,patient,y", *lines]))
    splits = CSV(path=str(path), target="y", task="regression", group="patient", split=split).splits()
    found = list(group_overlap(splits))
    assert bool(found) == leaks
    if leaks:
        assert found[0].examples[0].startswith("group ")


def test_dates_of_a_csv_file_overlap_in_a_random_split_though_they_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    lines = [f"{row * 0.1},2024-{1 + row // 28:02}-{1 + row % 28:02},{row % 7}" for row in range(200)]
    path.write_text("\n".join(["x,group,y", *lines]))
    splits = CSV(path=str(path), target="y", task="regression", ignore="group").splits()
    assert not list(group_overlap(splits))  # a column is no group because of its name
    found = list(date_overlap(splits))
    assert [leak.split for leak in found] == ["val", "test"]
    assert all(leak.rows >= 35 for leak in found)
    line = int(found[0].examples[0].removeprefix("row ").split(":")[0])
    assert lines[line - 2].split(",")[1] == found[0].examples[0].split(": ")[1]


def test_iris_has_one_pair_of_equal_rows_which_is_reported_if_the_split_separates_it() -> None:
    reported = 0
    for seed in range(10):
        splits = Bundled(name="iris", split_seed=seed).splits()
        pair = [name for name in SIZES for row in splits.origin[name].index if row in (102, 143)]
        found = list(exact_duplicates(splits))
        assert len(found) == (pair[0] != pair[1])
        for leak in found:
            reported += 1
            assert {int(text) for text in leak.examples[0].split() if text.isdigit()} == {102, 143}
    assert reported


@pytest.mark.parametrize("name", ["digits", "wine", "breast_cancer", "diabetes", "linnerud"])
def test_the_other_bundled_data_sets_have_no_copies(name: str) -> None:
    assert [list(exact_duplicates(Bundled(name=name, split_seed=seed).splits())) for seed in range(5)] == [[]] * 5


def test_the_text_of_a_leak_has_finding_examples_and_remedy() -> None:
    leak = Leak("copies", "val", 2, "2 of 9 val rows are copies", ("row 1", "row 5"), "keep one of each")
    assert leak.text == "2 of 9 val rows are copies (row 1, row 5); keep one of each"


def test_a_leak_without_examples_has_no_brackets() -> None:
    assert Leak("feature", "val", 9, "x1 predicts it", (), "leave it out").text == "x1 predicts it; leave it out"


def test_at_most_three_examples_are_shown() -> None:
    assert first_examples([]) == ()
    assert first_examples(range(3)) == ("0", "1", "2")
    assert first_examples(range(9)) == ("0", "1", "2", "...")


def leaky(level: Any) -> Splits:
    """One leak of three kinds: training rows in val, near copies of them in test, and the class as a feature."""
    splits = Bundled(name="breast_cancer", leak_check=level).splits()
    splits.val.features[:5] = splits.train.features[:5]
    splits.test.features[:5] = splits.train.features[5:10] * (1 + 1e-6)
    for start, part in ((0, splits.val), (5, splits.test)):
        part.target[:5] = splits.train.target[start : start + 5]
    for part in (splits.train, splits.val, splits.test):
        part.features[:, 3] = part.target
    return splits


def test_each_level_runs_more_checks() -> None:
    found = {level: [leak.kind for leak in find_leaks(leaky(level))] for level in ("off", "basic", "full")}
    assert found == {"off": [], "basic": ["copies"], "full": ["copies", "near_copies", "feature"]}


def test_each_leak_is_one_line() -> None:
    lines = format_leaks(leaky("full"))["leak"].splitlines()
    assert [line.split(" rows")[0] for line in lines[:2]] == ["5 of 114 val", "5 of 114 test"]
    assert lines[2].startswith("mean area alone predicts the target")


def test_a_basic_check_that_finds_nothing_is_silent_and_a_full_one_says_so() -> None:
    splits = Bundled(name="wine").splits()
    assert splits.leak_check == "basic"
    assert format_leaks(splits) == format_leaks(replace(splits, leak_check="off")) == {}
    assert format_leaks(replace(splits, leak_check="full"))["leak"].startswith("none found: ")


@pytest.mark.parametrize("name", ["digits", "wine", "breast_cancer", "diabetes", "linnerud"])
def test_bundled_data_sets_give_no_false_alarm(name: str) -> None:
    assert find_leaks(Bundled(name=name, leak_check="full", split_seed=7).splits()) == []


@pytest.mark.slow
def test_mnist_has_no_leak_as_published(mlplab_data: Path) -> None:
    splits = Vision(name="MNIST", root=str(mlplab_data), split="official", val_fraction=0.1).splits()
    assert find_leaks(replace(splits, leak_check="full")) == []


@pytest.mark.slow
def test_sign_language_has_no_leak_as_published_and_four_in_a_random_split(mlplab_data: Path) -> None:
    root = str(mlplab_data)
    assert find_leaks(SignMNIST(root=root, split="official", leak_check="full").splits()) == []
    mixed = SignMNIST(root=root, split="random", leak_check="full").splits()
    assert [leak.kind for leak in find_leaks(mixed)] == ["groups", "groups", "near_copies", "near_copies"]
    assert [leak.kind for leak in find_leaks(replace(mixed, leak_check="basic"))] == ["groups", "groups"]
