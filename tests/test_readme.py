"""The commands, Python examples, tables and links of the README are correct."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import mlplab

REPO = Path(__file__).resolve().parents[1]
README = (REPO / "README.md").read_text()


def example(number: int, folder: Path) -> str:
    code = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[number]
    assert len([line for line in code.splitlines() if line]) <= 15
    answer = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.mark.slow
def test_the_python_example_is_short_and_runs(tmp_path: Path) -> None:
    scores = eval(example(0, tmp_path).strip().splitlines()[-1])
    assert scores["accuracy/val"] > 0.9


@pytest.mark.slow
def test_a_run_predicts_in_a_few_lines(tmp_path: Path) -> None:
    assert example(1, tmp_path).strip().endswith("['setosa' 'virginica']")


@pytest.mark.parametrize(
    "group", ["data", "model", "activation", "loss", "optimizer", "scheduler", "callback", "report"]
)
def test_the_table_of_choices_is_that_of_conf(group: str) -> None:
    (row,) = re.findall(rf"^\| `{group}=` \| (.*) \|$", README, re.MULTILINE)
    overrides = set(re.findall(r"\w+", row))
    assert {path.stem for path in (REPO / "conf" / group).glob("*.yaml")} - {"base"} <= overrides


def test_the_commands_shown_compose() -> None:
    shown = re.findall(r"^    python scripts/train\.py (?!.*--help|-m)(.+)$", README, re.MULTILINE)
    assert len(shown) >= 3
    for arguments in shown:
        mlplab.configure(*shlex.split(arguments, comments=True))


@pytest.mark.parametrize("command", ["run", "test"])
def test_each_of_the_two_commands_is_one_marked_line(command: str) -> None:
    (line,) = re.findall(rf"<!-- command: {command} -->\n    (.+)\n", README)
    assert line.startswith("python3 -m venv .venv && ")


def test_every_file_and_link_of_the_readme_exists() -> None:
    for link in re.findall(r"\]\(([\w/.]+)\)", README):
        assert (REPO / link).exists(), link
