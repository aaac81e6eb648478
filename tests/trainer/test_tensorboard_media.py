"""Graph, images and histograms in the event files: there when asked for, right, and without a trace in the numbers."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import mlplab
from mlplab.run.build import Components, build

Train = Callable[..., tuple[Path, dict[str, Any]]]
DIGITS = ("data=digits", "data.num_train=100", "model.hidden_features=[8]", "trainer.max_epochs=2")


def events(run: Path) -> EventAccumulator:
    read = EventAccumulator(str(run / "tensorboard"), size_guidance={"images": 0, "histograms": 0})
    read.Reload()
    return read


def untouched(folder: Path, *overrides: str) -> Components:
    return build(mlplab.configure(f"run_dir={folder / 'untouched'}", *overrides))


def tiles(run: Path, height: int, width: int) -> np.ndarray:
    """(N, height, width, 3) of the images, which stand eight in a row, as 0..255."""
    (event,) = events(run).Images("images")
    grid = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)).convert("RGB"))
    rows, columns = grid.shape[0] // height, grid.shape[1] // width
    assert grid.shape == (rows * height, columns * width, 3)
    return grid.reshape(rows, height, columns, width, 3).swapaxes(1, 2).reshape(-1, height, width, 3)


def folder_of_images(root: Path, size: int) -> None:
    """Two classes, 60 images each, every pixel drawn."""
    drawn = np.random.default_rng(0)
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for number in range(60):
            pixels = drawn.integers(0, 256, (size, size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")


def test_nothing_of_it_is_there_by_default(train: Train) -> None:
    run, _ = train(*DIGITS)
    found = events(run).Tags()
    assert (found["graph"], found["images"], found["histograms"]) == (False, [], [])


@pytest.mark.parametrize("part", ["graph", "images", "histograms"])
def test_each_part_can_be_asked_for_alone(train: Train, part: str) -> None:
    run, _ = train(*DIGITS, f"report.{part}=true")
    found = events(run).Tags()
    assert {name for name in ("graph", "images", "histograms") if found[name]} == {part}


def test_the_graph_shows_every_layer(train: Train) -> None:
    run, _ = train(*DIGITS, "report=full", "report.html=false")
    scopes = {node.name for node in events(run).Graph().node}
    for layer in ("InputScaler[scale]", "Linear[0]", "ReLU[1]", "Linear[2]"):
        assert any(layer in scope for scope in scopes), layer


def test_the_first_64_training_digits_are_shown(train: Train, tmp_path: Path) -> None:
    run, _ = train(*DIGITS, "report=full", "report.html=false")
    shown = tiles(run, 8, 8)
    assert len(shown) == 64
    digits = untouched(tmp_path, *DIGITS).splits.train.features[:64].reshape(-1, 8, 8).numpy()
    expected = np.repeat(digits[..., None] / digits.max() * 255, 3, axis=3)
    np.testing.assert_allclose(shown.astype(float), expected, atol=1)


@pytest.mark.parametrize("grey", ["true", "false"])
def test_pixels_are_shown_as_they_are(train: Train, tmp_path: Path, grey: str) -> None:
    """uint8 images, grey as (H, W) and coloured as (H, W, 3)."""
    folder_of_images(tmp_path / "images", size=6)
    images = ("data=image_folder", f"data.root={tmp_path / 'images'}", "data.size=[6,6]", f"data.grey={grey}")
    settings = (*images, "model=linear", "trainer.max_epochs=1")
    run, _ = train(*settings, "report=full", "report.html=false")
    part = untouched(tmp_path, *settings).splits.train
    assert part.features.dtype == torch.uint8
    pixels = part.features[:64].reshape(-1, 6, 6, 1 if grey == "true" else 3).numpy()
    expected = np.broadcast_to(pixels.astype(float), (64, 6, 6, 3))
    np.testing.assert_allclose(tiles(run, 6, 6).astype(float), expected, atol=1)


def test_rows_that_are_no_images_are_not_drawn_as_such(train: Train) -> None:
    run, _ = train("data=iris", "model=linear", "trainer.max_epochs=1", "report=full", "report.html=false")
    found = events(run).Tags()
    assert (found["graph"], "images" in found["images"]) == (True, False)
    assert sorted(found["histograms"]) == ["weights/body.bias", "weights/body.weight"]


def test_each_parameter_has_a_histogram_an_epoch(train: Train, tmp_path: Path) -> None:
    """The first is of the untouched network, the last of the weights in last.ckpt."""
    run, _ = train(*DIGITS, "report=full", "report.html=false")
    read = events(run)
    before = dict(untouched(tmp_path, *DIGITS).learner.network.named_parameters())
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True, map_location="cpu")["state_dict"]
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
def test_a_run_learns_the_same_with_and_without(train: Train, choice: str) -> None:
    """No draw of dropout and no batch statistic goes into the drawing."""
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
