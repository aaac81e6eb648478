"""Files of the MNIST family: what is whole is read, what is broken is told by name."""

import contextlib
import gzip
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplab.data.readers import find_idx, read_idx
from mlplab.errors import UserError

IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
# type 8 (bytes), three dimensions of 3, 4 and 5
WHOLE = bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5]) + IMAGES.tobytes()


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_a_whole_file_gives_its_values(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(gzip.compress(WHOLE) if name.endswith("gz") else WHOLE)
    found = find_idx(tmp_path, "images")
    assert found == tmp_path / name
    assert np.array_equal(read_idx(found, dimensions=3), IMAGES)


def test_a_file_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    assert find_idx(tmp_path, "images") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (WHOLE[:-1], "is cut short or damaged: 3x4x5 values need 76 bytes, there are 75"),
        (WHOLE + b"x", "is cut short or damaged: 3x4x5 values need 76 bytes, there are 77"),
        (WHOLE[:9], "is cut short or damaged"),
        (b"\0\0\x0d\3" + WHOLE[4:], "starts with 00 00 0d 03, not with the magic number 00 00 08 03"),
        (b"\0\0\x08\1" + WHOLE[4:], "starts with 00 00 08 01"),
        (b"<html>not found</html>", "starts with 3c 68 74 6d"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_broken_file_is_refused_by_name(content: bytes, said: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / ("images.gz" if packed else "images")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(UserError) as mistake:
        read_idx(path, dimensions=3)
    assert str(mistake.value).startswith(f"{path}: ")
    assert said in str(mistake.value)


@settings(deadline=None)
@given(st.integers(0, len(gzip.compress(WHOLE, mtime=0)) - 1), st.booleans())
def test_a_gz_cut_short_or_damaged_anywhere_is_never_read_as_something_else(at: int, cut: bool) -> None:
    packed = gzip.compress(WHOLE, mtime=0)
    broken = packed[:at] if cut else packed[:at] + bytes([packed[at] ^ 0xFF]) + packed[at + 1 :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "broken.gz")
        path.write_bytes(broken)
        with contextlib.suppress(UserError):
            assert np.array_equal(read_idx(path, dimensions=3), IMAGES)  # damaged in the time, say


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Is a directory"):
        read_idx(tmp_path, dimensions=3)
