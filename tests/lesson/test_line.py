"""The lesson of the line, in full."""

from pathlib import Path

import pytest

from tests.conftest import holds_as_the_book_says


@pytest.mark.slow
def test_the_lesson_holds_and_draws(tmp_path: Path) -> None:
    holds_as_the_book_says("line", tmp_path)
