"""The lesson of activations, in full, by hand."""

from pathlib import Path

import pytest

from tests.conftest import holds_as_the_book_says


@pytest.mark.long
def test_the_lesson_holds_and_draws(tmp_path: Path) -> None:
    holds_as_the_book_says("activations", tmp_path)
