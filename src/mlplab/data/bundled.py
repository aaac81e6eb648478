"""Datasets of scikit-learn: those that come with it, and California housing."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.datasets import fetch_california_housing

from mlplab.data.dataset import Dataset
from mlplab.data.readers import read_table, remove_empty_folders
from mlplab.data.splits import RawData
from mlplab.errors import UserError

REGRESSION = ("diabetes", "linnerud")
HOUSING_COLUMNS = {
    *("median_income", "housing_median_age", "total_rooms", "total_bedrooms", "population", "households"),
    *("latitude", "longitude", "median_house_value"),
}


@dataclass(kw_only=True)
class Bundled(Dataset):
    """name: digits, iris, wine, breast_cancer (classification); diabetes, linnerud (regression)."""

    name: str

    def read(self) -> RawData:
        # by default diabetes is scaled by mean and standard deviation of all rows, test rows included
        options = {"scaled": False} if self.name == "diabetes" else {}
        bunch: Any = getattr(datasets, f"load_{self.name}")(**options)
        features = np.asarray(bunch.data, dtype=np.float64)
        feature_names = tuple(str(name) for name in bunch.feature_names)
        if self.name in REGRESSION:
            target = np.asarray(bunch.target, dtype=np.float64).reshape(len(features), -1)
            names = tuple(getattr(bunch, "target_names", ())) or ("progression",)
            return RawData(features, target, feature_names, target_names=names)
        class_names = {label: str(name) for label, name in enumerate(bunch.target_names)}
        size = (8, 8) if self.name == "digits" else None
        return RawData(features, bunch.target, feature_names, class_names=class_names, image_size=size)


@dataclass(kw_only=True)
class California(Dataset):
    """California housing: reads `<root>/tabular/housing.csv` if it exists, else downloads into `root`.

    Source: Pace and Barry, Sparse spatial autoregressions, 1997, doi:10.1016/S0167-7152(96)00140-X.
    """

    root: str

    def read(self) -> RawData:
        root = Path(self.root).expanduser()
        path = root / "tabular" / "housing.csv"
        table, target = self._from_file(path) if path.exists() else self._from_download(root)
        return RawData(table, target[:, None], target_names=("median house value (100,000 $)",))

    @staticmethod
    def _from_file(path: Path) -> tuple[pd.DataFrame, np.ndarray]:
        raw = read_table(path)
        if lacking := sorted(HOUSING_COLUMNS - set(raw.columns)):
            raise UserError(f"{path}: no column {', '.join(lacking)}")
        table = pd.DataFrame(
            {
                "MedInc": raw.median_income,
                "HouseAge": raw.housing_median_age,
                "AveRooms": raw.total_rooms / raw.households,
                "AveBedrms": raw.total_bedrooms / raw.households,
                "Population": raw.population,
                "AveOccup": raw.population / raw.households,
                "Latitude": raw.latitude,
                "Longitude": raw.longitude,
            }
        )
        return table, raw.median_house_value.to_numpy(dtype=np.float64) / 100_000

    def _from_download(self, root: Path) -> tuple[pd.DataFrame, np.ndarray]:
        try:
            with warnings.catch_warnings(), remove_empty_folders(root):
                warnings.filterwarnings("ignore", message="Retry downloading")
                bunch = fetch_california_housing(data_home=str(root), n_retries=1, delay=0.1)
        except OSError as error:
            raise UserError(
                f"california: no {self.root}/tabular/housing.csv, and scikit-learn could not download it ({error}); "
                "put the file there or set data.root or MLPLAB_DATA"
            ) from error
        return pd.DataFrame(bunch.data, columns=bunch.feature_names), np.asarray(bunch.target, dtype=np.float64)
