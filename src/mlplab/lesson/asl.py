"""Lesson: data leakage by copies of a photo in training and test data, compared with a group split by photo."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mlplab.data.splits import Split, Splits
from mlplab.lesson.base import SPLIT_BY_SEED, Claim, Lesson, LessonRun, LessonRunner, Runs, best_score, final_value
from mlplab.report.figure import mosaic_page
from mlplab.report.images import draw_images
from mlplab.report.style import COLOURS, draw_loss
from mlplab.report.text import count_noun

SPLIT_LABELS = {"random": "random split", "group": "split by photo"}
NUM_PAIRS = 6
MAX_DISTANCE = 8.0  # larger distances are clipped in the histogram


@dataclass(frozen=True)
class ASL(Lesson):
    """copy_distance: L2 distance over pixels in 0..1 below which two images of a letter count as copies of a photo."""

    seeds: Sequence[int]
    hidden: int
    epochs: int
    copy_distance: float

    def show(self, runner: LessonRunner) -> list[Claim]:
        network = ("model=mlp", f"model.hidden_features=[{self.hidden}]")
        runs = {split: self._runs(runner, split, *network) for split in SPLIT_LABELS}
        linear = self._runs(runner, "random", "model=linear")
        splits = {split: group[0].splits() for split, group in runs.items()}
        self._draw(runner, runs, splits)
        copies = {split: np.mean(nearest_training(own)[0] < self.copy_distance) for split, own in splits.items()}
        test = {split: best_score(group, "accuracy/test") for split, group in runs.items()}
        text = "fraction of validation images with a copy in the training set"
        linear_accuracy = best_score(linear, "accuracy/test")
        return [
            Claim(f"random split: {text}", copies["random"], ">=", 0.9),
            Claim(f"split by photo: {text}", copies["group"], "<=", 0.02),
            Claim("random split: test accuracy", test["random"], ">=", 0.98),
            Claim("random split: test accuracy of one linear layer", linear_accuracy, ">=", 0.95),
            Claim("split by photo: test accuracy", test["group"], "<=", 0.7),
            Claim("split by photo: test accuracy, chance is 0.04", test["group"], ">=", 0.2),
            Claim("split by photo: training accuracy", final_value(runs["group"], "accuracy/train"), ">=", 0.99),
        ]

    def _runs(self, runner: LessonRunner, split: str, *model: str) -> list[LessonRun]:
        data = ("data=sign_mnist", f"data.split={split}", f"data.copy_distance={self.copy_distance}", SPLIT_BY_SEED)
        name = f"{split}_{model[0].removeprefix('model=')}"
        return runner.run_seeds(name, self.seeds, *data, "batch_size=64", *model, f"trainer.max_epochs={self.epochs}")

    def _draw(self, runner: LessonRunner, runs: Mapping[str, Runs], splits: Mapping[str, Splits]) -> None:
        random, by_photo = (np.mean(best_score(group, "accuracy/test")) for group in runs.values())
        title = (
            f"With copies of a photo in training and test data the accuracy is {random:.0%}; "
            f"with new photos it is {by_photo:.0%}"
        )
        caption = (
            "Sign language letters, the same network and the same rows, split in two ways. Left: validation images, "
            "below each the nearest training image with its distance, L2 over pixels in 0..1. Copies are left of the "
            f"dotted line. The title has the test accuracy, the mean over {count_noun(len(self.seeds), 'seed')}."
        )
        with mosaic_page(runner.picture, title, "ABC;DEF", (4.2, 2.9), caption, width_ratios=(1.6, 1, 1)) as axes:
            for letters, (split, label) in zip(("ABC", "DEF"), SPLIT_LABELS.items(), strict=True):
                pairs, curves, distances = (axes[letter] for letter in letters)
                draw_pairs(pairs, splits[split])
                pairs.set_title(f"{label}: validation, nearest in training")
                curves.set(ylabel="accuracy", ylim=(0, 1.03), title=f"{label}: accuracy")
                draw_loss(curves, runs[split][0].rows, "accuracy")
                self._draw_distances(distances, splits[split])
                distances.set_title(f"{label}: distances")

    def _draw_distances(self, axes: Any, splits: Splits) -> None:
        distances = np.minimum(nearest_training(splits)[0], MAX_DISTANCE)
        axes.hist(distances, bins=np.linspace(0, MAX_DISTANCE, 25), color=COLOURS["val"])
        axes.axvline(self.copy_distance, color="0.4", linewidth=1, linestyle=":")
        axes.set(xlim=(0, MAX_DISTANCE), xlabel="distance to the nearest training image", ylabel="validation images")
        place = (self.copy_distance - 0.1, 0.88)
        axes.text(*place, "copies", transform=axes.get_xaxis_transform(), ha="right", fontsize=9)


def nearest_training(splits: Splits) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distance to the nearest training image and its index, for each validation image."""
    distance, index = torch.cdist(pixels(splits.val), pixels(splits.train)).min(dim=1)
    return distance.numpy(), index.numpy()


def pixels(part: Split) -> torch.Tensor:
    return part.features.float() / 255


def draw_pairs(axes: Any, splits: Splits) -> None:
    distance, index = (values[:NUM_PAIRS] for values in nearest_training(splits))
    images = np.concatenate([pixels(splits.val)[:NUM_PAIRS].numpy(), pixels(splits.train)[index].numpy()])
    val_names = [splits.class_names[label] for label in splits.val.target[:NUM_PAIRS]]
    train_names = [splits.class_names[label] for label in splits.train.target[index]]
    train_captions = [f"{name} ({value:.1f})" for name, value in zip(train_names, distance, strict=True)]
    draw_images(axes, images.reshape(-1, 28, 28), NUM_PAIRS, [*val_names, *train_captions])
