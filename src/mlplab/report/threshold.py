"""What becomes of a classifier of two classes as its threshold moves: scores, ROC and precision-recall curves."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve, precision_recall_fscore_support, roc_auc_score, roc_curve

from mlplab.report.lines import draw_lines
from mlplab.report.look import ORDER

SCORES = ("precision", "recall", "F1")


def by_threshold(target: np.ndarray, probability: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """(3, T): precision, recall and F1 of class 1."""
    every = [
        precision_recall_fscore_support(target, probability >= threshold, average="binary", zero_division=0.0)[:3]
        for threshold in thresholds
    ]
    return np.array(every, dtype=float).T


def draw_thresholds(axes: Any, scores: np.ndarray, thresholds: Sequence[float]) -> None:
    axes.set(xlabel="threshold", ylabel="score", ylim=(0, 1.02), xlim=(thresholds[0], thresholds[-1]))
    axes.set_title("The threshold is a choice", fontsize=10)
    draw_lines(axes, {name: ([*thresholds], row.tolist()) for name, row in zip(SCORES, scores, strict=True)})


def draw_curves(roc: Any, pr: Any, target: np.ndarray, probability: np.ndarray, thresholds: Sequence[float]) -> None:
    false, true, _ = roc_curve(target, probability)
    precision, recall, _ = precision_recall_curve(target, probability)
    at = by_threshold(target, probability, thresholds)
    alarms = [float((probability[target == 0] >= threshold).mean()) for threshold in thresholds]
    roc.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    roc.set(xlabel="false positive rate", ylabel="true positive rate (recall)")
    roc.set_title(f"ROC: area {roc_auc_score(target, probability):.2f}; guess 0.50", fontsize=10)
    pr.axhline(target.mean(), color="0.6", linewidth=1)
    pr.set(xlabel="recall", ylabel="precision")
    pr.set_title(f"Precision-recall; guess {target.mean():.2f}", fontsize=10)
    sides = ((roc, (false, true), (alarms, at[1]), (3, -11)), (pr, (recall, precision), (at[1], at[0]), (4, 4)))
    for axes, curve, dots, aside in sides:
        axes.plot(*curve, color=ORDER[0], linewidth=2)
        axes.plot(*dots, "o", color="black", markersize=4)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.1))
        for place in {0, len(thresholds) // 2, len(thresholds) - 1}:
            x, y = dots[0][place], dots[1][place]
            axes.annotate(f"{thresholds[place]:g}", (x, y), aside, textcoords="offset points", fontsize=8)
