"""What the doors that make no run are told is checked before they are called."""

import pytest
from hydra import compose, initialize_config_dir

from mlplab.config.cli import Settings, run_command, without_unset
from mlplab.config.groups import CONF_DIR


def ask(door: str, *overrides: str) -> Settings:
    heard: list[Settings] = []
    with initialize_config_dir(CONF_DIR, version_base="1.3"):
        run_command(heard.append, compose(door, list(overrides)), door)
    return heard[0]


def test_a_door_hears_its_keys_as_plain_containers() -> None:
    settings = ask("evaluate", "run=last", "data.path=x.csv")
    assert settings["data"] == {"root": None, "path": "x.csv"}
    assert "hydra" not in settings


@pytest.mark.parametrize(
    ("overrides", "said"),
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
        (["run=last", "input=x", "output=y", "invert=1"], "invert=1: must be one of null, auto, true, false"),
    ],
)
def test_a_wrong_setting_ends_in_one_line_and_status_1(
    capsys: pytest.CaptureFixture[str], overrides: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as exit_:
        ask("predict" if "input=x" in overrides else "evaluate", *overrides)
    assert exit_.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("mlplab: ")
    assert said in error
    assert error.count("\n") == 1


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    def closed(_: Settings) -> None:
        raise BrokenPipeError

    with initialize_config_dir(CONF_DIR, version_base="1.3"), pytest.raises(BrokenPipeError):
        run_command(closed, compose("compare"), "compare")


def test_a_lesson_takes_names_of_the_users_own_where_its_default_is_null() -> None:
    defaults = {"lesson": {"ranges": None, "seeds": [0]}}
    assert without_unset({"lesson": {"ranges": {"x": [0, 1]}, "seeds": [1]}}, defaults)["lesson"] == {
        "ranges": None,
        "seeds": [1],
    }
    for other in ({"lesson": {"seeds": {"x": 1}}}, {"lesson": {"span": {"x": [0, 1]}}}, {"data": {"root": {"x": 1}}}):
        assert without_unset(other, defaults) == other, "which the check refuses"
