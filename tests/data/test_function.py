"""Any Python function becomes rows; what cannot be called is refused with its name."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlplab.data.function import Function, gas_flow
from mlplab.errors import UserError

GAS = {"T": [250.0, 400.0], "P": [1.0, 10.0], "Q": [1.0, 100.0]}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """module(name, source): a module in the current folder."""

    def write(name: str, source: str) -> None:
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return write


@pytest.mark.parametrize(
    ("temperature", "pressure", "expected"),
    [(273.15, 1.01325, 10.0), (546.3, 1.01325, 20.0), (273.15, 2.0265, 5.0), (546.3, 4.053, 5.0)],
)
def test_a_gas_grows_with_temperature_and_shrinks_with_pressure(
    temperature: float, pressure: float, expected: float
) -> None:
    assert gas_flow(T=temperature, P=pressure, Q=10.0) == pytest.approx(expected)


def test_each_row_is_the_functions_value_at_inputs_within_their_ranges() -> None:
    rows = Function(function="mlplab.data.function.gas_flow", ranges=GAS, num_rows=500, noise=0).read()
    assert rows.feature_names == ("T", "P", "Q")
    assert rows.target_names == ("gas_flow",)
    temperature, pressure, flow = rows.features.T
    np.testing.assert_allclose(rows.target[:, 0], flow * temperature / 273.15 * 1.01325 / pressure)
    for (low, high), values in zip(GAS.values(), rows.features.T, strict=True):
        assert low <= values.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < values.max() <= high


def test_noise_is_a_standard_deviation_in_the_unit_of_the_function() -> None:
    clean, noisy = (
        Function(function="mlplab.data.function.gas_flow", ranges=GAS, num_rows=20_000, noise=noise).read().target
        for noise in (0.0, 2.0)
    )
    assert (noisy - clean).std() == pytest.approx(2.0, rel=0.02)


def test_a_function_of_a_file_in_the_current_folder_is_found(module: Callable[[str, str], None]) -> None:
    module("written_here", "def twice(x): return 2 * x\n")
    rows = Function(function="written_here.twice", ranges={"x": [0.0, 1.0]}, num_rows=30, noise=0).read()
    np.testing.assert_allclose(rows.target, 2 * rows.features)


def test_the_import_path_is_left_as_it_was(module: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    module("imported_here", "def same(x): return x\n")
    monkeypatch.syspath_prepend(os.getcwd())
    before = list(sys.path)
    Function(function="imported_here.same", ranges={"x": [0.0, 1.0]}, num_rows=10).read()
    assert sys.path == before


@pytest.mark.parametrize("name", ["no_such_module.f", "mlplab.data.function.no_such_function", "f"])
def test_a_function_that_cannot_be_imported_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=rf"data\.function={name}.*cannot be imported"):
        Function(function=name, ranges={"x": [0.0, 1.0]}).read()


def test_a_name_that_is_not_a_function_is_refused() -> None:
    with pytest.raises(UserError, match=r"math\.pi.*not a function"):
        Function(function="math.pi", ranges={"x": [0.0, 1.0]}).read()


def test_ranges_of_other_arguments_than_the_functions_are_refused() -> None:
    with pytest.raises(UserError, match=r"gas_flow with data\.ranges of T, volume"):
        Function(function="mlplab.data.function.gas_flow", ranges={"T": [1.0, 2.0], "volume": [1.0, 2.0]}).read()


def test_a_range_whose_low_is_above_its_high_is_refused() -> None:
    with pytest.raises(UserError, match=r"data\.ranges.*T"):
        Function(function="mlplab.data.function.gas_flow", ranges={**GAS, "T": [400.0, 250.0]}).read()


@pytest.mark.parametrize(
    ("source", "reason"), [("1 / (x - x)", "division by zero"), ("float('nan') * x", r"not finite at x=1\.\d+")]
)
def test_a_function_without_a_value_in_its_range_is_refused(
    source: str, reason: str, module: Callable[[str, str], None]
) -> None:
    module("no_value", f"def f(x): return {source}\n")
    with pytest.raises(UserError, match=reason):
        Function(function="no_value.f", ranges={"x": [1.0, 2.0]}).read()


def test_another_function_needs_ranges() -> None:
    with pytest.raises(UserError, match=r"data\.ranges is missing: give each argument of math\.hypot"):
        Function(function="math.hypot").read()


def test_the_gas_flow_has_default_ranges() -> None:
    rows = Function(num_rows=1000).read()
    assert rows.feature_names == ("T", "P", "Q")
    low, high = rows.features.min(axis=0), rows.features.max(axis=0)
    assert ((low >= [250, 1, 1]) & (low <= [252, 1.1, 2])).all()
    assert ((high <= [400, 10, 100]) & (high >= [398, 9.9, 99])).all()
