"""docs/lessons.md has the numbers that the lessons measured when its pictures were drawn, and their limits."""

import json
import re
from collections.abc import Iterable, Iterator
from statistics import mean
from typing import Any

import pytest
import yaml

from tests.conftest import REPO

BOOK = (REPO / "docs" / "lessons.md").read_text()
LESSONS: list[str] = yaml.safe_load((REPO / "conf" / "lesson" / "all.yaml").read_text())["lessons"]
SECTIONS = dict(zip(LESSONS, re.split(r"^## (?=\d)", BOOK, flags=re.MULTILINE)[1:], strict=True))
NUMBER = re.compile(r"(?<![\w.])[+-]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?(?![\w.]*\d)")


def claims(lesson: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((REPO / "docs" / "lessons" / f"{lesson}.json").read_text())["claims"]
    return found


def measured(lesson: str) -> list[float]:
    """The worst number of each claim, that of each seed, and their mean."""
    return [
        number for claim in claims(lesson) for number in (claim["measured"], *claim["values"], mean(claim["values"]))
    ]


def cells(lesson: str, column: int) -> list[str]:
    """Numbers of a column of the section's table."""
    rows = re.findall(r"^\| (.+) \|$", SECTIONS[lesson], re.MULTILINE)[1:]  # below its head
    return [number for row in rows for number in NUMBER.findall(row.split(" | ")[column])]


def is_one_of(shown: str, numbers: Iterable[float]) -> bool:
    """Whether one of the numbers is the shown one when rounded to its digits."""
    digits, _, power = shown.replace(",", "").partition("e")
    unit = 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))
    return any(abs(float(f"{digits}e{power or 0}") - number) <= 0.5001 * unit for number in numbers)


def configured(node: Any) -> Iterator[float]:
    """The numbers of a lesson's YAML, those in its overrides too."""
    if isinstance(node, dict):
        node = [*node, *node.values()]
    if isinstance(node, list):
        for one in node:
            yield from configured(one)
    elif not isinstance(node, bool):
        yield from (float(number) for number in re.findall(r"\d+(?:\.\d+)?(?:e-?\d+)?", str(node)))


@pytest.mark.parametrize("lesson", LESSONS)
def test_every_lesson_of_the_page_passed(lesson: str) -> None:
    assert all(claim["holds"] for claim in claims(lesson))


@pytest.mark.parametrize("lesson", LESSONS)
def test_numbers_in_the_column_measured_were_measured(lesson: str) -> None:
    assert len(cells(lesson, 1)) >= 3
    assert not [shown for shown in cells(lesson, 1) if not is_one_of(shown, measured(lesson))]


@pytest.mark.parametrize("lesson", LESSONS)
def test_numbers_in_the_column_limit_are_limits_of_the_lesson(lesson: str) -> None:
    limits = [claim["limit"] for claim in claims(lesson)]
    assert not [shown for shown in cells(lesson, 2) if not is_one_of(shown, limits)]


@pytest.mark.parametrize("lesson", LESSONS)
def test_numbers_of_the_text_are_measured_or_chosen(lesson: str) -> None:
    """Except those below ten, which belong to the mathematics."""
    text = re.sub(r"`[^`]+`|!\[.*\)", "", SECTIONS[lesson].partition("\n| ")[0].partition("\n")[2])
    found = [number for number in NUMBER.findall(text) if "." in number or abs(float(number.replace(",", ""))) >= 10]
    known = [*measured(lesson), *(claim["limit"] for claim in claims(lesson))]
    percentages = [100 * number for number in known]
    chosen = configured(yaml.safe_load((REPO / "conf" / "lesson" / f"{lesson}.yaml").read_text()))
    printed = [*known, *percentages, *chosen]
    assert not [number for number in found if not is_one_of(number, printed)]
