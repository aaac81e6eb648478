"""The door of find_lr, as a user opens it."""

from pathlib import Path

import pytest

from tests.conftest import door


@pytest.mark.slow
def test_it_takes_the_words_of_training_beside_its_own(tmp_path: Path) -> None:
    words = ("data=iris", "model.hidden_features=[8,8]", "num_steps=60", "output=here.png")
    answer = door("find_lr", *words, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert answer.stdout.startswith("lr        ")
    assert "python scripts/train.py data=iris 'model.hidden_features=[8,8]' optimizer.lr=" in answer.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["here.png"]


@pytest.mark.slow
def test_a_slip_is_told_in_one_line(tmp_path: Path) -> None:
    for word, said in (("data=irsi", "data=irsi: unknown choice; did you mean iris?"), ("lr=1", "lr: unknown key")):
        answer = door("find_lr", word, cwd=tmp_path)
        assert answer.returncode == 1
        assert answer.stderr.startswith(f"mlplab: {said}")
        assert len(answer.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_help_is_for_people(tmp_path: Path) -> None:
    answer = door("find_lr", "--help", cwd=tmp_path)
    assert answer.returncode == 0
    assert "python scripts/find_lr.py data=mnist" in answer.stdout
