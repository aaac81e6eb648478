"""A sweep's folder knows its jobs."""

from pathlib import Path

from mlplab.run.folder import ensemble_folders, finished_jobs, job_folders, jobs_without_run, swept_keys


def test_jobs_are_known_by_number_and_finished_by_their_last_file(tmp_path: Path) -> None:
    for name in ("10_a=1", "9_a=2", "pictures", "1_"):
        (tmp_path / name).mkdir()
    (tmp_path / "3_a=1").write_text("a file")
    (tmp_path / "9_a=2" / "config.yaml").touch()
    (tmp_path / "9_a=2" / "scores.json").touch()
    assert [*job_folders(tmp_path).items()] == [
        (1, tmp_path / "1_"),
        (9, tmp_path / "9_a=2"),
        (10, tmp_path / "10_a=1"),
    ]
    assert finished_jobs(tmp_path) == {9: tmp_path / "9_a=2"}


def test_a_planned_job_without_a_run_is_named_by_its_words(tmp_path: Path) -> None:
    (tmp_path / "0_a=1").mkdir()
    (tmp_path / "0_a=1" / "config.yaml").touch()
    (tmp_path / "1_a=2").mkdir()
    jobs = [["a=1", "sweep.name=x"], ["a=2", "sweep.name=x"], ["a=3", "b=1", "sweep.name=x"]]
    assert jobs_without_run(tmp_path, jobs) == {1: "a=2", 2: "a=3 b=1"}


def test_a_jobs_folder_names_what_was_varied() -> None:
    run = Path("outputs/sweeps/s/12_model.hidden_features=-64,64-,optimizer.lr=0.1,optimizer=sgd")
    assert swept_keys(run) == ["model.hidden_features", "optimizer.lr", "optimizer"]
    assert swept_keys(Path("outputs/digits/2026-01-01_10-00-00-000001")) == []


def test_ensembles_are_no_jobs(tmp_path: Path) -> None:
    for name in ("ensemble_a=1", "ensemble_a=2", "0_a=1,seed=0"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").touch()
    (tmp_path / "ensemble_a=2" / "scores.json").touch()
    assert ensemble_folders(tmp_path) == [tmp_path / "ensemble_a=2"], "one that was not finished is none"
    assert [*job_folders(tmp_path)] == [0]
