"""A configuration instantiates classes of known packages and base classes, and nothing else."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

import mlplab
from mlplab.config.groups import CONF_DIR, choices
from mlplab.config.messages import describe_error
from mlplab.errors import UserError
from mlplab.run.instantiate import check_targets, instantiate_group


def test_an_unknown_argument_is_refused_with_those_of_the_class() -> None:
    config = mlplab.configure("+model.warmth=3")
    with pytest.raises(UserError, match=r"model\.warmth: MLP takes no such argument; it takes activation"):
        instantiate_group(config, "model", in_features=1, out_features=1)


def test_the_error_of_a_constructor_is_reported_with_the_choice() -> None:
    config = mlplab.configure("model=linear", "model.initial_weight=1e300")
    with pytest.raises(UserError, match=r"^model=linear: .*overflow"):
        instantiate_group(config, "model", in_features=1, out_features=1)


def test_a_constructor_that_fails_is_called_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken_loss.py").write_text(
        "from torch import nn\n"
        "class Broken(nn.MSELoss):\n"
        "    calls = 0\n"
        "    def __init__(self, nested=None):\n"
        "        Broken.calls += 1\n"
        "        raise KeyError(f'call {Broken.calls}')\n"
    )
    target = "loss._target_=broken_loss.Broken"
    for message, *overrides in (
        ("call 1", target),
        ("call 2", target, "+loss.nested={_target_:torch.nn.ReLU}"),  # not cached: nested objects are not shared
    ):
        config = mlplab.configure("data=line", *overrides, "allow=[broken_loss]")
        with pytest.raises(UserError, match=f"^loss=mse: '{message}'$"):
            instantiate_group(config, "loss")


def test_out_of_memory_is_not_an_error_of_the_choice() -> None:
    config = mlplab.configure("model=linear")
    with pytest.raises(RuntimeError) as caught:
        instantiate_group(config, "model", in_features=10**9, out_features=10**9)
    assert describe_error(caught.value).startswith("out of memory")


def test_a_class_that_is_not_allowed_is_refused() -> None:
    config = OmegaConf.create({"loss": {"_target_": "os.getcwd"}, "choice": {"loss": "mse"}, "allow": []})
    with pytest.raises(UserError, match=r"loss\._target_"):
        instantiate_group(config, "loss")


def test_lists_stay_lists_and_partials_take_the_rest_later() -> None:
    config = mlplab.configure("model.hidden_features=[3,4]")
    network = instantiate_group(config, "model", in_features=2, out_features=1)
    assert [layer.out_features for layer in network.modules() if isinstance(layer, nn.Linear)] == [3, 4, 1]
    optimizer = instantiate_group(config, "optimizer")
    assert optimizer.func is torch.optim.Adam
    assert optimizer(network.parameters()).param_groups[0]["betas"] == (0.9, 0.999)


def test_the_cache_does_not_keep_numbers() -> None:
    configs = [
        mlplab.configure("optimizer=adam", f"optimizer.lr={lr}", f"model.dropout={p}") for lr, p in ((1, 0), (2, 0.5))
    ]
    rates = [
        instantiate_group(config, "optimizer")([nn.Parameter(torch.ones(1))]).param_groups[0]["lr"]
        for config in configs
    ]
    assert rates == [1.0, 2.0]
    rates_of_dropout = [
        [
            one.p
            for one in instantiate_group(config, "model", in_features=2, out_features=1).modules()
            if isinstance(one, nn.Dropout)
        ]
        for config in configs
    ]
    assert set(rates_of_dropout[1]) == {0.5}
    assert set(rates_of_dropout[0]) <= {0.0}


GROUPS = ("data", "model", "activation", "loss", "optimizer", "scheduler", "callback", "learner")


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Calls of functions that must not be called."""
    calls: list[Any] = []
    for name in ("os.system", "torch.load", "torch.hub.load"):
        monkeypatch.setattr(name, lambda *given, **named: calls.append((given, named)))
    return calls


@pytest.mark.parametrize(
    ("target", "message"),
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
def test_a_target_of_another_package_or_base_class_is_refused(
    target: Any, message: str, place: str, called: list[Any]
) -> None:
    node: Any = {"_target_": target, "x": 1}
    inner = {"nested": {"a": {"b": node}}, "in a list": {"a": [1, [node]]}}.get(place)
    outer = node if inner is None else {"_target_": "mlplab.model.mlp.MLP", "activation": inner}
    with pytest.raises(UserError) as caught:
        check_targets(outer, "loss" if inner is None else "model", [])
    expected = message.replace("is no Module or Optimizer", "is no Module") if place == "itself" else message
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not called


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"_args_": [1]}, "_args_: cannot be set"),
        ({"_recursive_": False}, "_recursive_: cannot be set"),
        ({"_convert_": "none"}, "_convert_: cannot be set"),
        ({"beta": "${oc.create:{_target_:os.getcwd}}"}, "is resolved only later"),
        ({"beta": ["${oc.env:HOME}"]}, "is resolved only later"),
        ({"warmth": 3}, r"loss\.warmth: SmoothL1Loss takes no such argument; it takes beta"),
    ],
)
def test_keys_of_hydras_instantiate_and_interpolations_are_refused(extra: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_targets({"_target_": "torch.nn.SmoothL1Loss", **extra}, "loss", [])


def test_a_class_must_have_the_base_class_of_its_group() -> None:
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
def test_every_choice_of_the_project_is_allowed(group: str) -> None:
    from omegaconf import OmegaConf

    for choice in choices(group):
        node: Any = OmegaConf.to_container(OmegaConf.load(Path(CONF_DIR, group, f"{choice}.yaml")), resolve=False)
        plain = {key: value for key, value in node.items() if key != "defaults" and "${" not in str(value)}
        check_targets(plain, group, [])


def test_a_module_of_the_users_own_needs_to_be_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_losses.py").write_text(
        "from torch import nn\nclass Own(nn.MSELoss): pass\ndef make(): pass\nprint('imported')\n"
    )
    overrides = ("data=line", "loss._target_=my_losses.Own")
    with pytest.raises(UserError, match=r"loss\._target_=my_losses\.Own: must be from .*allow=\[my_losses\]"):
        mlplab.configure(*overrides)
    assert "my_losses" not in sys.modules
    config = mlplab.configure(*overrides, "allow=[my_losses]")
    assert type(instantiate_group(config, "loss")).__name__ == "Own"
    with pytest.raises(UserError, match="is not a class"):
        check_targets({"_target_": "my_losses.make"}, "loss", ["my_losses"])


def test_a_function_of_the_users_own_needs_to_be_allowed() -> None:
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
