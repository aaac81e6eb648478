"""Parts of networks: input scaling and noise, normalisation, max norm, initialisation."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from torch import Tensor, nn

import mlplab
from mlplab.config.schema import CHOICES
from mlplab.errors import UserError
from mlplab.model.layers import (
    INITIALISATIONS,
    InputNoise,
    InputScaler,
    MaxNormLinear,
    initialise_weights,
    normalisation_layer,
)
from mlplab.model.maxout import Maxout
from mlplab.model.mlp import MLP
from mlplab.run.build import build

whole_numbers = arrays(
    np.int64, array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=12), elements=st.integers(-999, 999)
)
pixels = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


def fitted(features: torch.Tensor, standardise: bool = True) -> InputScaler:
    scale = InputScaler(features.shape[1], standardise)
    scale.learn(features)
    return scale


def test_nothing_is_scaled_before_learn() -> None:
    features = torch.tensor([[1.5, -2.0], [1e6, 0.25]])
    assert torch.equal(InputScaler(2)(features), features)
    assert torch.equal(InputScaler(2)(torch.tensor([[0, 255]], dtype=torch.uint8)), torch.tensor([[0.0, 255.0]]))


def test_numbers_are_standardised_by_column_and_the_scaling_is_in_the_state_dict() -> None:
    train = torch.tensor([[1.0, 10.0], [3.0, 30.0]])
    scale = fitted(train)
    torch.testing.assert_close(scale(train), torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))
    # means 2 and 20, standard deviations 1 and 10
    torch.testing.assert_close(scale(torch.tensor([[5.0, 0.0]])), torch.tensor([[3.0, -2.0]]))
    loaded = InputScaler(2)
    loaded.load_state_dict(scale.state_dict())
    torch.testing.assert_close(loaded(torch.tensor([[5.0, 0.0]])), torch.tensor([[3.0, -2.0]]))
    assert not list(scale.parameters())


@given(whole_numbers)
@settings(deadline=None)
def test_scaled_columns_have_mean_0_and_std_1_or_are_0(numbers: np.ndarray) -> None:
    scaled = fitted(torch.from_numpy(numbers).float())(torch.from_numpy(numbers).float()).double().numpy()
    constant = (numbers == numbers[0]).all(axis=0)
    assert (scaled[:, constant] == 0).all()
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(scaled[:, ~constant].std(axis=0), 1, atol=1e-3)


@given(whole_numbers, st.booleans())
@settings(deadline=None)
def test_scaling_can_be_undone(numbers: np.ndarray, standardise: bool) -> None:
    features = torch.from_numpy(numbers).float()
    scale = fitted(features, standardise)
    torch.testing.assert_close(scale(features) / scale.factor + scale.shift, features, rtol=1e-5, atol=1e-3)


@given(pixels)
@settings(deadline=None)
def test_pixels_are_standardised_by_the_mean_and_std_of_all_pixels(levels: np.ndarray) -> None:
    scale = fitted(torch.from_numpy(levels))
    numbers = levels.astype(np.float64)
    std = numbers.std() or 255.0
    np.testing.assert_allclose(scale(torch.from_numpy(levels)), (numbers - numbers.mean()) / std, rtol=1e-4, atol=1e-4)


def test_without_standardising_pixels_are_scaled_to_0_1_and_numbers_do_not_change() -> None:
    levels = torch.tensor([[0, 51, 255]], dtype=torch.uint8)
    torch.testing.assert_close(fitted(levels, standardise=False)(levels), torch.tensor([[0.0, 0.2, 1.0]]))
    features = torch.tensor([[1.5, -2.0], [1e6, 0.25]])
    assert torch.equal(fitted(features, standardise=False)(features), features)


@pytest.mark.parametrize("value", [0.0, 0.1, -273.15, 1e8])
def test_a_constant_column_becomes_0(value: float) -> None:
    column = torch.full((7, 1), value)
    assert fitted(column)(column).flatten().tolist() == [0.0] * 7


def test_constant_images_become_0() -> None:
    levels = torch.full((3, 4), 77, dtype=torch.uint8)
    assert fitted(levels)(levels).flatten().tolist() == [0.0] * 12


def test_a_small_spread_on_a_large_mean_is_still_standardised() -> None:
    column = (2000 + 0.01 * torch.tensor([[-1.0], [1.0]], dtype=torch.float64)).float()
    low, high = fitted(column)(column).flatten().tolist()
    # float32 has a step of 0.00012 at 2000, about a hundredth of the standard deviation
    assert (low, high) == pytest.approx((-1.0, 1.0), abs=0.02)


def test_a_column_of_small_numbers_is_not_constant() -> None:
    column = torch.tensor([[1e-9], [3e-9]])
    assert fitted(column)(column).flatten().tolist() == pytest.approx([-1.0, 1.0], rel=1e-4)


def test_images_are_flattened() -> None:
    scale = InputScaler(6)
    assert scale(torch.zeros(4, 2, 3, dtype=torch.uint8)).shape == (4, 6)


def test_noise_has_its_std_in_training_and_is_absent_in_evaluation() -> None:
    torch.manual_seed(0)
    rows = torch.full((10_000, 2), 7.0)
    layer = InputNoise(0.5)
    drawn = layer(rows) - rows
    torch.testing.assert_close(drawn.std(dim=0), torch.full((2,), 0.5), rtol=0.03, atol=0)
    torch.testing.assert_close(drawn.mean(dim=0), torch.zeros(2), rtol=0, atol=0.02)
    assert not torch.equal(layer(rows), layer(rows)), "new noise in each pass"
    assert torch.equal(layer.eval()(rows), rows)


def test_noise_is_added_to_the_scaled_input_and_without_it_there_is_no_layer() -> None:
    torch.manual_seed(0)
    network = MLP(3, 1, [4], input_noise=0.1)
    network.scale.learn(1000 * torch.randn(50, 3))
    seen: list[torch.Tensor] = []
    first = next(layer for layer in network.modules() if isinstance(layer, nn.Linear))
    first.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    rows = 1000 * torch.randn(4000, 3)
    network(rows)
    torch.testing.assert_close((seen[0] - network.scale(rows)).std(), torch.tensor(0.1), rtol=0.05, atol=0)
    assert not [layer for layer in MLP(3, 1, [4]).modules() if isinstance(layer, InputNoise)]


def test_the_input_noise_of_the_configuration_reaches_the_network() -> None:
    lab = build(mlplab.configure("data=iris", "model.input_noise=0.3", "trainer.accelerator=cpu", "run_dir=unused"))
    assert [layer.std for layer in lab.learner.modules() if isinstance(layer, InputNoise)] == [0.3]


def test_batch_normalisation_normalises_columns_and_layer_normalisation_rows() -> None:
    rows = torch.tensor([[1.0, 3.0], [3.0, 11.0]])
    (batch,) = normalisation_layer("batch", 2)
    (layer,) = normalisation_layer("layer", 2)
    torch.testing.assert_close(batch(rows), torch.tensor([[-1.0, -1.0], [1.0, 1.0]]), rtol=0, atol=1e-4)
    torch.testing.assert_close(layer(rows), torch.tensor([[-1.0, 1.0], [-1.0, 1.0]]), rtol=0, atol=1e-4)


def test_batch_normalisation_uses_its_running_moments_in_evaluation() -> None:
    (batch,) = normalisation_layer("batch", 1)
    batch(torch.tensor([[0.0], [4.0]]))
    batch.eval()
    # momentum 0.1 from mean 0 and variance 1: mean 0.2, variance 0.9 + 0.1 * 8 (unbiased)
    expected = (2.0 - 0.2) / math.sqrt(1.7 + 1e-5)
    assert batch(torch.tensor([[2.0]])).item() == pytest.approx(expected, rel=1e-5)


def test_a_network_normalises_before_its_activation() -> None:
    torch.manual_seed(0)
    network = MLP(3, 1, [64], nn.ReLU, normalisation="batch")
    seen: list[torch.Tensor] = []
    activation = next(layer for layer in network.modules() if isinstance(layer, nn.ReLU))
    activation.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    network(100 + 50 * torch.randn(256, 3))
    assert seen[0].shape == (256, 64)
    torch.testing.assert_close(seen[0].mean(dim=0), torch.zeros(64), rtol=0, atol=1e-3)
    torch.testing.assert_close(seen[0].std(dim=0, correction=0), torch.ones(64), rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", CHOICES["model.normalisation"])
def test_each_choice_of_normalisation_is_known_and_none_has_no_layer(name: str) -> None:
    layers = normalisation_layer(name, 2)
    assert len(layers) == (name != "none")
    assert all(isinstance(layer, nn.Module) for layer in layers)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"normalisation": "group"}, r"model.normalisation=group: one of none, batch, layer"),
        ({"initialisation": "glorot"}, r"model.initialisation=glorot: one of default, xavier_uniform"),
    ],
)
def test_an_unknown_choice_is_rejected_with_the_choices(argument: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        MLP(2, 1, [4], **argument)


def test_long_weights_are_scaled_down_and_short_ones_do_not_change() -> None:
    layer = MaxNormLinear(2, 2, max_norm=1.0)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0], [0.3, 0.4]]))
        layer.bias.copy_(torch.tensor([7.0, -7.0]))
    # (3, 4) of length 5 becomes (0.6, 0.8)
    torch.testing.assert_close(layer(torch.tensor([[1.0, 1.0]])), torch.tensor([[8.4, -6.3]]))
    assert layer.bias.tolist() == [7.0, -7.0], "the bias is not limited"
    torch.testing.assert_close(layer.weight, nn.Parameter(torch.tensor([[0.6, 0.8], [0.3, 0.4]])))


def test_hidden_units_of_a_network_stay_bounded_while_it_trains() -> None:
    torch.manual_seed(0)
    network = MLP(6, 2, [16, 8], max_norm=0.5)
    optimizer = torch.optim.SGD(network.parameters(), lr=10.0)
    features, target = torch.randn(32, 6), torch.randn(32, 2)
    *hidden, output = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    longest_before_a_pass, longest_after = 0.0, 0.0
    for _ in range(5):
        loss = nn.functional.l1_loss(network(features), 10 * target)
        longest_after = max(longest_after, *(layer.weight.norm(dim=1).max().item() for layer in hidden))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        longest_before_a_pass = max(longest_before_a_pass, *(layer.weight.norm(dim=1).max().item() for layer in hidden))
    assert longest_before_a_pass > 0.6
    assert longest_after == pytest.approx(0.5, rel=1e-5)
    with torch.no_grad():
        output.weight.fill_(9.0)
        network(features)
    assert output.weight.unique().tolist() == [9.0]


def test_the_gradient_is_that_of_the_shortened_weights() -> None:
    layer = MaxNormLinear(2, 1, max_norm=1.0)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0]]))
    features = torch.tensor([[2.0, -5.0]], requires_grad=True)
    layer(features).sum().backward()
    torch.testing.assert_close(features.grad, torch.tensor([[0.6, 0.8]]))
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[2.0, -5.0]]


FAN_IN, FAN_OUT = 400, 300
VARIANCES = {
    "default": 1 / (3 * FAN_IN),
    "xavier_uniform": 2 / (FAN_IN + FAN_OUT),
    "xavier_normal": 2 / (FAN_IN + FAN_OUT),
    "he_uniform": 2 / FAN_IN,
    "he_normal": 2 / FAN_IN,
    "lecun_normal": 1 / FAN_IN,
    "orthogonal": 1 / FAN_IN,  # 300 orthonormal rows of length 400
    "naive": 1.0,
    "zeros": 0.0,
}


def initialised(name: str) -> nn.Linear:
    torch.manual_seed(0)
    layer = nn.Linear(FAN_IN, FAN_OUT)
    initialise_weights(nn.Sequential(layer), name)
    return layer.requires_grad_(False)


def test_the_choices_of_initialisation_are_known() -> None:
    assert sorted(CHOICES["model.initialisation"]) == sorted(INITIALISATIONS) == sorted(VARIANCES)


@pytest.mark.parametrize("name", VARIANCES)
def test_initial_weights_have_the_variance_of_the_rule(name: str) -> None:
    weight = initialised(name).weight
    # 120,000 draws: the sample variance is within 2 %, which is five of its standard errors
    assert float(weight.var(correction=0)) == pytest.approx(VARIANCES[name], rel=0.02)
    assert float(weight.mean()) == pytest.approx(0.0, abs=5 * math.sqrt(VARIANCES[name] / weight.numel()))


@pytest.mark.parametrize("name", ["default", "xavier_uniform", "he_uniform"])
def test_uniform_rules_are_bounded_by_the_root_of_three_variances(name: str) -> None:
    bound = math.sqrt(3 * VARIANCES[name])
    assert 0.99 * bound < float(initialised(name).weight.abs().max()) <= bound * (1 + 1e-6)


@pytest.mark.parametrize("name", ["xavier_normal", "he_normal", "lecun_normal", "naive"])
def test_normal_rules_have_tails(name: str) -> None:
    beyond = initialised(name).weight.abs() > 2 * math.sqrt(VARIANCES[name])
    assert float(beyond.float().mean()) == pytest.approx(0.0455, abs=0.004)


def test_orthogonal_rows_are_orthonormal() -> None:
    weight = initialised("orthogonal").weight
    torch.testing.assert_close(weight @ weight.T, torch.eye(FAN_OUT), rtol=0, atol=1e-5)


def test_biases_are_zero_with_every_rule_except_the_default() -> None:
    for name in VARIANCES:
        assert bool(initialised(name).bias.any()) == (name == "default")


@pytest.mark.parametrize("network", [MLP(3, 2, [8, 8], max_norm=1.0), Maxout(3, 2, [8, 8])])
def test_every_linear_layer_of_a_network_is_initialised(network: nn.Module) -> None:
    initialise_weights(network, "zeros")
    assert not any(bool(parameter.any()) for parameter in network.parameters())


def hidden_mean_squares(name: str, activation: type[nn.Module]) -> list[float]:
    """The mean square of the pre-activations of each hidden layer, for inputs of variance 1."""
    torch.manual_seed(0)
    network = MLP(256, 1, [256] * 6, activation, initialisation=name)
    seen: list[Tensor] = []
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            layer.register_forward_hook(lambda _, __, output: seen.append(output))
    network(torch.randn(128, 256))
    return [float(output.detach().square().mean()) for output in seen[:-1]]


def test_he_preserves_the_scale_of_relu_layers_and_naive_multiplies_it() -> None:
    assert all(1 < square < 4 for square in hidden_mean_squares("he_normal", nn.ReLU))
    # relu halves the mean square, 256 inputs of weight variance 1 multiply it: by 128 a layer
    for before, after in pairwise(hidden_mean_squares("naive", nn.ReLU)):
        assert 64 < after / before < 256
