"""A leak in words."""

from mlplab.data.leakage import Leak, first_examples


def test_a_leak_says_what_where_and_the_remedy() -> None:
    leak = Leak("copies", "val", 2, "2 of 9 val rows are copies", ("row 1", "row 5"), "keep one of each")
    assert leak.text == "2 of 9 val rows are copies (row 1, row 5); keep one of each"


def test_a_leak_without_examples_has_no_brackets() -> None:
    assert Leak("feature", "val", 9, "x1 tells it", (), "leave it out").text == "x1 tells it; leave it out"


def test_of_many_examples_three_are_shown() -> None:
    assert first_examples([]) == ()
    assert first_examples(range(3)) == ("0", "1", "2")
    assert first_examples(range(9)) == ("0", "1", "2", "...")
