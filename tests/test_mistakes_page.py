"""The messages of docs/mistakes.md are those that are printed: each of its rows is typed again."""

import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from PIL import Image

import mlplab
from mlplab.command.compare import compare
from mlplab.command.evaluate import evaluate
from mlplab.command.find_lr import find_lr
from mlplab.command.job import resume_job, run_guarded
from mlplab.command.lesson import lesson
from mlplab.command.predict import predict
from mlplab.command.report import report
from mlplab.config.cli import run_command
from mlplab.config.groups import CONF_DIR
from mlplab.config.messages import describe_error
from mlplab.config.overrides import command_overrides
from mlplab.config.tree import to_plain
from mlplab.errors import UserError
from mlplab.run.folder import claim_folder, release_folder
from mlplab.sweep.halving import HalvingRecord, Round
from mlplab.sweep.manifest import Job, trained_values, write_manifest
from tests.conftest import REPO, run_script
from tests.sweep.in_process import refusal

PAGE = (REPO / "docs" / "mistakes.md").read_text()
BY_CONFIGURATION, BY_DATA, OF_SWEEPS, IN_TRAINING = (
    re.findall(r"^\| `(.+?)` \| (.+) \|$", part, re.MULTILINE) for part in PAGE.split("\n## ")[1:5]
)
OF_COMMANDS = re.findall(
    r"^\| (evaluate|predict|resume|compare|find_lr|report|lesson) \| `?(.*?)`? ?\| (.+) \|$", PAGE, re.MULTILINE
)
COMMANDS: dict[str, Callable[..., Any]] = {
    "evaluate": evaluate,
    "predict": predict,
    "resume": resume_job,
    "compare": compare,
    "find_lr": find_lr,
    "report": report,
    "lesson": lesson,
}


class Code:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch HACKED",)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder in which the commands of the last table are typed."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("mistakes"))
    mlplab.train(mlplab.configure("data=iris", "trainer.max_epochs=3", "run_dir=runs/iris", "report.picture=false"))
    Path("no_run").mkdir()
    edits: dict[str, Callable[[Any], Any]] = {
        "null_group": lambda config: config.update(optimizer=None),
        "later": lambda config: config["choice"].update(data="${oc.env:HOME}"),
        "other_choice": lambda config: config["choice"].update(optimizer="adagrad"),
        "united": lambda config: config.update(ensemble=3),
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
    Path(shutil.copytree("runs/iris", "not_ended"), "scores.json").unlink()
    Path(shutil.copytree("runs/iris", "no_scores"), "scores.json").write_text("{}")
    Path(shutil.copytree("runs/iris", "bad_path"), "trajectory.npz").write_text("no path")
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
    Path("there.html").write_text("mine\n")
    Path("notes.md").write_text("arguments")
    Path("empty.csv").write_text("")
    yield Path.cwd()
    os.chdir(before)


def tables() -> dict[str, str]:
    """Tables of forty rows of a, b and y; an invalid cell is in line 22."""
    good = [["a", "b", "y"], *([str(10 * row), str(row % 7), str(row)] for row in range(40))]

    def broken(place: int, cell: str) -> list[list[str]]:
        return [[*row[:place], cell, *row[place + 1 :]] if line == 22 else row for line, row in enumerate(good, 1)]

    def column(place: int, cell: Callable[[int], object]) -> list[list[str]]:
        return [good[0], *([*row[:place], str(cell(line)), *row[place + 1 :]] for line, row in enumerate(good[1:]))]

    rows = {
        "good": good,
        "ragged": broken(3, "1"),
        "short": [row[:2] if line == 22 else row for line, row in enumerate(good, 1)],
        "twice": [["a", "a", "y"], *good[1:]],
        "text": broken(0, "oops"),
        "texty": broken(2, "oops"),
        "nany": broken(2, ""),
        "constant": column(2, lambda _: 3),
        "inf": broken(0, "inf"),
        "one_class": column(2, lambda _: "cat"),
        "rare": column(2, lambda row: "rare" if row == 20 else ("cat", "dog")[row % 2]),
        "few": column(2, lambda row: f"class {row % 6}")[:13],
        "floatclass": column(2, lambda row: row + 0.5),
        "offset": column(0, lambda row: 1_600_000_000 + 10 * row),
        "huge": column(0, lambda row: f"{row}e300"),
        "ca/tabular/housing": good,
    }
    made = {name: "\n".join(map(",".join, lines)) for name, lines in rows.items()}
    return {**made, "empty": "", "latin": made["good"].replace("a", "é"), "semi": made["good"].replace(",", ";")}


def write_images(folder: Path) -> None:
    """Writes the files of MNIST with 60 images each, one of them damaged as the name of the folder says."""
    images = bytes([0, 0, 8, 3, 0, 0, 0, 60, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(60 * 28 * 28)
    labels = bytes([0, 0, 8, 1, 0, 0, 0, 60]) + bytes(60)
    folder.mkdir(parents=True)
    for part in ("train", "t10k"):
        Path(folder, f"{part}-images-idx3-ubyte").write_bytes(images)
        Path(folder, f"{part}-labels-idx1-ubyte").write_bytes(labels)
    first = Path(folder, "train-images-idx3-ubyte")
    match folder.parts[0]:
        case "i_missing":
            first.unlink()
        case "i_empty":
            first.write_bytes(b"")
        case "i_trunc":
            first.write_bytes(images[:20000])
        case "i_magic":
            first.write_bytes(bytes([0, 0, 13, 3]) + images[4:])
        case "i_labels":
            Path(folder, "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 50]) + bytes(50))
        case "i_gzcut":
            first.unlink()
            first.with_suffix(".gz").write_bytes(gzip.compress(images)[:-20])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the commands of the second table are typed."""
    folder = tmp_path_factory.mktemp("files")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("ca", "tabular").mkdir(parents=True)
        for name, text in tables().items():
            Path(f"{name}.csv").write_text(text, encoding="latin-1" if name == "latin" else "utf-8")
        for name in ("i_missing", "i_empty", "i_trunc", "i_magic", "i_labels", "i_gzcut"):
            write_images(Path(name, "MNIST", "raw"))
        for name in ("im_bad/a", "im_bad/b", "im_one/a"):
            Path(name).mkdir(parents=True)
            for number in range(4):
                Image.new("L", (8, 8), 60 * number).save(f"{name}/{number}.png")
        Path("im_bad", "a", "0.png").write_text("no image")
    return folder


def test_the_page_has_rows() -> None:
    assert len(BY_CONFIGURATION) > 25
    assert len(BY_DATA) > 35
    assert len(OF_SWEEPS) > 5
    assert len(IN_TRAINING) == 1
    assert {name for name, *_ in OF_COMMANDS} == set(COMMANDS)


@pytest.mark.parametrize(("typed", "printed"), BY_CONFIGURATION)
def test_the_messages_of_the_first_table_are_printed(
    typed: str, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()
    with pytest.raises(UserError) as raised:
        claim_folder(Path(mlplab.configure(*shlex.split(typed)).run_dir), "run_dir")
    assert str(raised.value) == printed


OF_EACH_KIND = (
    "optimizer=adm",
    "optimizer.lr=nan",
    "model._target_=os.system",
)
HEAVY = {"torch", "torchvision", "lightning", "torchmetrics", "sklearn", "pandas", "matplotlib", "tensorboard"}


@pytest.mark.parametrize("typed", OF_EACH_KIND)
def test_an_invalid_configuration_is_refused_before_anything_heavy_is_imported(typed: str, tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", str(REPO / "scripts" / "train.py"), *shlex.split(typed)]
    message = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert message.returncode == 1
    *timed, last = message.stderr.splitlines()
    imported = {line.rsplit("|", 1)[1].strip() for line in timed}
    assert last == f"mlplab: {dict(BY_CONFIGURATION)[typed]}"
    assert "mlplab.config.validate" in imported
    assert not imported & HEAVY
    assert list(tmp_path.iterdir()) == []


def test_every_row_of_the_first_table_is_refused_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    """In one process, where nothing is imported yet."""
    code = """if True:
        import json, sys, mlplab
        from pathlib import Path
        from mlplab.run.folder import claim_folder
        from mlplab.errors import UserError
        Path("mine").mkdir()
        for words in json.load(sys.stdin):
            try:
                claim_folder(Path(mlplab.configure(*words).run_dir), "run_dir")
            except UserError as error:
                print(error)
        print(json.dumps(sorted(sys.modules)))
    """
    rows = json.dumps([shlex.split(typed) for typed, _ in BY_CONFIGURATION])
    command = [sys.executable, "-c", code]
    message = subprocess.run(command, input=rows, cwd=tmp_path, capture_output=True, text=True, check=True)
    *answers, modules = message.stdout.splitlines()
    assert answers == [printed for _, printed in BY_CONFIGURATION]
    assert not HEAVY & set(json.loads(modules))


def configured(typed: str) -> DictConfig:
    return mlplab.configure("run_dir=run", "report.picture=false", *shlex.split(typed))


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(("typed", "printed"), [*BY_DATA, *IN_TRAINING])
def test_the_messages_of_data_and_machine_are_printed(
    typed: str, printed: str, files: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if ("only cpu" in printed or "a CPU" in printed) and torch.accelerator.is_available():
        pytest.skip("printed where there is no GPU")
    monkeypatch.chdir(files)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)  # the command sets its own
    begins = (typed, printed) in IN_TRAINING
    run = Path("diverged" if begins else "run")
    before = sorted(files.rglob("*"))
    claim_folder(run, "run_dir")
    with pytest.raises(SystemExit) as ended:
        run_guarded(lambda: mlplab.train(configured(typed)), run, (run / "config.yaml").exists, release_folder)
    assert ended.value.code == 1
    assert caplog.messages[-1] == f"mlplab: {printed}"
    if begins:
        assert (run / "failure.txt").read_text() == f"{printed}\n"
        assert (run / "history.csv").exists()
    else:
        assert sorted(files.rglob("*")) == before


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the commands of the table of sweeps are typed."""
    folder = tmp_path_factory.mktemp("sweeps")
    kept, halved, other = (folder / "outputs" / "sweeps" / name for name in ("lrs", "halved", "other"))
    for path in (kept, halved, other):
        path.mkdir(parents=True)
    (other / "thesis.txt").write_text("mine")
    arguments = [["data=iris", f"optimizer.lr={lr}"] for lr in (0.1, 0.01)]
    jobs = [
        Job(f"{number}_", job, trained_values(to_plain(mlplab.configure(*job)))) for number, job in enumerate(arguments)
    ]
    for path in (kept, halved):
        write_manifest(path, jobs, ["-m"])
    HalvingRecord([Round(2, 25), Round(1, 50)]).write(halved)
    return folder


@pytest.mark.parametrize(("typed", "printed"), OF_SWEEPS)
def test_the_messages_of_sweeps_are_printed(
    typed: str, printed: str, sweeps: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sweeps)
    before = sorted(sweeps.rglob("*"))
    assert refusal("data=iris", *shlex.split(typed)) == printed
    assert sorted(sweeps.rglob("*")) == before


def test_the_command_prints_a_message_in_one_line(sweeps: Path) -> None:
    typed, printed = OF_SWEEPS[-1]
    answer = run_script("train", "-m", "data=iris", *shlex.split(typed), cwd=sweeps)
    assert (answer.returncode, answer.stdout, answer.stderr) == (1, "", f"mlplab: {printed}\n")


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(("name", "typed", "printed"), OF_COMMANDS)
def test_the_messages_of_the_other_commands_are_printed(
    name: str,
    typed: str,
    printed: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MLPLAB_DATA", raising=False)
    before = sorted(folder.rglob("*"))
    try:
        with initialize_config_dir(CONF_DIR, version_base="1.3"):
            config = compose(name, command_overrides(name, shlex.split(typed)), return_hydra_config=True)
            HydraConfig.instance().set_config(config)
            run_command(COMMANDS[name], config, name)
        message = "nothing"
    except SystemExit:
        message = capsys.readouterr().err.removeprefix("mlplab: ").rstrip("\n")
    except (UserError, HydraException) as error:
        message = describe_error(error, name)
    assert message == printed
    assert sorted(folder.rglob("*")) == before
