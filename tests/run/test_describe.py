"""What a run says of itself before its first step."""

from pathlib import Path

import mlplab
from mlplab.run.build import build
from mlplab.run.train import count_parameters, describe_run


def test_data_network_training_and_device_are_told(tmp_path: Path) -> None:
    chosen = ("data=iris", "model.hidden_features=[8,4]", "trainer.max_epochs=1", "trainer.accelerator=cpu")
    config = mlplab.configure(*chosen, f"run_dir={tmp_path / 'run'}")
    lab = build(config)
    told = describe_run(config, lab)
    assert told["data"] == "iris: 150 rows, 4 features, 3 classes; train 90, val 30, test 30 (random split)"
    assert told["network"] == "mlp, relu: 4-8-4-3, 91 parameters"
    assert told["training"] == "adam, lr 0.001, loss ce, batches of 32, 1 epoch"
    assert told["device"].startswith("cpu (as asked), ")
    assert count_parameters(lab) == (4 + 1) * 8 + (8 + 1) * 4 + (4 + 1) * 3
    assert "note" not in told
    folded = mlplab.configure(*chosen, "data.folds=4", "data.fold=1", f"run_dir={tmp_path / 'fold'}")
    assert describe_run(folded, build(folded))["data"].endswith(
        "train 90, val 30, test 30 (random split, fold 1 of 0 to 3)"
    )


def test_a_column_of_names_is_told(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("name,age,y\n" + "".join(f"n{number},{number % 7},{'ab'[number % 2]}\n" for number in range(60)))
    chosen = ("data=csv", f"data.path={path}", "data.target=y", "data.task=classification")
    config = mlplab.configure(*chosen, f"run_dir={tmp_path / 'run'}", "trainer.accelerator=cpu")
    told = describe_run(config, build(config))["note"]
    assert told == "text that is another in most rows: name (36 different in 36 rows); leave out by data.ignore=[name]?"
