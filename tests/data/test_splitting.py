"""Which rows go to which split: sizes, disjointness, strata, groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.splits import RawData
from mlplab.data.splitting import split_indices, subsample
from mlplab.errors import UserError

FRACTION = st.floats(0.1, 0.4)
COUNTS = st.lists(st.integers(10, 60), min_size=2, max_size=4)
SEED = st.integers(0, 10_000)


def classes(counts: list[int], **more: np.ndarray) -> RawData:
    return RawData(np.zeros((sum(counts), 1)), np.repeat(np.arange(len(counts)), counts), **more)


def values(count: int, **more: np.ndarray) -> RawData:
    return RawData(np.zeros((count, 1)), np.zeros((count, 1)), **more)


def each_row_once(index: dict[str, np.ndarray], count: int) -> bool:
    return sorted(np.concatenate(list(index.values())).tolist()) == list(range(count))


@settings(deadline=None)
@given(counts=COUNTS, val=FRACTION, test=FRACTION, seed=SEED)
def test_random_uses_every_row_once_in_the_requested_sizes(
    counts: list[int], val: float, test: float, seed: int
) -> None:
    count = sum(counts)
    for rows in (classes(counts), values(count)):
        index = split_indices(rows, "random", val, test, seed)
        assert each_row_once(index, count)
        assert len(index["test"]) == round(test * count)
        assert len(index["val"]) == round(val * count)


@settings(deadline=None)
@given(counts=COUNTS, val=FRACTION, test=FRACTION, seed=SEED)
def test_random_gives_each_class_its_fraction_of_every_split(
    counts: list[int], val: float, test: float, seed: int
) -> None:
    rows = classes(counts)
    for index in split_indices(rows, "random", val, test, seed).values():
        fractions = len(index) * np.array(counts) / sum(counts)
        found = np.bincount(rows.target[index], minlength=len(counts))
        # each of the two divisions rounds a class by less than one row
        assert np.abs(found - fractions).max() < 2


@settings(deadline=None)
@given(num_train=st.integers(20, 100), num_test=st.integers(1, 30), val=FRACTION, seed=SEED)
def test_official_test_rows_are_never_trained_on_nor_validated_with(
    num_train: int, num_test: int, val: float, seed: int
) -> None:
    official = np.random.default_rng(seed).permutation(["train"] * num_train + ["test"] * num_test)
    index = split_indices(values(num_train + num_test, official=official), "official", val, 0.2, seed)
    assert each_row_once(index, num_train + num_test)
    assert set(index["test"]) == set(np.flatnonzero(official == "test"))
    assert len(index["val"]) == round(val * num_train)


def test_an_official_validation_set_is_kept_as_it_is() -> None:
    official = np.array(["val", "train", "test", "train", "val"])
    index = split_indices(values(5, official=official), "official", 0.2, 0.2, seed=0)
    assert {name: sorted(rows.tolist()) for name, rows in index.items()} == {
        "train": [1, 3],
        "val": [0, 4],
        "test": [2],
    }


@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 6), min_size=30, max_size=50), seed=SEED, of_classes=st.booleans())
def test_rows_of_one_group_stay_in_one_split(sizes: list[int], seed: int, of_classes: bool) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    count = len(groups)
    rows = RawData(np.zeros((count, 1)), groups % 2 if of_classes else np.zeros((count, 1)), groups=groups)
    index = split_indices(rows, "group", 0.2, 0.2, seed)
    assert each_row_once(index, count)
    sides = [set(groups[at]) for at in index.values()]
    assert all(sides)
    assert sum(map(len, sides)) == len(sizes)


@pytest.mark.parametrize("of_classes", [True, False])
def test_groups_of_equal_size_have_the_requested_fractions(of_classes: bool) -> None:
    groups = np.repeat(np.arange(40), 5)
    rows = RawData(np.zeros((200, 1)), groups % 2 if of_classes else np.zeros((200, 1)), groups=groups)
    index = split_indices(rows, "group", 0.2, 0.2, seed=0)
    assert {name: len(at) for name, at in index.items()} == {"train": 120, "val": 40, "test": 40}


def test_validation_rows_of_an_official_split_share_no_group_with_training() -> None:
    groups = np.repeat(np.arange(50), 4)
    official = np.where(groups < 40, "train", "test")
    index = split_indices(
        RawData(np.zeros((200, 1)), groups % 2, groups=groups, official=official), "official", 0.25, 0.2, seed=1
    )
    assert not set(groups[index["train"]]) & set(groups[index["val"]])
    assert len(index["val"]) == pytest.approx(40, abs=8)


def test_training_rows_are_shuffled() -> None:
    index = split_indices(
        values(1000, official=np.repeat(["train", "test"], [900, 100])), "official", 0.1, 0.2, seed=0
    )["train"]
    assert np.median(index[:200]) == pytest.approx(450, abs=60)
    assert np.abs(np.corrcoef(np.arange(len(index)), index)[0, 1]) < 0.1


def test_the_seed_alone_decides() -> None:
    rows = classes([50, 50])
    np.random.seed(0)
    first = split_indices(rows, "random", 0.2, 0.2, seed=5)
    np.random.seed(1)
    again, other = (split_indices(rows, "random", 0.2, 0.2, seed=seed) for seed in (5, 6))
    for name in first:
        assert first[name].tolist() == again[name].tolist()
        assert set(first[name]) != set(other[name])


@settings(deadline=None)
@given(counts=st.lists(st.integers(2, 20), min_size=2, max_size=3), seed=SEED, data=st.data())
def test_any_number_of_training_rows_up_to_all_can_be_chosen(counts: list[int], seed: int, data: st.DataObject) -> None:
    rows = classes(counts)
    size = data.draw(st.integers(len(counts), sum(counts)))
    chosen = subsample(rows, np.arange(sum(counts)), size, seed)
    assert len(set(chosen.tolist())) == len(chosen) == size
    fractions = size * np.array(counts) / sum(counts)
    assert np.abs(np.bincount(rows.target[chosen], minlength=len(counts)) - fractions).max() < 1


def test_more_rows_than_there_are_cannot_be_chosen() -> None:
    with pytest.raises(UserError, match=r"data\.num_train=11: there are only 10 training rows"):
        subsample(values(30), np.arange(10), 11, seed=0)


@pytest.mark.parametrize(("val", "test"), [(0.5, 0.5), (0.2, 0.9)])
def test_fractions_that_leave_no_training_rows_are_refused(val: float, test: float) -> None:
    with pytest.raises(UserError, match=rf"val_fraction={val} and data\.test_fraction={test} leave no training rows"):
        split_indices(values(100), "random", val, test, seed=0)


@pytest.mark.parametrize(("val", "test", "key"), [(0.2, 0.01, "test_fraction"), (0.01, 0.2, "val_fraction")])
def test_a_split_without_a_row_is_refused_with_its_key(val: float, test: float, key: str) -> None:
    with pytest.raises(UserError, match=rf"0 of \d+ rows: change data\.{key}"):
        split_indices(values(10), "random", val, test, seed=0)


def test_a_split_of_fewer_rows_than_classes_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"2 rows are fewer than the 3 classes \(test split\): change data\.test_fraction"
    ):
        split_indices(classes([7, 7, 7]), "random", 0.2, 0.1, seed=0)


def test_a_class_of_one_row_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="class 1 has one row only"):
        split_indices(classes([30, 1, 30]), "random", 0.2, 0.2, seed=0)


def test_one_class_only_is_refused() -> None:
    with pytest.raises(UserError, match=r"one class only \(0\)"):
        split_indices(classes([30]), "random", 0.2, 0.2, seed=0)


@pytest.mark.parametrize("split", ["official", "group"])
def test_a_split_that_the_dataset_does_not_have_is_refused(split: str) -> None:
    with pytest.raises(UserError, match=rf"data\.split={split}.*use random"):
        split_indices(values(30), split, 0.2, 0.2, seed=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("of_classes", [True, False])
def test_too_few_groups_are_refused(of_classes: bool) -> None:
    groups = np.zeros(40, dtype=int)
    target = np.arange(40) % 2 if of_classes else np.zeros((40, 1))
    with pytest.raises(UserError, match="cannot be split by group"):
        split_indices(RawData(np.zeros((40, 1)), target, groups=groups), "group", 0.2, 0.2, seed=0)


@pytest.mark.parametrize(("val", "test"), [(0.2, 0.4), (0.25, 0.6), (0.1, 0.3), (0.2, 0.2)])
@pytest.mark.parametrize("of_classes", [True, False])
def test_groups_are_divided_close_to_the_requested_fractions(val: float, test: float, of_classes: bool) -> None:
    groups = np.repeat(np.arange(300), 4)
    rows = classes([600, 600], groups=groups) if of_classes else values(1200, groups=groups)
    index = split_indices(rows, "group", val, test, seed=0)
    assert len(index["val"]) / 1200 == pytest.approx(val, abs=0.03)
    assert len(index["test"]) / 1200 == pytest.approx(test, abs=0.03)


def test_the_largest_seed_splits_too() -> None:
    assert each_row_once(split_indices(values(30), "random", 0.2, 0.2, seed=2**32 - 1), 30)
