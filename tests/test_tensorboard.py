"""Training and validation in one chart of TensorBoard, in a browser."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPO

Train = Callable[..., tuple[Path, dict[str, Any]]]
EPOCHS = 40
SCREENSHOT = REPO / "outputs" / "tests" / "tensorboard.png"  # for a person to judge; git ignores it


@pytest.fixture
def served(train: Train) -> Iterator[tuple[Path, dict[str, Any], str]]:
    """A run, its scores, and the address of a TensorBoard that shows it."""
    folder, scores = train("experiment=overfit", f"trainer.max_epochs={EPOCHS}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--host", "127.0.0.1"]
    process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield folder, scores, f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def get(url: str, body: dict[str, Any] | None = None, seconds: float = 60) -> Any:
    """JSON from TensorBoard, requested again until it has started and read the run."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            data = None if body is None else json.dumps(body).encode()
            request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=10) as answer:
                found = json.load(answer)
            if found:
                return found
        except OSError:
            pass
        assert time.monotonic() < deadline, f"no answer from {url}"
        time.sleep(0.5)


@pytest.mark.slow
def test_one_chart_shows_training_against_validation(served: tuple[Path, dict[str, Any], str]) -> None:
    _, scores, address = served
    for split in ("train", "val"):
        points = get(f"{address}/data/plugin/scalars/scalars?run=tensorboard/{split}&tag=loss")
        assert [point[1] for point in points] == list(range(EPOCHS + 1))
    sessions = get(
        f"{address}/data/plugin/hparams/session_groups",
        {"experimentName": "", "allowedStatuses": ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_RUNNING"],
         "colParams": [], "startIndex": 0, "sliceSize": 10},
    )["sessionGroups"]  # fmt: skip
    assert len(sessions) == 1
    assert sessions[0]["hparams"]["data"] == "digits"
    metrics = {metric["name"]["tag"]: metric["value"] for metric in sessions[0]["metricValues"]}
    assert metrics["best/loss/val"] == pytest.approx(scores["loss/val"], rel=1e-6)

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        assert "CI" not in os.environ, "CI needs Chromium"
        pytest.skip("needs Chromium")
    from playwright.sync_api import sync_playwright

    SCREENSHOT.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(f"{address}/?darkMode=false&tagFilter=%5Eloss%24#timeseries")
        card = page.locator("card-view", has=page.get_by_title("loss", exact=True)).first
        card.wait_for(timeout=60_000)
        for split in ("train", "val"):
            card.get_by_text(f"tensorboard/{split}").first.wait_for(timeout=60_000)
        page.wait_for_timeout(2_000)
        page.screenshot(path=SCREENSHOT)
        browser.close()
    assert SCREENSHOT.stat().st_size > 10_000
