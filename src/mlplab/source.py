"""What a class takes, read in the source of an installed package: nothing of it is imported, so it takes milliseconds.

Where the source alone does not tell, allowed.py does, which has the class itself.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mlplab.limits import PACKAGES
from mlplab.mistake import Mistake

Config = Mapping[str, Any]


def check_added(config: Config, usual: Config, key: str = "") -> None:
    """usual: the same before single keys were overridden. Raises Mistake for a key, added beside a `_target_`, that the
    class does not take."""
    target, added = config.get("_target_"), [name for name in config if name not in usual]
    if added and isinstance(target, str):
        refuse_unknown(key, target.rpartition(".")[2], arguments(target), added)
    for name, value in config.items():
        if isinstance(value, Mapping):
            below = usual.get(name)
            check_added(value, below if isinstance(below, Mapping) else {}, f"{key}.{name}" if key else name)


def refuse_unknown(key: str, kind: str, known: set[str] | None, names: Iterable[str]) -> None:
    """known: what the constructor of that class takes; None where nobody can tell."""
    for name in names:
        if known is not None and name not in known and not name.startswith("_"):
            takes = ", ".join(sorted(known)) or "none"
            raise Mistake(f"{key}.{name}: {kind} takes no such argument; it takes {takes}")


def arguments(target: str) -> set[str] | None:
    """What the constructor of a class takes by name, what it inherits through `**rest` too."""
    module, kind = _definition(target)
    if not isinstance(kind, ast.ClassDef) or kind.keywords:
        return None
    makers = [node for node in kind.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    if any(ast.unparse(one).startswith("dataclass") for one in kind.decorator_list):
        return None if makers else _of_dataclass(module, kind)
    if kind.decorator_list or len(makers) > 1:
        return None
    if not makers:
        return _inherited(module, kind)
    if not all(_keeps_signature(module, one) for one in makers[0].decorator_list):
        return None
    takes = makers[0].args
    known = {one.arg for one in (*takes.posonlyargs, *takes.args, *takes.kwonlyargs)[1:]}
    rest = set() if takes.kwarg is None else _inherited(module, kind)
    return None if rest is None else known | rest


def _of_dataclass(module: str, kind: ast.ClassDef) -> set[str] | None:
    fields = [node for node in kind.body if isinstance(node, ast.AnnAssign)]
    if any(re.search(r"ClassVar|\binit=", ast.unparse(node)) for node in fields):
        return None
    rest = set() if [ast.unparse(base) for base in kind.bases] in ([], ["ABC"]) else _inherited(module, kind)
    return None if rest is None else {ast.unparse(node.target) for node in fields} | rest


def _inherited(module: str, kind: ast.ClassDef) -> set[str] | None:
    return arguments(f"{module}.{ast.unparse(kind.bases[0])}") if len(kind.bases) == 1 else None


def _keeps_signature(module: str, decorator: ast.expr) -> bool:
    """Of a decorator that says so by functools.wraps."""
    _, made = _definition(f"{module}.{ast.unparse(decorator)}")
    inner = ast.walk(made) if isinstance(made, ast.FunctionDef) else ()
    return any(ast.unparse(one).startswith("wraps(") for node in inner for one in getattr(node, "decorator_list", ()))


def _definition(target: str, steps: int = 9) -> tuple[str, ast.stmt | None]:
    """The class or function that a dotted name stands for, with its module, through the imports between."""
    module, _, name = _parted(target).partition(":")
    name, dot, rest = name.partition(".")
    found = list(_bound(module, name)) if module and steps else []
    if not found:
        return module, None
    node = found[-1]
    if not isinstance(node, ast.ImportFrom):
        return module, None if rest else node
    original = next((one.name for one in node.names if (one.asname or one.name) == name), None)
    if original is None and len(found) > 1:  # by `import *`, or from before it
        return module, None
    return _definition(f"{_absolute(module, node)}.{original or name}{dot}{rest}", steps - 1)


def _bound(module: str, name: str) -> Iterator[ast.stmt]:
    """What gives a name its value at the top of a module, in turn."""
    for node in _statements(module):
        inner = [node] if isinstance(node, ast.ClassDef | ast.FunctionDef) else ast.walk(node)
        if any(name in _gives(one) or "*" in _gives(one) for one in inner):
            yield node


def _gives(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name for alias in node.names}
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return {node.name}
    return {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else set()


def _parted(target: str) -> str:
    """With a colon behind the longest module of a dotted name."""
    parts = target.split(".")
    for count in range(len(parts) - 1, 0, -1):
        if _file(".".join(parts[:count])) is not None:
            return f"{'.'.join(parts[:count])}:{'.'.join(parts[count:])}"
    return ":"


@lru_cache
def _file(module: str) -> Path | None:
    package, *inner = module.split(".")
    spec = find_spec(package) if package in PACKAGES else None
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0], *inner)
    return next((one for one in (path / "__init__.py", path.with_suffix(".py")) if one.is_file()), None)


@lru_cache
def _statements(module: str) -> list[ast.stmt]:
    path = _file(module)
    return [] if path is None else ast.parse(path.read_text(encoding="utf-8")).body


def _absolute(module: str, node: ast.ImportFrom) -> str:
    """The module that is imported from, with the dots of a relative import resolved."""
    path = _file(module)
    package = module if path is not None and path.name == "__init__.py" else module.rpartition(".")[0]
    base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    return ".".join([*base, *([node.module] if node.module else [])])
