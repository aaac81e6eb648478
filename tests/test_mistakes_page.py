"""docs/mistakes.md says what is printed: each answer that follows from the configuration alone is asked for again."""

import re
import shlex

import pytest

import mlplab
from mlplab.mistake import Mistake
from tests.conftest import REPO

TABLE = (REPO / "docs" / "mistakes.md").read_text().split("\n## ")[1]
ROWS = re.findall(r"^\| `(.+?)` \| (.+) \|$", TABLE, re.MULTILINE)
OF_FOLDERS = "run_dir="  # known once the folder is to be made


def test_the_page_has_rows() -> None:
    assert len(ROWS) > 25


@pytest.mark.parametrize(("typed", "printed"), [row for row in ROWS if not row[0].startswith(OF_FOLDERS)])
def test_what_the_page_says_is_what_is_printed(typed: str, printed: str) -> None:
    with pytest.raises(Mistake) as mistake:
        mlplab.configure(*shlex.split(typed.replace("\\|", "|")))
    assert str(mistake.value) == printed
