"""A search is known to be good before its first job."""

from pathlib import Path

import pytest

from tests.conftest import door

pytest.importorskip("optuna", reason="needs optuna: pip install 'mlplab[search]'")

LR = "optimizer.lr=tag(log,interval(1e-4,1e-1))"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("optimizer.lr=interval(0,1)",), "optimizer.lr=0.0: must be a number and above 0"),
        ((LR, "model.dropout=interval(0,1)"), "an end of the search (optimizer.lr=0.0001 model.dropout=1.0): "),
        ((LR, "model.dropout=interval(0,1)"), "model.dropout=1.0: must be a number and at least 0 and below 1"),
        ((LR, "optimizer=sgd,adm"), "optimizer=adm: no such choice; did you mean adam?"),
        ((LR, "loss=bce"), "loss=bce does not fit learner=classifier"),
        ((LR, "epochs=3"), "epochs: no such key; did you mean trainer.max_epochs?"),
        ((LR, "hydra.sweeper.num_jobs=0"), "hydra.sweeper.num_jobs=0: must be a whole number from 1"),
        ((LR, "hydra.sweeper.at_once=0"), "hydra.sweeper.at_once=0: must be a whole number from 1"),
        ((LR, "hydra.sweeper.pruner=mean"), "hydra.sweeper.pruner=mean: must be one of none, median, hyperband"),
        ((LR, "hydra.sweeper.pruner=hyperband", "trainer.max_epochs=5"), "hydra.sweeper.grace=5: must be below"),
        ((LR, "hydra.sweeper.jobs=4"), "hydra.sweeper.jobs: no such key"),
        (("seed=1",), "nothing to search: give a range, as optimizer.lr="),
        ((LR, "run_dir=here"), "run_dir: the folders of a sweep lie in"),
        (("hydra/sweeper=grid_of_mine", LR), "hydra/sweeper=grid_of_mine: no such choice; choose halving, random, tpe"),
    ],
)
def test_what_is_wrong_is_told_in_one_line_and_nothing_is_made(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    sweeper = () if words[0].startswith("hydra/") else ("hydra/sweeper=tpe",)
    answer = door("train", "-m", *sweeper, *words, cwd=tmp_path)
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert said in answer.stderr
    assert answer.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_grid_has_no_ranges(tmp_path: Path) -> None:
    answer = door("train", "-m", LR, cwd=tmp_path)
    assert answer.stderr == f"mlplab: {LR}: a grid has no end of it; search it by hydra/sweeper=tpe or random\n"
    assert list(tmp_path.iterdir()) == []
