"""A run as one page: its numbers are those of scores.json, and nothing of it lies elsewhere."""

import html
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlplab.command.report import report
from mlplab.errors import UserError

Train = Callable[..., tuple[Path, dict[str, Any]]]
SHORT = ("trainer.max_epochs=3", "model.hidden_features=[8]")


def options(run: Path, **settings: Any) -> dict[str, Any]:
    usual = {"split": None, "slice": "none", "accelerator": None, "output": None, "overwrite": False, "allow": []}
    return {"run": str(run), "data": {"root": None}, **usual, **settings}


def report_text(run: Path, **settings: Any) -> str:
    return report(options(run, **settings)).read_text(encoding="utf-8")


def table(text: str, section: str) -> list[list[str]]:
    """The first table below a heading: its head, and each row's numbers with all their digits."""
    part = text.split(f"<h2>{section}</h2>")[1]
    head = re.findall(r"<th[^>]*>(.*?)</th>", part.split("</thead>")[0])
    rows = re.findall(r"<tr>(.*?)</tr>", part.split("<tbody>")[1].split("</tbody>")[0])
    cells = [re.findall(r'<td(?: class="text"| data-value="([^"]*)")[^>]*>(.*?)</td>', row) for row in rows]
    return [head, *([html.unescape(value or shown) for value, shown in row] for row in cells)]


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(("data=iris",), marks=pytest.mark.slow),
        ("data=moons", "data.num_rows=100", "learner=binary_classifier", "loss=bce", "learner.threshold=0.3"),
        pytest.param(("data=diabetes",), marks=pytest.mark.slow),
        ("data=linnerud", "trainer.precision=64-true"),
        pytest.param(("data=sine", "data.num_rows=60"), marks=pytest.mark.slow),
        ("data=digits", "data.num_train=100"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_all_numbers_are_those_of_training(train: Train, overrides: tuple[str, ...]) -> None:
    run, scores = train(*SHORT, *overrides)
    text = report_text(run)
    head, *rows = table(text, "Scores")
    for row, split in zip(rows, ("train", "val", "test", "baseline"), strict=True):
        for name, value in zip(head[1:], row[1:], strict=True):
            stored = scores[f"baseline/{name}" if split == "baseline" else f"{name}/{split}"]
            assert float(value) == stored, (name, split)
    assert len(head) > 4
    assert "here, " not in text.split("<h2>Curves")[0]  # measured again, they were the same
    assert re.findall(r"<pre>(.+?)</pre>", text)
    assert len(text) < 5_000_000
    assert set(re.findall(r"""(?:src|href)=["'](?!#)([a-z]*:?)""", text)) <= {"data:"}
    assert not re.search(r"url\((?!#)|@import|https?://(?!www\.w3\.org)", text)


@pytest.mark.slow
def test_per_class_numbers_follow_from_the_confusion_matrix_of_evaluate(train: Train) -> None:
    run, scores = train("data=wine", *SHORT)
    _, *rows = table(report_text(run), "Results per class")
    recall = [float(row[2]) for row in rows]
    assert sum(recall) / len(recall) == pytest.approx(scores["recall/test"], rel=1e-6)
    assert sum(float(row[4]) for row in rows) == 36


@pytest.mark.slow
def test_the_area_is_that_of_scores_json(train: Train) -> None:
    run, scores = train("data=breast_cancer", *SHORT)
    _, _, second = table(report_text(run), "Results per class")
    assert float(second[5]) == pytest.approx(scores["auroc/test"], abs=1e-6)


@pytest.mark.slow
def test_the_command_trains_to_the_same_scores(train: Train) -> None:
    run, scores = train("data=iris", *SHORT, "optimizer=sgd", "seed=3")
    (text,) = re.findall(r"<pre>(.+?)</pre>", report_text(run))
    _, _, *arguments = shlex.split(html.unescape(text))
    _, again = train(*arguments)
    assert {name: again[name] for name in scores if "/" in name} == {n: v for n, v in scores.items() if "/" in n}


@pytest.mark.slow
def test_another_split_may_be_reported_and_another_file_written(train: Train, tmp_path: Path) -> None:
    run, _ = train("data=iris", *SHORT)
    assert "Largest errors on the validation split, 30 rows" in report_text(
        run, split="val", output=str(tmp_path / "v.html")
    )
    assert (tmp_path / "v.html").exists()
    assert not (run / "report.html").exists()


@pytest.mark.slow
def test_the_slice_is_along_the_path_where_it_was_kept(train: Train) -> None:
    run, _ = train("data=iris", *SHORT, "report.trajectory=true")
    assert "of the path's variance" in html.unescape(report_text(run, slice=None))
    assert "in two random directions" in report_text(run, slice="random")
    (run / "trajectory.npz").unlink()
    assert "in two random directions" in report_text(run, slice=None)
    with pytest.raises(UserError, match=r"trajectory.npz is missing; train with report.trajectory=true"):
        report_text(run, slice="pca")
    with pytest.raises(UserError, match="slice=both: must be one of pca, random, none"):
        report_text(run, slice="both")


@pytest.mark.slow
def test_a_different_score_is_reported(train: Train) -> None:
    run, scores = train("data=iris", *SHORT)
    text = (run / "scores.json").read_text()
    (run / "scores.json").write_text(text.replace(repr(scores["loss/test"]), "0.125"))
    assert f"loss of test is {scores['loss/test']!r} here, 0.125 in training" in report_text(run)


def test_a_run_that_has_not_ended_is_refused(train: Train) -> None:
    run, _ = train("data=iris", *SHORT)
    (run / "scores.json").unlink()
    with pytest.raises(UserError, match="the run has not ended"):
        report_text(run)
    (run / "scores.json").write_text(json.dumps({})[:1])
    with pytest.raises(UserError, match="cannot be read as JSON"):
        report_text(run)


def test_an_output_that_is_no_file_is_refused(train: Train, tmp_path: Path) -> None:
    run, _ = train("data=iris", *SHORT)
    for output in (tmp_path, tmp_path / "no" / "a.html"):
        with pytest.raises(UserError, match="name a file in a folder that exists"):
            report_text(run, output=str(output))


@pytest.mark.slow
def test_the_output_file_is_replaced_only_with_overwrite(train: Train, tmp_path: Path) -> None:
    run, _ = train("data=iris", *SHORT)
    mine = tmp_path / "mine.html"
    mine.write_text("mine")
    with pytest.raises(UserError, match="exists already; overwrite=true replaces it"):
        report_text(run, output=str(mine))
    assert mine.read_text() == "mine"
    assert "<h2>Curves</h2>" in report_text(run, output=str(mine), overwrite=True)
    assert report_text(run) == report_text(run)  # its own page is replaced


@pytest.mark.slow
def test_the_default_run_has_its_slice(train: Train) -> None:
    run, _ = train("report.trajectory=true")
    assert "of the path's variance" in html.unescape(report_text(run, slice="pca"))
    assert "in two random directions" in report_text(run, slice="random")
