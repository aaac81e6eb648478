"""Rounds of a halving: how many jobs and epochs each has, and what is kept of who went on."""

from pathlib import Path

import pytest

from mlplab.errors import UserError
from mlplab.sweep.halving import (
    ROUNDS_FILE,
    HalvingRecord,
    Round,
    check_same_rounds,
    format_rounds,
    halving_rounds,
    read_halving,
)

HERE = [Round(4, 2), Round(2, 4), Round(1, 8)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((9, 27, 3), [(9, 3), (3, 9), (1, 27)]),
        ((10, 50, 3), [(10, 6), (3, 18), (1, 50)]),
        ((4, 8, 2), [(4, 2), (2, 4), (1, 8)]),
        ((64, 4, 4), [(64, 1), (16, 4)]),
        ((2, 50, 3), [(2, 50)]),
        ((9, 27, 3, 5), [(9, 5), (3, 15), (1, 27)]),
    ],
)
def test_each_round_has_fewer_jobs_and_more_epochs(settings: tuple[int, ...], expected: list[tuple[int, int]]) -> None:
    assert halving_rounds(*settings) == [Round(*one) for one in expected]


def test_rounds_are_told_in_words() -> None:
    assert format_rounds(HERE) == "4 to epoch 2, then 2 to epoch 4, then 1 to epoch 8"


def test_a_job_that_went_on_is_no_longer_of_its_earlier_rounds(tmp_path: Path) -> None:
    record = HalvingRecord(HERE, [[0, 1, 2, 3], [1, 3]])
    assert [record.stays(place) for place in (0, 1)] == [[0, 2], [1, 3]]
    record.keep(tmp_path)
    assert read_halving(tmp_path) == record


def test_a_halving_goes_on_as_the_same_halving_only(tmp_path: Path) -> None:
    assert read_halving(tmp_path) is None
    check_same_rounds(tmp_path, None, begun=True)
    check_same_rounds(tmp_path, HERE, begun=False)
    with pytest.raises(UserError, match=r"is no halving: leave out sweep.halving=true"):
        check_same_rounds(tmp_path, HERE, begun=True)
    HalvingRecord(HERE).keep(tmp_path)
    check_same_rounds(tmp_path, HERE, begun=True)
    with pytest.raises(UserError, match=r"is a halving .4 to epoch 2, .*: give sweep.halving=true too"):
        check_same_rounds(tmp_path, None, begun=True)
    with pytest.raises(UserError, match=r"its rounds were 4 to epoch 2, .*, would be 2 to epoch 8: a halving does not"):
        check_same_rounds(tmp_path, [Round(2, 8)], begun=True)


@pytest.mark.parametrize("held", ["", "[]", "{}", '{"rounds": [[4]], "begun": []}'])
def test_a_damaged_record_is_told(held: str, tmp_path: Path) -> None:
    (tmp_path / ROUNDS_FILE).write_text(held)
    with pytest.raises(UserError, match="cannot be read; name another sweep by"):
        read_halving(tmp_path)
