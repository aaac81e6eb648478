"""A name in a configuration becomes an object, or one line says why not."""

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

import mlplab
from mlplab.errors import UserError
from mlplab.run.instantiate import instantiate_group


def test_an_unknown_argument_is_told_with_its_choice() -> None:
    config = mlplab.configure("+model.warmth=3")
    with pytest.raises(UserError, match=r"model\.warmth: MLP takes no such argument; it takes activation"):
        instantiate_group(config, "model", in_features=1, out_features=1)


def test_what_a_constructor_says_is_told_with_the_choice() -> None:
    config = mlplab.configure("model=linear", "model.initial_weight=1e300")
    with pytest.raises(UserError, match=r"^model=linear: .*overflow"):
        instantiate_group(config, "model", in_features=1, out_features=1)


def test_nothing_is_made_of_what_is_not_allowed() -> None:
    config = OmegaConf.create({"loss": {"_target_": "os.getcwd"}, "choice": {"loss": "mse"}, "allow": []})
    with pytest.raises(UserError, match=r"loss\._target_"):
        instantiate_group(config, "loss")


def test_lists_reach_a_constructor_as_lists_and_partials_wait_for_the_rest() -> None:
    config = mlplab.configure("model.hidden_features=[3,4]")
    network = instantiate_group(config, "model", in_features=2, out_features=1)
    assert [layer.out_features for layer in network.modules() if isinstance(layer, nn.Linear)] == [3, 4, 1]
    assert instantiate_group(config, "optimizer")(network.parameters()).param_groups[0]["betas"] == (0.9, 0.999)


def test_numbers_reach_the_constructor_of_each_configuration() -> None:
    """What a group names is looked up once; its numbers are not kept."""
    configs = [
        mlplab.configure("optimizer=adam", f"optimizer.lr={lr}", f"model.dropout={p}") for lr, p in ((1, 0), (2, 0.5))
    ]
    rates = [
        instantiate_group(config, "optimizer")([nn.Parameter(torch.ones(1))]).param_groups[0]["lr"]
        for config in configs
    ]
    assert rates == [1.0, 2.0]
    shares = [
        [
            one.p
            for one in instantiate_group(config, "model", in_features=2, out_features=1).modules()
            if isinstance(one, nn.Dropout)
        ]
        for config in configs
    ]
    assert set(shares[1]) == {0.5}
    assert set(shares[0]) <= {0.0}
