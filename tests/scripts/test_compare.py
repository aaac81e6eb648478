"""The compare command, in a process of its own."""

from pathlib import Path

from tests.conftest import run_script


def test_data_and_model_are_options_of_its_own(tmp_path: Path) -> None:
    answer = run_script("compare", "data=iris", "model=mlp", "below=.", cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (
        1,
        "mlplab: there is no run below .; train one, or name another folder by below=\n",
    )
