"""The project layout: which package may import which, how long a file may be, where a call has its only place."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

REPO = Path(__file__).resolve().parents[1]
SRC = REPO / "src"
# from the ground up: a file imports from its own package and from those before it
RANK = (
    "__init__",
    "errors",
    "files",
    "signals",
    "config",
    "report",
    "data",
    "model",
    "learner",
    "trainer",
    "analysis",
    "run",
    "comparison",
    "sweep",
    "stack",
    "lesson",
    "command",
    "hydra_plugins",
    "scripts",
)
LOOSE = {"__init__", "errors", "files", "signals"}
MOST_LINES = 400
FILES = sorted([*SRC.rglob("*.py"), *(REPO / "scripts").glob("*.py")])
MODULES = [path for path in FILES if path.name != "__init__.py"]
CONFS = sorted((REPO / "conf").rglob("*.yaml"))
PACKAGE_OF_GROUP = {"loss": "learner", "scheduler": "learner", "callback": "trainer"}
# the only place of a call or an import, by its dotted name
ONLY_PLACE = {
    "hydra.utils.instantiate": {"run/instantiate.py"},
    "torch.load": {"run/load.py"},
    "hydra.main": {"scripts"},
    "torch.utils.tensorboard.SummaryWriter": {"trainer/tensorboard.py", "trainer/event_files.py"},
    "matplotlib": {"report"},
}
# files that may use private names of a library; one file for each library is the goal
PRIVATE = {
    "hydra": {"config/compose.py"},
    "optuna": {"sweep/search.py"},
    "tensorboard": {"trainer/event_files.py"},
    "torch": {"trainer/torch_internals.py"},
}
LIBRARY_OF_ATTRIBUTE = {
    "_apply_overrides_to_config": "hydra",
    "_normalize_file_name": "hydra",
    "_return_value": "hydra",
    "_trial_id": "optuna",
    "_get_file_writer": "tensorboard",
    "_opt_called": "torch",
}
DOCUMENTED = {"os._exit"}
# imports nothing heavy: each is on the way of `--help` or of a mistake, or Hydra imports it at each start
LIGHT = (
    "mlplab",
    "mlplab.config.cli",
    "mlplab.config.configure",
    "mlplab.run.folder",
    "mlplab.run.config_file",
    "mlplab.run.record",
    "mlplab.trainer.history_file",
    "mlplab.sweep.manifest",
    "mlplab.sweep.preflight",
    "mlplab.sweep.plan",
    "mlplab.sweep.launch",
    "mlplab.sweep.search_config",
    "mlplab.sweep.halving",
    "mlplab.sweep.ensembles",
    "mlplab.sweep.eta",
    "mlplab.stack.eligibility",
    "hydra_plugins.mlplab.sweepers",
    "hydra_plugins.mlplab.local_launcher",
    "hydra_plugins.mlplab.stacked_launcher",
)
HEAVY = ("torch", "lightning", "pandas", "sklearn", "matplotlib", "optuna")


def name_of(path: Path) -> str:
    """As messages name a file: below src/mlplab, src or the repository."""
    base = next(base for base in (SRC / "mlplab", SRC, REPO) if base in path.parents)
    return path.relative_to(base).as_posix()


def package(path: Path) -> str:
    return name_of(path).split("/")[0].removesuffix(".py")


def module_of(path: Path) -> str:
    parts = path.relative_to(SRC if SRC in path.parents else REPO).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


BY_MODULE = {module_of(path): path for path in FILES}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """(module, name) of every import, inside functions too; the name is empty for `import module`."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def own_imports(path: Path) -> set[Path]:
    """The project's files that a file imports; `from mlplab import files` is one of files.py."""
    found = (BY_MODULE.get(f"{module}.{name}") or BY_MODULE.get(module) for module, name in imported(path))
    return {one for one in found if one is not None and one != path}


@cache
def names_used(path: Path) -> set[str]:
    """Dotted names that are called or read, and what is imported."""
    found = {f"{module}.{name}" for module, name in imported(path)} | {module for module, _ in imported(path)}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute | ast.Name):
            found.add(ast.unparse(node))
    return found


def circles() -> list[list[str]]:
    """Files of which each imports the next and the last the first."""
    graph = {path: own_imports(path) for path in MODULES}
    while leaves := [path for path, below in graph.items() if not below & graph.keys()]:
        for path in leaves:
            del graph[path]
    return [sorted(map(name_of, graph))] if graph else []


def targets(config: object) -> list[str]:
    if isinstance(config, dict):
        own = [config["_target_"]] if "_target_" in config else []
        return own + [target for value in config.values() for target in targets(value)]
    return []


def rank(path: Path) -> int:
    return RANK.index(package(path))


def test_a_file_imports_from_its_own_package_and_those_below_it() -> None:
    above = {
        name_of(path): [name_of(one) for one in own_imports(path) if rank(one) > rank(path)]
        for path in MODULES
        if any(rank(one) > rank(path) for one in own_imports(path))
    }
    assert not above


def test_no_file_imports_itself_through_others() -> None:
    assert not circles()


def test_a_file_has_at_most_400_lines_under_one_line_that_says_what_it_is_for() -> None:
    titles = {name_of(path): (ast.get_docstring(tree_of(path)) or "").partition("\n")[0] for path in MODULES}
    assert not [name for name, title in titles.items() if len(title) <= 10]
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in MODULES}
    assert not {name: length for name, length in lengths.items() if length > MOST_LINES}


def test_few_files_lie_beside_the_packages() -> None:
    assert {path.stem for path in (SRC / "mlplab").glob("*.py")} == LOOSE


def test_no_file_is_named_for_leftovers() -> None:
    assert not {path.stem for path in FILES} & {"utils", "util", "common", "helpers", "misc"}


@pytest.mark.parametrize("name", ONLY_PLACE)
def test_a_name_is_used_in_its_only_place(name: str) -> None:
    users = [path for path in MODULES if any(f"{used}.".startswith(f"{name}.") for used in names_used(path))]
    assert users
    places = {name_of(path) for path in users}
    assert all(place in ONLY_PLACE[name] or place.split("/")[0] in ONLY_PLACE[name] for place in places), places


def is_private(name: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


@cache
def own_names() -> set[str]:
    """Functions, classes, variables and attributes that the project defines."""
    nodes = [node for path in FILES for node in ast.walk(tree_of(path))]
    defined = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    variables = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    stored = [node for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)]
    attributes = {node.attr for node in stored if ast.unparse(node.value) in ("self", "cls")}
    return defined | variables | attributes


def private_uses(path: Path) -> set[tuple[str, str]]:
    """(library, name) of private modules, functions and attributes of libraries."""
    modules = [(module, f"{module}.{name}") for module, name in imported(path) if module not in BY_MODULE]
    found = {(module.split(".")[0], name) for module, name in modules if is_private(name)}
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and ast.unparse(node) not in DOCUMENTED:
            library = LIBRARY_OF_ATTRIBUTE.get(node.attr)
            if library or node.attr not in own_names():
                found.add((library or "unknown library", ast.unparse(node)))
    return found


def test_private_names_of_a_library_are_used_in_its_file_only() -> None:
    uses = [(name_of(path), *use) for path in MODULES for use in private_uses(path)]
    misplaced = [use for use in uses if use[0] not in PRIVATE.get(use[1], ())]
    assert not misplaced, f"move them to {PRIVATE}, or list a new attribute in LIBRARY_OF_ATTRIBUTE"


def test_each_file_that_may_use_private_names_does() -> None:
    used = {(library, name_of(path)) for path in MODULES for library, _ in private_uses(path)}
    assert used == {(library, place) for library, places in PRIVATE.items() for place in places}


def test_a_target_of_ours_points_into_the_package_of_its_group() -> None:
    found = {
        (path.relative_to(REPO).as_posix(), target): target.split(".")[1]
        for path in CONFS
        for target in targets(yaml.safe_load(path.read_text()))
        if target.startswith("mlplab.") and path.parent.name != "conf"
    }
    assert len(found) > 40
    for (path, target), named in found.items():
        group = path.split("/")[-2]
        assert named == PACKAGE_OF_GROUP.get(group, group), (path, target)


@pytest.mark.parametrize("name", sorted(set(map(package, FILES))))
def test_each_package_has_its_folder_of_tests(name: str) -> None:
    assert list((REPO / "tests" / ("" if name in LOOSE else name)).glob("test_*.py"))


def test_every_package_is_installed() -> None:
    text = (REPO / "pyproject.toml").read_text()
    listed = set(re.findall(r'^    "((?:mlplab|hydra_plugins)[\w.]*)",$', text, re.MULTILINE))
    found = {module_of(path) for path in FILES if path.name == "__init__.py" and SRC in path.parents}
    assert listed == found | {"mlplab.conf", "mlplab.scripts", "hydra_plugins"}


def test_what_runs_before_a_configuration_is_checked_imports_nothing_heavy() -> None:
    code = f"""if True:
        import importlib, sys
        for module in {LIGHT}:
            importlib.import_module(module)
            for name in {HEAVY}:
                if name in sys.modules:
                    sys.exit(f"{{module}} imports {{name}}")
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not done.stderr
