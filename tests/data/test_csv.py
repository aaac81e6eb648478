"""The user's own table: what becomes a feature, and errors that say file, row and column."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from mlplab.data.csv import CSV, parse_dates
from mlplab.errors import UserError


def table(folder: Path, text: str, **settings: Any) -> CSV:
    path = folder / "house.csv"
    path.write_text(text)
    return CSV(**{"path": str(path), "target": "price", "task": "regression", **settings})


def test_numbers_text_and_missing_values_are_encoded_by_the_training_rows(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    sizes = [None if row % 5 == 0 else float(generator.integers(1, 100)) for row in range(50)]
    kinds = ["", "flat", "house"]
    lines = [f"{row},{'' if size is None else size},{kinds[row % 3]},{row}" for row, size in enumerate(sizes)]
    splits = table(tmp_path, "\n".join(["row,size,kind,price", *lines])).splits()
    assert splits.info.feature_names == ("row", "size", "kind=flat", "kind=house")
    assert splits.info.target_names == ("price",)
    trained = [sizes[int(row)] for row in splits.train.features[:, 0]]
    median = np.median([size for size in trained if size is not None])
    for part in (splits.train, splits.val, splits.test):
        for (row, *features), price in zip(part.features.tolist(), part.target.tolist(), strict=True):
            size = median if sizes[int(row)] is None else sizes[int(row)]
            assert features == [size, int(row) % 3 == 1, int(row) % 3 == 2]
            assert price == [row]


def test_a_category_unseen_in_training_is_all_zeros_and_no_feature(tmp_path: Path) -> None:
    lines = [f"{row},common,{row}" for row in range(30)]
    common = table(tmp_path, "\n".join(["row,kind,price", *lines])).splits()
    rare = int(common.test.features[0, 0])
    lines[rare] = f"{rare},rare,{rare}"
    splits = table(tmp_path, "\n".join(["row,kind,price", *lines])).splits()
    assert splits.info.feature_names == ("row", "kind=common")
    assert splits.test.features[:, 1].tolist() == [0, 1, 1, 1, 1, 1]


def test_val_and_test_rows_do_not_affect_the_training_rows(tmp_path: Path) -> None:
    rows = [f"{row},{row if row % 4 else ''},{'ab'[row % 2]},{row}" for row in range(60)]
    clean = table(tmp_path, "\n".join(["row,size,kind,price", *rows])).splits()
    for row in torch.cat([clean.val.features, clean.test.features])[:, 0].int().tolist():
        rows[row] = f"{-row},{1e9 if row % 3 else ''},alien,-1e9"
    dirty = table(tmp_path, "\n".join(["row,size,kind,price", *rows])).splits()
    assert not torch.equal(clean.val.target, dirty.val.target)
    assert torch.equal(clean.train.features, dirty.train.features)
    assert torch.equal(clean.train.target, dirty.train.target)
    assert clean.info.feature_names == dirty.info.feature_names


@pytest.mark.parametrize("cell", ["unknown", "inf"])
def test_text_in_a_test_row_of_a_numeric_column_is_refused_by_column_and_line(cell: str, tmp_path: Path) -> None:
    rows = [f"{row},{row / 2},{row}" for row in range(30)]
    clean = table(tmp_path, "\n".join(["row,size,price", *rows])).splits()
    held_out = int(clean.test.features[0, 0])
    rows[held_out] = f"{held_out},{cell},{held_out}"
    with pytest.raises(
        UserError, match=rf"house\.csv: column size, row {held_out + 2}: {cell} where the training rows"
    ):
        table(tmp_path, "\n".join(["row,size,price", *rows])).splits()


def test_text_labels_are_classes_by_name(tmp_path: Path) -> None:
    splits = table(tmp_path, "x,price\n" + "1,low\n2,high\n" * 10, task="classification").splits()
    assert splits.class_names == ("high", "low")
    assert torch.equal(splits.train.target, (splits.train.features[:, 0] == 1).long())
    assert splits.train.target.dtype == torch.int64


def test_several_regression_targets_keep_the_requested_order(tmp_path: Path) -> None:
    splits = table(tmp_path, "a,x,b\n" + "1,0,2\n-1,0,-2\n" * 10, target=["b", "a"]).splits()
    assert splits.info.target_names == ("b", "a")
    assert splits.info.feature_names == ("x",)
    assert splits.train.target.unique(dim=0).tolist() == [[-2, -1], [2, 1]]


def test_ignored_columns_are_not_features_and_groups_stay_in_one_split(tmp_path: Path) -> None:
    lines = [f"{row // 4};note;{row // 4};{row}" for row in range(80)]
    settings: dict[str, Any] = {"separator": ";", "ignore": ["note"], "group": "street", "split": "group"}
    splits = table(tmp_path, "\n".join(["street;note;copy;price", *lines]), **settings).splits()
    assert splits.info.feature_names == ("copy",)
    streets = [set(part.features[:, 0].tolist()) for part in (splits.train, splits.val, splits.test)]
    assert sum(map(len, streets)) == len(set.union(*streets)) == 20


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.path=.*nowhere\.csv: no such file"):
        CSV(path=str(tmp_path / "nowhere.csv"), target="price", task="regression").read()


@pytest.mark.parametrize("options", [{"target": "cost"}, {"group": "cost"}, {"ignore": ["x", "cost"]}])
def test_a_missing_column_is_refused_with_the_columns_there_are(options: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"house\.csv: no column cost; columns: x, price"):
        table(tmp_path, "x,price\n1,2\n", **options).read()


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x,price\n1,2\n2,3\n3,\n4,\n", 4),
        ("x,price\n1,2\n\n\n3,\n", 5),
    ],
)
def test_an_empty_cell_in_the_target_is_refused_with_its_line(text: str, line: int, task: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"house\.csv: the target price is empty in row {line}$"):
        table(tmp_path, text, task=task).read()


def test_text_as_a_regression_target_is_refused_by_column(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"house\.csv: the target price is text; data\.task=regression needs numbers \(row 2: 'cheap'\)"
    ):
        table(tmp_path, "x,price\n1,cheap\n2,dear\n").read()


def test_two_targets_of_a_classification_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.target: classes need one column"):
        table(tmp_path, "x,a,b\n1,0,1\n", target=["a", "b"], task="classification").read()


def test_a_table_of_targets_only_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no column is left for features beside price"):
        table(tmp_path, "price\n1\n2\n").read()


@pytest.mark.parametrize("text", ["", "x,price\n"])
def test_a_table_without_rows_is_refused_for_that(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"house\.csv: (?!no column is left)"):
        table(tmp_path, text).read()


def test_a_line_with_too_many_fields_is_refused_with_its_number(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"house\.csv: .*line 3"):
        table(tmp_path, "x,price\n1,2\n1,2,3\n").read()


def test_lines_that_all_have_more_fields_than_the_header_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"house\.csv"):
        table(tmp_path, "x,price\n1,2,3\n4,5,6\n").read()


def test_an_empty_cell_in_the_group_column_is_refused_by_name(tmp_path: Path) -> None:
    text = "x,street,price\n" + "1,elm,2\n2,oak,3\n3,,4\n4,ash,5\n" * 5
    with pytest.raises(UserError, match="street"):
        table(tmp_path, text, group="street", split="group", target="x", task="classification").splits()


def test_a_single_text_in_a_numeric_column_is_refused_by_row(tmp_path: Path) -> None:
    rows = [f"{row},{row}" for row in range(40)]
    line = int(table(tmp_path, "\n".join(["x,price", *rows])).splits().train.features[0, 0])
    rows[line] = f"?,{line}"
    with pytest.raises(UserError, match=rf"column x, row {line + 2}: \? in a column of numbers"):
        table(tmp_path, "\n".join(["x,price", *rows])).splits()


def test_one_column_to_ignore_may_be_a_string(tmp_path: Path) -> None:
    text = "size,note,price\n" + "1,2,3\n4,5,6\n" * 10
    assert table(tmp_path, text, ignore="note").splits().info.feature_names == ("size",)


def test_a_tab_is_written_as_backslash_t(tmp_path: Path) -> None:
    splits = table(tmp_path, "size\tprice\n" + "1\t2\n3\t4\n" * 10, separator=r"\t").splits()
    assert splits.info.feature_names == ("size",)


@pytest.mark.parametrize(("sign", "remedy"), [("\t", r"'\\t'"), (";", "';'")])
def test_a_wrong_separator_is_refused_with_the_right_one(sign: str, remedy: str, tmp_path: Path) -> None:
    text = sign.join(["size", "price"]) + "\n" + sign.join("12") + "\n"
    with pytest.raises(UserError, match=f"one column only.*data.separator=.{remedy}"):
        table(tmp_path, text).read()


def test_a_column_called_by_a_number_is_found(tmp_path: Path) -> None:
    assert table(tmp_path, "x,2020\n" + "1,2\n3,4\n" * 10, target=2020).splits().info.target_names == ("2020",)


@pytest.mark.parametrize("target", [[], ["price", "price"], None])
def test_targets_must_be_different_columns(target: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a column, or a list of different ones"):
        table(tmp_path, "x,price\n1,2\n", target=target)


def test_numbers_as_classes_are_refused_with_the_task_regression(tmp_path: Path) -> None:
    rows = [f"{row},{row * 1.5}" for row in range(30)]
    with pytest.raises(
        UserError, match=r"the target price has 30 different numbers in 30 rows: use data\.task=regression"
    ):
        table(tmp_path, "\n".join(["x,price", *rows]), task="classification").read()


@pytest.mark.parametrize(
    ("cells", "is_date"),
    [
        (["2024-03-01", "2024-03-02"], True),
        (["2024-03-01T10:00", None], True),
        (["2024-03-01 10:00:00+02:00", "2024-03-02"], True),
        (["2024-03-01", "2024-13-01"], False),
        (["2024-03-01", "unknown"], False),
        (["2024", "2025"], False),
        ([20240301, 20240302], False),
        ([None, None], False),
    ],
)
def test_a_column_of_dates_is_recognised_by_its_cells(cells: list[Any], is_date: bool) -> None:
    found = parse_dates(pd.DataFrame({"when": cells, "x": [1, 2]}))
    assert (found is not None) == is_date
    if found is not None:
        assert found.columns.tolist() == ["when"]
        assert found["when"].notna().tolist() == [cell is not None for cell in cells]


def test_rows_are_named_by_their_line_in_each_split(tmp_path: Path) -> None:
    splits = table(tmp_path, "\n".join(["size,price", "", *(f"{row},{row}" for row in range(30))])).splits()
    for name, part in (("train", splits.train), ("val", splits.val), ("test", splits.test)):
        assert splits.origin[name].index.tolist() == [size + 3 for size in part.features[:, 0].tolist()]


def test_rows_of_one_group_validate_in_one_fold(tmp_path: Path) -> None:
    lines = [f"{row},{row % 10},{row}" for row in range(100)]
    settings = {"split": "group", "group": "street", "folds": 3}
    house = table(tmp_path, "\n".join(["row,street,price", *lines]), **settings)
    streets = [set(replace(house, fold=fold).splits().origin["val"]["data.group"]) for fold in range(3)]
    assert sum(map(len, streets)) == len(set.union(*streets)) == 8
