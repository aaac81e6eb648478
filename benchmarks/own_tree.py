"""Trains with the code of one checkout alone, whatever checkout is installed.

python benchmarks/own_tree.py CHECKOUT [override ...]

An editable install adds a finder for its own checkout to every process: a module that CHECKOUT lacks, and Hydra plugins
of other names, would be loaded from there. This removes the finder, runs scripts/train.py of CHECKOUT, and ends with
exit status 1 and one line where code of another checkout was loaded all the same.
"""

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def hide_other_checkouts(source: Path) -> None:
    """Removes from Python's search the finders of an editable mlplab, and other folders with an mlplab in them."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not _is_editable(finder)]
    sys.path_hooks[:] = [hook for hook in sys.path_hooks if not _is_editable(hook)]
    sys.path[:] = [str(source), *(entry for entry in sys.path if not _is_other(entry, source))]
    sys.path_importer_cache.clear()


def _is_editable(finder: Any) -> bool:
    owner = getattr(finder, "__self__", finder)  # a path hook is a method of its class
    return str(getattr(owner, "__module__", "")).startswith("__editable___mlplab")


def _is_other(entry: str, source: Path) -> bool:
    installed = Path(entry).name == "site-packages"  # holds torch too
    return entry.startswith("__editable__.mlplab") or (not installed and Path(entry, "mlplab").is_dir())


def from_elsewhere(source: Path) -> Iterator[str]:
    """Yields each loaded file of mlplab, and each folder of Hydra plugins beside an mlplab, that is not of `source`."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name.partition(".")[0] == "mlplab" and file and source not in Path(file).resolve().parents:
            yield file
    for folder in getattr(sys.modules.get("hydra_plugins"), "__path__", ()):
        beside = Path(folder).resolve().parent
        if beside != source and Path(beside, "mlplab").is_dir():
            yield folder


def main() -> None:
    checkout = Path(sys.argv[1]).resolve()
    source, script = checkout / "src", checkout / "scripts" / "train.py"
    sys.argv[:] = [str(script), *sys.argv[2:]]
    sys.path[0] = str(script.parent)
    hide_other_checkouts(source)
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        if found := next(from_elsewhere(source), None):
            raise SystemExit(f"own_tree: {found} was loaded, which lies outside {checkout}")


if __name__ == "__main__":
    main()
