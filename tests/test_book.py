"""The book, and README, are the same in both languages: sections, commands, numbers, pictures."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPO

ENGLISH, CHINESE = ((REPO / "docs" / name).read_text() for name in ("lessons.md", "lessons.zh-TW.md"))
READMES = [(REPO / name).read_text() for name in ("README.md", "README.zh-TW.md")]
LESSONS = yaml.safe_load((REPO / "conf" / "lesson" / "all.yaml").read_text())["lessons"]
NUMBER = r"(?<![A-Za-z0-9.])[+-]?[0-9]+(?:[.,/][0-9]+)*(?:e[+-]?[0-9]+)?"


def sections(book: str) -> list[str]:
    """Those that are numbered: the Chinese book opens with a table of terms."""
    return re.split(r"^(?=## )", book.split("\n## 1. ")[1], flags=re.MULTILINE)


def rows(section: str) -> list[list[str]]:
    """Cells of its table, its head first."""
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [line.strip("| ").split(" | ") for line in lines]


def commands(text: str) -> list[str]:
    return re.findall(r"`(python scripts/[^`]+)`", text)


def pictures(text: str) -> list[str]:
    return re.findall(r"^!\[[^\[\]]+\]\((.+)\)$", text, re.MULTILINE)


def numbers(text: str) -> list[str]:
    """The numbers of a text without its code, which is compared as code."""
    return re.findall(NUMBER, re.sub(r"`[^`]*`|\]\(.*?\)", "", text))


def typed(readme: str) -> list[str]:
    """The indented command lines outside of code blocks, without the remark that follows some."""
    shell = re.sub(r"```.*?```", "", readme, flags=re.DOTALL)
    return [line.split("  # ")[0].strip() for line in re.findall(r"^    (?=\S)(.+)$", shell, re.MULTILINE)]


def python(readme: str) -> list[str]:
    """Each example as a tree, which has no comments."""
    return [ast.dump(ast.parse(code)) for code in re.findall(r"```python\n(.*?)```", readme, re.DOTALL)]


@pytest.mark.parametrize("book", [ENGLISH, CHINESE], ids=["english", "chinese"])
def test_each_lesson_has_a_section_in_the_order_of_the_course(book: str) -> None:
    opened = [commands(section)[0] for section in sections(book)]
    assert opened == [f"python scripts/lesson.py lesson={name}" for name in LESSONS]
    assert re.findall(r"^## (\d+)\. ", book, re.MULTILINE) == [str(number) for number in range(1, len(LESSONS) + 1)]


@pytest.mark.parametrize("readme", READMES, ids=["english", "chinese"])
def test_the_readme_points_each_idea_to_its_command_and_section(readme: str) -> None:
    book = CHINESE if "zh-TW.md#" in readme else ENGLISH
    printed = re.findall(
        r"^\| \[.+\]\(docs/lessons.*\.md#(.+)\) \| `python scripts/lesson.py lesson=(\w+)` \|$", readme, re.MULTILINE
    )
    assert [name for _, name in printed] == LESSONS
    heads = re.findall(r"^## (\d+\. .+)$", book, re.MULTILINE)
    assert [anchor for anchor, _ in printed] == [
        re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads
    ]


@pytest.mark.parametrize("book", [ENGLISH, CHINESE], ids=["english", "chinese"])
def test_each_picture_is_below_its_command(book: str) -> None:
    for name, section in zip(LESSONS, sections(book), strict=True):
        _, command, _, picture, *_ = section.splitlines()
        assert f"`python scripts/lesson.py lesson={name}`" in command
        assert pictures(picture) == [f"lessons/{name}.png"]


def test_both_books_have_the_same_commands_and_code() -> None:
    assert commands(ENGLISH) == commands(CHINESE)
    for english, chinese in zip(sections(ENGLISH), sections(CHINESE), strict=True):
        assert sorted(re.findall("`[^`]+`", english)) == sorted(re.findall("`[^`]+`", chinese))


def test_both_books_have_the_same_numbers_in_their_tables() -> None:
    """Measured numbers and limits are in the same order; the order of numbers in a claim may differ."""
    for english, chinese in zip(sections(ENGLISH), sections(CHINESE), strict=True):
        assert len(rows(english)) >= 4
        for (claim, *cells), (printed, *others) in zip(rows(english), rows(chinese), strict=True):
            assert sorted(numbers(claim)) == sorted(numbers(printed)), printed
            assert list(map(numbers, cells)) == list(map(numbers, others)), printed


def test_both_books_have_the_same_numbers_in_their_text() -> None:
    for english, chinese in zip(sections(ENGLISH), sections(CHINESE), strict=True):
        assert sorted(numbers(english)) == sorted(numbers(chinese))


def test_every_picture_of_the_book_exists() -> None:
    assert pictures(ENGLISH) == pictures(CHINESE) == [f"lessons/{name}.png" for name in LESSONS]
    assert not [path for path in pictures(ENGLISH) if not (REPO / "docs" / path).is_file()]


def test_both_readmes_have_the_same_commands_and_examples() -> None:
    english, chinese = map(typed, READMES)
    assert len(english) >= 18
    assert english == chinese
    assert len(python(READMES[0])) == 2
    assert python(READMES[0]) == python(READMES[1])


def test_only_the_english_readme_marks_the_two_commands() -> None:
    assert [readme.count("<!-- command:") for readme in READMES] == [2, 0]


def test_both_readmes_offer_the_same_choices() -> None:
    def choices(readme: str) -> list[set[str]]:
        found = dict(re.findall(r"^\| `(\w+)=` \| (.*) \|$", readme, re.MULTILINE))
        stems = {group: {path.stem for path in (REPO / "conf" / group).glob("*.yaml")} for group in found}
        return [{group, *set(re.findall(r"[a-z0-9_]+", row)) & stems[group]} for group, row in found.items()]

    english, chinese = map(choices, READMES)
    assert len(english) == 9
    assert english == chinese


@pytest.mark.parametrize("name", ["README.md", "README.zh-TW.md", "docs/lessons.md", "docs/lessons.zh-TW.md"])
def test_every_link_leads_to_a_file_and_both_languages_to_each_other(name: str) -> None:
    path = REPO / name
    links = [link for link in re.findall(r"(?<!!)\[[^\]]+\]\(([^)#]+)[^)]*\)", path.read_text()) if ":" not in link]
    assert not [link for link in links if not (path.parent / link).exists()]
    other = path.name.replace(".zh-TW", "") if "zh-TW" in path.name else f"{path.stem}.zh-TW.md"
    assert other in [Path(link).name for link in links[:2]]
