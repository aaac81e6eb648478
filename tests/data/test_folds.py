"""Each row that is no test row validates in one fold and trains in the others; strata and groups are kept."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.splits import RawData
from mlplab.data.splitting import SplitKind, fold_indices, split_indices
from mlplab.errors import UserError

COUNTS = st.lists(st.integers(10, 60), min_size=2, max_size=4)
FOLDS = st.integers(2, 6)
SEED = st.integers(0, 10_000)


def classes(counts: list[int]) -> RawData:
    return RawData(np.zeros((sum(counts), 1)), np.repeat(np.arange(len(counts)), counts))


def regression(count: int, **more: Any) -> RawData:
    return RawData(np.zeros((count, 1)), np.zeros((count, 1)), **more)


def folded(rows: RawData, folds: int, seed: int, split: SplitKind = "random") -> list[dict[str, np.ndarray]]:
    return [split_indices(rows, split, 0.2, 0.2, seed, folds, fold) for fold in range(folds)]


def each_validates_once(index: list[dict[str, np.ndarray]], count: int) -> bool:
    """In every fold each row is on one side; over all folds each one that is no test row validates once."""
    whole = all(sorted(np.concatenate(list(one.values())).tolist()) == list(range(count)) for one in index)
    rest = sorted(set(range(count)) - set(index[0]["test"].tolist()))
    return whole and sorted(np.concatenate([one["val"] for one in index]).tolist()) == rest


@settings(deadline=None)
@given(counts=COUNTS, folds=FOLDS, seed=SEED)
def test_each_row_but_those_of_test_validates_in_one_fold_and_trains_in_the_others(
    counts: list[int], folds: int, seed: int
) -> None:
    for rows in (classes(counts), regression(sum(counts))):
        index = folded(rows, folds, seed)
        assert each_validates_once(index, sum(counts))
        assert np.ptp([len(one["val"]) for one in index]) <= 1


@settings(deadline=None)
@given(counts=COUNTS, folds=FOLDS, seed=SEED)
def test_test_rows_are_those_of_the_single_split(counts: list[int], folds: int, seed: int) -> None:
    single = split_indices(classes(counts), "random", 0.3, 0.2, seed)["test"].tolist()
    assert all(one["test"].tolist() == single for one in folded(classes(counts), folds, seed))


@settings(deadline=None)
@given(counts=COUNTS, folds=FOLDS, seed=SEED)
def test_each_class_has_its_fraction_of_every_fold(counts: list[int], folds: int, seed: int) -> None:
    rows = classes(counts)
    found = [np.bincount(rows.target[one["val"]], minlength=len(counts)) for one in folded(rows, folds, seed)]
    assert (np.ptp(found, axis=0) <= 1).all()


@settings(deadline=None, max_examples=30)
@given(sizes=st.lists(st.integers(1, 6), min_size=30, max_size=50), folds=st.integers(2, 5), seed=SEED)
def test_rows_of_one_group_validate_together(sizes: list[int], folds: int, seed: int) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    for target in (np.zeros((len(groups), 1)), groups % 2):
        index = folded(RawData(np.zeros((len(groups), 1)), target, groups=groups), folds, seed, "group")
        assert each_validates_once(index, len(groups))
        for one in index:
            sides = [set(groups[at].tolist()) for at in one.values()]
            assert all(sides)
            assert sum(map(len, sides)) == len(sizes)


@pytest.mark.parametrize("groups", [None, np.arange(100) // 2])
def test_an_official_test_set_stays_aside_and_an_official_validation_set_takes_turns(groups: np.ndarray | None) -> None:
    rows = regression(100, official=np.repeat(["train", "val", "test"], [60, 20, 20]), groups=groups)
    index = folded(rows, 4, 0, "official")
    assert all(set(one["test"].tolist()) == set(range(80, 100)) for one in index)
    assert each_validates_once(index, 100)
    assert {len(one["val"]) for one in index} == {20}
    if groups is not None:
        assert not any(set(groups[one["train"]]) & set(groups[one["val"]]) for one in index)


def test_rows_stand_in_random_order_on_both_sides() -> None:
    index = split_indices(
        regression(1000, official=np.repeat(["train", "test"], [900, 100])), "official", 0.1, 0.2, 0, 2, 1
    )
    for name in ("train", "val"):
        assert np.median(index[name][:150]) == pytest.approx(450, abs=80)
        assert np.abs(np.corrcoef(np.arange(450), index[name])[0, 1]) < 0.15


def test_the_seed_alone_decides() -> None:
    rows = classes([30, 30])
    np.random.seed(0)
    first = folded(rows, 3, 5)[1]["val"].tolist()
    np.random.seed(1)
    assert folded(rows, 3, 5)[1]["val"].tolist() == first
    assert set(folded(rows, 3, 6)[1]["val"].tolist()) != set(first)
    assert len(folded(rows, 3, 2**32 - 1)) == 3


def test_labels_that_are_no_whole_numbers_are_strata_too() -> None:
    rows = RawData(np.zeros((40, 1)), np.repeat([0.5, 1.5], 20))
    train, val = fold_indices(rows, np.arange(40), 4, 0, seed=0)
    assert np.unique(rows.target[val], return_counts=True)[1].tolist() == [5, 5]
    assert len(train) == 30


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (classes([30, 4]), "data.folds=5: class 1 has 4 rows beside the test rows, and each fold needs one"),
        (regression(4), "data.folds=5: there are only 4 rows beside the test rows"),
        (classes([30]), "the target has one class only (0): two or more are needed"),
        (regression(40, groups=np.arange(40) % 3), "data.folds=5: there are only 3 groups beside the test rows"),
    ],
)
def test_more_folds_than_there_is_for_them_is_one_line(rows: RawData, message: str) -> None:
    with pytest.raises(UserError) as error:
        fold_indices(rows, np.arange(len(rows.target)), 5, 0, seed=0, groups=rows.groups)
    assert str(error.value) == message


def test_a_fold_that_is_not_there_is_refused() -> None:
    with pytest.raises(UserError, match=r"^data\.fold=5: data\.folds=5 are numbered from 0 to 4$"):
        fold_indices(regression(40), np.arange(40), 5, 5, seed=0)
