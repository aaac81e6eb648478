"""The words of a command line: what follows from them, what is refused."""

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
        next(word for word in expand_overrides(["-m", "seed=1,2"]) if word.startswith("sweep.name=")) for _ in range(20)
    }
    assert len(names) == 20


@pytest.mark.parametrize("flag", [["--multi"], ["--multirun"], ["-m"], ["hydra.mode=MULTIRUN"]])
def test_a_sweep_is_known_however_it_is_asked_for(flag: list[str]) -> None:
    arguments = expand_overrides([*flag, "seed=1,2"])
    assert any(argument.startswith("sweep.name=") for argument in arguments)


def test_flags_come_first_wherever_they_stood() -> None:
    assert expand_overrides(["seed=1", "-c", "job", "batch_size=3"]) == ["-c", "job", "seed=1", "batch_size=3"]


def test_data_and_model_choose_among_runs_and_a_sweep_is_refused() -> None:
    assert command_overrides("compare", ["data=iris", "model=mlp", "limit=3"]) == [
        "only.data=iris",
        "only.model=mlp",
        "limit=3",
    ]
    with pytest.raises(UserError, match="only train makes a sweep"):
        command_overrides("evaluate", ["-m", "run=last"])


def test_the_folders_of_a_sweep_can_be_named_as_they_are() -> None:
    folder = "outputs/sweeps/s/0_optimizer.lr=0.1,optimizer=sgd"
    assert command_overrides("resume", [f"run={folder}", "debug=true"]) == [f"run='{folder}'", "debug=true"]
    assert command_overrides("predict", ["output='mine'", "input=it's.csv", "run=last"])[:2] == [
        "output='mine'",
        "input='it\\'s.csv'",
    ]


@pytest.mark.parametrize("word", ["hydra.run.dir=/tmp/x", "+hydra.job.x=1", "hydra/launcher=basic", "~hydra.run"])
def test_a_door_that_makes_no_run_takes_no_setting_of_hydras(word: str) -> None:
    with pytest.raises(UserError, match="evaluate makes no folder and no sweep"):
        command_overrides("evaluate", ["run=last", word])


def test_an_unknown_flag_of_any_door_is_one_line() -> None:
    with pytest.raises(UserError, match=r"^--wat: no such option; see --help$"):
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
def test_an_ensemble_is_a_sweep_over_seeds_that_are_united(typed: list[str], seeds: str) -> None:
    arguments = expand_overrides(["-m", *typed, "sweep.name=x"])
    assert arguments[-3:-1] == [seeds, "sweep.ensemble=true"]
    assert not any("ensemble=" in word for word in arguments[:-3])
    assert arguments[-1].endswith("exclude_keys=[learner,loss,sweep.ensemble,sweep.name]")
    assert expand_overrides(arguments)[: len(arguments) - 1] == arguments[:-1], "the command that goes on says the same"


def test_no_ensemble_is_none() -> None:
    assert expand_overrides(["data=iris", "ensemble=null"]) == ["data=iris"]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["ensemble=3"], "ensemble=3: is for the command line of a sweep; -m makes one"),
        (["-m", "ensemble=1"], "ensemble=1: must be a whole number from 2 to 1000"),
        (["-m", "ensemble=2,3"], "ensemble=2,3: must be a whole number from 2 to 1000"),
        (["-m", "ensemble=many"], "ensemble=many: must be a whole number from 2 to 1000"),
        (["-m", "ensemble=3", "seed=x"], "seed=x: must be a whole number from 0 to 4294967295"),
        (
            ["-m", "ensemble=3", "seed=0,1,2"],
            "ensemble=3: counts its own seeds from one on; a list of seeds is united by sweep.ensemble=true",
        ),
    ],
)
def test_what_makes_no_ensemble_is_refused(typed: list[str], said: str) -> None:
    with pytest.raises(UserError) as mistake:
        expand_overrides(typed)
    assert str(mistake.value) == said


def test_cv_is_a_job_a_fold_and_its_words_are_those_of_a_sweep_over_folds() -> None:
    named = ("-m", "sweep.name=s", "data=iris", "seed=0,1")
    assert expand_overrides([*named, "cv=3"]) == expand_overrides([*named, "data.folds=3", "data.fold=0,1,2"])
    assert expand_overrides(["cv=9", *named, "cv=3"]) == expand_overrides([*named, "cv=3"]), (
        "as of any key the last one counts"
    )
    excluded = expand_overrides([*named, "cv=3"])[-1]
    assert "data.folds" in excluded
    assert "data.fold," not in excluded
    assert expand_overrides([*named, "cv=null"])[:-1] == ["-m", *named[1:], "cv=null"]
    assert "data.fold=0,1" in expand_overrides(["hydra.mode=MULTIRUN", "cv=2"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("cv=5", "cv=5: is for a sweep, a job a fold; -m makes one; data.folds=5 trains one fold alone"),
        ("-m cv=1", "cv=1: must be a whole number of folds from 2 to 1000, such as 5"),
        ("-m cv=5,10", "cv=5,10: must be a whole number of folds from 2 to 1000, such as 5"),
        ("-m cv=many", "cv=many: must be a whole number of folds from 2 to 1000, such as 5"),
        ("-m cv=5 data.folds=3", "cv=5: sets data.folds and data.fold itself; leave out data.folds=3"),
        ("-m +data.fold=0,1 cv=5", "cv=5: sets data.folds and data.fold itself; leave out +data.fold=0,1"),
        (
            "-m cv=5 hydra/sweeper=tpe",
            "cv=5: is for a plain grid, not for hydra/sweeper=tpe, which judges its jobs one by one, "
            "not by their mean over folds",
        ),
        (
            "-m sweep.halving=true cv=5",
            "cv=5: is for a plain grid, not for sweep.halving=true, which judges its jobs one by one, "
            "not by their mean over folds",
        ),
    ],
)
def test_where_folds_cannot_be_made_one_line_says_why(words: str, said: str) -> None:
    with pytest.raises(UserError) as mistake:
        expand_overrides(words.split())
    assert str(mistake.value) == said


@pytest.mark.parametrize("words", ["hydra/sweeper=grid", "hydra/sweeper=basic", "sweep.halving=false"])
def test_folds_are_jobs_of_a_plain_grid(words: str) -> None:
    assert "data.fold=0,1" in expand_overrides(["-m", words, "cv=2"])


@pytest.mark.parametrize(("old", "new"), [("values", "regression"), ("classes", "classification")])
def test_an_old_name_of_a_task_works_with_a_note(old: str, new: str, capsys: pytest.CaptureFixture[str]) -> None:
    renamed._print_note.cache_clear()
    table = ["data=csv", "data.path=x", "data.target=y"]
    assert expand_overrides([*table, f"data.task={old}"]) == expand_overrides([*table, f"data.task={new}"])
    note = f"note: data.task={old} was renamed to data.task={new}; the old name works until the next format\n"
    assert capsys.readouterr().err == note
