"""Datasets of scikit-learn: sizes, names, and rows as they were published."""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch

from mlplab.data.bundled import Bundled, California
from mlplab.data.splits import Split
from mlplab.errors import UserError


@pytest.mark.parametrize(
    ("name", "rows", "in_features", "class_names"),
    [
        ("iris", 150, 4, ("setosa", "versicolor", "virginica")),
        ("wine", 178, 13, ("class_0", "class_1", "class_2")),
        ("breast_cancer", 569, 30, ("malignant", "benign")),
        ("digits", 1797, 64, tuple("0123456789")),
    ],
)
def test_classes_have_their_published_size_and_names(
    name: str, rows: int, in_features: int, class_names: tuple[str, ...]
) -> None:
    splits = Bundled(name=name).splits()
    assert len(splits.train) + len(splits.val) + len(splits.test) == rows
    assert splits.in_features == len(splits.info.feature_names) == in_features
    assert splits.class_names == class_names
    assert splits.info.target_names == ()
    assert splits.train.target.dtype == torch.int64


@pytest.mark.parametrize(
    ("name", "rows", "in_features", "target_names"),
    [("diabetes", 442, 10, ("progression",)), ("linnerud", 20, 3, ("Weight", "Waist", "Pulse"))],
)
def test_regression_data_have_their_published_size_and_names(
    name: str, rows: int, in_features: int, target_names: tuple[str, ...]
) -> None:
    splits = Bundled(name=name).splits()
    assert len(splits.train) + len(splits.val) + len(splits.test) == rows
    assert splits.in_features == len(splits.info.feature_names) == in_features
    assert splits.info.target_names == target_names
    assert splits.class_names == ()
    assert splits.train.target.shape == (len(splits.train), len(target_names))


def test_iris_starts_with_the_published_row_and_is_split_evenly() -> None:
    rows = Bundled(name="iris").read()
    assert rows.features[0].tolist() == [5.1, 3.5, 1.4, 0.2]
    assert rows.feature_names[0] == "sepal length (cm)"
    splits = Bundled(name="iris").splits()
    counts = [torch.bincount(part.target).tolist() for part in (splits.train, splits.val, splits.test)]
    assert counts == [[30, 30, 30], [10, 10, 10], [10, 10, 10]]


def test_digits_are_images_of_8_by_8() -> None:
    rows = Bundled(name="digits").read()
    assert rows.image_size == (8, 8)
    assert rows.features[0, :8].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert rows.target[:10].tolist() == list(range(10))
    assert Bundled(name="iris").read().image_size is None


def test_linnerud_starts_with_the_published_row() -> None:
    rows = Bundled(name="linnerud").read()
    assert rows.features[0].tolist() == [5, 162, 60]
    assert rows.target[0].tolist() == [191, 36, 50]


def test_diabetes_is_in_its_own_units_not_scaled_by_statistics_of_all_rows() -> None:
    rows = Bundled(name="diabetes").read()
    assert rows.features[0].tolist() == pytest.approx([59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87])
    assert rows.target[0].tolist() == [151]


# of the file's first row: 880 rooms, 129 bedrooms and 322 people in 126 households
FIRST = [8.3252, 41, 880 / 126, 129 / 126, 322, 322 / 126, 37.88, -122.23]
NAMES = ("MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude")


def keys(part: Split) -> list[tuple[float, ...]]:
    """Identifies a block group by all columns but the bedrooms."""
    columns = [place for place, name in enumerate(NAMES) if name != "AveBedrms"]
    return [tuple(row) for row in torch.cat([part.features[:, columns], part.target], dim=1).tolist()]


def test_the_file_of_california_gives_every_row_with_averages_per_household(mlplab_data: Path) -> None:
    rows = California(root=str(mlplab_data)).read()
    assert isinstance(rows.features, pd.DataFrame)
    assert tuple(rows.features.columns) == NAMES
    assert rows.features.shape == (20_640, 8)
    assert rows.features.iloc[0].tolist() == pytest.approx(FIRST)
    assert rows.target[0].tolist() == pytest.approx([4.526])
    assert rows.features.isna().sum().tolist() == [0, 0, 0, 207, 0, 0, 0, 0]


def test_missing_bedrooms_are_the_median_of_the_training_rows(mlplab_data: Path) -> None:
    raw = pd.read_csv(mlplab_data / "tabular" / "housing.csv")
    raw["bedrooms"] = raw.total_bedrooms / raw.households
    whole = np.stack(
        [
            *(raw.median_income, raw.housing_median_age, raw.total_rooms / raw.households, raw.population),
            *(raw.population / raw.households, raw.latitude, raw.longitude, raw.median_house_value / 100_000),
        ],
        axis=1,
    )
    bedrooms = dict(zip(map(tuple, whole.tolist()), raw.bedrooms.tolist(), strict=True))
    splits = California(root=str(mlplab_data)).splits(torch.float64)
    median = np.nanmedian([bedrooms[key] for key in keys(splits.train)])
    assert median != raw.bedrooms.median()
    seen = 0
    for part in (splits.train, splits.val, splits.test):
        given = np.array([bedrooms[key] for key in keys(part)])
        seen += int(np.isnan(given).sum())
        assert part.features[:, 3].tolist() == np.where(np.isnan(given), median, given).tolist()
    assert seen == 207
    assert splits.info.feature_names == NAMES


def test_without_the_file_scikit_learns_own_copy_is_read(tmp_path: Path) -> None:
    # scikit-learn keeps value, income, age, rooms, bedrooms, population, households, latitude, longitude
    kept = np.array([[452600, 8.3252, 41, 880, 129, 322, 126, 37.88, -122.23]] * 2)
    kept[1, 0], kept[1, 6] = 50_000, 161
    joblib.dump(kept, tmp_path / "cal_housing_py3.pkz", compress=6)
    rows = California(root=str(tmp_path)).read()
    assert isinstance(rows.features, pd.DataFrame)
    assert tuple(rows.features.columns) == NAMES
    assert rows.features.iloc[0].tolist() == pytest.approx(FIRST)
    assert rows.features.AveOccup.tolist() == pytest.approx([322 / 126, 2.0])
    assert rows.target.tolist() == [[4.526], [0.5]]


@pytest.mark.usefixtures("no_network")
def test_without_file_and_network_california_is_refused_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        UserError, match=r"california: no .*tabular/housing\.csv.*could not download.*data\.root"
    ) as error:
        California(root=str(tmp_path)).read()
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("text", "message"), [("a,b\n1,2\n", "no column households"), ("", "the file is empty")])
def test_a_file_without_the_columns_of_california_is_refused_by_name(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "tabular").mkdir()
    (tmp_path / "tabular" / "housing.csv").write_text(text)
    with pytest.raises(UserError, match=rf"housing\.csv: {message}"):
        California(root=str(tmp_path)).read()
