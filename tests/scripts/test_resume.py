"""The resume command, in a process of its own."""

from pathlib import Path

import pytest

import mlplab
from tests.conftest import run_script


@pytest.mark.slow
def test_it_trains_a_finished_run_for_more_epochs_and_appends_to_its_log(tmp_path: Path) -> None:
    run = tmp_path / "run"
    mlplab.train(mlplab.configure("data=iris", "trainer.max_epochs=2", "report.picture=false", f"run_dir={run}"))
    (run / "train.log").write_text("as trained\n")
    answer = run_script("resume", "run=run", "trainer.max_epochs=4", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert "resume     after epoch 2, step 6\n" in answer.stdout
    assert "epoch 4/4" in answer.stdout
    assert (run / "train.log").read_text() == "as trained\n" + answer.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["run"], "it creates no other folder"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "run is missing: give run=..."),
        (("run=.", "trainer.max_epoch=1"), "trainer.max_epoch: unknown key; did you mean trainer.max_epochs?"),
    ],
)
def test_a_user_error_is_one_line_before_anything_heavy_is_imported(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    answer = run_script("resume", *arguments, cwd=tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert answer.returncode == 1
    lines = answer.stderr.splitlines()
    assert not [line for line in lines if line.endswith((" torch", " lightning"))]
    (line,) = [line for line in lines if not line.startswith("import time:")]
    assert line.startswith(f"mlplab: {message}")
    assert list(tmp_path.iterdir()) == []


def test_help_shows_an_example(tmp_path: Path) -> None:
    answer = run_script("resume", "--help", cwd=tmp_path)
    assert answer.returncode == 0
    assert "python scripts/resume.py run=last trainer.max_epochs=200" in answer.stdout
