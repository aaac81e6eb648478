"""A boundary by epoch: a picture for each, of the weights that the curves measure, and all of them animated."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import mlplab
from mlplab.report.decision_boundary import boundary_panels, predict_function
from mlplab.run.build import build_splits
from mlplab.run.resume import resume
from mlplab.trainer.event_files import event_files, read_images
from mlplab.trainer.tensorboard_media import EVERY, frame_stride

Train = Callable[..., tuple[Path, dict[str, Any]]]
MOONS = ("data=moons", "data.num_rows=60", "model.hidden_features=[8]", "report.shape=true")


def frames(run: Path, name: str = "boundary") -> list[bytes]:
    return read_images(event_files(run / "tensorboard"), f"shape/{name}")


def pixels(frame: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(frame)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_pictures_stand_close_at_first_and_farther_apart_later() -> None:
    drawn = [epoch for epoch in range(4 * EVERY + 1) if epoch % frame_stride(epoch) == 0]
    assert drawn[: EVERY + 1] == list(range(EVERY + 1))
    assert np.diff(drawn).tolist() == [1] * EVERY + [2] * (EVERY // 2) + [4] * (EVERY // 2)


def test_each_epoch_has_its_picture_and_the_file_has_them_all(train: Train) -> None:
    run, _ = train(*MOONS, "trainer.max_epochs=3", "optimizer.lr=0.1")
    held = frames(run)
    assert len(held) == 4
    assert len(set(held)) == 4
    with Image.open(run / "boundary.gif") as animated:
        assert animated.n_frames == 4  # type: ignore[attr-defined]
        for number, frame in enumerate(held):
            animated.seek(number)
            shown = np.asarray(animated.convert("RGB")).astype(int)
            assert np.abs(shown - pixels(frame)).mean() < 6
        assert animated.info["duration"] > 1000


def test_one_input_has_a_fitted_curve_and_three_have_nothing(train: Train) -> None:
    short = ("trainer.max_epochs=1", "model.hidden_features=[4]", "report.shape=true")
    run, _ = train("data=sine", "data.num_rows=30", *short)
    assert len(frames(run, "fit_0")) == 2
    assert (run / "fit_0.gif").exists()
    run, _ = train("data=linnerud", *short)
    assert list(run.glob("*.gif")) == []


def test_a_run_that_goes_on_has_the_pictures_of_one_that_never_stopped(train: Train, tmp_path: Path) -> None:
    run, _ = train(*MOONS, "trainer.max_epochs=2")
    resume(run, max_epochs=4)
    whole, _ = train(*MOONS, "trainer.max_epochs=4")
    assert frames(run) == frames(whole)
    assert (run / "boundary.gif").read_bytes() == (whole / "boundary.gif").read_bytes()


def test_with_averaged_weights_the_picture_is_of_those_that_are_measured(train: Train, tmp_path: Path) -> None:
    """The last picture is that of last.ckpt, whose weights are the averaged ones."""
    run, _ = train(*MOONS, "trainer.max_epochs=2", "callback=weight_averaging", "optimizer.lr=0.1")
    shutil.copy(run / "checkpoints" / "last.ckpt", tmp_path / "last.ckpt")
    model = mlplab.reopen(tmp_path / "last.ckpt")
    part = build_splits(model.config).train
    points = {"train": (part.features.numpy(), part.target.numpy())}
    (panel,) = boundary_panels(
        predict_function(model.learner, True), points, model.feature_names, model.class_names, []
    )
    np.testing.assert_array_equal(panel.pixels(f"{panel.title}, epoch 2"), pixels(frames(run)[-1]))


def test_it_leaves_no_trace_in_the_numbers(train: Train) -> None:
    plain, filmed = (
        train(*MOONS[:-1], f"report.shape={asked}", "trainer.max_epochs=2", "model.dropout=0.2")[1]
        for asked in ("false", "true")
    )
    names = [name for name in plain if "/" in name]
    assert {name: plain[name] for name in names} == {name: filmed[name] for name in names}


@pytest.mark.parametrize("data", [pytest.param("iris", marks=pytest.mark.slow), "moons"])
def test_report_full_leaves_a_page_and_its_pictures(train: Train, data: str) -> None:
    run, scores = train(f"data={data}", "report=full", "trainer.max_epochs=2", "model.hidden_features=[8]")
    text = (run / "report.html").read_text(encoding="utf-8")
    assert f'data-value="{scores["loss/test"]!r}"' in text
    assert "of the path&#x27;s variance" in text
    files = event_files(run / "tensorboard")
    for name in ("confusion", "calibration", "roc", "precision_recall", "importance", "loss_slice"):
        (found,) = read_images(files, f"report/{name}")
        assert pixels(found).std() > 5
