"""sweep.json: written, read, compared with the command that resumes the sweep."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

import mlplab
from mlplab.config.tree import to_plain
from mlplab.errors import UserError
from mlplab.run.folder import SWEEP_FILE, run_state
from mlplab.sweep.manifest import (
    Job,
    changed_versions,
    merge_jobs,
    progress_text,
    read_manifest,
    resume_hint,
    trained_values,
    write_manifest,
)


def job(number: int, *overrides: str) -> Job:
    config = to_plain(mlplab.configure("data=iris", *overrides))
    return Job(f"{number}_{','.join(overrides)}", list(overrides), trained_values(config))


def jobs(*overrides: str) -> list[Job]:
    return [job(number, *one.split()) for number, one in enumerate(overrides)]


def written(folder: Path, *overrides: str, arguments: Sequence[str] = ("-m", "data=iris", "sweep.name=x")) -> list[Job]:
    folder.mkdir(exist_ok=True)
    known = jobs(*overrides)
    write_manifest(folder, known, arguments)
    return known


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ((), "new"),
        (("train.log",), "new"),
        (("train.log", "config.yaml.tmp"), "new"),
        (("config.yaml", "history.csv"), "half-done"),
        (("config.yaml", "failure.txt"), "failed"),
        (("failure.txt",), "failed"),
        (("config.yaml", "pruned.txt", "history.csv"), "pruned"),
        (("config.yaml", "scores.json", "failure.txt"), "finished"),
        (("config.yaml", "scores.json", "pruned.txt"), "finished"),
    ],
)
def test_the_state_of_a_job_follows_from_its_files(tmp_path: Path, files: tuple[str, ...], expected: str) -> None:
    assert run_state(tmp_path / "no folder") == "new"
    for name in files:
        (tmp_path / name).write_text("")
    assert run_state(tmp_path) == expected


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    known = written(tmp_path, "optimizer.lr=0.1 seed=1", "optimizer.lr=0.01 model.hidden_features=[8]")
    assert read_manifest(tmp_path) == known
    manifest = json.loads((tmp_path / SWEEP_FILE).read_text())
    assert manifest["settings"]["data.split_seed"] == 0, "shared values are written once"
    assert manifest["jobs"][0]["settings"] == {"seed": 1, "model.hidden_features": [256, 128], "optimizer.lr": 0.1}


def test_options_of_the_command_are_not_part_of_a_job(tmp_path: Path) -> None:
    one, other = job(0, "seed=1"), job(0, "seed=1", "sweep.fail_fast=true", "debug=true", "sweep.name=y")
    assert one.settings == other.settings
    write_manifest(tmp_path, [other], ["-m"])
    assert read_manifest(tmp_path)[0].overrides == ["seed=1"]


def test_the_resume_command_is_the_one_that_was_typed(tmp_path: Path) -> None:
    exclude = "hydra.job.config.override_dirname.exclude_keys=[data]"
    typed = ["-m", "data=iris", "model.hidden_features=[8],[16]", "sweep.name=x"]
    known = written(tmp_path, "seed=1", "seed=2", "seed=3", arguments=[*typed, exclude])
    for name, file in zip(known, ("scores.json", "config.yaml"), strict=False):
        (tmp_path / name.name).mkdir()
        (tmp_path / name.name / file).write_text("")
    printed = resume_hint(tmp_path)
    assert printed.startswith("1 finished, 1 half-done, 1 new; resume by: ")
    command = shlex.split(printed.partition("resume by: ")[2])
    assert command == ["python", "scripts/train.py", *typed, "sweep.resume=true"]
    write_manifest(tmp_path, known, command[2:])
    assert resume_hint(tmp_path) == printed
    assert progress_text(tmp_path, known) == "1 finished, 1 half-done, 1 new"


def test_equal_settings_typed_differently_are_the_same_jobs() -> None:
    old = jobs("optimizer.lr=0.1 seed=1", "optimizer.lr=0.01 seed=1")
    now = jobs("seed=1 optimizer.lr=1e-2", "seed=1 optimizer.lr=1e-1")
    assert [one.name for one in merge_jobs(old, now, Path("x"))] == [one.name for one in old]
    assert [one.overrides for one in merge_jobs(old, now, Path("x"))] == [now[1].overrides, now[0].overrides]


def test_new_values_add_jobs_and_earlier_jobs_keep_their_numbers() -> None:
    old = jobs("seed=1", "seed=2")
    found = merge_jobs(old, jobs("seed=0", "seed=1", "seed=2", "seed=3"), Path("x"))
    assert [one.name for one in found] == ["0_seed=1", "1_seed=2", "2_seed=0", "3_seed=3"]


def test_two_jobs_with_equal_settings_remain_two() -> None:
    old = jobs("seed=1", "seed=1")
    assert [one.name for one in merge_jobs(old, jobs("seed=1", "seed=1"), Path("x"))] == ["0_seed=1", "1_seed=1"]
    with pytest.raises(UserError, match="job 1 of x is not among"):
        merge_jobs(old, jobs("seed=1"), Path("x"))


def test_a_changed_setting_is_refused_and_reported() -> None:
    old = jobs("seed=1", "seed=2")
    with pytest.raises(UserError) as refused:
        merge_jobs(old, jobs("seed=1 trainer.max_epochs=7", "seed=2 trainer.max_epochs=7"), Path("sweeps/x"))
    assert str(refused.value) == (
        "sweep.resume: job 0 of sweeps/x is not among the jobs of this command (trainer.max_epochs=50 then, 7 now): "
        "a sweep may grow but not change; give all its values, or another sweep.name"
    )
    with pytest.raises(UserError, match=r"seed=1 then, 0 now, .* and 2 more keys\)"):
        merge_jobs(old, jobs("data=wine batch_size=8 trainer.max_epochs=3"), Path("x"))


def test_a_folder_without_a_sweep_is_refused_and_an_empty_one_has_no_jobs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no sweep"):
        read_manifest(tmp_path / "no")
    (tmp_path / f"{SWEEP_FILE}.tmp").write_text('{"jo')
    assert read_manifest(tmp_path) == [], "killed before the file was whole"
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=r"has no sweep\.json"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", '{"jobs": [{}]}'])
def test_a_damaged_manifest_is_reported(tmp_path: Path, text: str) -> None:
    (tmp_path / SWEEP_FILE).write_text(text)
    with pytest.raises(UserError, match=r"sweep\.json: cannot be read"):
        read_manifest(tmp_path)


def test_another_library_version_is_reported(tmp_path: Path) -> None:
    assert changed_versions(tmp_path) == []
    written(tmp_path, "seed=1")
    assert changed_versions(tmp_path) == []
    manifest = json.loads((tmp_path / SWEEP_FILE).read_text())
    manifest["versions"]["torch"] = "1.0"
    (tmp_path / SWEEP_FILE).write_text(json.dumps(manifest))
    (printed,) = changed_versions(tmp_path)
    assert printed.startswith("torch 1.0 then, ")


def test_a_sweep_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "seed=0", "seed=1")
    manifest = json.loads((tmp_path / SWEEP_FILE).read_text())
    (tmp_path / SWEEP_FILE).write_text(json.dumps(manifest | {"format": manifest["format"] + 1}))
    with pytest.raises(UserError, match=r"sweep.json: format \d is of a newer mlplab; this one reads up to \d"):
        read_manifest(tmp_path)
