"""Which judge a job of a sweep has: the search that it belongs to, or the round of a halving."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Judge = Callable[[int, float], str]


def judge_of(sweeper: Mapping[str, Any], sweep: Path) -> Judge | None:
    """sweeper: Hydra's of the job. Nobody judges the jobs of a plain grid."""
    if sweeper.get("trial") is not None:
        from mlplab.sweep.search import study_of  # imports optuna
        from mlplab.sweep.search_config import kept_settings

        return study_of(sweep.absolute(), kept_settings(sweep)).judge(sweeper["trial"])
    if (until := sweeper.get("until")) is not None:
        return lambda epoch, _: f"after epoch {epoch}, where the best of its round go on" if epoch >= until else ""
    return None
