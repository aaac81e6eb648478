"""What a class counts in the loss: as much as any other where it is asked for."""

import pytest
import torch

import mlplab
from mlplab.run.build import balanced_weights, build_learner, build_splits, unit_weights


def test_balanced_weights_give_each_class_the_same_say() -> None:
    config = mlplab.configure("data=wine", "loss.weight=balanced")
    splits = build_splits(config)
    counts = torch.bincount(splits.train.target)
    weight = build_learner(config, splits).loss.weight
    assert torch.allclose(weight * counts, torch.full((3,), counts.sum() / 3))
    config = mlplab.configure("data=breast_cancer", "loss.pos_weight=balanced")
    splits = build_splits(config)
    negatives, positives = torch.bincount(splits.train.target).tolist()
    assert build_learner(config, splits).loss.pos_weight.item() == pytest.approx(negatives / positives)


def test_without_rows_there_are_weights_of_the_same_form() -> None:
    for words in (("data=wine", "loss.weight=balanced"), ("data=breast_cancer", "loss.pos_weight=balanced")):
        config = mlplab.configure(*words)
        splits = build_splits(config)
        made, equal = balanced_weights(config, splits), unit_weights(config, splits.info)
        assert {key: value.shape for key, value in made.items()} == {key: value.shape for key, value in equal.items()}
        assert all(bool((value == 1).all()) for value in equal.values())
    assert balanced_weights(mlplab.configure("data=wine"), splits) == {}
