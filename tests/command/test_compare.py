"""A table of all runs, the best of each comparable group first."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlplab.command.compare import compare
from mlplab.errors import UserError
from mlplab.run.record import read_record
from tests.comparison.records import sweep, united
from tests.run.test_record import DELETED, edited, run


def options(below: Path, **settings: Any) -> dict[str, Any]:
    only = {"data": settings.pop("data", None), "model": settings.pop("model", None)}
    usual = {"sweep": None, "runs": None, "output": None, "picture": False, "show_test": False}
    return {"below": str(below), "only": only, "sort": None, "limit": 20, **usual, **settings}


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "outputs"))  # with its dates


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    below = tmp_path_factory.mktemp("made") / "outputs"
    run(below / "iris/low", "data=iris", accuracy_val=0.8, accuracy_test=0.9, loss_val=0.1)
    run(below / "iris/high", "data=iris", "model=linear", accuracy_val=0.9, accuracy_test=0.7, loss_val=0.4)
    run(below / "sweeps/s/0_x", "data=iris", accuracy_val=0.9, accuracy_test=0.6, loss_val=0.2)
    run(below / "iris/stopped", "data=iris")
    (below / "iris/stopped/history.csv").write_text("epoch,loss/val\n0,1\n1,1\n2,1\n")
    run(below / "iris/failed", "data=iris")
    (below / "iris/failed/failure.txt").write_text("nan")
    run(below / "diabetes/a", "data=diabetes", r2_val=0.4, r2_test=0.3, loss_val=0.6)
    for age, path in enumerate(sorted(below.rglob("config.yaml"))):
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    os.utime(below / "iris/low/config.yaml", (2_000_000, 2_000_000))
    return below


def test_runs_are_grouped_by_dataset_best_validation_score_first(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs.parent)
    compare(options(runs))
    printed = capsys.readouterr().out
    assert printed.index("diabetes: 1 run, best r2/val first") < printed.index("iris: 5 runs, best accuracy/val first")
    iris = printed[printed.index("iris: 5") :].splitlines()[3:8]
    names = [line.split()[1].removeprefix(str(runs)) for line in iris]
    assert names[:3] == ["/sweeps/s/0_x", "/iris/high", "/iris/low"]  # of two equal ones the lower loss
    assert set(names[3:]) == {"/iris/stopped", "/iris/failed"}
    assert "(last)" in iris[2]
    assert printed.count("(last)") == 1
    stopped, failed = sorted(iris[3:], key=lambda line: "failed" in line)
    assert "2 of 50   unfinished" in stopped
    assert "0 of 50       failed" in failed


def test_runs_are_chosen_by_data_and_model_and_ordered_by_a_score(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare(options(runs, data="iris", model="mlp", sort="loss/val", limit=1))
    printed = capsys.readouterr().out
    assert "iris: 4 runs, of which 1 are shown, best loss/val first" in printed
    assert "iris/low" in printed
    assert "diabetes" not in printed


@pytest.mark.parametrize(
    ("settings", "printed"),
    [
        ({"data": "irs"}, "data=irs: there is no such run; there are runs of diabetes, iris"),
        ({"model": "maxout"}, "model=maxout: there is no such run"),
        ({"sort": "samples_per_second"}, "sort=samples_per_second: no run has this score"),
        ({"limit": -1}, "limit=-1: must be a whole number of at least 1, or 0 for all"),
        ({"sort": "loss/vl"}, "sort=loss/vl: no run has this score; choose accuracy/test"),
        ({"below": "nowhere"}, "there is no run below nowhere"),
        ({"sort": "accuracy/test"}, "sort=accuracy/test: chooses by the test set"),
        ({"sweep": "s", "runs": "x"}, "sweep and runs: give one of them"),
        ({"sweep": "nowhere"}, "sweep=nowhere: no such folder"),
        ({"sweep": 2026}, "sweep=2026: no such folder"),
        ({"runs": 5}, "there is no run in runs=5"),
        ({"sweep": "last"}, "sweep=last: there is no sweep below outputs/sweeps"),
        ({"runs": "nowhere/*"}, r"there is no run in runs=nowhere/\*"),
        ({"output": "new"}, "output=new: is for sweep= and runs="),
    ],
)
def test_a_missing_run_or_folder_is_named(
    runs: Path, settings: dict[str, Any], printed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs / "iris")  # no outputs/ here
    with pytest.raises(UserError, match=printed):
        compare({**options(runs), **(settings if "below" in settings else options(runs, **settings))})


def test_different_files_are_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        table = ("data=csv", f"data.path={name}.csv", "data.target=y", "data.task=regression")
        run(tmp_path / name, *table, r2_val=0.5, r2_test=0.5, loss_val=0.5)
    compare(options(tmp_path))
    printed = capsys.readouterr().out
    assert "csv a.csv y: 1 run" in printed
    assert "csv b.csv y: 1 run" in printed


def test_runs_that_were_measured_on_other_rows_are_not_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = {"accuracy_val": 0.5, "r2_val": 0.5, "loss_val": 0.5}
    for name, task in (("a", "classification"), ("b", "regression")):
        run(tmp_path / name, "data=csv", "data.path=t.csv", "data.target=y", f"data.task={task}", **scores)
    for name, overrides in (
        ("c", []),
        ("d", ["data.split_seed=7"]),
        ("e", ["data.num_train=20", "data.leak_check=full"]),
    ):
        run(tmp_path / name, "data=iris", *overrides, **scores)
    for number in range(2):
        run(tmp_path / f"fold{number}", "data=wine", "data.folds=2", f"data.fold={number}", **scores)
    run(tmp_path / "single", "data=wine", **scores)
    for name in ("f", "g"):
        run(tmp_path / name, "data=moons", f"data.noise={0.1 if name == 'f' else 0.3}", **scores)
    compare(options(tmp_path))
    heads = [line for line in capsys.readouterr().out.splitlines() if ", best" in line]
    assert heads == [
        "csv t.csv y task=classification: 1 run, best accuracy/val first",
        "csv t.csv y task=regression: 1 run, best r2/val first",
        "iris split_seed=0: 2 runs, best accuracy/val first",
        "iris split_seed=7: 1 run, best accuracy/val first",
        "moons noise=0.1: 1 run, best accuracy/val first",
        "moons noise=0.3: 1 run, best accuracy/val first",
        "wine: 1 run, best accuracy/val first",
        "wine in 2 folds fold=0: 1 run, best accuracy/val first",
        "wine in 2 folds fold=1: 1 run, best accuracy/val first",
    ]


def test_last_is_the_run_that_the_other_commands_take(
    runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs.parent)
    compare(options(runs / "sweeps"))
    assert "(last)" not in capsys.readouterr().out
    compare(options(Path("outputs/iris")))
    assert "outputs/iris/low (last)" in capsys.readouterr().out
    monkeypatch.chdir(runs / "iris")  # no outputs/ here
    compare(options(runs))
    assert "(last)" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["config.yaml", "scores.json"])
def test_no_edit_of_one_run_stops_the_table_of_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    run(tmp_path / "whole", "data=iris", "optimizer=sgd", accuracy_val=0.8, loss_val=0.1)
    path = run(tmp_path / "edited", "data=iris", accuracy_val=0.8, loss_val=0.1) / name
    stored = yaml.safe_load(path.read_bytes())
    for keys in paths(stored):
        for value in (DELETED, None, "abc", [], {}, -1, 10**400, float("nan")):
            path.write_text(edited(stored, keys, value))
            compare(options(tmp_path))
            heard = capsys.readouterr().out.splitlines()
            assert sum("  sgd " in line for line in heard) == 1
            notes_or_rows = [line for line in heard if f"{tmp_path}/edited" in line]
            assert len(notes_or_rows) == 1, "in the table, or in a note"


def paths(stored: Any, above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Edits of every key, and of the whole file."""
    below = stored.items() if isinstance(stored, dict) else ()
    return [above, *(path for key, value in below for path in paths(value, (*above, key)))]


@pytest.mark.parametrize(
    "text", ["a: [1", "", "just words", "choice: {}", "[" * 900, "\xff", "a: &a [*a]", "? [1]\n: 2"]
)
@pytest.mark.parametrize("name", ["config.yaml", "scores.json"])
def test_a_folder_that_cannot_be_read_is_left_out_with_a_note(
    runs: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    (runs / "iris/failed" / name).write_bytes(text.encode("latin-1"))
    compare(options(runs))
    printed = capsys.readouterr().out
    assert f"note: {runs}/iris/failed was left out; {name}" in printed
    assert "iris: 4 runs" in printed


def test_the_best_of_a_thousand_runs_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run(tmp_path / "0", "data=iris", accuracy_val=0.8, accuracy_test=0.9, loss_val=0.1)
    for number in range(1, 1000):
        (tmp_path / str(number)).mkdir()
        for name in ("config.yaml", "scores.json"):
            (tmp_path / str(number) / name).write_bytes((first / name).read_bytes())
    compare(options(tmp_path))
    assert "iris: 1,000 runs, of which 20 are shown" in capsys.readouterr().out


def test_test_scores_are_those_of_the_first_alone_unless_asked(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compare(options(runs, data="iris"))
    printed = capsys.readouterr().out
    assert "on the test set, the first run alone: accuracy/test 0.6000" in printed
    assert printed.count("accuracy/test") == 1
    compare(options(runs, data="iris", show_test=True, sort="accuracy/test"))
    printed = capsys.readouterr().out
    assert "best accuracy/test first" in printed
    assert [place for place in ("0.9", "0.7", "0.6") if f"  {place}" in printed] == ["0.9", "0.7", "0.6"]


@pytest.fixture
def swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sweep of two configurations with three seeds, one run of it failed."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "outputs" / "sweeps" / "lrs"
    sweep(folder, {"optimizer.lr=0.1": (0.1, 0.12, 0.11), "optimizer.lr=0.2": (0.3, 0.31, None)})
    return folder


@pytest.mark.parametrize("name", ["outputs/sweeps/lrs", "lrs", "last"])
def test_a_sweep_is_explained_by_its_folder_its_name_or_as_the_last(
    name: str, swept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare(options(Path("outputs"), sweep=name))
    printed = capsys.readouterr().out
    assert "best: lr 0.1, with loss/val 0.110 +- 0.010 over 3 seeds" in printed
    assert "job 5 failed: the loss became nan" in printed
    assert len((swept / "sweep.csv").read_text().splitlines()) == 7
    assert not (swept / "sweep.html").exists()


def test_any_runs_are_explained_and_written_only_where_asked(swept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(swept.rglob("*"))
    compare(options(Path("outputs"), runs="outputs/**"))
    assert "best: lr 0.1" in capsys.readouterr().out
    assert sorted(swept.rglob("*")) == before
    compare(options(Path("outputs"), runs="outputs/sweeps/lrs/[03]*", output="mine", picture=True))
    assert "0.3000" in capsys.readouterr().out
    assert sorted(path.name for path in Path("mine").iterdir()) == ["pictures", "sweep.csv", "sweep.html"]
    with pytest.raises(UserError, match="output=mine: name a new folder"):
        compare(options(Path("outputs"), runs="outputs/**", output="mine"))


def test_runs_of_several_datasets_have_a_table_each(swept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep(Path("outputs/other"), {"optimizer.lr=0.1": (0.1,), "optimizer.lr=0.2": (0.3,)}, data="diabetes")
    compare(options(Path("outputs"), runs="outputs", output="both", picture=True))
    printed = capsys.readouterr().out
    assert printed.index("diabetes: 2 configurations, best loss/val first") < printed.index(
        "iris: 2 configurations, best loss/val first"
    )
    assert {"curves_1.png", "curves_2.png"} <= {path.name for path in Path("both/pictures").iterdir()}
    compare(options(Path("outputs"), runs="outputs", data="iris"))
    assert "diabetes" not in capsys.readouterr().out


def test_ensembles_are_listed_wherever_their_runs_are(swept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [found for path in sorted(swept.iterdir()) if (found := read_record(path))]
    one = united(runs[:3], loss_val=0.09, accuracy_val=0.95, accuracy_test=0.5)
    for settings in ({"sweep": "lrs"}, {"runs": "outputs/**"}):
        compare(options(Path("outputs"), **settings))
        printed = capsys.readouterr().out
        assert "0.1100 -> 0.0900" in printed
        assert "best ensemble" not in printed, "there is one alone"
        assert "ensemble of 3, with loss/val 0.0900" in printed
        assert "best: lr 0.1, with loss/val 0.110 +- 0.010 over 3 seeds" in printed
    compare(options(Path("outputs")))
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "ensemble_" in line)
    assert line.strip().startswith("1  outputs/sweeps/lrs/ensemble_optimizer.lr=0.1 ")
    assert "ensemble of 3   finished" in line
    scores = one.folder / "scores.json"
    for broken in ('"abc"', "3", "[1, {}, null]"):
        scores.write_text(json.dumps({**one.report, "members": json.loads(broken)}))
        compare(options(Path("outputs"), sweep="lrs"))
        assert "best: lr 0.1" in capsys.readouterr().out


def test_no_edit_of_one_run_stops_the_explanation_of_the_others(
    swept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = next(swept.glob("4_*")) / "config.yaml"
    stored = yaml.safe_load(path.read_bytes())
    groups = {"choice", "callback", "monitor", "loss", "seed"}
    keys = [keys for keys in paths(stored) if not keys or keys[0] in groups]
    for own in keys:
        for value in (DELETED, None, "abc", [], {}, -1, float("nan")):
            path.write_text(edited(stored, own, value))
            compare(options(Path("outputs"), sweep="lrs"))
            assert "best: " in capsys.readouterr().out
