"""The end of a file name gives its kind, before anything heavy is imported."""

import subprocess
import sys

import pytest

from mlplab.data.formats import base_name, file_kind


@pytest.mark.parametrize(
    ("name", "kind", "bare"),
    [
        ("a.b/t.csv", "table", "t"),
        ("t.TSV", "table", "t"),
        ("t.csv.gz", "table", "t"),
        ("v1.2.txt.GZ", "table", "v1.2"),
        ("t.gz", None, "t"),
        ("t.npy", "array", "t"),
        ("t.npz", "arrays", "t"),
        ("t.npz.gz", None, "t"),
        ("t.JPG", "image", "t"),
        ("t.png.gz", None, "t"),
        ("csv", None, "csv"),
        ("t.csv.zip", None, "t.csv"),
    ],
)
def test_a_table_may_be_packed_and_nothing_else(name: str, kind: str | None, bare: str) -> None:
    assert file_kind(name) == kind
    assert base_name(name) == bare


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, mlplab.data.formats; sys.exit(bool({'numpy', 'pandas', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
