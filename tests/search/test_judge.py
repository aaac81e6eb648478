"""Who judges a job: a halving by its round, a search by its record, a plain grid nobody."""

from pathlib import Path

from mlplab.search.judge import judge_of


def test_a_plain_grid_has_no_judge(tmp_path: Path) -> None:
    assert judge_of({"_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"}, tmp_path) is None
    assert judge_of({"until": None, "eta": 3}, tmp_path) is None


def test_a_round_ends_at_its_epoch(tmp_path: Path) -> None:
    judge = judge_of({"until": 3}, tmp_path)
    assert judge is not None
    assert [bool(judge(epoch, 0.5)) for epoch in (1, 2, 3, 4)] == [False, False, True, True]
    assert judge(3, 0.5).startswith("after epoch 3")
