"""California housing from the file and from scikit-learn's cache, by hand."""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch

from mlplab.data.bundled import California
from mlplab.data.splits import Split
from mlplab.errors import UserError

# of the file's first row: 880 rooms, 129 bedrooms and 322 people in 126 households
FIRST = [8.3252, 41, 880 / 126, 129 / 126, 322, 322 / 126, 37.88, -122.23]
NAMES = ("MedInc", "HouseAge", "AveRooms", "AveBedrms", "Population", "AveOccup", "Latitude", "Longitude")


def keys(part: Split) -> list[tuple[float, ...]]:
    """What tells a block group from any other: all but its bedrooms."""
    columns = [place for place, name in enumerate(NAMES) if name != "AveBedrms"]
    return [tuple(row) for row in torch.cat([part.features[:, columns], part.target], dim=1).tolist()]


def test_the_file_gives_every_row_with_averages_a_household(mlplab_data: Path) -> None:
    rows = California(root=str(mlplab_data)).read()
    assert isinstance(rows.features, pd.DataFrame)
    assert tuple(rows.features.columns) == NAMES
    assert rows.features.shape == (20_640, 8)
    assert rows.features.iloc[0].tolist() == pytest.approx(FIRST)
    assert rows.target[0].tolist() == pytest.approx([4.526])
    assert rows.features.isna().sum().tolist() == [0, 0, 0, 207, 0, 0, 0, 0]


def test_the_gaps_of_every_split_hold_the_median_of_the_training_rows(mlplab_data: Path) -> None:
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
def test_neither_file_nor_network_is_one_clear_mistake(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        UserError, match=r"california: no .*tabular/housing\.csv.*could not download.*data\.root"
    ) as told:
        California(root=str(tmp_path)).read()
    assert "\n" not in str(told.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("text", "said"), [("a,b\n1,2\n", "no column households"), ("", "the file is empty")])
def test_a_file_of_something_else_is_refused_by_name(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "tabular").mkdir()
    (tmp_path / "tabular" / "housing.csv").write_text(text)
    with pytest.raises(UserError, match=rf"housing\.csv: {said}"):
        California(root=str(tmp_path)).read()
