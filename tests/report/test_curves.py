"""Loss curves, read back from the same figure written as SVG; curves of many configurations; the range test."""

import re
import struct
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D, Bbox
from PIL import Image

from mlplab.report.curves import NAMED, draw_curves, draw_family, draw_rates
from mlplab.report.style import COLOURS

Train = Callable[..., tuple[Path, dict[str, Any]]]
Row = dict[str, float]
Point = tuple[float, float]
SVG = "{http://www.w3.org/2000/svg}"
TITLE = "breast_cancer: residual_mlp, momentum, lr 0.0001"
CAPTION = (
    "no better than the baseline: lowest validation loss 0.72 @ 4, of the majority class 0.693; training loss ends at "
    "0.182, 26% of the baseline's. The network memorised the training rows. Try other features or more rows."
)


class Text(NamedTuple):
    string: str
    ink: Bbox


class Picture:
    """In points of the page, y down."""

    def __init__(self, path: Path) -> None:
        self.root = ElementTree.parse(path).getroot()
        self.texts = [_text(node) for node in self.root.iter(f"{SVG}text")]
        self.strings = [text.string for text in self.texts]

    def group(self, name: str) -> ElementTree.Element:
        return next(node for node in self.root.iter(f"{SVG}g") if node.attrib.get("id") == name)

    def curve(self, split: str) -> list[Point]:
        (path,) = (
            node.attrib["d"]
            for node in self.root.iter(f"{SVG}path")
            if f"stroke: {COLOURS[split].lower()}" in node.attrib.get("style", "")
        )
        return self._numbers(_points(path))

    def dot(self) -> Point:
        """The only marker that the axes clip; those of the ticks are outside."""
        groups = (node for node in self.root.iter(f"{SVG}g") if "clip-path" in node.attrib)
        (use,) = (use for group in groups for use in group)
        return self._numbers([(float(use.attrib["x"]), float(use.attrib["y"]))])[0]

    def _numbers(self, points: list[Point]) -> list[Point]:
        """By the labels of the ticks; the loss axis starts at 0, at the lower edge of the axes."""
        epochs, losses = self._ticks("matplotlib.axis_1", "x"), self._ticks("matplotlib.axis_2", "y")
        (first, left), (last, right) = epochs[0], epochs[-1]
        (low, below), (high, above) = losses[0], losses[-1]
        bottom = max(y for _, y in _points(self.group("patch_2")[0].attrib["d"]))
        return [
            (first + (x - left) * (last - first) / (right - left), (y - bottom) * (high - low) / (above - below))
            for x, y in points
        ]

    def _ticks(self, axis: str, side: str) -> list[Point]:
        ticks = (node for node in self.group(axis) if "tick" in node.attrib["id"])
        texts = (text for tick in ticks for text in tick.iter(f"{SVG}text"))
        return [(float(str(text.text)), float(text.attrib[side])) for text in texts]


def _points(path: str) -> list[Point]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML] (\S+) (\S+)", path)]


def _text(node: ElementTree.Element) -> Text:
    style, move, string = node.attrib["style"], node.attrib["transform"], str(node.text)
    size = float(re.findall(r"font-size: ([\d.]+)px", style)[0])
    ink = TextPath((0, 0), string, size=size, prop=FontProperties(family="DejaVu Sans")).get_extents()
    anchor = re.findall(r"text-anchor: (\w+)", style)
    back = {"start": 0.0, "middle": ink.x1 / 2, "end": ink.x1}[anchor[0] if anchor else "start"]
    turned = Affine2D().translate(-back, 0).scale(1, -1).rotate_deg(-90 if "rotate(-90" in move else 0)
    x, y = re.findall(r"translate\((\S+) (\S+)\)", move)[0] if "translate" in move else map(node.attrib.get, "xy")
    return Text(string, ink.transformed(turned.translate(float(x), float(y))))


def history(train: list[float], val: list[float]) -> list[Row]:
    pairs = zip(train, val, strict=True)
    return [{"epoch": epoch, "loss/train": low, "loss/val": high} for epoch, (low, high) in enumerate(pairs)]


def drawn(folder: Path, rows: list[Row], best_epoch: int, loss: str = "ce", caption: str = CAPTION) -> Picture:
    with mpl.rc_context({"svg.fonttype": "none"}):
        draw_curves(rows, best_epoch, TITLE, loss, caption, folder / "curves.svg")
    return Picture(folder / "curves.svg")


TURNS = history([2 / (1 + k) for k in range(11)], [2 / (1 + k) + 0.02 * k * k for k in range(11)])
CASES = {
    "overfitting": (TURNS, 4),
    "falling": (history([0.9**k for k in range(51)], [0.9**k + 0.1 for k in range(51)]), 50),
    "meeting": (history([0.9**k + 0.5 for k in range(51)], [0.8**k + 0.5 for k in range(51)]), 50),
    "learned": (history([2.0, *[0.0] * 20], [2.0, *[0.0] * 20]), 1),
    "flat": (history([2.3] * 21, [2.3, 2.29, *[2.3] * 19]), 1),
    "best early": (history([2.5, *[2.1] * 20], [2.5, 2.2, *[2.25] * 19]), 1),
    "one epoch": (history([1.0, 0.7], [1.0, 0.8]), 1),
    "large": (history([4e6, 2e6, 1e6], [4e6, 3e6, 3e6]), 1),
    "small": (history([4e-7, 2e-7, 1e-7], [4e-7, 3e-7, 3e-7]), 2),
    "crossing": (history([1.0, 0.9, 0.82], [1.0, 0.85, 0.8]), 2),
}


def test_the_picture_is_a_png_of_7_by_4_4_inches_at_150_dots(tmp_path: Path) -> None:
    draw_curves(TURNS, 4, TITLE, "ce", CAPTION, tmp_path / "curves.png")
    head = (tmp_path / "curves.png").read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:]) == (1050, 660)


def test_report_picture_turns_curves_png_on_and_off(train: Train) -> None:
    settings = ("data=iris", "model=linear", "trainer.max_epochs=1")
    with_picture, _ = train(*settings, "report.picture=true")
    assert (with_picture / "curves.png").read_bytes().startswith(b"\x89PNG")
    without, _ = train(*settings)
    assert not (without / "curves.png").exists()


@pytest.mark.parametrize("case", ["overfitting", "falling", "meeting", "flat", "one epoch", "crossing"])
def test_the_lines_have_the_values_of_the_history(tmp_path: Path, case: str) -> None:
    rows, best = CASES[case]
    picture = drawn(tmp_path, rows, best)
    for split in ("train", "val"):
        expected = [(row["epoch"], row[f"loss/{split}"]) for row in rows]
        for found, true in zip(picture.curve(split), expected, strict=True):
            assert found == pytest.approx(true, abs=0.002 * max(rows[0]["loss/val"], rows[-1]["epoch"]))


@pytest.mark.parametrize(("case", "label"), [("overfitting", "validation 0.72"), ("falling", "validation 0.105")])
def test_the_best_epoch_is_marked(tmp_path: Path, case: str, label: str) -> None:
    """By hand: 2 / 5 + 0.02 * 16 = 0.72, and 0.9 ** 50 + 0.1 = 0.10515."""
    rows, best = CASES[case]
    picture = drawn(tmp_path, rows, best)
    assert picture.dot() == pytest.approx((best, rows[best]["loss/val"]), abs=0.01)
    assert {f"best epoch {best}", label} <= set(picture.strings)


@pytest.mark.parametrize(
    ("loss", "label"),
    [
        ("ce", "loss (cross entropy)"),
        ("mse, of the scaled target", "loss (mean squared error, of the scaled target)"),
        ("own", "loss (own)"),
    ],
)
def test_title_labels_and_caption_are_drawn(tmp_path: Path, loss: str, label: str) -> None:
    strings = drawn(tmp_path, *CASES["overfitting"], loss).strings
    assert {label, TITLE, "training", "validation", "epoch (passes over the training data)"} <= set(strings)
    assert CAPTION in " ".join(strings)


@pytest.mark.parametrize("case", CASES)
def test_no_text_overlaps_another_or_leaves_the_page(tmp_path: Path, case: str) -> None:
    texts = drawn(tmp_path, *CASES[case], "mse, of the scaled target").texts
    assert len(texts) > 10
    for one, other in combinations(texts, 2):
        assert not one.ink.overlaps(other.ink), f"{one.string} and {other.string}"
    for text in texts:
        assert text.ink.x0 >= 0, text.string
        assert text.ink.x1 <= 7 * 72, text.string
        assert min(text.ink.y0, text.ink.y1) >= 0, text.string
        assert max(text.ink.y0, text.ink.y1) <= 4.4 * 72, text.string


EPOCHS = [0.0, 1.0, 2.0]


def test_a_line_is_the_mean_and_its_band_one_standard_deviation() -> None:
    axes = Figure().subplots()
    seeds = [[1.0, 0.6, 0.5], [1.2, 0.8, 0.5], [1.1, 0.7, 0.8]]
    draw_family(axes, {"sgd": (EPOCHS, seeds)}, "validation loss")
    (line,) = axes.get_lines()
    assert list(line.get_ydata()) == pytest.approx([1.1, 0.7, 0.6])
    band = axes.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(1.1 + 0.1)
    last = band[band[:, 0] == 2.0][:, 1]
    assert last.max() == pytest.approx(0.6 + np.std([0.5, 0.5, 0.8], ddof=1))
    assert last.min() == pytest.approx(0.5), "a band does not extend below the lowest run"
    assert axes.get_ylabel() == "validation loss"
    assert [text.get_text() for text in axes.texts] == ["sgd"]


def test_the_best_are_labelled_and_the_others_grey() -> None:
    axes = Figure().subplots()
    draw_family(axes, {f"s{n}": (EPOCHS, [[1.0, 0.9, 0.8 + n / 100]]) for n in range(NAMED + 3)}, "loss")
    assert {text.get_text() for text in axes.texts} == {f"s{n}" for n in range(NAMED)}
    colours = [to_hex(line.get_color()) for line in axes.get_lines()]
    assert colours.count("#999999") == 3
    assert len({*colours}) == NAMED + 1


def test_a_loss_over_decades_has_a_log_scale_and_a_diverging_one_leaves_the_axes() -> None:
    axes = Figure().subplots()
    good, bad = [[2.0, 0.5, 0.05]], [[2.0, 1e5, 1e9]]
    draw_family(axes, {**{f"s{n}": (EPOCHS, good) for n in range(NAMED)}, "bad": (EPOCHS, bad)}, "loss")
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "loss (log scale)"
    assert axes.get_ylim()[1] < 10


def test_accuracy_has_a_linear_scale_with_the_best_at_the_top() -> None:
    axes = Figure().subplots()
    draw_family(axes, {"a": (EPOCHS, [[0.1, 0.8, 0.9]])}, "validation accuracy", lower_is_better=False)
    assert axes.get_yscale() == "linear"
    low, high = axes.get_ylim()
    assert low < 0.1
    assert high > 0.9


def test_the_rate_is_marked_on_the_curve(tmp_path: Path) -> None:
    rates = [10.0**power for power in range(-6, 2)]
    losses = [2.0, 2.0, 1.8, 1.0, 0.6, 0.5, 3.0, 90.0]
    for name, suggested in (("a", rates[3]), ("b", rates[5])):
        draw_rates(rates, losses, suggested, "digits", tmp_path / f"{name}.png")
    a, b = (np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"), dtype=int) for name in "ab")
    assert a.shape == b.shape == (440, 704)
    moved = np.argwhere(np.abs(a - b) > 128)
    assert np.ptp(moved[:, 1]) > 704 * 0.2, "two decades to the right"
