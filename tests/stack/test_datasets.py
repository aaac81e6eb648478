"""Data are read once a fold, and folds of another form are parted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlplab.stack.data import DatasetCache, split_by_data


def test_what_two_jobs_have_alike_is_read_once(configured: Callable[..., Any]) -> None:
    datasets = DatasetCache()
    first, again, other = (
        datasets.of(configured("data=iris", "data.folds=5", *words))
        for words in (("seed=1",), ("seed=2", "optimizer.lr=0.1"), ("data.fold=1",))
    )
    assert first is again
    assert first is not other
    assert datasets.of(configured("data=iris", "data.folds=5", "trainer.precision=64-true")) is not first


def test_folds_that_differ_by_a_row_are_parted(configured: Callable[..., Any]) -> None:
    """178 rows less 36 of test: in five folds of 28 and 29."""
    configs = [configured("data=wine", "data.folds=5", f"data.fold={fold}") for fold in range(5)]
    datasets = DatasetCache()
    stacks, alone = split_by_data(configs, datasets)
    sizes = [{len(datasets.of(configs[place]).val) for place in places} for places in stacks]
    assert alone == {}
    assert sorted(map(len, stacks)) == [2, 3]
    assert sorted(map(max, sizes)) == [28, 29]
    assert all(len(one) == 1 for one in sizes)


def test_a_fold_like_no_other_and_one_that_cannot_be_read_are_told(
    configured: Callable[..., Any], tmp_path: Path
) -> None:
    """Folds of ten streets are of one size but for their columns: a roof that one street alone has is none of them
    where it validates. A word where the other rows have numbers is told by the fold that validates with it."""
    lines = [f"{row % 10},{'straw' if row == 3 else 'tile'},{'wat' if row == 7 else row},{row}" for row in range(100)]
    (tmp_path / "t.csv").write_text("\n".join(["street,roof,size,price", *lines, ""]))
    table = ("data=csv", f"data.path={tmp_path / 't.csv'}", "data.target=price", "data.task=regression")
    configs = [
        configured(*table, "data.split=group", "data.group=street", "data.folds=4", f"data.fold={fold}")
        for fold in range(4)
    ]
    stacks, alone = split_by_data(configs, DatasetCache())
    assert sorted([*alone, *(place for places in stacks for place in places)]) == [0, 1, 2, 3]
    assert all("column size, row 9" in reason or "no other fold" in reason for reason in alone.values())
    assert any("column size, row 9" in reason for reason in alone.values())
