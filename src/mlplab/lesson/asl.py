"""Copies of a photo on both sides of a split: a leak, made visible beside a split by photo."""

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

WORDS = {"random": "at random", "group": "by photo"}
PAIRS = 6
WIDEST = 8.0  # of the distances that are drawn


@dataclass(frozen=True)
class ASL(Lesson):
    """copy_distance: images of one letter that are closer, in L2 on pixels of 0..1, are copies of one photo."""

    seeds: Sequence[int]
    hidden: int
    epochs: int
    copy_distance: float

    def show(self, bench: LessonRunner) -> list[Claim]:
        net = ("model=mlp", f"model.hidden_features=[{self.hidden}]")
        runs = {split: self._runs(bench, split, *net) for split in WORDS}
        linear = self._runs(bench, "random", "model=linear")
        parts = {split: found[0].splits() for split, found in runs.items()}
        self._draw(bench, runs, parts)
        copied = {split: float((nearest(one)[0] < self.copy_distance).mean()) for split, one in parts.items()}
        test = {split: best_score(found, "accuracy/test") for split, found in runs.items()}
        return [
            Claim("split at random: validation images with a copy in training, share", [copied["random"]], ">=", 0.9),
            Claim("split by photo: the same", [copied["group"]], "<=", 0.02),
            Claim("split at random: test accuracy", test["random"], ">=", 0.98),
            Claim(
                "split at random: test accuracy of one linear layer", best_score(linear, "accuracy/test"), ">=", 0.95
            ),
            Claim("split by photo: test accuracy", test["group"], "<=", 0.7),
            Claim("split by photo: test accuracy, chance is 0.04", test["group"], ">=", 0.2),
            Claim("split by photo: training accuracy", final_value(runs["group"], "accuracy/train"), ">=", 0.99),
        ]

    def _runs(self, bench: LessonRunner, split: str, *model: str) -> list[LessonRun]:
        data = ("data=sign_mnist", f"data.split={split}", f"data.copy_distance={self.copy_distance}", "batch_size=64")
        told = (*data, *model, f"trainer.max_epochs={self.epochs}")
        return [bench.run(f"{split}_{model[0].split('=')[1]}_{seed}", *told, *with_seeds(seed)) for seed in self.seeds]

    def _draw(self, bench: LessonRunner, runs: dict[str, list[LessonRun]], parts: dict[str, Splits]) -> None:
        scores = {split: np.mean(best_score(found, "accuracy/test")) for split, found in runs.items()}
        title = (
            f"Copies of a photo on both sides of the split feign {scores['random']:.0%} of letters right; "
            f"of new photos it is {scores['group']:.0%}"
        )
        caption = (
            "Sign language letters, the same net and the same rows, split in two ways. Left: validation images, below "
            "each the training image that is nearest to it. Distance: L2 over pixels of 0..1, left of the dotted "
            f"line a copy. The title's accuracy is of test images, a mean over {count_noun(len(self.seeds), 'seed')}."
        )
        with mosaic_page(bench.picture, title, "ABC;DEF", (4.2, 2.9), caption, width_ratios=(1.6, 1, 1)) as axes:
            for letters, split in zip(("ABC", "DEF"), WORDS, strict=True):
                draw_pairs(axes[letters[0]], parts[split])
                axes[letters[0]].set_title(f"split {WORDS[split]}: validation, and nearest in training")
                axes[letters[1]].set(ylabel="accuracy", ylim=(0, 1.03), title=f"split {WORDS[split]}: accuracy")
                draw_loss(axes[letters[1]], runs[split][0].rows, "accuracy")
                self._draw_distances(axes[letters[2]], parts[split])
                axes[letters[2]].set_title(f"split {WORDS[split]}: how near")

    def _draw_distances(self, axes: Any, parts: Splits) -> None:
        axes.hist(np.minimum(nearest(parts)[0], WIDEST), bins=np.linspace(0, WIDEST, 25), color=COLOURS["val"])
        axes.axvline(self.copy_distance, color="0.4", linewidth=1, linestyle=":")
        axes.set(xlim=(0, WIDEST), xlabel="distance to the nearest training image", ylabel="validation images")
        axes.text(
            self.copy_distance - 0.1, 0.88, "copies", transform=axes.get_xaxis_transform(), ha="right", fontsize=9
        )


def nearest(parts: Splits) -> tuple[np.ndarray, np.ndarray]:
    """Of each validation image: how far the nearest training image is, and its place."""
    distance, place = torch.cdist(pixels(parts.val), pixels(parts.train)).min(dim=1)
    return distance.numpy(), place.numpy()


def pixels(part: Split) -> torch.Tensor:
    return part.features.float() / 255


def draw_pairs(axes: Any, parts: Splits) -> None:
    distance, place = (one[:PAIRS] for one in nearest(parts))
    images = np.concatenate([pixels(parts.val)[:PAIRS].numpy(), pixels(parts.train)[place].numpy()])
    own = [parts.class_names[one] for one in parts.val.target[:PAIRS].tolist()]
    theirs = [parts.class_names[one] for one in parts.train.target[place].tolist()]
    far = [f"{name}, {one:.1f} away" for name, one in zip(theirs, distance, strict=True)]
    draw_images(axes, images.reshape(-1, 28, 28), PAIRS, [*own, *far])
