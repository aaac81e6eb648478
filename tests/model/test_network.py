"""Requirements of every model in conf/model (gradients, memorising a batch, raw features), and ensembles."""

import math
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from torch import nn

import mlplab
from mlplab.config.schema import CHOICES
from mlplab.errors import UserError
from mlplab.learner.binary_classifier import BinaryClassifier
from mlplab.learner.classifier import Classifier
from mlplab.model.linear import Linear
from mlplab.model.mlp import MLP
from mlplab.model.network import OUTPUT_ACTIVATIONS, Ensemble, Network

MODELS = sorted(path.stem for path in (Path(__file__).resolve().parents[2] / "conf" / "model").glob("*.yaml"))


def configured(model: str, in_features: int, out_features: int, *overrides: str) -> Network:
    torch.manual_seed(0)
    config = mlplab.configure(f"model={model}", *overrides)
    network: Network = instantiate(config.model, in_features=in_features, out_features=out_features, _convert_="all")
    return network


@pytest.mark.parametrize("model", MODELS)
def test_every_parameter_receives_a_gradient(model: str) -> None:
    network = configured(model, 5, 3)
    nn.functional.cross_entropy(network(torch.randn(64, 5)), torch.arange(64) % 3).backward()
    without_gradient = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not bool(parameter.grad.any())
    ]
    assert without_gradient == []


@pytest.mark.parametrize("model", MODELS)
def test_a_batch_can_be_memorised(model: str) -> None:
    network = configured(model, 24, 3)
    features, target = torch.randn(16, 24), torch.randint(3, (16,))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(250):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(features), target).backward()
        optimizer.step()
    network.eval()
    with torch.no_grad():
        output = network(features)
    assert torch.equal(output.argmax(dim=1), target)
    assert float(nn.functional.cross_entropy(output, target)) < 0.05


@pytest.mark.parametrize("model", MODELS)
def test_the_unit_of_raw_features_does_not_change_the_output(model: str) -> None:
    features = torch.randn(32, 4, dtype=torch.float64)
    celsius, fahrenheit = configured(model, 4, 2).double().eval(), configured(model, 4, 2).double().eval()
    celsius.scale.learn(features)
    fahrenheit.scale.learn(1.8 * features + 32)
    torch.testing.assert_close(celsius(features), fahrenheit(1.8 * features + 32))


@pytest.mark.parametrize("model", MODELS)
def test_pixels_are_scaled_within_the_network(model: str) -> None:
    network = configured(model, 4, 2, "model.standardise=false").eval()
    levels = torch.randint(256, (8, 4), dtype=torch.uint8)
    fractions = levels.float() / 255
    expected = network(fractions)
    network.scale.learn(levels)
    torch.testing.assert_close(network(levels), expected)


def test_the_output_activations_equal_their_formulas() -> None:
    formulas = {
        "linear": lambda x: x,
        "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
        "tanh": math.tanh,
        "softplus": lambda x: math.log(1 + math.exp(x)),
    }
    assert sorted(formulas) == sorted(OUTPUT_ACTIVATIONS) == sorted(CHOICES["model.output_activation"])
    for name, formula in formulas.items():
        network = Linear(1, 1, initial_weight=2.0, initial_bias=-1.0, output_activation=name)
        outputs = network(torch.tensor([[-1.0], [0.5], [2.0]])).flatten().tolist()
        assert outputs == pytest.approx([formula(x) for x in (-3.0, 0.0, 3.0)], rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_applies_the_output_activation(model: str) -> None:
    sigmoid = configured(model, 3, 1, "data=line", "model.output_activation=sigmoid", "learner.target_scaling=minmax")
    linear = configured(model, 3, 1)
    linear.load_state_dict(sigmoid.state_dict())
    features = torch.randn(16, 3)
    torch.testing.assert_close(sigmoid(features), 1 / (1 + (-linear(features)).exp()))


def test_an_unknown_output_activation_is_rejected_with_the_choices() -> None:
    with pytest.raises(UserError, match=r"model.output_activation=softmax: one of linear, sigmoid, tanh, softplus"):
        Linear(2, 1, output_activation="softmax")


def networks(out_features: int, count: int = 3) -> list[nn.Module]:
    torch.manual_seed(0)
    return [MLP(4, out_features, [8], nn.ReLU) for _ in range(count)]


def test_an_ensemble_predicts_the_mean_of_the_predictions_of_its_networks() -> None:
    features = torch.randn(16, 4)
    for learner, outputs in ((Classifier(nn.Identity(), nn.CrossEntropyLoss(), 3), 3), (_binary(), 1)):
        members = networks(outputs)
        expected = torch.stack([learner.decode(network(features)) for network in members]).mean(dim=0)
        torch.testing.assert_close(learner.decode(Ensemble(members, learner.combine)(features)), expected)


def test_the_state_dict_of_an_ensemble_has_each_network_under_its_number() -> None:
    members = networks(3)
    state = Ensemble(members, Classifier.combine).state_dict()
    for number, network in enumerate(members):
        for name, value in network.state_dict().items():
            torch.testing.assert_close(state.pop(f"networks.{number}.{name}"), value, rtol=0, atol=0)
    assert state == {}


def test_outputs_in_half_precision_are_combined_in_float32() -> None:
    assert Ensemble(networks(3), Classifier.combine).bfloat16()(torch.randn(2, 4)).dtype == torch.float32


def test_an_ensemble_can_be_exported() -> None:
    ensemble = Ensemble(networks(3), Classifier.combine).eval()
    rows = torch.randn(5, 4)
    exported = torch.export.export(ensemble, (rows,), dynamic_shapes=({0: torch.export.Dim("rows")},))
    other = torch.randn(9, 4)
    torch.testing.assert_close(exported.module()(other), ensemble(other))


def _binary() -> BinaryClassifier:
    return BinaryClassifier(nn.Identity(), nn.BCEWithLogitsLoss())
