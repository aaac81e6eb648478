"""The report command, and its page in a browser."""

import shutil
from pathlib import Path

import pytest

import mlplab
from tests.conftest import REPO, run_script


@pytest.fixture(scope="module")
def report_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("report") / "run"
    mlplab.train(mlplab.configure("data=iris", "trainer.max_epochs=4", "report.picture=false", f"run_dir={run}"))
    answer = run_script("report", "run=run", "slice=none", cwd=run.parent)
    assert (answer.returncode, answer.stderr) == (0, "")
    return run / "report.html"


def test_the_console_command_and_the_templates_of_its_page_are_installed() -> None:
    text = (REPO / "pyproject.toml").read_text()
    assert 'mlplab-report = "mlplab.scripts.report:main"' in text
    assert '"mlplab.report" = ["templates/*"]' in text


def test_help_names_every_key_and_an_unknown_one_is_one_line(tmp_path: Path) -> None:
    answer = run_script("report", "--help", cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    for key in ("run", "split", "slice", "data.root", "accelerator", "output", "overwrite", "allow", "debug"):
        assert f"\n  {key} " in answer.stdout, key
    answer = run_script("report", "rn=last", cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (1, "mlplab: rn: unknown key; did you mean run?\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_is_read_in_a_browser(report_page: Path, width: int, scheme: str) -> None:
    """It requests no other file, is no wider than the window, and its script shows the values of a curve."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("needs chromium")
    from playwright.sync_api import sync_playwright

    address = report_page.as_uri()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
        requested, errors = [], []
        page.on("request", lambda request: requested.append(request.url))
        page.on("console", lambda message: errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 27)"}[scheme]
        figure = page.locator("figure[data-points]").first
        figure.locator("svg").focus()
        page.keyboard.press("Home")
        assert figure.locator("output").inner_text().startswith("epoch 0: training ")
        page.keyboard.press("ArrowRight")
        assert figure.locator("output").inner_text().startswith("epoch 1: training ")
        box = figure.locator("svg").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 0.99 * box["width"], box["y"] + 0.5 * box["height"])
        assert figure.locator("output").inner_text().startswith("epoch 4: training ")
        browser.close()
    assert [url for url in requested if not url.startswith("data:")] == [address]
    assert errors == []
