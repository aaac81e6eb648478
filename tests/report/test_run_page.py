"""A page that tells of a run: what stands on it, in order, and each number as it was given."""

import re
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mlplab.report.figure import Panel
from mlplab.report.predictions import Predictions
from mlplab.report.run_page import WORST_IMAGES, RunReport

TOLD = np.random.default_rng(0).dirichlet(np.ones(3), 40)
SCORES: dict[str, Any] = {
    **{
        f"{name}/{split}": 0.1 * len(split) + 0.0123456
        for name in ("loss", "accuracy")
        for split in ("train", "val", "test")
    },
    **{"baseline/loss": 1.0986, "baseline/accuracy": 0.333, "epochs": 2, "best_epoch": 1, "seconds": 0.5},
    **{"parameters": 1234, "train_rows_measured": 40, "seed": 0, "device": "cpu", "verdict": "still_improving"},
}
ROWS = [{"epoch": e, "loss/train": 1.0, "loss/val": 1.1, "accuracy/train": 0.5, "accuracy/val": 0.4} for e in range(3)]


def dot(axes: Axes) -> None:
    axes.plot(0, 0, "o")


def story(image: bool = False, **given: Any) -> RunReport:
    features = np.arange(160.0).reshape(40, 4)
    size = (2, 2) if image else None
    names = ["w", "x", "y", "z"]
    target = np.arange(40) % 3
    told = Predictions("forty rows", features, target, TOLD, TOLD.argmax(axis=1), names, ["a", "b<", "c"], (), size)
    return RunReport(
        "mlp on <iris>", "outputs/iris/1", SCORES, ROWS, "ce", told, "python it", order=[2, 0, 1, 3], **given
    )


def test_it_is_read_from_the_verdict_to_the_command() -> None:
    text = story(differences=[("optimizer", "sgd", "adam")], slice=[Panel("s", "Slice", dot)]).html()
    heads = re.findall(r"<h2>(.+?)</h2>", text)
    assert heads == [
        *("Curves", "Scores", "Classes", "Worst of forty rows", "Probabilities"),
        *("The loss around the weights", "Configuration"),
    ]
    assert text.index("still improving") < text.index("<h2>Curves")
    assert text.index("<h2>Configuration") < text.index(">sgd<") < text.index("<pre>python it</pre>")
    assert "<iris>" not in text
    assert "b<<" not in text


def test_every_score_keeps_all_its_digits() -> None:
    text = story().html()
    for name, value in SCORES.items():
        if "/" in name:
            assert f'data-value="{value!r}"' in text, name


def test_a_sentence_stands_in_place_of_the_word_where_there_is_one() -> None:
    told = story()
    sentence = "overfitting from epoch 12: try dropout"
    other = RunReport(**{**told.__dict__, "scores": {**SCORES, "verdict_text": sentence}})
    assert f'<p class="verdict">{sentence}</p>' in other.html()


def test_rows_of_a_table_are_shown_with_what_matters_and_images_as_tiles() -> None:
    table, tiles = story().html(), story(image=True).html()
    heads = re.findall(r"<th[^>]*>(.*?)</th>", table)
    assert heads[heads.index("told") : heads.index("told") + 6] == ["told", "probability", "y", "w", "x", "z"]
    assert tiles.count("<img ") == WORST_IMAGES
    assert "<img " not in table


def test_its_panels_are_all_pictures_but_the_curves() -> None:
    names = [panel.name for panel in story(importance=[Panel("importance", "I", dot)]).panels()]
    assert names == ["confusion", "calibration", "roc", "precision_recall", "importance"]


def test_values_are_told_by_their_residuals() -> None:
    target = np.arange(40.0)[:, None]
    told = Predictions("forty rows", target, target, target + 1, None, ["x"], (), ["price"])
    rows = [{"epoch": e, "loss/train": 1.0, "loss/val": 1.1, "r2/train": 0.5, "r2/val": 0.4} for e in range(3)]
    text = RunReport(
        **{**story().__dict__, "outcome": told, "rows": rows, "loss": "mse, of the scaled target", "order": [0]}
    ).html()
    assert "<h2>Values</h2>" in text
    assert "R² by epoch" in text
    assert "prediction: price" in text
    assert "mean squared error" in text
    assert "<h2>Probabilities" not in text
