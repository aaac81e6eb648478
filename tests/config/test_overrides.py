"""Overrides of a command line: what they are expanded to, which are refused."""

import pytest

from mlplab.config import renamed
from mlplab.config.overrides import command_overrides, expand_overrides
from mlplab.errors import UserError


def test_a_sweep_gets_a_name_and_folders_named_by_swept_keys() -> None:
    arguments = expand_overrides(["-m", "data=iris", "optimizer=sgd,adam"])
    assert any(argument.startswith("sweep.name=") for argument in arguments)
    assert arguments[-1].endswith("exclude_keys=[data,learner,loss,sweep.name]")
    assert expand_overrides(["data=iris"]) == ["data=iris"]


def test_two_sweeps_of_one_second_have_two_names() -> None:
    names = {
        next(one for one in expand_overrides(["-m", "seed=1,2"]) if one.startswith("sweep.name=")) for _ in range(20)
    }
    assert len(names) == 20


@pytest.mark.parametrize("flag", [["--multi"], ["--multirun"], ["-m"], ["hydra.mode=MULTIRUN"]])
def test_a_sweep_is_recognised_by_any_flag(flag: list[str]) -> None:
    arguments = expand_overrides([*flag, "seed=1,2"])
    assert any(argument.startswith("sweep.name=") for argument in arguments)


def test_flags_come_first() -> None:
    assert expand_overrides(["seed=1", "-c", "job", "batch_size=3"]) == ["-c", "job", "seed=1", "batch_size=3"]


def test_data_and_model_filter_runs_in_compare_and_a_sweep_is_refused() -> None:
    assert command_overrides("compare", ["data=iris", "model=mlp", "limit=3"]) == [
        "only.data=iris",
        "only.model=mlp",
        "limit=3",
    ]
    with pytest.raises(UserError, match="only train runs a sweep"):
        command_overrides("evaluate", ["-m", "run=last"])


def test_the_folders_of_a_sweep_need_no_quotes() -> None:
    folder = "outputs/sweeps/s/0_optimizer.lr=0.1,optimizer=sgd"
    assert command_overrides("resume", [f"run={folder}", "debug=true"]) == [f"run='{folder}'", "debug=true"]
    assert command_overrides("predict", ["output='mine'", "input=it's.csv", "run=last"])[:2] == [
        "output='mine'",
        "input='it\\'s.csv'",
    ]


@pytest.mark.parametrize("override", ["hydra.run.dir=/tmp/x", "+hydra.job.x=1", "hydra/launcher=basic", "~hydra.run"])
def test_a_command_that_trains_no_run_takes_no_option_of_hydra(override: str) -> None:
    with pytest.raises(UserError, match="evaluate takes no option of Hydra"):
        command_overrides("evaluate", ["run=last", override])


def test_an_unknown_flag_of_any_command_is_one_line() -> None:
    with pytest.raises(UserError, match=r"^--wat: unknown option; see --help$"):
        command_overrides("evaluate", ["run=last", "--wat"])
    assert command_overrides("evaluate", ["run=hydra", "-c", "job"]) == ["-c", "job", "run='hydra'"]


@pytest.mark.parametrize(
    ("typed", "seeds"),
    [
        (["ensemble=3", "optimizer.lr=0.1,0.01"], "seed=0,1,2"),
        (["ensemble=2", "seed=7"], "seed=7,8"),
        (["seed=7", "++ensemble=2"], "seed=7,8"),
    ],
)
def test_an_ensemble_is_a_sweep_over_seeds(typed: list[str], seeds: str) -> None:
    arguments = expand_overrides(["-m", *typed, "sweep.name=x"])
    assert arguments[-3:-1] == [seeds, "sweep.ensemble=true"]
    assert not any("ensemble=" in argument for argument in arguments[:-3])
    assert arguments[-1].endswith("exclude_keys=[learner,loss,sweep.ensemble,sweep.name]")
    assert expand_overrides(arguments)[: len(arguments) - 1] == arguments[:-1], "resuming gives the same"


def test_ensemble_null_is_no_ensemble() -> None:
    assert expand_overrides(["data=iris", "ensemble=null"]) == ["data=iris"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["ensemble=3"], "ensemble=3: needs a sweep; add -m"),
        (["-m", "ensemble=1"], "ensemble=1: must be an integer from 2 to 1000"),
        (["-m", "ensemble=2,3"], "ensemble=2,3: must be an integer from 2 to 1000"),
        (["-m", "ensemble=many"], "ensemble=many: must be an integer from 2 to 1000"),
        (["-m", "ensemble=3", "seed=x"], "seed=x: must be an integer from 0 to 4294967295"),
        (
            ["-m", "ensemble=3", "seed=0,1,2"],
            "ensemble=3: takes one seed and counts from it; for a list of seeds use sweep.ensemble=true",
        ),
    ],
)
def test_a_wrong_ensemble_is_refused(typed: list[str], expected: str) -> None:
    with pytest.raises(UserError) as error:
        expand_overrides(typed)
    assert str(error.value) == expected


def test_cv_is_a_sweep_over_folds() -> None:
    named = ("-m", "sweep.name=s", "data=iris", "seed=0,1")
    assert expand_overrides([*named, "cv=3"]) == expand_overrides([*named, "data.folds=3", "data.fold=0,1,2"])
    assert expand_overrides(["cv=9", *named, "cv=3"]) == expand_overrides([*named, "cv=3"]), (
        "as for any key the last one counts"
    )
    excluded = expand_overrides([*named, "cv=3"])[-1]
    assert "data.folds" in excluded
    assert "data.fold," not in excluded
    assert expand_overrides([*named, "cv=null"])[:-1] == ["-m", *named[1:], "cv=null"]
    assert "data.fold=0,1" in expand_overrides(["hydra.mode=MULTIRUN", "cv=2"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("cv=5", "cv=5: needs a sweep, one job per fold; add -m, or train one fold by data.folds=5"),
        ("-m cv=1", "cv=1: must be an integer from 2 to 1000"),
        ("-m cv=5,10", "cv=5,10: must be an integer from 2 to 1000"),
        ("-m cv=many", "cv=many: must be an integer from 2 to 1000"),
        ("-m cv=5 data.folds=3", "cv=5: sets data.folds and data.fold; remove data.folds=3"),
        ("-m +data.fold=0,1 cv=5", "cv=5: sets data.folds and data.fold; remove +data.fold=0,1"),
        (
            "-m cv=5 hydra/sweeper=tpe",
            "cv=5: needs a plain grid; hydra/sweeper=tpe compares single jobs, not means over folds",
        ),
        (
            "-m sweep.halving=true cv=5",
            "cv=5: needs a plain grid; sweep.halving=true compares single jobs, not means over folds",
        ),
    ],
)
def test_a_wrong_cv_is_refused(arguments: str, expected: str) -> None:
    with pytest.raises(UserError) as error:
        expand_overrides(arguments.split())
    assert str(error.value) == expected


@pytest.mark.parametrize("override", ["hydra/sweeper=grid", "hydra/sweeper=basic", "sweep.halving=false"])
def test_folds_are_jobs_of_a_plain_grid(override: str) -> None:
    assert "data.fold=0,1" in expand_overrides(["-m", override, "cv=2"])


@pytest.mark.parametrize(("old", "new"), [("values", "regression"), ("classes", "classification")])
def test_an_old_name_of_a_task_works_with_a_note(old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    renamed._print_note.cache_clear()
    table = ["data=csv", "data.path=x", "data.target=y"]
    assert expand_overrides([*table, f"data.task={old}"]) == expand_overrides([*table, f"data.task={new}"])
    note = f"note: data.task={old} was renamed to data.task={new}; the old name works until the next format\n"
    assert capsys.readouterr().err == note
