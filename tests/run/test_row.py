"""A row of the HPARAMS tab."""

from pathlib import Path
from typing import Any

import mlplab
from mlplab.config.tree import to_plain
from mlplab.run.train import hparams_row

SCORES = {
    "loss/train": 0.1,
    "loss/val": 0.2,
    "accuracy/val": 0.9,
    "loss/test": 0.3,
    "parameters": 12,
    "verdict": "fits",
}


def config(*words: str) -> dict[str, Any]:
    return to_plain(mlplab.configure(*words))


def test_a_job_tells_what_was_varied_and_no_test_score() -> None:
    words = ("model.dropout=0.3", "model.hidden_features=[8,4]", "optimizer=sgd", "optimizer.lr=0.5")
    run = Path("sweeps/s/3_model.dropout=0.3,model.hidden_features=-8,4-,optimizer.lr=0.5,optimizer=sgd")
    told = hparams_row(run, config(*words), SCORES)
    assert told.varied == ["model.dropout", "model.hidden_features", "lr", "optimizer"]
    assert {name: told.choices[name] for name in told.varied} == {
        "model.dropout": 0.3,
        "model.hidden_features": "[8,4]",
        "lr": 0.5,
        "optimizer": "sgd",
    }
    assert told.scores == {"loss/val": 0.2, "accuracy/val": 0.9, "loss/train": 0.1}
    assert next(iter(told.scores)) == "loss/val"


def test_a_run_alone_tells_its_choices_and_numbers() -> None:
    told = hparams_row(Path("outputs/iris/now"), config("data=iris", "model=linear"), SCORES)
    assert told.varied == []
    assert told.choices == {
        **{"data": "iris", "model": "linear", "learner": "classifier", "loss": "ce", "optimizer": "adam"},
        **{"scheduler": "none", "lr": 0.001, "batch_size": 32, "seed": 0, "parameters": 12},
    }
    assert told.scores["loss/test"] == 0.3
