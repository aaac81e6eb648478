"""What one key does: mean and best over the values of the others."""

import pytest
from matplotlib.figure import Figure

from mlplab.report.sweep_plots import draw_effect

VALUES = {"0.001": [0.5, 0.7], "0.01": [0.1, 0.3], "0.1": [0.2, 0.9]}


def drawn(colour: str, axes: object) -> list[float]:
    (line,) = (line for line in axes.get_lines() if line.get_color() == colour)  # type: ignore[attr-defined]
    return [*map(float, line.get_ydata())]


def test_mean_and_best_of_each_value_and_a_dot_a_setting() -> None:
    axes = Figure().subplots()
    draw_effect(axes, "optimizer.lr", VALUES, [0.001, 0.01, 0.1], "validation loss")
    assert drawn("#0072B2", axes) == pytest.approx([0.6, 0.2, 0.55])
    assert drawn("#E69F00", axes) == [0.5, 0.1, 0.2]
    dots = [line for line in axes.get_lines() if line.get_color() == "#999999"]
    assert [list(line.get_ydata()) for line in dots] == [*VALUES.values()]
    assert axes.get_xscale() == "log"
    assert {text.get_text() for text in axes.texts} == {"mean", "best"}
    assert axes.get_ylim() == pytest.approx((0.1 - 0.06 * 0.8, 0.9 + 0.06 * 0.8))
    assert [label.get_text() for label in axes.get_xticklabels()] == [*VALUES]


def test_of_words_no_line_leads_from_one_to_the_next_and_more_may_be_better() -> None:
    axes = Figure().subplots()
    draw_effect(axes, "optimizer", {"adam": [0.9, 0.8], "sgd": [0.7, 0.5]}, None, "accuracy", lower_is_better=False)
    assert drawn("#E69F00", axes) == [0.9, 0.7]
    assert all(line.get_linestyle() == "None" for line in axes.get_lines() if line.get_color() == "#0072B2")
    assert axes.get_xscale() == axes.get_yscale() == "linear"


def test_with_one_setting_a_value_the_mean_is_all_there_is() -> None:
    axes = Figure().subplots()
    draw_effect(axes, "model.dropout", {"0": [0.001], "0.5": [0.9]}, [0, 0.5], "loss")
    assert [text.get_text() for text in axes.texts] == []
    assert (axes.get_xscale(), axes.get_yscale(), axes.get_ylabel()) == ("linear", "log", "loss\n(log scale)")


def test_values_of_a_search_have_no_word_each_and_no_line_through_them() -> None:
    rates = [0.001, 0.01, 0.0101, 0.0983, 0.1]
    axes = Figure().subplots()
    draw_effect(axes, "optimizer.lr", {f"{rate}": [rate] for rate in rates}, rates, "loss")
    assert drawn("#0072B2", axes) == rates
    assert all(line.get_linestyle() == "None" for line in axes.get_lines())
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.001", "0.003", "0.01", "0.03", "0.1"]


def test_words_never_lie_upon_each_other() -> None:
    """Of many numbers the axis has a few round ones; many words stand aslant."""
    axes = Figure().subplots()
    rates = [3e-4 * 1.3**place for place in range(16)]
    draw_effect(axes, "optimizer.lr", {f"{rate:.5f}": [rate] for rate in rates}, rates, "loss")
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        "0.0005",
        "0.001",
        "0.002",
        "0.005",
        "0.01",
        "0.02",
    ]
    assert any(line.get_linestyle() == "-" for line in axes.get_lines() if line.get_color() == "#0072B2")
    axes = Figure().subplots()
    names = [f"activation_{place}" for place in range(9)]
    draw_effect(axes, "activation", {name: [0.5] for name in names}, None, "loss")
    assert [label.get_text() for label in axes.get_xticklabels()] == names
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {30}
