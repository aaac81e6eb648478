"""The versions that scores.json names are those that are installed."""

from importlib.metadata import version

import torch

from mlplab.run.metadata import library_versions


def test_they_are_those_of_the_packages() -> None:
    found = library_versions()
    assert [*found] == ["mlplab", "torch", "lightning"]
    assert found["torch"] == torch.__version__
    assert {name: found[name] for name in ("mlplab", "lightning")} == {
        name: version(name) for name in ("mlplab", "lightning")
    }
