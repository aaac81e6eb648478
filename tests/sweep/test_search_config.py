"""The options and the space of a search are checked before its first job."""

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from mlplab.errors import UserError
from mlplab.sweep.search_config import (
    Choices,
    FloatRange,
    SearchConfig,
    SearchPlan,
    SearchSpace,
    parse_space,
    suggestions_at_once,
)
from tests.conftest import REPO, run_script
from tests.sweep.in_process import refusal

PAGE = (REPO / "docs" / "mistakes.md").read_text()
(PART,) = (part for part in PAGE.split("\n## ") if part.startswith("Search and successive halving"))
ROWS = re.findall(r"^\| `(.+?)` \| (.+) \|$", PART, re.MULTILINE)
MORE = [
    ("hydra/sweeper=mine seed=1,2", "hydra/sweeper=mine: unknown choice; choose grid, halving, random, tpe"),
    ("hydra/sweeper=tpe seed=1,2 hydra.sweeper.jobs=4", "hydra.sweeper.jobs: unknown key; see --help"),
    ("hydra/sweeper=tpe seed=1,2 epochs=3", "epochs: unknown key; did you mean trainer.max_epochs?"),
    ("hydra/sweeper=tpe seed=1,2 loss=bce", "loss=bce does not fit learner=classifier: choose ce, mse, mae"),
]


def test_a_batch_is_as_large_as_the_number_of_jobs_that_the_launcher_runs_at_once() -> None:
    stacked = "hydra_plugins.mlplab.stacked_launcher.StackedLauncher"
    assert suggestions_at_once({"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"}) == 1
    assert suggestions_at_once({"_target_": "Joblib", "n_jobs": 3}) == 3
    local = "hydra_plugins.mlplab.local_launcher.LocalLauncher"
    assert suggestions_at_once({"_target_": local, "at_once": 3}) == 3
    assert [suggestions_at_once({"_target_": stacked, "most": most}) for most in (None, 4, 64)] == [8, 4, 8]


def test_the_page_has_rows() -> None:
    assert len(ROWS) > 12


@pytest.mark.parametrize(("typed", "printed"), [*ROWS, *MORE])
def test_the_messages_of_the_page_are_printed_and_nothing_is_written(
    typed: str, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("optuna", reason="needs optuna: pip install 'mlplab[search]'")
    if "slurm" in typed:
        pytest.importorskip("submitit", reason="needs pip install 'mlplab[slurm]'")
        if shutil.which("sbatch"):
            pytest.skip("printed where there is no cluster")
    monkeypatch.chdir(tmp_path)
    assert refusal(*shlex.split(typed)) == printed
    assert list(tmp_path.iterdir()) == []


def test_the_command_prints_a_refusal_in_one_line(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="needs optuna: pip install 'mlplab[search]'")
    typed, printed = ROWS[1]
    answer = run_script("train", "-m", *shlex.split(typed), cwd=tmp_path)
    assert (answer.returncode, answer.stdout, answer.stderr) == (1, "", f"mlplab: {printed}\n")
    assert list(tmp_path.iterdir()) == []


def test_settings_of_an_earlier_version_are_those_of_the_same_search(tmp_path: Path) -> None:
    """The text of ranges and choices in settings.json does not change with the names of the classes."""
    searched = {"lr": FloatRange(0.01, 0.1, log=True), "loss": Choices(("ce", "mse"))}
    settings = SearchConfig("tpe", "none", 5, 5, 3, 0, 9, "loss/val")
    plan = SearchPlan(tmp_path, SearchSpace(("data=iris",), searched), settings, 4, 1, joins=True)
    plan.write_or_compare()
    stored = json.loads((tmp_path / "search" / "settings.json").read_text())
    assert stored["searched"] == {
        "lr": "Numbers(low=0.01, high=0.1, step=None, log=True, whole=False)",
        "loss": "Options(words=('ce', 'mse'))",
    }
    plan.write_or_compare()
    other = replace(plan, settings=replace(settings, seed=1))
    with pytest.raises(UserError, match=r"is another search: seed was 0, is 1; resume it by the same command$"):
        other.write_or_compare()


DEFAULTS = {"batch_size": 32, "optimizer.lr": 0.001}


def space_of(*arguments: str) -> SearchSpace:
    return parse_space(OverridesParser.create().parse_overrides(list(arguments)), DEFAULTS.get)


@pytest.mark.parametrize(
    ("override", "values"),
    [
        ("optimizer.lr=interval(1e-4,1e-1)", FloatRange(1e-4, 1e-1)),
        ("optimizer.lr=tag(log,interval(1e-4,1e-1))", FloatRange(1e-4, 1e-1, log=True)),
        ("batch_size=interval(8,64)", FloatRange(8, 64, whole=True)),
        ("other=int(interval(1,9))", FloatRange(1, 9, whole=True)),
        ("other=interval(1,9)", FloatRange(1, 9)),
        ("batch_size=range(8,33,8)", FloatRange(8, 32, step=8, whole=True)),
        ("model.dropout=range(0,1,0.25)", FloatRange(0, 0.75, step=0.25)),
        ("model.num_blocks=tag(log,range(1,9))", FloatRange(1, 8, step=1, log=True, whole=True)),
        ("optimizer=sgd,adam", Choices(("sgd", "adam"))),
        ("model.hidden_features=[8],[64,64]", Choices(("[8]", "[64,64]"))),
        ("data.path='a b',c", Choices(("'a b'", "c"))),
        ("seed=range(3,4)", Choices(("3",))),
    ],
)
def test_each_form_of_a_sweep_becomes_a_range_or_choices(override: str, values: Choices | FloatRange) -> None:
    assert space_of("data=iris", override) == SearchSpace(("data=iris",), {override.partition("=")[0]: values})


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("optimizer.lr=interval(1,0.1)", "1.0 is not below 0.1"),
        ("optimizer.lr=tag(log,interval(0,1))", "a log scale starts above 0"),
        ("optimizer.lr=tag(logg,interval(1,2))", "the only tag is log"),
        ("optimizer.lr=tag(log,choice(1,2))", "the only tag is log"),
        ("model.dropout=tag(log,range(0.1,1,0.1))", "a log scale takes interval"),
        ("batch_size=interval(0.5,8)", "batch_size takes integers"),
        ("optimizer.lr=0.1", "nothing to search"),
    ],
)
def test_an_invalid_range_is_refused(override: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        space_of(override)


def test_a_job_has_the_fixed_overrides_and_values_of_four_digits_within_their_range() -> None:
    space = space_of("data=iris", "optimizer.lr=interval(0.12342,1)", "batch_size=interval(8,64)", "loss=ce,mse")
    overrides = space.overrides({"optimizer.lr": 0.123421, "batch_size": 12, "loss": "mse"})
    assert overrides == ["data=iris", "optimizer.lr=0.12342", "batch_size=12", "loss=mse"]
    assert space.overrides({"optimizer.lr": 0.98765432, "batch_size": 8, "loss": "ce"})[1] == "optimizer.lr=0.9877"


def test_the_corners_are_all_combinations_of_ends_or_each_end_once_if_there_are_many() -> None:
    few = list(space_of("a=interval(0,1)", "b=x,y").corners())
    assert few == [["a=0.0", "b=x"], ["a=0.0", "b=y"], ["a=1.0", "b=x"], ["a=1.0", "b=y"]]
    many = list(space_of(*(f"k{number}=interval(0,1)" for number in range(10))).corners())
    assert len(many) == 20
    assert {override for job in many for override in job} == {
        f"k{n}={end}" for n in range(10) for end in ("0.0", "1.0")
    }
