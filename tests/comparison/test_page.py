"""sweep.html: the table, the pictures and the reasons on one page, which asks for nothing from elsewhere."""

import re
from pathlib import Path

import pytest

from mlplab.comparison.comparison import group_runs
from mlplab.comparison.page import build_figures, comparison_page
from tests.comparison.made import sweep, united

JOBS = {"optimizer.lr=0.1": (0.1, 0.12), "optimizer.lr=0.2": (0.3, None)}


@pytest.fixture
def text(tmp_path: Path) -> str:
    compared = group_runs(sweep(tmp_path, JOBS))
    return comparison_page(
        "Sweep <lrs>", compared, {0: build_figures(compared[0])}, ["job 3 failed: <nan>"], ["python x.py"]
    )


def test_it_says_what_came_out_and_what_failed(text: str) -> None:
    assert "<h1>Sweep &lt;lrs&gt;</h1>" in text
    assert "4 runs of 2 settings · 3 finished" in text
    assert '<p class="verdict">Best: lr 0.1, with loss/val 0.110 ± 0.014 over 2 seeds.</p>' in text
    assert "job 3 failed: &lt;nan&gt;" in text
    assert '<td data-value="1">1</td><td class="text">0.1</td><td class="text">0.110 ± 0.014</td>' in text
    assert "On the test set, of this setting alone" in text
    assert text.count("<figure") == 3  # curves, effect, cost


def test_it_needs_nothing_beside_itself(text: str) -> None:
    assert re.findall(r'(?:src|href)="([^"#]+)"', text) == ["data:,"]
    assert not re.findall(r"https?://(?!www\.w3\.org/)", text)


def test_several_datasets_stand_below_each_other(tmp_path: Path) -> None:
    runs = [*sweep(tmp_path / "a", JOBS), *sweep(tmp_path / "b", JOBS, data="diabetes")]
    both = comparison_page("t", group_runs(runs), {}, [], [])
    assert both.index("Settings, best first: diabetes") < both.index("Settings, best first: iris")


def test_ensembles_have_a_section_of_their_own(tmp_path: Path) -> None:
    runs = sweep(tmp_path, JOBS)
    text = comparison_page("t", group_runs([*runs, united(runs[:2], loss_val=0.1, accuracy_test=0.9)]), {}, [], [])
    assert "Ensembles, best first" in text
    assert "4 runs of 2 settings" in text
    assert '<td class="text">0.1100 -&gt; 0.1000</td>' in text
    assert "On the test set, of this ensemble alone: accuracy/test 0.9000." in text
    assert "Ensembles" not in comparison_page("t", group_runs(runs), {}, [], [])
