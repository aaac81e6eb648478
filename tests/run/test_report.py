"""The numbers and figures computed for a finished run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mlplab.run.config_file import read_config
from mlplab.run.report import build_report

Train = Callable[..., tuple[Path, dict[str, Any]]]
SHORT = ("trainer.max_epochs=2", "model.hidden_features=[8]")


def test_a_table_of_classes(train: Train) -> None:
    run, scores = train("data=wine", *SHORT)
    printed = build_report(read_config(run), run, scores, "test", "none")
    assert printed.title == "mlp on wine"
    assert printed.outcome.predictions.shape == (36, 3)
    assert (printed.outcome.predictions.argmax(axis=1) == printed.outcome.target).mean() == scores["accuracy/test"]
    assert sorted(printed.order) == list(range(13))
    assert [panel.name for panel in printed.importance] == ["importance"]
    assert (printed.shape, printed.slice, printed.notes) == ([], [], [])
    assert printed.differences == [
        *(("trainer.max_epochs", "2", "50"), ("model.hidden_features", "[8]", "[256,128]")),
        ("report.picture", "false", "true"),
    ]


def test_two_inputs_have_a_boundary_and_two_classes_two_probabilities(train: Train) -> None:
    run, scores = train(
        "data=moons", "data.num_rows=200", "trainer.max_epochs=5", "learner=binary_classifier", "loss=bce"
    )
    printed = build_report(read_config(run), run, scores, "val", "random")
    assert printed.outcome.predictions.shape == (40, 2)
    np.testing.assert_allclose(printed.outcome.predictions.sum(axis=1), 1, atol=1e-6)
    assert [panel.name for panel in (*printed.shape, *printed.slice)] == ["boundary", "loss_slice"]
    assert sorted(printed.order) == [0, 1]


def test_images_have_no_importance_and_text_columns_one_for_all_their_categories(train: Train, tmp_path: Path) -> None:
    run, scores = train("data=digits", "data.num_train=100", *SHORT)
    assert build_report(read_config(run), run, scores, "test", "none").importance == []
    drawn = np.random.default_rng(0)
    lines = [f"{drawn.choice(['red', 'blue', 'green'])},{drawn.normal():.3f},{drawn.normal():.3f}" for _ in range(100)]
    (tmp_path / "a.csv").write_text("colour,size,price\n" + "\n".join(lines) + "\n")
    run, scores = train(
        "data=csv", f"data.path={tmp_path / 'a.csv'}", "data.target=price", "data.task=regression", *SHORT
    )
    printed = build_report(read_config(run), run, scores, "test", "none")
    axes = printed.importance[0].plot()[1]
    assert {label.get_text() for label in axes.get_yticklabels()} == {"colour", "size"}
    assert sorted(printed.order) == [0, 1, 2, 3]
