"""What happens in each layer, on networks whose numbers are worked out by hand."""

import math

import pytest
import torch
from torch import nn

from mlplab.analysis.layer_statistics import layer_statistics
from mlplab.learner.classifier import Classifier
from mlplab.learner.regressor import Regressor
from mlplab.model.mlp import MLP
from mlplab.model.residual_mlp import ResidualMLP


def linear(weight: list[list[float]], bias: list[float]) -> nn.Linear:
    layer = nn.Linear(len(weight[0]), len(weight))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        layer.bias.copy_(torch.tensor(bias))
    return layer


def regressor(*modules: nn.Module) -> Regressor:
    """Whose prediction is the output."""
    return Regressor(nn.Sequential(*modules), nn.MSELoss(), target_scaling="none")


def rows(count: int, width: int) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(0))


def test_a_unit_that_is_zero_for_every_row_is_dead() -> None:
    """Inputs -1 and 1: x, -x, x - 2 and x + 2 fire in one, one, none and both of the rows."""
    learner = regressor(linear([[1], [-1], [1], [1]], [0, 0, -2, 2]), nn.ReLU(), linear([[1, 1, 1, 1]], [0]))
    hidden, output = layer_statistics(learner, torch.tensor([[-1.0], [1.0]]), torch.zeros(2, 1))
    assert (hidden.name, hidden.rectified, hidden.dead) == ("0", True, 0.25)
    assert (output.name, output.rectified, output.dead) == ("2", False, 0.0)
    activations = torch.tensor([[0.0, 1, 0, 1], [1, 0, 0, 3]])
    assert hidden.spread == pytest.approx(float(activations.std(correction=0)))


def test_a_sigmoid_and_a_tanh_are_saturated_where_their_slope_is_below_a_hundredth() -> None:
    """The sigmoid's slope at 4 is 0.0177, at 5 it is 0.0066; tanh's at 2 is 0.071, at 4 it is 0.0013."""
    features = torch.tensor([[4.0], [5.0], [-5.0], [0.0]])
    hidden, _ = layer_statistics(
        regressor(linear([[1]], [0]), nn.Sigmoid(), linear([[1]], [0])), features, torch.zeros(4, 1)
    )
    assert hidden.saturated == 0.5
    features = torch.tensor([[2.0], [4.0], [-4.0], [-4.0]])
    hidden, _ = layer_statistics(
        regressor(linear([[1]], [0]), nn.Tanh(), linear([[1]], [0])), features, torch.zeros(4, 1)
    )
    assert hidden.saturated == 0.75
    hidden, _ = layer_statistics(
        regressor(linear([[1]], [0]), nn.ReLU(), linear([[1]], [0])), features, torch.zeros(4, 1)
    )
    assert hidden.saturated == 0.0


def test_the_gradient_is_that_of_the_loss_by_the_weights() -> None:
    """One row x = (3, 4), y = 0, prediction w x = 3: the gradient is 2 * 3 * (3, 4), of norm 30."""
    (only,) = layer_statistics(regressor(linear([[1, 0]], [0])), torch.tensor([[3.0, 4.0]]), torch.zeros(1, 1))
    assert only.gradient == pytest.approx(30)


def test_each_layer_s_gradient_is_what_backward_gives() -> None:
    network = MLP(5, 3, (7, 6), nn.Tanh)
    learner = Classifier(network, nn.CrossEntropyLoss(), num_classes=3)
    features, target = rows(20, 5), torch.arange(20) % 3
    found = layer_statistics(learner, features, target)
    learner.loss(network(features), target).backward()
    parameters = dict(network.named_parameters())
    for layer in found:
        parameter = parameters[f"{layer.name}.weight"]
        assert parameter.grad is not None
        assert layer.gradient == pytest.approx(float(parameter.grad.norm()), rel=1e-5)
    assert [layer.name for layer in found] == ["body.0", "body.2", "body.4"]


def test_dropout_and_label_smoothing_are_off_as_in_every_measured_loss() -> None:
    network = MLP(5, 3, (64,), dropout=0.5)
    smooth = Classifier(network, nn.CrossEntropyLoss(label_smoothing=0.3), num_classes=3)
    plain = Classifier(network, nn.CrossEntropyLoss(), num_classes=3)
    features, target = rows(20, 5), torch.arange(20) % 3
    assert (
        layer_statistics(smooth, features, target)
        == layer_statistics(plain, features, target)
        == layer_statistics(plain, features, target)
    )


def test_nothing_of_the_learner_and_no_random_state_changes() -> None:
    learner = Classifier(MLP(5, 3, (8,), dropout=0.5, normalisation="batch"), nn.CrossEntropyLoss(), num_classes=3)
    learner.train()
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    random = torch.get_rng_state()
    layer_statistics(learner, rows(20, 5), torch.arange(20) % 3)
    assert all(torch.equal(value, before[name]) for name, value in learner.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert learner.training
    assert all(parameter.grad is None for parameter in learner.parameters())
    assert not any(module._forward_hooks for module in learner.modules())


def test_a_compiled_network_is_measured_as_it_is() -> None:
    learner = Classifier(MLP(5, 3, (8,)), nn.CrossEntropyLoss(), num_classes=3)
    features, target = rows(20, 5), torch.arange(20) % 3
    plain = layer_statistics(learner, features, target)
    learner.network.compile(backend="eager")
    learner.network(features)
    assert layer_statistics(learner, features, target) == plain


def test_it_measures_where_gradients_are_off() -> None:
    learner = regressor(linear([[1, 0]], [0]))
    with torch.no_grad():
        (only,) = layer_statistics(learner, torch.tensor([[3.0, 4.0]]), torch.zeros(1, 1))
    assert only.gradient == pytest.approx(30)


def test_an_activation_that_layers_share_is_seen_in_each() -> None:
    relu = nn.ReLU()
    learner = regressor(
        linear([[1], [1]], [0, -9]), relu, linear([[1, 0], [0, 1]], [0, 0]), relu, linear([[1, 1]], [0])
    )
    first, second, _ = layer_statistics(learner, torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1))
    assert (first.dead, second.dead) == (0.5, 0.5)
    assert first.rectified
    assert second.rectified


def test_the_branches_of_a_residual_network_are_measured_in_the_order_of_their_calls() -> None:
    learner = Classifier(ResidualMLP(5, 3, width=8, num_blocks=2), nn.CrossEntropyLoss(), num_classes=3)
    found = layer_statistics(learner, rows(20, 5), torch.arange(20) % 3)
    assert [layer.name for layer in found] == [
        *("body.0", "body.1.branch.1", "body.1.branch.4", "body.2.branch.1", "body.2.branch.4", "body.5")
    ]
    assert [layer.rectified for layer in found] == [False, True, False, True, True, False]
    assert all(layer.gradient > 0 for layer in found)


def test_a_layer_that_the_loss_does_not_reach_has_no_gradient() -> None:
    frozen = linear([[1.0]], [0.0])
    frozen.requires_grad_(False)
    first, second = layer_statistics(
        regressor(frozen, linear([[2.0]], [0.0])), torch.tensor([[1.0]]), torch.zeros(1, 1)
    )
    assert first.gradient == 0.0
    assert second.gradient == pytest.approx(4.0)


def test_sigmoids_ten_deep_lose_the_gradient_and_relus_do_not() -> None:
    ratios = {}
    for activation in (nn.Sigmoid, nn.ReLU):
        torch.manual_seed(0)
        network = MLP(5, 3, [32] * 10, activation, initialisation="he_normal")
        learner = Classifier(network, nn.CrossEntropyLoss(), num_classes=3)
        found = layer_statistics(learner, rows(64, 5), torch.arange(64) % 3)
        ratios[activation] = found[0].gradient / found[-1].gradient
    assert ratios[nn.Sigmoid] < 1e-3
    assert ratios[nn.ReLU] > 0.1


def test_a_network_without_linear_layers_has_none() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = nn.Parameter(torch.ones(1))

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return self.factor * features

    assert layer_statistics(regressor(Own()), torch.tensor([[1.0]]), torch.zeros(1, 1)) == []


def test_a_single_row_has_a_spread() -> None:
    (only,) = layer_statistics(regressor(linear([[1.0]], [0.0])), torch.tensor([[1.0]]), torch.zeros(1, 1))
    assert math.isfinite(only.spread)
