"""docs/mlplab.ipynb runs, and prints the outputs that it shows."""

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

REPO = Path(__file__).resolve().parents[1]
NOTEBOOK = REPO / "docs" / "mlplab.ipynb"
NUMBER = r"\d+(?:\.\d+)?"


def executed(notebook: Any, folder: Path) -> Any:
    """The notebook with new outputs. Raises CellExecutionError if a cell fails."""
    fresh = nbformat.from_dict(notebook)
    for cell in cells(fresh):
        cell.outputs = []
    where = {"metadata": {"path": str(folder)}}
    NotebookClient(fresh, timeout=120, coalesce_streams=True, resources=where).execute()
    return fresh


def cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell: Any) -> list[tuple[str, str]]:
    """The kind of each output, and its text if it has one."""
    return [
        (output.get("name", "picture"), output.get("text", ""))
        for output in cell.outputs
        if "text" in output or "image/png" in output.data
    ]


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(NUMBER, text)]


def test_it_is_small_and_its_cells_are_short() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert NOTEBOOK.stat().st_size < 350_000
    for cell in cells(notebook):
        assert len([line for line in cell.source.splitlines() if line]) < 10
        assert cell.outputs or "import" in cell.source or " = " in cell.source
    assert sum("image/png" in output.get("data", {}) for cell in cells(notebook) for output in cell.outputs) == 5


@pytest.mark.slow
def test_it_runs_and_gives_what_it_shows(tmp_path: Path) -> None:
    """Text must be equal, numbers nearly: another machine's last digits may differ. A cell tagged `varies` prints times
    or paths too."""
    shown = nbformat.read(NOTEBOOK, as_version=4)
    for cell, again in zip(cells(shown), cells(executed(shown, tmp_path)), strict=True):
        assert [kind for kind, _ in printed(again)] == [kind for kind, _ in printed(cell)]
        if "varies" in cell.metadata.get("tags", []):
            continue
        for (_, before), (_, now) in zip(printed(cell), printed(again), strict=True):
            assert re.sub(NUMBER, "", now) == re.sub(NUMBER, "", before)
            assert numbers(now) == pytest.approx(numbers(before), rel=0.02, abs=0.02)
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]


@pytest.mark.slow
def test_an_error_in_any_cell_is_raised(tmp_path: Path) -> None:
    broken = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import mlplab\nmlplab.configure('data=nil')")])
    with pytest.raises(CellExecutionError, match="unknown choice"):
        executed(broken, tmp_path)
