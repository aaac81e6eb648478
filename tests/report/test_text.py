"""Console tables and lines: aligned, to four figures, complete."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplab.report.text import align_lines, count_noun, format_scores, format_table


def cell(value: object) -> str:
    """A value as a table formats it."""
    return format_table(["name", "value"], [["x", value]]).splitlines()[-1].removeprefix(" x").strip()


def figures(text: str) -> int:
    """The number of significant figures."""
    return len(text.lower().split("e")[0].lstrip("+-").replace(".", "").lstrip("0"))


def test_texts_are_aligned() -> None:
    assert (
        align_lines({"data": "iris", "network": "mlp", "lr": "0.1"}) == "data      iris\nnetwork   mlp\nlr        0.1"
    )


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,12}", fullmatch=True), st.from_regex(r"\S{1,9}", fullmatch=True), min_size=1
    )
)
def test_no_line_is_lost_and_all_texts_start_in_one_column(lines: dict[str, str]) -> None:
    shown = align_lines(lines).split("\n")
    starts = {len(line) - len(text) for line, text in zip(shown, lines.values(), strict=True)}
    assert [tuple(line.split(maxsplit=1)) for line in shown] == list(lines.items())
    assert starts == {max(map(len, lines)) + 3}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.97654321, "0.9765"),
        (12345.678, "1.235e+04"),
        (0.00012345678, "0.0001235"),
        (-0.12345678, "-0.1235"),
        (1797, "1797"),
        (None, ""),
        ("adam", "adam"),
        ("[64,64]", "[64,64]"),
        ("[early_stopping]", "[early_stopping]"),
    ],
)
def test_a_cell_is_formatted_by_its_type(value: object, text: str) -> None:
    assert cell(value) == text


@pytest.mark.parametrize("value", [2900.1234, 29.001234, 2.9001234, 0.29001234, 0.0012345678])
def test_a_number_has_four_figures(value: float) -> None:
    text = cell(value)
    assert float(text) == pytest.approx(value, rel=5e-4)
    assert figures(text) <= 4


def test_names_are_aligned_left_and_numbers_right() -> None:
    shown = format_table(["split", "loss", "accuracy"], [["train", 0.5, 0.25], ["val", 12.5, 1.0]])
    header, rule, train, val = shown.strip("\n").splitlines()
    assert set(rule.strip()) == {"─"}
    assert {line.index(name) for line, name in ((header, "split"), (train, "train"), (val, "val"))} == {1}
    loss_ends = header.index("loss") + len("loss")
    for line, number in ((train, "0.5"), (val, "12.5")):
        assert line[:loss_ends].rstrip() == line[:loss_ends]
        assert line[:loss_ends].split()[-1].startswith(number)
    assert len(header) == len(train) == len(val), "the last column ends in one place"


def test_a_table_is_plain_text_without_trailing_spaces() -> None:
    shown = format_table(["name", "text"], [["a", ""], ["b", None]])
    assert "\x1b" not in shown
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_scores_have_one_row_per_split_and_the_baseline_last() -> None:
    scores = {
        **{"epochs": 9, "best_epoch": 7, "verdict": "fits", "seconds": 1.5},
        **{"loss/train": 0.1, "loss/val": 0.2, "loss/test": 0.3, "baseline/loss": 2.3},
        **{"accuracy/train": 0.9, "accuracy/val": 0.8, "accuracy/test": 0.7, "baseline/accuracy": 0.1},
    }
    header, _, *rows = format_scores(scores, 7, "baseline: majority class").strip("\n").splitlines()
    assert header.split() == ["at", "best", "epoch", "7", "loss", "accuracy"]
    found = {" ".join(cells[:-2]): [float(cell) for cell in cells[-2:]] for cells in map(str.split, rows)}
    assert found == {
        "train": [0.1, 0.9],
        "val": [0.2, 0.8],
        "test": [0.3, 0.7],
        "baseline: majority class": [2.3, 0.1],
    }


def test_nan_is_printed() -> None:
    assert cell(math.nan) == "nan"


def test_the_name_is_repeated_before_each_line() -> None:
    assert align_lines({"data": "iris", "leak": "one\ntwo"}) == "data   iris\nleak   one\nleak   two"


def test_a_table_is_text_in_a_notebook_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """In Jupyter a table of rich would be displayed, and its text would be empty."""
    before = format_table(["name", "value"], [["x", 1.5]])
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    assert format_table(["name", "value"], [["x", 1.5]]) == before != ""


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "seed", "1 seed"),
        (0, "seed", "0 seeds"),
        (1200, "test row", "1,200 test rows"),
        (3, "class", "3 classes"),
        (2, "epoch", "2 epochs"),
    ],
)
def test_a_noun_is_singular_or_plural_by_its_number(number: int, noun: str, text: str) -> None:
    assert count_noun(number, noun) == text
