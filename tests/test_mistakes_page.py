"""docs/mistakes.md says what is printed: what follows from the configuration, or from a folder, is asked for again."""

import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException

import mlplab
from mlplab.configuration import CONF
from mlplab.door.compare import compare
from mlplab.door.evaluate import evaluate
from mlplab.door.job import go_on
from mlplab.door.predict import predict
from mlplab.explain import explain
from mlplab.mistake import Mistake
from mlplab.settings import answer
from mlplab.words import words_of
from tests.conftest import REPO

PAGE = (REPO / "docs" / "mistakes.md").read_text()
ROWS = re.findall(r"^\| `(.+?)` \| (.+) \|$", PAGE.split("\n## ")[1], re.MULTILINE)
OF_FOLDERS = "run_dir="  # known once the folder is to be made
OF_DOORS = re.findall(r"^\| (evaluate|predict|resume|compare) \| `?(.*?)`? ?\| (.+) \|$", PAGE, re.MULTILINE)
DOORS: dict[str, Callable[..., Any]] = {"evaluate": evaluate, "predict": predict, "resume": go_on, "compare": compare}


class Code:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch HACKED",)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What the third table is typed in."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("mistakes"))
    mlplab.train(mlplab.configure("data=iris", "trainer.max_epochs=3", "run_dir=runs/iris", "report.picture=false"))
    Path("no_run").mkdir()
    edits: dict[str, Callable[[Any], Any]] = {
        "null_group": lambda config: config.update(optimizer=None),
        "later": lambda config: config["choice"].update(data="${oc.env:HOME}"),
        "other_choice": lambda config: config["choice"].update(optimizer="adagrad"),
        "newer": lambda config: config.update(format=99),
        "code_in_config": lambda config: config["model"].update(_target_="os.system"),
    }
    for name, edit in edits.items():
        path = Path(shutil.copytree("runs/iris", name), "config.yaml")
        config = yaml.safe_load(path.read_text())
        edit(config)
        path.write_text(yaml.safe_dump(config))
    no, cut, code, foreign = (
        Path(shutil.copytree("runs/iris", name), "checkpoints", "best.ckpt")
        for name in ("no_best", "cut_best", "code_best", "foreign_best")
    )
    no.unlink()
    cut.write_bytes(cut.read_bytes()[:2000])
    torch.save({"state_dict": Code(), "hyper_parameters": {}}, code)
    torch.save({"weights": torch.ones(3)}, foreign)
    names = [f"{part} {side} (cm)" for part in ("sepal", "petal") for side in ("length", "width")]
    tables = {
        "rows": "5.1,3.5,1.4,0.2",
        "short": "5.1,3.5,1.4,0.2\n5.1,3.5",
        "gap": "5.1,,1.4,0.2",
        "texty": "5.1,big,1,0",
    }
    for name, cells in tables.items():
        Path(f"{name}.csv").write_text(f"{','.join(names)}\n{cells}\n")
    Path("three.csv").write_text(f"{','.join(names[:3])}\n5,3,1\n")
    Path("there.csv").write_text("mine\n")
    Path("notes.md").write_text("words")
    Path("empty.csv").write_text("")
    yield Path.cwd()
    os.chdir(before)


def test_the_page_has_rows() -> None:
    assert len(ROWS) > 25
    assert {name for name, *_ in OF_DOORS} == set(DOORS)


@pytest.mark.parametrize(("typed", "printed"), [row for row in ROWS if not row[0].startswith(OF_FOLDERS)])
def test_what_the_page_says_is_what_is_printed(typed: str, printed: str) -> None:
    with pytest.raises(Mistake) as mistake:
        mlplab.configure(*shlex.split(typed.replace("\\|", "|")))
    assert str(mistake.value) == printed


@pytest.mark.parametrize(("name", "typed", "printed"), OF_DOORS)
def test_a_door_says_what_the_page_says(
    name: str, typed: str, printed: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.rglob("*"))
    try:
        with initialize_config_dir(CONF, version_base="1.3"):
            answer(DOORS[name], compose(name, words_of(name, shlex.split(typed))), name)
        said = "nothing"
    except SystemExit:
        said = capsys.readouterr().err.removeprefix("mlplab: ").rstrip("\n")
    except (Mistake, HydraException) as error:
        said = explain(error, name)
    assert said == printed
    assert sorted(folder.rglob("*")) == before
