"""What is drawn follows from the seed, the number and what was told before; what is told reaches all processes."""

from pathlib import Path

import pytest

pytest.importorskip("optuna", reason="needs optuna: pip install 'mlplab[search]'")

from mlplab.run.folder import Outcome
from mlplab.sweep.search import Study
from mlplab.sweep.search_config import Choices, FloatRange, SearchConfig, SearchSpace

SPACE = SearchSpace(
    (), {"lr": FloatRange(1e-4, 1, log=True), "width": FloatRange(8, 64, whole=True), "loss": Choices(("a", "b"))}
)


def study_of(folder: Path, **changed: object) -> Study:
    known = {"sampler": "tpe", "pruner": "median", "first": 3, "grace": 2, "eta": 3}
    settings = {**known, "seed": 0, "epochs": 9, "monitor": "loss/val", **changed}
    (folder / "search").mkdir(parents=True, exist_ok=True)
    return Study(folder, SearchConfig(**settings))  # type: ignore[arg-type]


def finished(score: float) -> Outcome:
    return Outcome("finished", {"loss/val": score, "accuracy/val": score})


def drawn(folder: Path, count: int, **changed: object) -> list[dict[str, object]]:
    """Each from a study of its own, as of a process that was started anew."""
    found = []
    for _ in range(count):
        study = study_of(folder, **changed)
        trial = study.ask(SPACE, "me")
        found.append(trial.params)
        study.tell(trial.number, finished(abs(trial.params["lr"] - 0.01)))
    return found


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_what_is_drawn_does_not_depend_on_who_draws(sampler: str, tmp_path: Path) -> None:
    first = drawn(tmp_path / "a", 8, sampler=sampler)
    assert first == drawn(tmp_path / "b", 8, sampler=sampler)
    assert first != drawn(tmp_path / "c", 8, sampler=sampler, seed=1)
    assert len({str(one) for one in first}) == 8
    assert all(1e-4 <= one["lr"] <= 1 and 8 <= one["width"] <= 64 for one in first)  # type: ignore[operator]


def test_tpe_goes_where_scores_were_good_and_random_does_not(tmp_path: Path) -> None:
    def late(sampler: str) -> float:
        values = [float(str(one["lr"])) for one in drawn(tmp_path / sampler, 40, sampler=sampler)[20:]]
        return sum(0.003 < value < 0.03 for value in values) / len(values)

    assert late("tpe") > late("random") + 0.2


def test_the_median_ends_a_trial_from_its_grace_on_in_any_process(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    for score in (0.1, 0.2, 0.3):
        trial = study.ask(SPACE, "me")
        judge = study_of(tmp_path).judge(trial.number)
        assert [judge(epoch, score) for epoch in (1, 2, 3)] == [""] * 3
        study.tell(trial.number, finished(score))
    bad, good = (study.ask(SPACE, "me").number for _ in range(2))
    judges = {number: study_of(tmp_path).judge(number) for number in (bad, good)}
    assert judges[bad](1, 0.9) == ""
    assert judges[bad](2, 0.9) == "after epoch 2: the median of the others at this epoch is better"
    assert judges[good](1, 0.15) == judges[good](2, 0.15) == ""
    assert study.trials[bad].intermediate_values == {1: 0.9, 2: 0.9}


def test_a_higher_score_is_better_where_it_is(tmp_path: Path) -> None:
    study = study_of(tmp_path, monitor="accuracy/val")
    for score in (0.7, 0.8, 0.9):
        trial = study.ask(SPACE, "me")
        study.judge(trial.number)(2, score)
        study.tell(trial.number, finished(score))
    judge = study.judge(study.ask(SPACE, "me").number)
    assert judge(2, 0.95) == ""
    assert study.judge(study.ask(SPACE, "me").number)(2, 0.1) != ""


def test_hyperband_lets_nobody_end_before_its_grace(tmp_path: Path) -> None:
    study = study_of(tmp_path, pruner="hyperband", grace=3, epochs=27)
    said = []
    for score in range(12):
        judge = study.judge(study.ask(SPACE, "me").number)
        said.append([judge(epoch, float(score)) for epoch in range(1, 10)])
    assert not any(text for one in said for text in one[:2])
    assert any(text for one in said for text in one)


def test_a_failed_trial_is_kept_as_one_to_avoid(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    number = study.ask(SPACE, "me").number
    study.tell(number, Outcome("failed", {}, "the loss became nan"))
    assert study.trials[number].state.name == "PRUNED"
    assert study.trials[number].user_attrs["failed"] == "the loss became nan"
