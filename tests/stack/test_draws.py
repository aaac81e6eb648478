"""Each member draws what torch's global generator would draw in its single run."""

import torch

from mlplab.stack.network import MemberGenerators, generator_like_global


def test_dropout_is_that_of_torch_for_each_member() -> None:
    features = torch.ones(2, 33, 7)
    generators, expected = [], []
    for seed, share in ((1, 0.3), (2, 0.5)):
        torch.manual_seed(seed)
        generators.append(generator_like_global())
        expected.append([torch.nn.functional.dropout(features[0], share) != 0 for _ in range(2)])
    draws = MemberGenerators(generators)
    for turn in range(2):
        kept = draws.kept(features, [0.7, 0.5])
        for place in range(2):
            assert torch.equal(kept[place] != 0, expected[place][turn])


def test_noise_is_that_of_torch_for_each_member() -> None:
    torch.manual_seed(3)
    draws = MemberGenerators([generator_like_global()])
    features = torch.ones(1, 5, 4, dtype=torch.float64)
    expected = torch.randn_like(features[0])
    assert torch.equal(draws.normal(features)[0], expected)
