"""Optional images in event files: graph, samples, histograms, animation; they do not affect scores."""

import html
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mlplab
from mlplab.report.decision_boundary import boundary_panels, predict_function
from mlplab.run.build import Components, build, build_splits
from mlplab.run.resume import resume
from mlplab.trainer.event_files import event_files, read_images
from mlplab.trainer.tensorboard_media import EVERY
from mlplab.trainer.weight_trajectory import thinning_stride

Train = Callable[..., tuple[Path, dict[str, Any]]]
DIGITS = ("data=digits", "data.num_train=100", "model.hidden_features=[8]", "trainer.max_epochs=2")


def events(run: Path) -> EventAccumulator:
    read = EventAccumulator(str(run / "tensorboard"), size_guidance={"images": 0, "histograms": 0})
    read.Reload()
    return read


def untrained(folder: Path, *overrides: str) -> Components:
    return build(mlplab.configure(f"run_dir={folder / 'untrained'}", *overrides))


def tiles(run: Path, height: int, width: int) -> np.ndarray:
    """(N, height, width, 3) of the images, which stand eight in a row, as 0..255."""
    (event,) = events(run).Images("images")
    grid = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)).convert("RGB"))
    rows, columns = grid.shape[0] // height, grid.shape[1] // width
    assert grid.shape == (rows * height, columns * width, 3)
    return grid.reshape(rows, height, columns, width, 3).swapaxes(1, 2).reshape(-1, height, width, 3)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on digits with all images in TensorBoard."""
    run = tmp_path_factory.mktemp("full")
    mlplab.train(mlplab.configure(f"run_dir={run}", "report=full", "report.html=false", *DIGITS))
    return run


def folder_of_images(root: Path, size: int) -> None:
    """Two classes, 60 images each, every pixel drawn."""
    drawn = np.random.default_rng(0)
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for number in range(60):
            pixels = drawn.integers(0, 256, (size, size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")


def test_there_are_none_by_default(train: Train) -> None:
    run, _ = train(*DIGITS)
    found = events(run).Tags()
    assert (found["graph"], found["images"], found["histograms"]) == (False, [], [])


@pytest.mark.parametrize("part", ["graph", "images", "histograms"])
def test_each_kind_can_be_enabled_alone(train: Train, part: str) -> None:
    run, _ = train(*DIGITS, f"report.{part}=true")
    found = events(run).Tags()
    assert {name for name in ("graph", "images", "histograms") if found[name]} == {part}


def test_the_graph_shows_every_layer(full: Path) -> None:
    scopes = {node.name for node in events(full).Graph().node}
    for layer in ("InputScaler[scale]", "Linear[0]", "ReLU[1]", "Linear[2]"):
        assert any(layer in scope for scope in scopes), layer


def test_the_first_64_training_digits_are_shown(full: Path, tmp_path: Path) -> None:
    shown = tiles(full, 8, 8)
    assert len(shown) == 64
    digits = untrained(tmp_path, *DIGITS).splits.train.features[:64].reshape(-1, 8, 8).numpy()
    expected = np.repeat(digits[..., None] / digits.max() * 255, 3, axis=3)
    np.testing.assert_allclose(shown.astype(float), expected, atol=1)


@pytest.mark.parametrize("grey", ["true", "false"])
def test_pixels_are_shown_as_they_are(train: Train, tmp_path: Path, grey: str) -> None:
    """uint8 images, grey as (H, W) and coloured as (H, W, 3)."""
    folder_of_images(tmp_path / "images", size=6)
    images = ("data=image_folder", f"data.root={tmp_path / 'images'}", "data.size=[6,6]", f"data.grey={grey}")
    settings = (*images, "model=linear", "trainer.max_epochs=1")
    run, _ = train(*settings, "report=full", "report.html=false")
    part = untrained(tmp_path, *settings).splits.train
    assert part.features.dtype == torch.uint8
    pixels = part.features[:64].reshape(-1, 6, 6, 1 if grey == "true" else 3).numpy()
    expected = np.broadcast_to(pixels.astype(float), (64, 6, 6, 3))
    np.testing.assert_allclose(tiles(run, 6, 6).astype(float), expected, atol=1)


def test_rows_that_are_not_images_are_not_drawn_as_images(train: Train) -> None:
    run, _ = train("data=iris", "model=linear", "trainer.max_epochs=1", "report=full", "report.html=false")
    found = events(run).Tags()
    assert (found["graph"], "images" in found["images"]) == (True, False)
    assert sorted(found["histograms"]) == ["weights/body.bias", "weights/body.weight"]


def test_each_parameter_has_a_histogram_per_epoch(full: Path, tmp_path: Path) -> None:
    """The first is of the untrained network, the last of the weights in last.ckpt."""
    read = events(full)
    before = dict(untrained(tmp_path, *DIGITS).learner.network.named_parameters())
    state = torch.load(full / "checkpoints" / "last.ckpt", weights_only=True, map_location="cpu")["state_dict"]
    assert set(before) == {"body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias"}
    assert set(read.Tags()["histograms"]) == {f"weights/{name}" for name in before}
    for name, start in before.items():
        drawn = read.Histograms(f"weights/{name}")
        assert [event.step for event in drawn] == [0, 1, 2]
        for event, weights in ((drawn[0], start.detach()), (drawn[-1], state[f"network.{name}"])):
            values = event.histogram_value
            assert values.num == weights.numel()
            assert (values.min, values.max) == pytest.approx((weights.min().item(), weights.max().item()), abs=1e-6)
            assert values.sum == pytest.approx(weights.double().sum().item(), abs=1e-4)


@pytest.mark.parametrize("choice", ["model.dropout=0.5", "model.normalisation=batch"])
def test_media_do_not_change_the_training(train: Train, choice: str) -> None:
    """Drawing uses no random numbers of dropout and no batch statistics."""
    without, scores = train(*DIGITS, choice)
    with_all, same = train(*DIGITS, choice, "report=full", "report.html=false")
    timed = ("seconds", "samples_per_second")
    assert {name: value for name, value in scores.items() if name not in timed} == {
        name: value for name, value in same.items() if name not in timed
    }
    states = [
        torch.load(run / "checkpoints" / "last.ckpt", weights_only=True, map_location="cpu")["state_dict"]
        for run in (without, with_all)
    ]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


MOONS = ("data=moons", "data.num_rows=60", "model.hidden_features=[8]", "report.shape=true")


def frames(run: Path, name: str = "boundary") -> list[bytes]:
    return read_images(event_files(run / "tensorboard"), f"shape/{name}")


def pixels(frame: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(frame)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_frames_are_dense_at_first_and_sparse_later() -> None:
    drawn = [epoch for epoch in range(4 * EVERY + 1) if epoch % thinning_stride(epoch, EVERY) == 0]
    assert drawn[: EVERY + 1] == list(range(EVERY + 1))
    assert np.diff(drawn).tolist() == [1] * EVERY + [2] * (EVERY // 2) + [4] * (EVERY // 2)


def test_each_epoch_has_a_frame_and_the_animation_has_all_of_them(train: Train) -> None:
    run, _ = train(*MOONS, "trainer.max_epochs=3", "optimizer.lr=0.1")
    drawn = frames(run)
    assert len(drawn) == 4
    assert len(set(drawn)) == 4
    with Image.open(run / "boundary.gif") as animated:
        assert animated.n_frames == 4  # type: ignore[attr-defined]
        for number, frame in enumerate(drawn):
            animated.seek(number)
            shown = np.asarray(animated.convert("RGB")).astype(int)
            assert np.abs(shown - pixels(frame)).mean() < 6
        assert animated.info["duration"] > 1000


def test_one_input_has_a_fitted_curve_and_three_have_no_animation(train: Train) -> None:
    short = ("trainer.max_epochs=1", "model.hidden_features=[4]", "report.shape=true")
    run, _ = train("data=sine", "data.num_rows=30", *short)
    assert len(frames(run, "fit_0")) == 2
    assert (run / "fit_0.gif").exists()
    run, _ = train("data=linnerud", *short)
    assert list(run.glob("*.gif")) == []


def test_a_resumed_run_has_the_frames_of_an_uninterrupted_one(train: Train, tmp_path: Path) -> None:
    run, _ = train(*MOONS, "trainer.max_epochs=2")
    resume(run, max_epochs=4)
    whole, _ = train(*MOONS, "trainer.max_epochs=4")
    assert frames(run) == frames(whole)
    assert (run / "boundary.gif").read_bytes() == (whole / "boundary.gif").read_bytes()


def test_with_averaged_weights_the_frames_are_of_the_averages(train: Train, tmp_path: Path) -> None:
    """The last frame is that of last.ckpt, whose weights are the averages."""
    run, _ = train(*MOONS, "trainer.max_epochs=2", "callback=weight_averaging", "optimizer.lr=0.1")
    shutil.copy(run / "checkpoints" / "last.ckpt", tmp_path / "last.ckpt")
    model = mlplab.reopen(tmp_path / "last.ckpt")
    part = build_splits(model.config).train
    points = {"train": (part.features.numpy(), part.target.numpy())}
    (panel,) = boundary_panels(predict_function(model.learner, True), points, model.info)
    np.testing.assert_array_equal(panel.pixels(f"{panel.title}, epoch 2"), pixels(frames(run)[-1]))


def test_the_animation_does_not_change_the_scores(train: Train) -> None:
    plain, animated = (
        train(*MOONS[:-1], f"report.shape={shape}", "trainer.max_epochs=2", "model.dropout=0.2")[1]
        for shape in ("false", "true")
    )
    names = [name for name in plain if "/" in name]
    assert {name: plain[name] for name in names} == {name: animated[name] for name in names}


@pytest.mark.parametrize("data", [pytest.param("iris", marks=pytest.mark.slow), "moons"])
def test_report_full_writes_a_page_and_its_figures(train: Train, data: str) -> None:
    run, scores = train(f"data={data}", "report=full", "trainer.max_epochs=2", "model.hidden_features=[8]")
    text = (run / "report.html").read_text(encoding="utf-8")
    assert f'data-value="{scores["loss/test"]!r}"' in text
    assert "of the path's variance" in html.unescape(text)
    files = event_files(run / "tensorboard")
    for name in ("confusion", "calibration", "roc", "precision_recall", "importance", "loss_slice"):
        (found,) = read_images(files, f"report/{name}")
        assert pixels(found).std() > 5
