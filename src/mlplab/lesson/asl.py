"""Lesson: data leakage by copies of a photo in training and test data, compared with a group split by photo."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mlplab.data.splits import Split, Splits
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, best_score, final_value, with_seeds
from mlplab.report.figure import mosaic_page
from mlplab.report.images import draw_images
from mlplab.report.style import COLOURS, draw_loss
from mlplab.report.text import count_noun

SPLIT_LABELS = {"random": "at random", "group": "by photo"}
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
        splits = {split: split_runs[0].splits() for split, split_runs in runs.items()}
        self._draw(runner, runs, splits)
        copy_fractions = {
            split: float((nearest_training(value)[0] < self.copy_distance).mean()) for split, value in splits.items()
        }
        test = {split: best_score(split_runs, "accuracy/test") for split, split_runs in runs.items()}
        return [
            Claim(
                "split at random: validation images with a copy in training, share",
                [copy_fractions["random"]],
                ">=",
                0.9,
            ),
            Claim("split by photo: the same", [copy_fractions["group"]], "<=", 0.02),
            Claim("split at random: test accuracy", test["random"], ">=", 0.98),
            Claim(
                "split at random: test accuracy of one linear layer", best_score(linear, "accuracy/test"), ">=", 0.95
            ),
            Claim("split by photo: test accuracy", test["group"], "<=", 0.7),
            Claim("split by photo: test accuracy, chance is 0.04", test["group"], ">=", 0.2),
            Claim("split by photo: training accuracy", final_value(runs["group"], "accuracy/train"), ">=", 0.99),
        ]

    def _runs(self, runner: LessonRunner, split: str, *model: str) -> list[LessonRun]:
        data = ("data=sign_mnist", f"data.split={split}", f"data.copy_distance={self.copy_distance}", "batch_size=64")
        overrides = (*data, *model, f"trainer.max_epochs={self.epochs}")
        return [
            runner.run(f"{split}_{model[0].split('=')[1]}_{seed}", *overrides, *with_seeds(seed)) for seed in self.seeds
        ]

    def _draw(self, runner: LessonRunner, runs: dict[str, list[LessonRun]], splits: dict[str, Splits]) -> None:
        scores = {split: np.mean(best_score(split_runs, "accuracy/test")) for split, split_runs in runs.items()}
        title = (
            f"Copies of a photo on both sides of the split feign {scores['random']:.0%} of letters right; "
            f"of new photos it is {scores['group']:.0%}"
        )
        caption = (
            "Sign language letters, the same net and the same rows, split in two ways. Left: validation images, below "
            "each the training image that is nearest to it. Distance: L2 over pixels of 0..1, left of the dotted "
            f"line a copy. The title's accuracy is of test images, a mean over {count_noun(len(self.seeds), 'seed')}."
        )
        with mosaic_page(runner.picture, title, "ABC;DEF", (4.2, 2.9), caption, width_ratios=(1.6, 1, 1)) as axes:
            for letters, split in zip(("ABC", "DEF"), SPLIT_LABELS, strict=True):
                draw_pairs(axes[letters[0]], splits[split])
                axes[letters[0]].set_title(f"split {SPLIT_LABELS[split]}: validation, and nearest in training")
                axes[letters[1]].set(ylabel="accuracy", ylim=(0, 1.03), title=f"split {SPLIT_LABELS[split]}: accuracy")
                draw_loss(axes[letters[1]], runs[split][0].rows, "accuracy")
                self._draw_distances(axes[letters[2]], splits[split])
                axes[letters[2]].set_title(f"split {SPLIT_LABELS[split]}: how near")

    def _draw_distances(self, axes: Any, splits: Splits) -> None:
        axes.hist(
            np.minimum(nearest_training(splits)[0], MAX_DISTANCE),
            bins=np.linspace(0, MAX_DISTANCE, 25),
            color=COLOURS["val"],
        )
        axes.axvline(self.copy_distance, color="0.4", linewidth=1, linestyle=":")
        axes.set(xlim=(0, MAX_DISTANCE), xlabel="distance to the nearest training image", ylabel="validation images")
        axes.text(
            self.copy_distance - 0.1, 0.88, "copies", transform=axes.get_xaxis_transform(), ha="right", fontsize=9
        )


def nearest_training(splits: Splits) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distance to the nearest training image and its index, for each validation image."""
    distance, index = torch.cdist(pixels(splits.val), pixels(splits.train)).min(dim=1)
    return distance.numpy(), index.numpy()


def pixels(part: Split) -> torch.Tensor:
    return part.features.float() / 255


def draw_pairs(axes: Any, splits: Splits) -> None:
    distance, index = (value[:NUM_PAIRS] for value in nearest_training(splits))
    images = np.concatenate([pixels(splits.val)[:NUM_PAIRS].numpy(), pixels(splits.train)[index].numpy()])
    val_names = [splits.class_names[value] for value in splits.val.target[:NUM_PAIRS].tolist()]
    train_names = [splits.class_names[value] for value in splits.train.target[index].tolist()]
    train_captions = [f"{name}, {value:.1f} away" for name, value in zip(train_names, distance, strict=True)]
    draw_images(axes, images.reshape(-1, 28, 28), NUM_PAIRS, [*val_names, *train_captions])
