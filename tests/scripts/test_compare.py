"""The door of compare, as a user opens it."""

from pathlib import Path

from tests.conftest import door


def test_data_and_model_are_words_of_its_own_here(tmp_path: Path) -> None:
    answer = door("compare", "data=iris", "model=mlp", "below=.", cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (
        1,
        "mlplab: there is no run below .; train one, or name another folder by below=\n",
    )
