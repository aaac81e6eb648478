"""One job: an error is one line and an exit status, and no incomplete folder is left."""

import json
import signal
import time
from dataclasses import asdict
from pathlib import Path

import pytest

import mlplab
from mlplab.command.job import pruning_judge
from mlplab.sweep.search_config import SEARCH_FOLDER, FloatRange, SearchConfig, SearchSpace
from tests.conftest import run_script, stop_script, wait_until
from tests.run.test_kills import rows

LONG = ("trainer.max_epochs=100000", "model.hidden_features=[8]", "run_dir=run")


@pytest.mark.slow
def test_a_user_error_in_the_data_leaves_no_folder_and_debug_shows_the_traceback(tmp_path: Path) -> None:
    table = ("data=csv", "data.path=no.csv", "data.target=y", "data.task=regression")
    answer = run_script("train", *table, "debug=true", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.startswith("Traceback")
    assert answer.stderr.splitlines()[-1] == "mlplab: data.path=no.csv: no such file"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_its_reason(tmp_path: Path) -> None:
    answer = run_script("train", "data=diabetes", "optimizer=sgd", "optimizer.lr=1e6", "run_dir=run", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.startswith("mlplab: the loss became")
    assert "epoch 1, step" in answer.stderr
    assert answer.stderr.removeprefix("mlplab: ") == (tmp_path / "run" / "failure.txt").read_text()
    assert not (tmp_path / "run" / "scores.json").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_keeps_checkpoint_and_history(tmp_path: Path, sent: signal.Signals, status: int) -> None:
    run = tmp_path / "run"
    exit_status, errors = stop_script(
        "train", *LONG, cwd=tmp_path, wait=lambda: wait_until(lambda: rows(run) > 2), number=sent
    )
    assert exit_status == status
    assert errors.splitlines()[-1] == "mlplab: stopped; resume by: python scripts/resume.py run=run"
    assert (run / "checkpoints" / "last.ckpt").exists()
    assert rows(run) > 2


@pytest.mark.slow
def test_a_signal_during_the_imports_leaves_no_folder(tmp_path: Path) -> None:
    """By SIGTERM; tests/test_signals.py defers both signals."""

    def in_the_imports() -> None:
        wait_until((tmp_path / "run" / "train.log").exists)
        time.sleep(0.5)

    exit_status, errors = stop_script("train", *LONG, cwd=tmp_path, wait=in_the_imports)
    assert (exit_status, errors) == (143, "mlplab: stopped; the run had not begun\n")
    assert list(tmp_path.iterdir()) == []


def state(run: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.rglob("*") if path.is_file()}


def test_a_refused_resume_leaves_the_folder_as_it_was(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """In process, through run_guarded as the command does."""
    from mlplab.command.job import resume_job
    from mlplab.files import lock_folder

    run, table = tmp_path / "run", tmp_path / "t.csv"
    table.write_text("\n".join(["x,y", *(f"{x},{2 * x}" for x in range(30))]))
    data = ("data=csv", f"data.path={table}", "data.target=y", "data.task=regression")
    mlplab.train(mlplab.configure(*data, f"run_dir={run}", "trainer.max_epochs=3", "report.picture=false"))
    before = state(run)

    def refused(max_epochs: int | None = None) -> None:
        with pytest.raises(SystemExit) as left:
            resume_job(
                {
                    "run": str(run),
                    "trainer": {"max_epochs": max_epochs, "max_time": None},
                    "allow": [],
                    "debug": False,
                }
            )
        assert left.value.code == 1
        assert state(run) == before

    refused(max_epochs=2)
    with lock_folder(run):
        refused(max_epochs=5)
    table.write_text(table.read_text().replace("29,58", "29,59"))
    refused(max_epochs=5)
    table.unlink()
    refused(max_epochs=5)


def test_a_plain_grid_has_no_judge(tmp_path: Path) -> None:
    assert pruning_judge({"_target_": "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"}, tmp_path) is None
    assert pruning_judge({"until": None, "eta": 3}, tmp_path) is None


def test_a_round_ends_at_its_epoch(tmp_path: Path) -> None:
    judge = pruning_judge({"until": 3}, tmp_path)
    assert judge is not None
    assert [bool(judge(epoch, 0.5)) for epoch in (1, 2, 3, 4)] == [False, False, True, True]
    assert judge(3, 0.5).startswith("after epoch 3")


def test_a_job_of_a_search_reports_its_scores_to_the_study(tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="needs optuna: pip install 'mlplab[search]'")
    from mlplab.sweep.search import shared_study

    settings = SearchConfig("random", "median", first=1, grace=1, eta=3, seed=0, epochs=3, monitor="loss/val")
    (tmp_path / SEARCH_FOLDER).mkdir()
    (tmp_path / SEARCH_FOLDER / "settings.json").write_text(json.dumps(asdict(settings)))
    study = shared_study(tmp_path, settings)
    number = study.ask(SearchSpace((), {"optimizer.lr": FloatRange(0.1, 1)}), "me").number
    judge = pruning_judge({"trial": number}, tmp_path)
    assert judge is not None
    assert [judge(epoch, 1 / epoch) for epoch in (1, 2)] == ["", ""]
    assert study.trials[number].intermediate_values == {1: 1.0, 2: 0.5}
