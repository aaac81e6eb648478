"""Who judges a job: a halving by its round, a search by its record, a plain grid nobody."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from mlplab.command.job import pruning_judge
from mlplab.sweep.search_config import SEARCH_FOLDER, FloatRange, SearchConfig, SearchSpace


def test_a_plain_grid_has_no_judge(tmp_path: Path) -> None:
    assert pruning_judge({"_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"}, tmp_path) is None
    assert pruning_judge({"until": None, "eta": 3}, tmp_path) is None


def test_a_round_ends_at_its_epoch(tmp_path: Path) -> None:
    judge = pruning_judge({"until": 3}, tmp_path)
    assert judge is not None
    assert [bool(judge(epoch, 0.5)) for epoch in (1, 2, 3, 4)] == [False, False, True, True]
    assert judge(3, 0.5).startswith("after epoch 3")


def test_a_job_of_a_search_tells_its_scores_to_the_record(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="needs optuna: pip install 'mlplab[search]'")
    from mlplab.sweep.search import shared_study

    settings = SearchConfig("random", "median", first=1, grace=1, eta=3, seed=0, epochs=3, monitor="loss/val")
    (tmp_path / SEARCH_FOLDER).mkdir()
    (tmp_path / SEARCH_FOLDER / "settings.json").write_text(json.dumps(asdict(settings)))
    study = shared_study(tmp_path, settings)
    number = study.ask(SearchSpace((), {"optimizer.lr": FloatRange(0.1, 1)}), "me").number
    judge = pruning_judge({"trial": number}, tmp_path)
    assert judge is not None
    assert [judge(epoch, 1 / epoch) for epoch in (1, 2)] == ["", ""]
    assert study.trials[number].intermediate_values == {1: 1.0, 2: 0.5}
