"""An ensemble knows its members among the runs at hand, and the mean of their scores."""

from pathlib import Path

from mlplab.comparison.comparison import match_ensembles
from tests.comparison.made import sweep, united


def test_the_mean_is_that_of_all_members_or_unknown(tmp_path: Path) -> None:
    runs = sweep(tmp_path, {"optimizer.lr=0.1": (0.1, 0.3), "optimizer.lr=0.2": (0.5, 0.5)})
    one = united(runs[:2], loss_val=0.15)
    (known,) = match_ensembles([one], runs)
    assert [run.folder for run in known.members] == [run.folder for run in runs[:2]]
    assert (known.score("loss/val"), known.mean("loss/val")) == (0.15, 0.2)
    assert (known.score("accuracy/val"), known.mean("r2/val")) == (None, None)
    (partly,) = match_ensembles([one], runs[1:])
    assert partly.mean("loss/val") is None
