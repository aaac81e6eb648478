"""One is no plural."""

import pytest

from mlplab.report.text import count_noun


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (1, "seed", "1 seed"),
        (0, "seed", "0 seeds"),
        (1200, "test row", "1,200 test rows"),
        (3, "class", "3 classes"),
        (2, "epoch", "2 epochs"),
    ],
)
def test_a_noun_follows_its_number(number: int, noun: str, words: str) -> None:
    assert count_noun(number, noun) == words
