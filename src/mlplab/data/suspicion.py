"""What looks like a leak: a feature that alone tells the target, a split that a classifier tells from training."""

from collections.abc import Iterator

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mlplab.data.leak import Leak
from mlplab.data.nearness import sample
from mlplab.data.rows import GROUP
from mlplab.data.splits import Splits

GROWN = 2000  # rows of a split, at most, of which a feature's trees grow
TOLD = 0.98  # of what the majority class or the mean gets wrong, by one feature
APART, SURE = 0.75, 5.0  # area under the ROC curve; its distance from 0.5 in standard errors of pure chance
LEAST = 10  # rows of a side, or groups of rows


def lone_feature(splits: Splits) -> list[Leak]:
    """Features that tell the target alone: by trees of training rows, on val and by cross-validation."""
    features = list(_features(splits))
    if len(features) < 2:
        return []
    remedy = "is it known before the target is? if not, leave it out (data.ignore of a CSV file)"
    found = []
    for name, train, val in features:
        share = _told(splits, train, val)
        if share >= TOLD:
            what = f"{name} alone tells the target ({share:.1%} of what the baseline gets wrong, on val)"
            found.append(Leak("feature", "val", len(splits.val), what, (), remedy))
    return found[:3]


def _features(splits: Splits) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, training values, val values of each column; a column of text as the number of its category."""
    train, val = splits.train.features[:GROWN].numpy(), splits.val.features[:GROWN].numpy()
    names = [column["name"] for column in splits.columns] or list(splits.feature_names)
    widths = [len(column.get("categories", [0])) for column in splits.columns] or [1] * len(names)
    for name, width, start in zip(names, widths, np.cumsum([0, *widths]), strict=False):
        both = [part[:, start : start + width] for part in (train, val)]
        if width > 1:
            both = [np.where(part.any(axis=1), part.argmax(axis=1), -1)[:, None] for part in both]
        if len(np.unique(both[0])) > 1:
            yield name, both[0], both[1]


def _told(splits: Splits, train: np.ndarray, val: np.ndarray) -> float:
    """Of what the majority class or the mean gets wrong: the smaller of the shares on val and within training."""
    target, other = splits.train.target[:GROWN].numpy(), splits.val.target[:GROWN].numpy()
    if target.ndim == 1:
        return _share(DecisionTreeClassifier(min_samples_leaf=3, random_state=0), train, target, val, other)
    tree = DecisionTreeRegressor(random_state=0)
    ranks = [(_ranks(column, column), _ranks(column, truth)) for column, truth in zip(target.T, other.T, strict=True)]
    return max(_share(tree, train, own, val, truth) for own, truth in ranks)


def _ranks(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Places among the known values: a tree cannot tell how far beyond them an extreme one lies."""
    places: np.ndarray = np.searchsorted(np.sort(known), values).astype(np.float64)
    return places


def _share(tree: BaseEstimator, train: np.ndarray, target: np.ndarray, val: np.ndarray, other: np.ndarray) -> float:
    score = _right if isinstance(tree, DecisionTreeClassifier) else _explained
    share = score(other, tree.fit(train, target).predict(val))
    if share < TOLD or len(train) < 3:
        return share
    return min(share, score(target, cross_val_predict(tree, train, target, cv=KFold(3))))


def _right(truth: np.ndarray, predicted: np.ndarray) -> float:
    baseline = 1 - np.bincount(truth).max() / len(truth)
    return float(1 - (predicted != truth).mean() / baseline) if baseline else 0.0


def _explained(truth: np.ndarray, predicted: np.ndarray) -> float:
    return float(r2_score(truth, predicted)) if len(np.unique(truth)) > 1 else 0.0


def unlike(splits: Splits) -> list[Leak]:
    """Splits that a classifier tells from training, by cross-validation; rows of one group are in one fold."""
    return [leak for name in ("val", "test") for leak in _unlike(splits, name)]


def _unlike(splits: Splits, name: str) -> list[Leak]:
    places = {part: sample(len(getattr(splits, part))) for part in ("train", name)}
    features = np.concatenate([getattr(splits, part).features.numpy()[at] for part, at in places.items()])
    other = np.repeat([0, 1], [len(at) for at in places.values()])
    counts = np.bincount(other)
    error = np.sqrt((counts.sum() + 1) / (12 * counts.prod()))
    if counts.min() < LEAST:
        return []
    trees = ExtraTreesClassifier(50, min_samples_leaf=3, random_state=0)
    folds, groups = StratifiedKFold(3, shuffle=True, random_state=0), None
    if GROUP in splits.origin["train"]:
        sides = [splits.origin[part][GROUP].to_numpy()[at] for part, at in places.items()]
        if min(len(np.unique(side)) for side in sides) < LEAST:
            return []
        groups = np.concatenate(sides)
        folds = StratifiedGroupKFold(3, shuffle=True, random_state=0)
    chance = cross_val_predict(trees, features, other, groups=groups, cv=folds, method="predict_proba")[:, 1]
    area = roc_auc_score(other, chance)
    if area < max(APART, 0.5 + SURE * error):
        return []
    weight = trees.fit(features, other).feature_importances_
    most = f", most by {splits.feature_names[weight.argmax()]}" if weight.max() > 0.2 else ""
    what = f"{name} rows are not like training rows: a classifier tells them apart{most} (AUC {area:.2f}, chance 0.50)"
    remedy = "data.split=random splits anew, data.ignore leaves out a column that numbers the rows"
    return [Leak("split", name, len(getattr(splits, name)), what, (), remedy)]
