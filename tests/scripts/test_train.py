"""The train command, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPO, run_script


@pytest.mark.slow
def test_it_runs_from_any_folder_and_writes_into_the_current_one(tmp_path: Path) -> None:
    answer = run_script("train", "data=iris", "trainer.max_epochs=2", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    assert "\x1b" not in answer.stdout
    assert "\r" not in answer.stdout
    (run,) = (tmp_path / "outputs" / "iris").iterdir()
    names = [
        "checkpoints",
        "config.yaml",
        "curves.png",
        "diagnosis.json",
        "history.csv",
        "scores.json",
        "tensorboard",
        "train.log",
    ]
    assert sorted(path.name for path in run.iterdir()) == names
    assert (run / "train.log").read_text() == answer.stdout
    assert f"run       outputs/iris/{run.name}" in answer.stdout
    assert json.loads((run / "scores.json").read_text())["epochs"] == 2


@pytest.mark.slow
def test_it_runs_from_an_installed_package_where_no_checkout_is(tmp_path: Path) -> None:
    """A wheel holds conf and scripts; its train command composes from its own conf folder."""
    pip_wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip_wheel, "--wheel-dir", str(tmp_path), str(REPO)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("mlplab-*.whl")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(tmp_path / "site")], check=True)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); sys.argv = ['mlplab-train', *sys.argv[1:]];"
        "import mlplab.scripts.train as script; assert 'site' in script.__file__; script.main()"
    )
    arguments = ["data=iris", "trainer.max_epochs=1", "run_dir=run"]
    answer = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "run" / "scores.json").exists()


def test_the_console_command_is_installed() -> None:
    command = Path(sys.executable).with_name("mlplab-train")
    answer = subprocess.run([str(command), "--help"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0
    assert "python scripts/train.py -m optimizer=sgd,adam" in answer.stdout


def test_help_imports_nothing_heavy_and_lists_groups_choices_and_six_examples(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", str(REPO / "scripts" / "train.py"), "--help"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    imported = {line.rsplit("|", 1)[1].strip() for line in answer.stderr.splitlines()}
    assert "hydra" in imported
    assert not imported & {"torch", "lightning", "torchvision", "sklearn", "pandas", "matplotlib", "tensorboard"}
    assert list(tmp_path.iterdir()) == []
    printed = answer.stdout
    groups = {path.name for path in (REPO / "conf").iterdir() if path.is_dir()} - {"hydra"}
    assert all(f"\n{group}: " in printed for group in groups)
    assert printed.count("\n  python scripts/train.py") == 7  # the usage line and six examples
