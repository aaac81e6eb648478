"""The predict command, in a process of its own."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import run_script


def test_the_console_command_is_installed_with_the_package() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    for name in ("train", "evaluate", "predict", "compare"):
        assert f'mlplab-{name} = "mlplab.scripts.{name}:main"' in text


def test_an_input_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    answer = run_script("predict", "run=last", "input=none.csv", "output=out.csv", cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (1, "mlplab: input=none.csv: no such file or folder\n")
    assert list(tmp_path.iterdir()) == []


def test_importing_its_function_imports_no_torch() -> None:
    code = "from mlplab.command.predict import predict; import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
