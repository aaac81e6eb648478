"""The commands evaluate, predict and compare, each in a process of its own."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import mlplab
from tests.conftest import REPO, run_script


@pytest.mark.slow
def test_a_run_is_evaluated_predicts_and_is_compared(tmp_path: Path) -> None:
    """`last` is the newest run, no other file is written, and nothing is printed on stderr."""
    run = tmp_path / "outputs" / "iris" / "newest"
    mlplab.train(mlplab.configure("data=iris", "trainer.max_epochs=2", "report.picture=false", f"run_dir={run}"))
    answer = run_script("evaluate", "run=last", cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.count("the same") == 5
    assert (run / "evaluation" / "test" / "confusion.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "rows.csv").write_text(
        "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n5.1,3.5,1.4,0.2\n"
    )
    answer = run_script("predict", "run=last", "input=rows.csv", "output=out.csv", cwd=tmp_path)
    assert (answer.returncode, answer.stderr, answer.stdout) == (0, "", "written   out.csv: 1 row\n")
    answer = run_script("compare", cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert f"outputs/iris/{run.name} (last)" in answer.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "outputs", "rows.csv"]
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump({**config, "batch_size": -4}))
    answer = run_script("evaluate", "run=last", cwd=tmp_path)
    printed = f"mlplab: outputs/iris/{run.name}/config.yaml: batch_size=-4: must be an integer from 1 to 1000000000\n"
    assert (answer.returncode, answer.stdout, answer.stderr) == (1, "", printed)
    shutil.rmtree(run)
    assert run_script("evaluate", "run=last", cwd=tmp_path).stderr == (
        "mlplab: run=last: there is no run below outputs; train one, or give the path of a run folder\n"
    )


@pytest.mark.parametrize("name", ["evaluate", "predict", "compare"])
def test_help_has_examples_and_every_key(name: str, tmp_path: Path) -> None:
    answer = run_script(name, "--help", cwd=tmp_path)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.count(f"\n  python scripts/{name}.py") >= 4
    config = yaml.safe_load((REPO / "conf" / f"{name}.yaml").read_text())
    keys = {key for key in config if key not in ("defaults", "hydra", "only", "data")}
    keys |= {f"data.{key}" for key in config.get("data", {})} | set(config.get("only", {}))
    for key in keys:
        assert f"\n  {key} " in answer.stdout, key
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "arguments", "printed"),
    [
        ("evaluate", ["run=nowhere", "debug=true"], "run=nowhere: no such folder"),
        ("predict", ["run=last", "inpt=x"], "inpt: unknown key; did you mean input?"),
        ("compare", ["modl=x"], "modl: unknown key; did you mean model?"),
        ("evaluate", ["run=last", "data=null"], "groups such as data and model are chosen by name, in train"),
    ],
)
def test_a_user_error_is_one_line_before_anything_heavy_is_imported(
    name: str, arguments: list[str], printed: str, tmp_path: Path
) -> None:
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", str(REPO / "scripts" / f"{name}.py"), *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert f"mlplab: {printed}" in answer.stderr
    assert ("Traceback" in answer.stderr) == ("debug=true" in arguments)
    imported = {line.rsplit("|", 1)[1].strip() for line in answer.stderr.splitlines() if line.count("|") == 2}
    assert not imported & {"torch", "lightning", "torchvision", "sklearn", "pandas", "matplotlib", "tensorboard"}
    assert list(tmp_path.iterdir()) == []
