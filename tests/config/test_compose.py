"""Configurations composed by Hydra, and the private Hydra calls of compose.py."""

import inspect
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hydra
import pytest
import yaml
from hydra import compose
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.core_plugins.importlib_resources_config_source import ImportlibResourcesConfigSource
from hydra._internal.core_plugins.structured_config_source import StructuredConfigSource
from hydra._internal.sources_registry import SourcesRegistry
from hydra._internal.utils import get_args_parser
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.errors import HydraException
from hydra.plugins.config_source import ConfigLoadError
from omegaconf import DictConfig, OmegaConf

import mlplab.config.cli  # noqa: F401, registers the resolver folder_name
from mlplab.config.compose import (
    BasicLauncher,
    CachedFileSource,
    JobComposer,
    compose_run,
    folder_name,
    isolated_hydra,
    share_stored_configs,
)
from mlplab.config.tree import to_plain
from tests.conftest import REPO, run_script

LAUNCHERS = sorted(path.stem for path in (REPO / "conf" / "hydra" / "launcher").glob("*.yaml"))
JOBS = [
    ["data=iris", f"optimizer.lr={lr}", f"optimizer={name}", "sweep.name=s", f"model.hidden_features={widths}", *more]
    for lr, widths in ((0.1, "[4]"), (0.01, "[8,8]"))
    for name in ("sgd", "adam")  # the choice changes back and forth
    for more in ((), ("hydra.sweep.subdir='7_a=1,b'",), ("+model.extra={a:1}",))
]
PRIVATE: list[tuple[Callable[..., Any], list[str], str]] = [
    (get_args_parser, [], "parses the flags of a command line before Hydra does"),
    (ConfigLoaderImpl.load_sweep_config, ["self", "master_config", "sweep_overrides"], "composes a job of a sweep"),
    (ConfigLoaderImpl._apply_overrides_to_config, ["overrides", "cfg"], "sets the keys in which jobs differ"),
    (get_overrides_dirname, ["overrides", "exclude_keys", "item_sep", "kv_sep"], "names the folder of a job"),
    (BasicLauncher.launch, ["self", "job_overrides", "initial_job_idx"], "runs the jobs that no stack takes"),
    (BasicLauncher.setup, ["self", "hydra_context", "task_function", "config"], "prepares the launcher of these jobs"),
    (FileConfigSource.load_config, ["self", "config_path"], "parses a YAML file of conf/"),
    (ImportlibResourcesConfigSource.load_config, ["self", "config_path"], "parses a YAML file of Hydra"),
    (StructuredConfigSource.load_config, ["self", "config_path"], "reads ConfigStore, which is not copied"),
    (BasicSweeper.split_arguments, ["overrides", "max_batch_size"], "expands a grid into jobs"),
]


@pytest.mark.parametrize(("call", "parameters", "use"), PRIVATE, ids=lambda value: getattr(value, "__name__", ""))
def test_a_private_call_of_hydra_has_the_parameters_that_we_pass(
    call: Callable[..., Any], parameters: list[str], use: str
) -> None:
    found = list(inspect.signature(call).parameters)
    where = f"Hydra {hydra.__version__} changed {call.__qualname__}, which {use}: adapt config/compose.py"
    assert found == parameters, where


def test_the_private_attributes_of_hydra_exist() -> None:
    where = f"Hydra {hydra.__version__} changed"
    assert "_return_value" in vars(JobReturn()), f"{where} JobReturn: adapt job_error in config/compose.py"
    assert hasattr(HydraConfig.instance(), "cfg"), f"{where} HydraConfig: adapt isolated_hydra in config/compose.py"
    assert hasattr(GlobalHydra.instance(), "hydra"), f"{where} GlobalHydra: adapt isolated_hydra in config/compose.py"
    Plugins.instance()  # registers the sources
    assert {"file", "pkg"} <= set(SourcesRegistry.instance().types), f"{where} SourcesRegistry: adapt parse_files_once"
    repo = ConfigStore.instance().repo
    assert isinstance(repo["hydra"]["launcher"], dict), f"{where} ConfigStore: adapt prefer_own_configs in compose.py"


def test_a_file_that_has_changed_is_parsed_again(tmp_path: Path) -> None:
    source = CachedFileSource("main", f"file://{tmp_path}")
    file = tmp_path / "train.yaml"
    for number, text in enumerate(("lr: 1", "lr: 2")):
        file.write_text(text)
        os.utime(file, ns=(number, number))
        found = source.load_config("train").config
        assert found == yaml.safe_load(text)
        found.lr = 3  # as Hydra does
        assert source.load_config("train").config == yaml.safe_load(text)
    file.unlink()
    with pytest.raises(ConfigLoadError, match="not found"):
        source.load_config("train")


def test_a_process_of_a_launcher_takes_the_state_that_it_is_sent() -> None:
    """joblib and submitit set Hydra's state in their processes, where Hydra has registered its own sources."""
    code = """if True:
        from hydra.core.singleton import Singleton
        from mlplab.config.compose import parse_files_once
        parse_files_once()
        Singleton.set_state(Singleton.get_state())
    """
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_composition_does_not_change_the_configurations_that_it_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    def stored() -> str:
        return OmegaConf.to_yaml(ConfigStore.instance().repo["hydra"]["config.yaml"].node)

    types = SourcesRegistry.instance().types
    monkeypatch.setitem(types, "structured", types["structured"])  # is put back at the end
    share_stored_configs()
    with isolated_hydra():
        before = stored()
        changed = compose("train", ["hydra.run.dir=elsewhere", "hydra/job_logging=disabled"], return_hydra_config=True)
        assert changed.hydra.run.dir == "elsewhere"
        changed.hydra.job.name = "changed"
        assert stored() == before
        assert compose("train", return_hydra_config=True).hydra.job.name == "train"


@pytest.fixture
def sweep() -> Iterator[tuple[Any, DictConfig]]:
    """Hydra's loader, and the configuration of a sweep."""
    with isolated_hydra():
        fixed = "hydra.job.config.override_dirname.exclude_keys=[data,sweep.name]"
        master = compose("train", ["data=iris", "sweep.name=s", fixed], return_hydra_config=True)
        yield GlobalHydra.instance().config_loader(), master


def test_each_job_is_composed_as_hydra_composes_it(sweep: tuple[Any, DictConfig]) -> None:
    loader, master = sweep
    composer = JobComposer(loader, master)
    for overrides in JOBS:
        composed = composer.compose(overrides)
        found = to_plain(composed), recorded(composed)
        reference = loader.load_sweep_config(master, overrides)
        HydraConfig.instance().set_config(reference)
        expected = to_plain(reference), recorded(reference)
        for plain, _ in (found, expected):
            plain.pop("run_dir")  # the time of day
        assert found == expected
        assert found[0]["choice"]["optimizer"] == overrides[2].partition("=")[2]


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["optimizer.lr=0.1", "data=iris", "hydra.job.config.override_dirname.exclude_keys=[data]"],
        ["optimizer.lr=0.2", "data=iris", "callback=[early_stopping]", "callback.early_stopping.patience=3"],
        ["experiment=overfit", "model.hidden_features=[4]", "+model.extra=1"],
        ["~optimizer.lr", "data=iris"],
        ["optimizer.betas=[0.1,0.2]", "data=iris", "optimizer.lr=0.3"],
        ["data.ranges={T: [1,2]}", "data=function"],
    ],
)
def test_a_run_is_composed_as_hydra_composes_it(overrides: list[str]) -> None:
    with isolated_hydra():
        expected = compose("train", overrides, return_hydra_config=True)
        for _ in range(2):  # the second time for choices that are known
            found = compose_run(overrides)
            for composed in (found, expected):
                HydraConfig.instance().set_config(composed)
                composed.run_dir = composed.sweep.name = "the time of day"
            assert (to_plain(found), recorded(found)) == (to_plain(expected), recorded(expected))
            assert found.hydra.runtime == expected.hydra.runtime


@pytest.mark.parametrize("override", ["optimizer.lrr=1", "hydra.job.nam=x", "optimizer.lr=1,2", "data=iriss"])
def test_an_error_of_hydra_keeps_its_message(override: str) -> None:
    with isolated_hydra():
        compose_run(["data=iris"])
        with pytest.raises(HydraException) as expected:
            compose("train", ["data=iris", override], return_hydra_config=True)
        with pytest.raises(HydraException) as found:
            compose_run(["data=iris", override])
    assert str(found.value) == str(expected.value)


def recorded(config: DictConfig) -> dict[str, Any]:
    """The overrides and choices that Hydra records for a job."""
    of_hydra = config.hydra
    overrides = {name: list(of_hydra.overrides[name]) for name in ("task", "hydra")}
    return {**overrides, "dirname": of_hydra.job.override_dirname, "choices": dict(of_hydra.runtime.choices)}


def test_a_job_has_its_number_and_its_folder(sweep: tuple[Any, DictConfig]) -> None:
    composer = JobComposer(*sweep)
    for number in (3, 4):  # the second is composed from the first
        of_hydra = composer.numbered(["data=iris", "seed=1", "sweep.name=s"], number).hydra
        assert (of_hydra.job.num, of_hydra.job.id) == (number, str(number))
        assert of_hydra.runtime.output_dir.endswith(f"outputs/sweeps/s/{number}_seed=1")
    named = ["data=iris", "seed=1", "sweep.name=s", "hydra.sweep.subdir='0_mine'"]
    assert composer.numbered(named, 5).hydra.runtime.output_dir.endswith("outputs/sweeps/s/0_mine")


def test_folder_names_are_safe_and_short() -> None:
    assert folder_name("model.hidden_features=[8, 8],data.path=/a b") == "model.hidden_features=-8,-8-,data.path=-a-b"
    assert len(folder_name("x" * 500)) == 100


@pytest.mark.parametrize("name", ["joblib", "submitit_local"])
def test_the_launchers_of_conf_replace_those_of_the_plugins(name: str, tmp_path: Path) -> None:
    pytest.importorskip(f"hydra_plugins.hydra_{name.partition('_')[0]}_launcher", reason="needs the extra of it")
    answer = run_script("train", "-m", f"hydra/launcher={name}", "hydra.launcher.wat=1", "seed=1,2", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.startswith("mlplab: hydra.launcher.wat: unknown key")
    assert len(answer.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_launcher_is_refused_with_the_names_of_all(tmp_path: Path) -> None:
    answer = run_script("train", "-m", "hydra/launcher=slurm", "seed=1,2", cwd=tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.startswith("mlplab: hydra/launcher=slurm: unknown choice")
    assert all(name in answer.stderr for name in LAUNCHERS)
