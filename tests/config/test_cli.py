"""Commands end in one line on stderr and an exit status."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from mlplab.config.cli import Settings, run_command, without_free_keys
from mlplab.config.groups import CONF_DIR
from tests.conftest import REPO, run_script


def received(command: str, *overrides: str) -> Settings:
    """The settings with which a command is called."""
    calls: list[Settings] = []
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        run_command(calls.append, compose(command, list(overrides)), command)
    return calls[0]


def test_a_command_receives_its_options_as_plain_containers() -> None:
    settings = received("evaluate", "run=last", "data.path=x.csv")
    assert settings["data"] == {"root": None, "path": "x.csv"}
    assert "hydra" not in settings


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], "run is missing: give run=..."),
        (["run=last", "all_rows=3"], "all_rows=3: must be true or false"),
        (["run=last", "+extra=3"], "extra: unknown key"),
        (["run=null"], "run=null: must be a string"),
        (["run=2026"], "run=2026: must be a string"),
        (["run=last", "data.path=''"], "data.path=: must be a string"),
        (["run=last", "data.root=true"], "data.root=true: must be a string"),
        (["run=last", "input=x", "output=5"], "output=5: must be a string"),
        (["run=last", "input=x", "output=y", "separator=5"], "separator=5: must be one character"),
        (["run=last", "input=x", "output=y", "separator=';;'"], "separator=;;: must be one character"),
        (["run=last", "input=x", "output=y", "separator=''"], "separator=: must be one character"),
        (["run=last", "input=x", "output=y", "invert=1"], "invert=1: must be one of auto, true, false, null"),
    ],
)
def test_a_wrong_option_ends_in_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str], overrides: list[str], expected: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        received("predict" if "input=x" in overrides else "evaluate", *overrides)
    assert exit_.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("mlplab: ")
    assert expected in error
    assert error.count("\n") == 1


def test_a_closed_pipe_is_no_user_error() -> None:
    def closed(_: Settings) -> None:
        raise BrokenPipeError

    with initialize_config_dir(CONF_DIR, version_base="1.3"), pytest.raises(BrokenPipeError):
        run_command(closed, compose("compare"), "compare")


def test_a_lesson_takes_any_names_where_its_default_is_null() -> None:
    defaults = {"lesson": {"ranges": None, "seeds": [0]}}
    assert without_free_keys({"lesson": {"ranges": {"x": [0, 1]}, "seeds": [1]}}, defaults)["lesson"] == {
        "ranges": None,
        "seeds": [1],
    }
    for other in ({"lesson": {"seeds": {"x": 1}}}, {"lesson": {"span": {"x": [0, 1]}}}, {"data": {"root": {"x": 1}}}):
        assert without_free_keys(other, defaults) == other, "which the validation refuses"


@pytest.mark.parametrize("override", ["optimizer.lr=-1", "optimizer=adm", "--wat"])
def test_debug_prints_the_traceback_of_a_wrong_configuration(override: str, tmp_path: Path) -> None:
    answer = run_script("train", override, "debug=true", cwd=tmp_path)
    assert answer.returncode == 1
    assert "Traceback" in answer.stderr
    assert answer.stderr.splitlines()[-1].startswith("mlplab: ")


@pytest.mark.slow
def test_a_run_with_a_closed_pipe_continues_without_output(tmp_path: Path) -> None:
    arguments = "data=iris trainer.max_epochs=2 report.picture=false run_dir=run"
    command = f"{shlex.quote(sys.executable)} {REPO / 'scripts' / 'train.py'} {arguments} | head -n 1"
    answer = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (answer.stdout.count("\n"), answer.stderr) == (1, "")
    assert (tmp_path / "run" / "scores.json").exists()
