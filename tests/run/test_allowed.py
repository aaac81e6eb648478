"""What a configuration may make: classes of known packages and kinds, nothing else, whatever the way round."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import mlplab
from mlplab.config.groups import CONF_DIR, choices
from mlplab.errors import UserError
from mlplab.run.instantiate import check_targets, instantiate_group

GROUPS = ("data", "model", "activation", "loss", "optimizer", "scheduler", "callback", "learner")


@pytest.fixture
def harmless(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was called that must not be."""
    called: list[Any] = []
    for name in ("os.system", "torch.load", "torch.hub.load"):
        monkeypatch.setattr(name, lambda *given, **named: called.append((given, named)))
    return called


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("os.system", "must be from mlplab, torch"),
        ("builtins.eval", "must be from mlplab, torch"),
        ("eval", "must be from mlplab, torch"),
        ("torch.load", "is not a class"),
        ("torch.hub.load", "is not a class"),
        ("torch.os.getcwd", "is not a class"),
        ("torch.os.PathLike", "comes from os"),
        ("torch.package.PackageImporter", "is no Module or Optimizer"),
        ("torch.nn.Nothing", "there is no such class"),
        ("torch.no_such_module.Thing", "there is no such class"),
        ("torch", "there is no such class"),
        ("mlplab.run.build.Path", "comes from pathlib"),
        ("torchery.nn.ReLU", "must be from mlplab, torch"),
        ("lightning.pytorch.callbacks.EarlyStopping.on_train_end", "is not a class"),
        (["torch.nn.ReLU"], "must be from mlplab"),
    ],
)
@pytest.mark.parametrize("place", ["itself", "nested", "in a list"])
def test_what_is_no_class_of_a_known_package_and_kind_is_refused(
    target: Any, said: str, place: str, harmless: list[Any]
) -> None:
    node: Any = {"_target_": target, "x": 1}
    inner = {"nested": {"a": {"b": node}}, "in a list": {"a": [1, [node]]}}.get(place)
    outer = node if inner is None else {"_target_": "mlplab.model.mlp.MLP", "activation": inner}
    with pytest.raises(UserError) as mistake:
        check_targets(outer, "loss" if inner is None else "model", [])
    expected = said.replace("is no Module or Optimizer", "is no Module") if place == "itself" else said
    assert expected in str(mistake.value)
    assert "\n" not in str(mistake.value)
    assert not harmless


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        ({"_args_": [1]}, "_args_: cannot be set"),
        ({"_recursive_": False}, "_recursive_: cannot be set"),
        ({"_convert_": "none"}, "_convert_: cannot be set"),
        ({"beta": "${oc.create:{_target_:os.getcwd}}"}, "is resolved only later"),
        ({"beta": ["${oc.env:HOME}"]}, "is resolved only later"),
        ({"warmth": 3}, r"loss\.warmth: SmoothL1Loss takes no such argument; it takes beta"),
    ],
)
def test_no_key_opens_a_way_round(extra: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        check_targets({"_target_": "torch.nn.SmoothL1Loss", **extra}, "loss", [])


def test_a_class_must_be_of_the_kind_of_its_group() -> None:
    for group, target, kind in (
        ("optimizer", "torch.nn.ReLU", "Optimizer"),
        ("model", "torch.nn.Linear", "Network"),
        ("callback", "torch.nn.ReLU", "Callback"),
        ("data", "torch.utils.data.TensorDataset", "Dataset"),
    ):
        node = {"_target_": target}
        with pytest.raises(UserError, match=f"is no {kind}"):
            check_targets({"mine": node} if group == "callback" else node, group, [])


@pytest.mark.parametrize("group", GROUPS)
def test_every_choice_of_the_project_passes(group: str) -> None:
    from omegaconf import OmegaConf

    for choice in choices(group):
        node: Any = OmegaConf.to_container(OmegaConf.load(Path(CONF_DIR, group, f"{choice}.yaml")), resolve=False)
        plain = {key: value for key, value in node.items() if key != "defaults" and "${" not in str(value)}
        check_targets(plain, group, [])


def test_a_module_of_ones_own_needs_to_be_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_losses.py").write_text(
        "from torch import nn\nclass Own(nn.MSELoss): pass\ndef make(): pass\nprint('imported')\n"
    )
    overrides = ("data=line", "loss._target_=my_losses.Own")
    with pytest.raises(UserError, match=r"loss\._target_=my_losses\.Own: is not of .*allow=\[my_losses\]"):
        mlplab.configure(*overrides)
    assert "my_losses" not in sys.modules
    config = mlplab.configure(*overrides, "allow=[my_losses]")
    assert type(instantiate_group(config, "loss")).__name__ == "Own"
    with pytest.raises(UserError, match="is not a class"):
        check_targets({"_target_": "my_losses.make"}, "loss", ["my_losses"])


def test_a_function_of_ones_own_needs_to_be_allowed() -> None:
    with pytest.raises(UserError, match=r"data\.function=math\.hypot: must be from mlplab.*allow=\[math\]"):
        mlplab.configure("data=function", "data.function=math.hypot")
    with pytest.raises(UserError, match=r"data\.function=os\.system"):
        check_targets({"_target_": "mlplab.data.function.Function", "function": "os.system"}, "data", [])
    mlplab.configure("data=function", "data.function=math.hypot", "allow=[math]", "data.ranges={x:[0,1]}")


@pytest.mark.parametrize("target", ["os.system", "torch_like.Thing"])
def test_a_target_of_another_package_is_refused_before_anything_is_imported(target: str) -> None:
    code = (
        "import sys, mlplab\ntry:\n    mlplab.configure('model._target_=" + target + "')\n"
        "except ValueError as error:\n    print(error, 'torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"model._target_={target}: must be from mlplab" in answer.stdout
    assert answer.stdout.strip().endswith("False")
