"""Colours stay apart in grey, and mean the same everywhere."""

from itertools import pairwise

from matplotlib.colors import to_rgb

from mlplab.report import style


def grey(colour: str) -> float:
    red, green, blue = to_rgb(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def test_training_and_validation_are_told_apart_in_grey() -> None:
    assert abs(grey(style.COLOURS["train"]) - grey(style.COLOURS["val"])) > 0.25
    assert len({*style.LINE_STYLES.values()}) == len(style.COLOURS) == len(style.SPLIT_NAMES)


def test_neighbours_of_what_is_compared_differ_in_grey_or_in_style() -> None:
    assert len(style.COLOUR_CYCLE) == len(style.LINES) == len({*style.COLOUR_CYCLE}) == len({*map(str, style.LINES)})
    assert all(abs(grey(one) - grey(other)) > 0.1 for one, other in pairwise(style.COLOUR_CYCLE[:6]))


def test_words_have_more_contrast_than_their_lines() -> None:
    assert all(grey(style.INK[split]) <= grey(style.COLOURS[split]) for split in style.INK)
    assert all(grey(word) <= grey(line) for word, line in zip(style.WORD_ORDER, style.COLOUR_CYCLE, strict=True))
    assert all(grey(word) < 0.53 for word in style.WORD_ORDER)
