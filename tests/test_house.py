"""The rules of the house: where things live, which way imports point, how long a file may be."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

REPO = Path(__file__).resolve().parents[1]
SRC = REPO / "src" / "mlplab"
FILES = sorted(path for path in SRC.rglob("*.py") if path.name != "__init__.py")
DOORS = sorted(path for path in (REPO / "scripts").glob("*.py") if path.name != "__init__.py")
CONFS = sorted((REPO / "conf").rglob("*.yaml"))

MAY_IMPORT = {
    "data": {"mistake"},
    "model": {"mistake"},
    "loss": {"mistake"},
    "scheduler": {"mistake"},
    "callback": {"mistake"},
    "report": {"mistake"},
    "learner": {"mistake", "model", "loss"},
    "lesson": {
        "build",
        "callback",
        "checkpoint",
        "command_line",
        "configuration",
        "data",
        "learner",
        "make",
        "mistake",
        "report",
    },
}
ONLY_ROOM = {
    r"\bnn\.Linear\(|register_buffer\(": {"model", "learner"},
    r"softmax\(|\bsigmoid\(": {"learner"},
    r"\binstantiate\(": {"make.py"},
    r"torch\.load\(": {"checkpoint.py"},
    r"SummaryWriter|matplotlib": {"report"},
}


def room(path: Path) -> str:
    return path.relative_to(SRC).parts[0]


def imports(path: Path) -> set[str]:
    """The rooms and root files of mlplab that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {name.split(".")[1] for name in names if name.startswith("mlplab.")}
    return found


def targets(config: object) -> list[str]:
    if isinstance(config, dict):
        own = [config["_target_"]] if "_target_" in config else []
        return own + [target for value in config.values() for target in targets(value)]
    return []


@pytest.mark.parametrize("path", [*FILES, *DOORS], ids=lambda path: path.relative_to(REPO).as_posix())
def test_each_source_file_has_one_test_file_of_its_name_and_at_most_200_lines(path: Path) -> None:
    base = SRC if SRC in path.parents else REPO
    twin = REPO / "tests" / path.relative_to(base).with_name(f"test_{path.name}")
    assert twin.exists(), f"{twin} is missing"
    assert len(path.read_text().splitlines()) <= 200


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SRC).as_posix())
def test_imports_point_one_way_and_nothing_imports_a_door(path: Path) -> None:
    name = room(path)
    if name in MAY_IMPORT:
        assert imports(path) <= MAY_IMPORT[name] | {name}
    if name != "door":
        assert "door" not in imports(path)
    assert "scripts" not in imports(path)


@pytest.mark.parametrize("pattern", ONLY_ROOM)
def test_a_line_of_its_kind_stands_in_its_only_room(pattern: str) -> None:
    rooms = {room(path) for path in FILES if re.search(pattern, path.read_text())}
    assert rooms <= ONLY_ROOM[pattern]


def test_hydra_main_stands_in_scripts_only() -> None:
    assert not [path for path in FILES if "hydra.main" in path.read_text()]
    assert all("hydra.main" in path.read_text() for path in DOORS)


def test_no_file_is_named_for_leftovers() -> None:
    assert not {path.stem for path in FILES} & {"utils", "util", "common", "helpers", "misc"}


@pytest.mark.parametrize("path", CONFS, ids=lambda path: path.relative_to(REPO).as_posix())
def test_a_target_of_ours_points_into_the_folder_of_its_group(path: Path) -> None:
    config = yaml.safe_load(path.read_text())
    group = path.parent.name
    for target in targets(config):
        if target.startswith("mlplab.") and group != "conf":
            assert target.split(".")[1] == group


@pytest.mark.parametrize("path", [*FILES, *DOORS], ids=lambda path: path.relative_to(REPO).as_posix())
def test_each_file_opens_with_one_line_that_says_what_it_is_for(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring, "no docstring"
    assert len(docstring.splitlines()[0]) > 10


def test_every_package_of_src_is_installed() -> None:
    listed = set(re.findall(r'^    "(mlplab[\w.]*)",$', (REPO / "pyproject.toml").read_text(), re.MULTILINE))
    folders = {path.parent for path in SRC.rglob("__init__.py")}
    found = {".".join(("mlplab", *folder.relative_to(SRC).parts)) for folder in folders}
    assert listed == found | {"mlplab.conf", "mlplab.scripts"}


def test_importing_mlplab_imports_nothing_heavy() -> None:
    code = "import sys, mlplab; sys.exit(sum(name in sys.modules for name in ('torch', 'lightning', 'hydra')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
