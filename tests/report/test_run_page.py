"""report.html: its sections in order, every number unchanged, the worst rows, the interactive curves."""

import re
from collections import Counter
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes

from mlplab.report.figure import Panel
from mlplab.report.predictions import Predictions
from mlplab.report.run_page import (
    MAX_EPOCHS,
    MAX_FEATURES,
    WORST_IMAGES,
    RunReport,
    image_caption,
    interactive_curves,
    to_images,
    worst_classified,
    worst_regressed,
)

RANDOM_PROBABILITIES = np.random.default_rng(0).dirichlet(np.ones(3), 40)
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


def report(image: bool = False, **given: Any) -> RunReport:
    features = np.arange(160.0).reshape(40, 4)
    size = (2, 2) if image else None
    names = ["w", "x", "y", "z"]
    target = np.arange(40) % 3
    chosen = RANDOM_PROBABILITIES.argmax(axis=1)
    classes = ["a", "b<", "c"]
    outcome = Predictions("forty rows", features, target, RANDOM_PROBABILITIES, chosen, names, classes, (), size)
    return RunReport(
        "mlp on <iris>", "outputs/iris/1", SCORES, ROWS, "ce", outcome, "python it", order=[2, 0, 1, 3], **given
    )


def test_a_report_goes_from_the_verdict_to_the_command() -> None:
    text = report(differences=[("optimizer", "sgd", "adam")], slice=[Panel("s", "Slice", dot)]).html()
    heads = re.findall(r"<h2>(.+?)</h2>", text)
    assert heads == [
        *("Curves", "Scores", "Results per class", "Largest errors on forty rows", "Predicted probabilities"),
        *("Loss surface around the weights", "Configuration"),
    ]
    assert text.index("still improving") < text.index("<h2>Curves")
    assert text.index("<h2>Configuration") < text.index(">sgd<") < text.index("<pre>python it</pre>")
    assert "<iris>" not in text
    assert "b<<" not in text


HOSTILE = ["<script>alert(1)</script>", """a & "b' onload='alert(1)""", "it's $x$ or $_{"]


class Parsed(HTMLParser):
    """A page as a browser reads it: its tags, the names of attributes, the texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def hostile_report(name: str) -> RunReport:
    """A report whose run, classes, columns and keys have this name."""
    plain = report()
    target, chosen = np.arange(40) % 2, np.arange(40) % 3 % 2
    probabilities = np.full((40, 2), 0.5)
    columns, classes = [name + letter for letter in "abcd"], [name, name + "!"]
    outcome = Predictions(name, plain.outcome.features, target, probabilities, chosen, columns, classes)
    panel = Panel("p", name, lambda axes: axes.set(xlabel=name, title=name), name)  # type: ignore[arg-type, return-value]
    texts = {"title": name, "run": name, "loss": name, "command": name, "notes": [name]}
    return RunReport(
        **{**plain.__dict__, **texts, "outcome": outcome, "slice": [panel], "differences": [(name, name, name)]}
    )


@cache
def hostile_page(name: str) -> str:
    return hostile_report(name).html()


@pytest.mark.parametrize("name", HOSTILE)
def test_every_name_on_the_page_is_escaped(name: str) -> None:
    page, harmless = (Parsed(hostile_page(text)) for text in (name, "harmless"))
    for tag in ("g", "use", "text", "path"):  # of ticks, whose number depends on the length of labels
        del page.tags[tag], harmless.tags[tag]
    assert page.tags == harmless.tags
    assert page.attributes == harmless.attributes
    joined = [" ".join(parsed.texts) for parsed in (page, harmless)]
    assert joined[0].count(name) == joined[1].count("harmless") > 40


def test_every_score_keeps_all_its_digits() -> None:
    text = report().html()
    for name, value in SCORES.items():
        if "/" in name:
            assert f'data-value="{value!r}"' in text, name


def test_the_verdict_is_a_sentence_where_there_is_one() -> None:
    plain = report()
    sentence = "overfitting from epoch 12: try dropout"
    other = RunReport(**{**plain.__dict__, "scores": {**SCORES, "verdict_text": sentence}})
    assert f'<p class="verdict">{sentence}</p>' in other.html()


def test_worst_rows_have_their_most_important_features_and_images_are_tiles() -> None:
    table, tiles = report().html(), report(image=True).html()
    heads = re.findall(r"<th[^>]*>(.*?)</th>", table)
    assert heads[heads.index("predicted") : heads.index("predicted") + 6] == [
        "predicted",
        "probability",
        "y",
        "w",
        "x",
        "z",
    ]
    assert tiles.count("<img ") == WORST_IMAGES
    assert "<img " not in table


def test_panels_are_all_figures_but_the_curves() -> None:
    names = [panel.name for panel in report(importance=[Panel("importance", "I", dot)]).panels()]
    assert names == ["confusion", "calibration", "roc", "precision_recall", "importance"]


def test_a_regression_is_reported_by_its_residuals() -> None:
    target = np.arange(40.0)[:, None]
    outcome = Predictions("forty rows", target, target, target + 1, None, ["x"], (), ["price"])
    rows = [{"epoch": e, "loss/train": 1.0, "loss/val": 1.1, "r2/train": 0.5, "r2/val": 0.4} for e in range(3)]
    text = RunReport(
        **{**report().__dict__, "outcome": outcome, "rows": rows, "loss": "mse, of the scaled target", "order": [0]}
    ).html()
    assert "<h2>Residuals</h2>" in text
    assert "R² by epoch" in text
    assert "prediction: price" in text
    assert ">residual of price</th>" in text
    assert "mean squared error" in text
    assert "<h2>Predicted probabilities" not in text


def long_history(count: int) -> list[dict[str, float]]:
    return [
        {"epoch": e, "loss/train": 1 / (1 + e), "loss/val": 1.5 / (1 + e), "r2/train": -40 / (1 + e), "r2/val": -50.0}
        for e in range(count)
    ]


def test_every_epoch_has_its_values_at_its_place() -> None:
    curves = interactive_curves(long_history(5), best_epoch=4, label="loss (cross entropy)")
    assert curves.points is not None
    assert curves.points["names"] == ["training", "validation"]
    points = curves.points["points"]
    assert [row[1:] for row in points] == [[e, f"{1 / (1 + e):.4g}", f"{1.5 / (1 + e):.4g}"] for e in range(5)]
    steps = np.diff([row[0] for row in points])
    assert steps == pytest.approx(np.full(4, steps[0]), abs=0.2)
    width = float(re.findall(r'viewBox="0 0 ([\d.]+)', curves.svg)[0])
    assert 0 < points[0][0] < points[-1][0] < width
    assert "best epoch, 4: validation 0.3." in curves.caption
    assert ">loss (cross entropy)</text>" in curves.svg


def test_of_many_epochs_a_part_is_on_the_page_with_the_first_and_the_last() -> None:
    curves = interactive_curves(long_history(3000), 2999)
    assert curves.points is not None
    epochs = [row[1] for row in curves.points["points"]]
    assert len(epochs) == MAX_EPOCHS
    assert (epochs[0], epochs[-1]) == (0, 2999)


def test_r2_far_below_zero_does_not_flatten_the_rest() -> None:
    curves = interactive_curves(long_history(4), 3, "r2", "R²")
    assert curves.title == "R² by epoch"
    assert ">R²</text>" in curves.svg
    assert not re.search(r">[−-]\d\d+</text>", curves.svg)  # no tick at -20


PROBABILITIES = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
TARGET = np.array([0, 0, 1])


def test_the_lowest_probability_of_the_true_class_is_first() -> None:
    assert worst_classified(PROBABILITIES, TARGET, 2).tolist() == [1, 2]
    assert worst_classified(PROBABILITIES, TARGET, 9).tolist() == [1, 2, 0]


def test_errors_are_compared_in_standard_deviations_of_each_target() -> None:
    target = np.array([[0.0, 0.0], [1000.0, 1.0], [2000.0, 2.0]])
    predictions = target + np.array([[100.0, 0.0], [0.0, 1.0], [300.0, 0.0]])
    assert worst_regressed(target, predictions, 2).tolist() == [
        1,
        2,
    ]  # 100 and 300 of 816 < 1 of 0.8
    assert worst_regressed(np.ones((2, 1)), np.array([[1.0], [2.0]]), 1).tolist() == [1]


def test_captions_of_the_worst_rows() -> None:
    assert image_caption([2, "no", 0.2, "yes", 0.8]) == ["row 2", "true no (0.2)", "predicted yes (0.8)"]


def test_the_most_important_features_of_the_worst_rows_are_shown() -> None:
    features, names = np.arange(24.0).reshape(2, 12), [f"x{number}" for number in range(12)]
    target = np.array([[1.0, 5.0], [2.0, 7.0]])
    outcome = Predictions("two rows", features, target, target - [[0, 0], [0, 1.5]], None, names, (), ["kg", "m"])
    order = [11, 3, *range(3), *range(4, 11)]
    table = replace(report(), outcome=outcome, order=order).html().partition("<h2>Largest errors")[2]
    heads, cells = re.findall(r"<th [^>]*>(.*?)</th>", table), re.findall(r'data-value="(.*?)"', table)
    assert heads[:9] == [
        "row",
        "kg",
        "predicted kg",
        "residual of kg",
        "m",
        "predicted m",
        "residual of m",
        "x11",
        "x3",
    ]
    assert [float(cell) for cell in cells[:9]] == [2, 2.0, 2.0, 0.0, 7.0, 5.5, 1.5, 23.0, 15.0]
    assert len(heads) == 7 + MAX_FEATURES


def test_pixels_are_scaled_from_black_to_white() -> None:
    found = to_images(np.array([[0.0, 8.0, 16.0, 4.0]], dtype=np.float32), (2, 2))
    assert found.tolist() == [[[0, 128], [255, 64]]]
    assert found.dtype == np.uint8
    pixels = np.array([[7, 9]], dtype=np.uint8)
    assert to_images(pixels, (1, 2)).tolist() == [[[7, 9]]]
