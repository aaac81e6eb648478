"""Several networks as one: each sees the raw features, the outputs are combined."""

import torch
from torch import nn

from mlplab.learner.binary_classifier import BinaryClassifier
from mlplab.learner.classifier import Classifier
from mlplab.model.mlp import MLP
from mlplab.model.network import Ensemble


def networks(out_features: int, count: int = 3) -> list[nn.Module]:
    torch.manual_seed(0)
    return [MLP(4, out_features, [8], nn.ReLU) for _ in range(count)]


def test_it_predicts_the_mean_of_what_its_networks_predict() -> None:
    features = torch.randn(16, 4)
    for learner, outputs in ((Classifier(nn.Identity(), nn.CrossEntropyLoss(), 3), 3), (_binary(), 1)):
        members = networks(outputs)
        expected = torch.stack([learner.decode(network(features)) for network in members]).mean(dim=0)
        torch.testing.assert_close(learner.decode(Ensemble(members, learner.combine)(features)), expected)


def test_its_state_holds_each_network_under_its_number() -> None:
    members = networks(3)
    state = Ensemble(members, Classifier.combine).state_dict()
    for place, network in enumerate(members):
        for name, value in network.state_dict().items():
            torch.testing.assert_close(state.pop(f"networks.{place}.{name}"), value, rtol=0, atol=0)
    assert state == {}


def test_outputs_of_half_precision_are_combined_in_single() -> None:
    assert Ensemble(networks(3), Classifier.combine).bfloat16()(torch.randn(2, 4)).dtype == torch.float32


def test_it_can_be_exported() -> None:
    ensemble = Ensemble(networks(3), Classifier.combine).eval()
    rows = torch.randn(5, 4)
    exported = torch.export.export(ensemble, (rows,), dynamic_shapes=({0: torch.export.Dim("rows")},))
    other = torch.randn(9, 4)
    torch.testing.assert_close(exported.module()(other), ensemble(other))


def _binary() -> BinaryClassifier:
    return BinaryClassifier(nn.Identity(), nn.BCEWithLogitsLoss())
