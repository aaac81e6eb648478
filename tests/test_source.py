"""What is read in the source of a class is what the class itself says."""

import re
from pathlib import Path

import pytest

import mlplab
from mlplab import source
from mlplab.allowed import _arguments, _found
from mlplab.configuration import CONF
from mlplab.mistake import Mistake
from mlplab.source import arguments, check_added

OURS = {target for path in Path(CONF).rglob("*.yaml") for target in re.findall(r"_target_: (\S+)", path.read_text())}
THEIRS = (
    *(
        "torch.optim.Muon",
        "torch.optim.Rprop",
        "torch.optim.lr_scheduler.CyclicLR",
        "torch.nn.Linear",
        "torch.nn.RReLU",
    ),
    *("torch.nn.GaussianNLLLoss", "lightning.pytorch.Trainer", "lightning.pytorch.callbacks.ModelCheckpoint"),
    *("lightning.pytorch.callbacks.Timer", "torchvision.ops.MLP", "sklearn.svm.SVC", "torchmetrics.MeanSquaredError"),
)
OF_ANY = {"Sigmoid", "Tanh", "Softsign", "Identity", "RootMeanSquaredError", "WeightAveraging"}  # by `**rest`


@pytest.mark.parametrize("target", sorted(OURS | {*THEIRS}))
def test_the_source_tells_what_the_class_does(target: str) -> None:
    read = arguments(target)
    assert read == _arguments(_found(target)) or read is None
    assert read is not None or target.rpartition(".")[2] in OF_ANY or target not in OURS


@pytest.mark.parametrize("target", ["os.system", "nowhere.Thing", "torch.optim.Nothing", "torch.load", "torch.float32"])
def test_what_is_no_class_of_a_known_package_is_left_to_the_class_itself(target: str) -> None:
    assert arguments(target) is None


MODULES = {
    "__init__": "from .one import *\nfrom .one import Twice\nif 1 > 2:\n    from .one import Hidden\nTwice = 3\n",
    "one": """
from functools import wraps
from dataclasses import dataclass, field
from . import two
from .two import Base as Root, loop

def kept(made):
    @wraps(made)
    def inner(*given, **named):
        return made(*given, **named)
    return inner

def changed(made):
    return lambda self, other: made(self)

class Plain(Root):
    def __init__(self, a, *, b=1, **rest): ...

class Below(two.Base): ...

class Kept:
    @kept
    def __init__(self, a): ...

class Changed:
    @changed
    def __init__(self, a): ...

class Mixed(Root, Plain): ...

class Made(metaclass=type):
    def __init__(self, a): ...

class Hidden:
    def __init__(self): ...

@dataclass
class Fields(Root):
    x: int
    y: list[int] = field(default_factory=list)

@dataclass
class Alone:
    x: int
    y: int = field(init=False)

class Open:
    def __init__(self, **rest): ...

if Plain:
    class Late:
        def __init__(self, a): ...
else:
    class Late:
        def __init__(self, b): ...
""",
    "two": "from .two import loop\nclass Base:\n    def __init__(self, c): ...\n",
}


@pytest.mark.parametrize(
    ("name", "takes"),
    [
        *[("one.Plain", {"a", "b", "c"}), ("one.Below", {"c"}), ("one.Root", {"c"}), ("one.Kept", {"a"})],
        *[("one.Fields", {"x", "y", "c"}), ("Plain", {"a", "b", "c"})],
        *[(f"one.{name}", None) for name in ("Changed", "Mixed", "Made", "Alone", "Open", "Late", "loop", "kept")],
        *[("Twice", None), ("Hidden", None), ("Missing", None)],
    ],
)
def test_where_the_source_alone_does_not_tell_nothing_is_said(
    name: str, takes: set[str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / f"read_{tmp_path.name}"
    folder.mkdir()
    for module, text in MODULES.items():
        (folder / f"{module}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(source, "PACKAGES", (folder.name,))
    assert arguments(f"{folder.name}.{name}") == takes


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("+optimizer.foo=1", r"optimizer\.foo: Adam takes no such argument; it takes amsgrad, betas, "),
        ("+trainer.max_stps=5", r"trainer\.max_stps: Trainer takes no such argument; it takes accelerator, "),
        ("+data.foo=1", r"data\.foo: Bundled takes no such argument; it takes label_noise, "),
        (
            "callback=early_stopping +callback.early_stopping.foo=1",
            r"callback\.early_stopping\.foo: EarlyStopping takes",
        ),
    ],
)
def test_a_key_that_a_class_does_not_take_is_refused_with_those_that_it_takes(words: str, said: str) -> None:
    with pytest.raises(Mistake, match=said):
        mlplab.configure(*words.split())


def test_a_key_that_a_class_takes_can_be_added() -> None:
    config = mlplab.configure("+optimizer.amsgrad=true", "+trainer.max_steps=5")
    assert (config.optimizer.amsgrad, config.trainer.max_steps) == (True, 5)


def test_keys_of_a_module_of_ones_own_are_not_read() -> None:
    check_added({"loss": {"_target_": "own.Loss", "foo": 1}}, {"loss": {"_target_": "own.Loss"}})
