"""Finding a run, and reading its config.yaml."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf

import mlplab
from mlplab.config.groups import FORMAT
from mlplab.errors import UserError
from mlplab.run.config_file import read_config
from mlplab.run.folder import find_run, iter_runs


def written(folder: Path, *overrides: str, version: object = FORMAT, **changed: Any) -> Path:
    """A run folder with the config.yaml that training writes."""
    folder.mkdir(parents=True)
    config: Any = OmegaConf.to_container(mlplab.configure(*overrides, f"run_dir='{folder}'"))
    (folder / "config.yaml").write_text(yaml.safe_dump({"format": version, **config, **changed}))
    return folder


def edited(run: Path, edit: Callable[[dict[str, Any]], Any]) -> Path:
    config = yaml.safe_load((run / "config.yaml").read_text())
    edit(config)
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    return run


def test_last_is_the_run_with_the_newest_configuration_sweep_jobs_included(tmp_path: Path) -> None:
    names = ("iris/one", "sweeps/mine/0_seed=1", "wine/two")
    for age, name in enumerate(names):
        run = written(tmp_path / "outputs" / name)
        os.utime(run / "config.yaml", (1000 - age, 1000 - age))
    base = tmp_path / "outputs"
    assert find_run("last", base) == base / "iris/one"
    os.utime(base / "sweeps/mine/0_seed=1/config.yaml", (2000, 2000))
    assert find_run("last", base) == base / "sweeps/mine/0_seed=1"
    assert sorted(iter_runs(base)) == [base / name for name in names]
    assert find_run(str(base / "wine/two")) == base / "wine/two"


def test_a_folder_that_is_called_last_is_a_folder_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    written(Path("last"))
    written(Path("outputs/iris/one"))
    assert find_run("last") == Path("outputs/iris/one")
    assert find_run("./last") == find_run(Path("./last")) == Path("last")


def test_a_folder_that_is_no_run_is_reported_with_a_run_in_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run=last: there is no run below"):
        find_run("last", tmp_path / "outputs")
    with pytest.raises(UserError, match="no such folder"):
        find_run(str(tmp_path / "nowhere"))
    run = written(tmp_path / "outputs" / "iris" / "one")
    with pytest.raises(UserError, match=f"no config.yaml; it holds runs, such as {run}"):
        find_run(str(tmp_path / "outputs"))


@pytest.mark.parametrize("overrides", [["data=iris"], ["experiment=overfit"], ["data=diabetes", "loss=huber"]])
def test_a_written_configuration_is_read_unchanged(tmp_path: Path, overrides: list[str]) -> None:
    run = written(tmp_path / "run", *overrides, "callback=[early_stopping]", "+trainer.limit_train_batches=3")
    config = mlplab.configure(*overrides, "callback=[early_stopping]", "+trainer.limit_train_batches=3")
    config.run_dir, config.sweep = str(run), read_config(run).sweep
    assert read_config(run) == config


def test_a_run_that_was_moved_is_known_by_its_new_place(tmp_path: Path) -> None:
    run = written(tmp_path / "run").rename(tmp_path / "elsewhere")
    assert read_config(run).run_dir == str(run)


def test_an_older_format_gets_the_keys_that_were_added_since_with_their_defaults(tmp_path: Path) -> None:
    run = edited(written(tmp_path / "run", "data=iris", version=1), lambda config: config["trainer"].pop("max_time"))
    assert read_config(run).trainer.max_time is None
    assert read_config(run).data.name == "iris"


def test_a_run_of_format_2_has_the_default_leak_check(tmp_path: Path) -> None:
    run = edited(written(tmp_path / "run", "data=iris", version=2), lambda config: config["data"].pop("leak_check"))
    assert read_config(run).data.leak_check == "basic"


def test_off_stays_a_string_in_a_file(tmp_path: Path) -> None:
    assert read_config(written(tmp_path / "run", "data=iris", "data.leak_check=off")).data.leak_check == "off"


@pytest.mark.parametrize("version", [FORMAT + 1, 0, "two", None, True])
def test_a_format_that_is_not_known_is_refused(tmp_path: Path, version: object) -> None:
    with pytest.raises(UserError, match=rf"config.yaml: .*format.* {version}"):
        read_config(written(tmp_path / "run", version=version))


@pytest.mark.parametrize(
    ("edit", "printed"),
    [
        (lambda config: config["trainer"].update(max_epochs=-3), "trainer.max_epochs=-3: must be"),
        (lambda config: config["trainer"].update(max_epochs="many"), "trainer.max_epochs=many: must be|an integer"),
        (lambda config: config.update(warmth=3), "warmth: unknown key"),
        (lambda config: config.pop("seed"), "seed: required key is missing"),
        (lambda config: config["choice"].update(data="irs"), "data=irs: unknown choice; did you mean iris"),
        (lambda config: config.update(choice=None), "choice: what was chosen"),
        (lambda config: config["choice"].update({"hydra.searchpath": "[x]"}), "choice.hydra.searchpath"),
        (lambda config: config["choice"].update(data=["iris", "wine"]), "choice.data"),
        (lambda config: config["choice"].update(data="iris,wine"), "data=iris,wine"),
        (lambda config: config.update(model=3), "model"),
        (lambda config: config.update(optimizer=None), "optimizer=null: must be a mapping"),
        (lambda config: config.update(callback=None), "callback=null: must be a mapping"),
        (lambda config: config["choice"].update(data="${oc.env:HOME}"), r"choice.data=\$\{oc.env:HOME\}: is resolved"),
        (lambda config: config.update(allow=["${oc.env:HOME}"]), r"allow=\[\$\{oc.env:HOME\}\]: is resolved"),
        (
            lambda config: config["choice"].update(optimizer="adagrad"),
            "optimizer._target_=torch.optim.Adam: not that of optimizer=adagrad; choose optimizer=adam",
        ),
        (
            lambda config: config["choice"].update(data="wine"),
            "data.name=iris: not that of data=wine; choose data=iris",
        ),
        (lambda config: config["choice"].update(loss="mse2"), "loss=mse2: unknown choice"),
        (
            lambda config: config["trainer"].update(max_epoch=config["trainer"].pop("max_epochs")),
            "trainer.max_epoch: unknown key; did you mean trainer.max_epochs",
        ),
    ],
)
def test_an_error_in_an_edited_file_is_one_line_with_file_and_key(
    tmp_path: Path, edit: Callable[[dict[str, Any]], Any], printed: str
) -> None:
    run = edited(written(tmp_path / "run", "data=iris"), edit)
    with pytest.raises(UserError, match=f"config.yaml: .*({printed})") as error:
        read_config(run)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["a: [1", "- 1\n- 2", "", "\tseed: 1", "format: 2"])
def test_a_file_that_is_no_configuration_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=r"config.yaml") as error:
        read_config(tmp_path)
    assert "\n" not in str(error.value)


def test_an_ensemble_was_not_trained(tmp_path: Path) -> None:
    read_config(written(tmp_path / "run"), ensembles=False)
    run = edited(written(tmp_path / "united"), lambda config: config.update(ensemble=5))
    with pytest.raises(UserError, match=r"^run=.*united: is an ensemble, which was not trained itself; name one of"):
        read_config(run, ensembles=False)
    with pytest.raises(UserError, match=r"config\.yaml: ensemble=1: must be an integer from 2 to 1000"):
        read_config(edited(run, lambda config: config.update(ensemble=1)))


def test_a_run_of_format_4_is_no_ensemble(tmp_path: Path) -> None:
    run = written(tmp_path / "run", "data=iris", version=4)
    config = read_config(edited(run, lambda config: (config.pop("ensemble"), config["sweep"].pop("ensemble"))))
    assert (config.ensemble, config.sweep.ensemble) == (None, False)


def test_a_run_of_format_4_was_on_one_split(tmp_path: Path) -> None:
    def edit(config: dict[str, Any]) -> None:
        config.pop("cv")
        for key in ("folds", "fold"):
            config["data"].pop(key)

    run = edited(written(tmp_path / "run", "data=iris", version=4), edit)
    assert (read_config(run).data.folds, read_config(run).data.fold, read_config(run).cv) == (None, 0, None)


def test_a_stored_configuration_may_have_an_old_name_of_a_task(tmp_path: Path) -> None:
    run = written(tmp_path / "run", "data=csv", "data.path=x", "data.target=y", "data.task=regression", version=5)
    edited(run, lambda config: config["data"].update(task="values"))
    assert read_config(run).data.task == "regression"
