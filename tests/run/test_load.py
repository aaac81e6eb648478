"""A checkpoint becomes a learner again; no code in it is run."""

import builtins
import os
import pickle
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

import mlplab
from mlplab.errors import UserError
from mlplab.run.build import build_splits
from mlplab.run.config_file import read_config
from mlplab.run.load import checkpoint_config, load_learner, read_checkpoint


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "iris"
    small = ("data=iris", "trainer.max_epochs=2", "model.hidden_features=[8]", "report.picture=false")
    mlplab.train(mlplab.configure(f"run_dir={folder}", *small))
    return folder


class Code:
    """Calls a function when it is unpickled without restrictions."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


CALLS = {
    "os.system": os.system,
    "eval": builtins.eval,
    "torch.load": torch.load,
    "torch.hub.load": torch.hub.load,
    "os.getcwd": os.getcwd,
    "PackageImporter": torch.package.PackageImporter,
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("form", ["checkpoint", "pickle"])
def test_a_file_that_would_run_code_is_refused_in_one_line_and_nothing_is_run(
    run: Path, tmp_path: Path, name: str, form: str
) -> None:
    witness = tmp_path / "witness"
    argument = {"os.system": f"touch {witness}", "eval": f"open({str(witness)!r}, 'w')"}.get(name, str(witness))
    stored = {**torch.load(run / "checkpoints/best.ckpt", weights_only=True), "extra": Code(CALLS[name], argument)}
    path = tmp_path / "evil.ckpt"
    if form == "checkpoint":
        torch.save(stored, path)
    else:
        path.write_bytes(pickle.dumps(stored["extra"], protocol=2))
    with pytest.raises(UserError, match=r"evil.ckpt: (refused, nothing of it was run|is no checkpoint)") as error:
        read_checkpoint(path)
    assert "\n" not in str(error.value)
    assert not witness.exists()
    if form == "checkpoint":
        assert re.search(rf"it asks for [\w.]*{CALLS[name].__name__},", str(error.value))


def test_a_missing_checkpoint_is_reported_with_its_run(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    (copy / "checkpoints/best.ckpt").unlink()
    with pytest.raises(UserError, match=f"run {copy} has no checkpoint best.ckpt"):
        read_checkpoint(copy / "checkpoints/best.ckpt")
    with pytest.raises(UserError, match=r"nothing.ckpt: no such file"):
        read_checkpoint(tmp_path / "nothing.ckpt")
    with pytest.raises(UserError, match="cannot be read"):
        read_checkpoint(tmp_path)


@settings(max_examples=40, deadline=None)
@given(share=st.floats(0, 0.95), junk=st.binary(max_size=40))
def test_a_file_truncated_anywhere_is_refused_in_one_line(
    run: Path, tmp_path_factory: pytest.TempPathFactory, share: float, junk: bytes
) -> None:
    whole = (run / "checkpoints/best.ckpt").read_bytes()
    path = tmp_path_factory.mktemp("cut") / "cut.ckpt"
    path.write_bytes(whole[: int(share * len(whole))] + junk)
    with pytest.raises(UserError, match=r"cut.ckpt: (is no checkpoint|refused)") as error:
        read_checkpoint(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("stored", [[1, 2], {"state_dict": {}}, {"hyper_parameters": {"a": 1}, "state_dict": {}}])
def test_a_checkpoint_of_another_program_is_reported(tmp_path: Path, stored: Any) -> None:
    torch.save(stored, tmp_path / "other.ckpt")
    with pytest.raises(UserError, match=r"other.ckpt: is no checkpoint of mlplab"):
        read_checkpoint(tmp_path / "other.ckpt")


def test_a_checkpoint_of_a_newer_version_is_reported(run: Path, tmp_path: Path) -> None:
    stored = read_checkpoint(run / "checkpoints/best.ckpt")
    stored["hyper_parameters"]["format"] = 99
    torch.save(stored, tmp_path / "newer.ckpt")
    with pytest.raises(UserError, match=r"newer.ckpt: format 99 is of a newer mlplab"):
        read_checkpoint(tmp_path / "newer.ckpt")


def test_the_configuration_in_a_checkpoint_is_checked_too(run: Path, tmp_path: Path) -> None:
    stored = read_checkpoint(run / "checkpoints/best.ckpt")
    stored["hyper_parameters"]["config"]["batch_size"] = -1
    torch.save(stored, tmp_path / "edited.ckpt")
    with pytest.raises(UserError, match=r"edited.ckpt: batch_size=-1: must be"):
        checkpoint_config(stored, tmp_path / "edited.ckpt")


@pytest.mark.parametrize(
    ("key", "value", "printed"),
    [
        ("model.hidden_features", [16], "model.hidden_features=\\[16\\] there, \\[8\\] in the checkpoint"),
        ("model.dropout", 0.5, "model.dropout=0.5 there, 0.0 in the checkpoint"),
        ("data.split_seed", 7, "another run's checkpoint.*: data.split_seed=7 there, 0 in the checkpoint"),
        ("data._target_", "mlplab.data.bundled.Wine", "data.(_target_|name)=.* there, .* in the checkpoint"),
        ("trainer.precision", "bf16-mixed", "trainer.precision=bf16-mixed there, 32-true in the checkpoint"),
    ],
)
def test_a_checkpoint_of_another_model_than_in_config_yaml_is_one_line(
    run: Path, tmp_path: Path, key: str, value: Any, printed: str
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    config = OmegaConf.load(copy / "config.yaml")
    OmegaConf.update(config, key, value)
    (copy / "config.yaml").write_text(yaml.safe_dump(OmegaConf.to_container(config)))
    path = copy / "checkpoints/best.ckpt"
    with pytest.raises(UserError, match=printed) as error:
        load_learner(read_checkpoint(path), path, read_config(copy))
    assert "\n" not in str(error.value)


def test_weights_that_do_not_fit_are_one_line(run: Path) -> None:
    path = run / "checkpoints/best.ckpt"
    stored = read_checkpoint(path)
    stored["state_dict"]["network.body.0.weight"] = torch.zeros(5, 4)
    with pytest.raises(UserError, match=r"network.body.0.weight is 5 x 4, not 8 x 4") as error:
        load_learner(stored, path, checkpoint_config(stored, path))
    assert "\n" not in str(error.value)
    del stored["state_dict"]["network.body.0.weight"]
    with pytest.raises(UserError, match=r"network.body.0.weight is missing, not 8 x 4"):
        load_learner(stored, path, checkpoint_config(stored, path))


@pytest.mark.parametrize(
    ("form", "printed"),
    [
        (lambda weight: weight.to(torch.complex64), "is complex64, not float32"),
        (lambda weight: weight.to(torch.int64), "is int64, not float32"),
        (lambda weight: weight.double(), "is float64, not float32"),
        (lambda weight: weight.to_sparse(), "is sparse_coo, not strided"),
        (lambda weight: weight.to("meta"), "is meta, not cpu"),
        (lambda weight: weight.tolist(), "is no tensor, not 8 x 4"),
        (lambda weight: weight * float("nan"), "holds weights that are no numbers: network.body.0.weight"),
        (lambda weight: weight * float("inf"), "holds weights that are no numbers: network.body.0.weight"),
    ],
)
def test_weights_of_another_form_or_no_numbers_are_one_line(
    run: Path, form: Callable[[Any], Any], printed: str
) -> None:
    path = run / "checkpoints/best.ckpt"
    stored = read_checkpoint(path)
    stored["state_dict"]["network.body.0.weight"] = form(stored["state_dict"]["network.body.0.weight"])
    with pytest.raises(UserError, match=printed) as error:
        load_learner(stored, path, checkpoint_config(stored, path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "printed"),
    [
        (lambda stored: stored.update(state_dict=None), "its state_dict holds no weights by name"),
        (
            lambda stored: stored["hyper_parameters"].pop("class_names"),
            r"of its training data is damaged \(class_names\)",
        ),
        (lambda stored: stored["hyper_parameters"].update(in_features="x"), r"is damaged \(in_features\)"),
        (lambda stored: stored["hyper_parameters"].update(in_features=10**13), r"is damaged \(feature_names\)"),
    ],
)
def test_invalid_metadata_of_a_checkpoint_are_reported(
    run: Path, tmp_path: Path, change: Callable[[Any], Any], printed: str
) -> None:
    stored = read_checkpoint(run / "checkpoints/best.ckpt")
    change(stored)
    torch.save(stored, tmp_path / "odd.ckpt")
    with pytest.raises(UserError, match=rf"odd.ckpt: .*{printed}"):
        read_checkpoint(tmp_path / "odd.ckpt")


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(["data=iris", "loss.weight=balanced"], marks=pytest.mark.slow),
        ["data=breast_cancer", "loss.pos_weight=balanced", "trainer.precision=64-true"],
        ["data=linnerud", "learner.target_scaling=minmax", "trainer.precision=64-true"],
        ["data=moons", "callback=weight_averaging", "model.normalisation=batch"],
        pytest.param(["data=digits", "activation=prelu"], marks=pytest.mark.slow),
    ],
)
def test_a_learner_is_rebuilt_from_its_checkpoint_alone(tmp_path: Path, overrides: list[str]) -> None:
    short = ("trainer.max_epochs=2", "report.picture=false", f"run_dir={tmp_path / 'run'}")
    config = mlplab.configure(*overrides, *short)
    scores = mlplab.train(config)
    path = tmp_path / "run/checkpoints/best.ckpt"
    stored = read_checkpoint(path)
    learner = load_learner(stored, path, checkpoint_config(stored, path))
    test = build_splits(config).test
    with torch.no_grad():
        measured = learner.measure(learner.network(test.features), test.target)
    assert measured == {name.removesuffix("/test"): scores[name] for name in scores if name.endswith("/test")}


def test_reopening_leaves_the_random_state_of_the_caller_unchanged(run: Path) -> None:
    path = run / "checkpoints/best.ckpt"
    stored = read_checkpoint(path)
    before = torch.get_rng_state()
    load_learner(stored, path, checkpoint_config(stored, path))
    assert torch.equal(torch.get_rng_state(), before)
