"""What the generated datasets share: a number of rows, noise, and a seeded generator."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from mlplab.data.dataset import Dataset
from mlplab.data.rows import Rows


@dataclass(kw_only=True)
class Generated(Dataset):
    """noise: sd added to coordinates (points) or to the target (curves). The rows follow from `split_seed`."""

    num_rows: int = 500
    noise: float = 0.1

    def read(self) -> Rows:
        return self.draw(np.random.default_rng(self.split_seed))

    @abstractmethod
    def draw(self, generator: np.random.Generator) -> Rows: ...
