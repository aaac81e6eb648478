"""The find_lr command, in a process of its own."""

from pathlib import Path

import pytest

from tests.conftest import run_script


@pytest.mark.slow
def test_it_takes_the_overrides_of_train_and_options_of_its_own(tmp_path: Path) -> None:
    overrides = ("data=iris", "model.hidden_features=[8,8]", "num_steps=60", "output=here.png")
    answer = run_script("find_lr", *overrides, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert answer.stdout.startswith("lr        ")
    assert "python scripts/train.py data=iris 'model.hidden_features=[8,8]' optimizer.lr=" in answer.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["here.png"]


@pytest.mark.slow
def test_a_user_error_is_one_line(tmp_path: Path) -> None:
    messages = {"data=irsi": "data=irsi: unknown choice; did you mean iris?", "lr=1": "lr: unknown key"}
    for override, message in messages.items():
        answer = run_script("find_lr", override, cwd=tmp_path)
        assert answer.returncode == 1
        assert answer.stderr.startswith(f"mlplab: {message}")
        assert len(answer.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_help_shows_an_example(tmp_path: Path) -> None:
    answer = run_script("find_lr", "--help", cwd=tmp_path)
    assert answer.returncode == 0
    assert "python scripts/find_lr.py data=mnist" in answer.stdout
