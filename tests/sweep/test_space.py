"""Hydra's grammar becomes a space: ranges, scales, choices, and the ends that are checked first."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from mlplab.errors import UserError
from mlplab.sweep.search_config import Choices, FloatRange, SearchSpace, parse_space

DEFAULTS = {"batch_size": 32, "optimizer.lr": 0.001}


def space_of(*words: str) -> SearchSpace:
    return parse_space(OverridesParser.create().parse_overrides(list(words)), DEFAULTS.get)


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("optimizer.lr=interval(1e-4,1e-1)", FloatRange(1e-4, 1e-1)),
        ("optimizer.lr=tag(log,interval(1e-4,1e-1))", FloatRange(1e-4, 1e-1, log=True)),
        ("batch_size=interval(8,64)", FloatRange(8, 64, whole=True)),
        ("other=int(interval(1,9))", FloatRange(1, 9, whole=True)),
        ("other=interval(1,9)", FloatRange(1, 9)),
        ("batch_size=range(8,33,8)", FloatRange(8, 32, step=8, whole=True)),
        ("model.dropout=range(0,1,0.25)", FloatRange(0, 0.75, step=0.25)),
        ("model.num_blocks=tag(log,range(1,9))", FloatRange(1, 8, step=1, log=True, whole=True)),
        ("optimizer=sgd,adam", Choices(("sgd", "adam"))),
        ("model.hidden_features=[8],[64,64]", Choices(("[8]", "[64,64]"))),
        ("data.path='a b',c", Choices(("'a b'", "c"))),
        ("seed=range(3,4)", Choices(("3",))),
    ],
)
def test_each_form_of_a_sweep_has_its_part(word: str, part: Choices | FloatRange) -> None:
    assert space_of("data=iris", word) == SearchSpace(("data=iris",), {word.partition("=")[0]: part})


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("optimizer.lr=interval(1,0.1)", "1.0 is not below 0.1"),
        ("optimizer.lr=tag(log,interval(0,1))", "a log scale starts above 0"),
        ("optimizer.lr=tag(logg,interval(1,2))", "the one tag is log"),
        ("optimizer.lr=tag(log,choice(1,2))", "the one tag is log"),
        ("model.dropout=tag(log,range(0.1,1,0.1))", "a log scale takes interval"),
        ("batch_size=interval(0.5,8)", "batch_size takes whole numbers"),
        ("optimizer.lr=0.1", "nothing to search"),
    ],
)
def test_what_is_no_range_is_refused(word: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        space_of(word)


def test_a_job_has_the_fixed_words_and_values_of_four_digits_within_their_range() -> None:
    space = space_of("data=iris", "optimizer.lr=interval(0.12342,1)", "batch_size=interval(8,64)", "loss=ce,mse")
    words = space.words({"optimizer.lr": 0.123421, "batch_size": 12, "loss": "mse"})
    assert words == ["data=iris", "optimizer.lr=0.12342", "batch_size=12", "loss=mse"]
    assert space.words({"optimizer.lr": 0.98765432, "batch_size": 8, "loss": "ce"})[1] == "optimizer.lr=0.9877"


def test_every_combination_of_ends_is_checked_or_each_alone_where_there_are_many() -> None:
    few = list(space_of("a=interval(0,1)", "b=x,y").corners())
    assert few == [["a=0.0", "b=x"], ["a=0.0", "b=y"], ["a=1.0", "b=x"], ["a=1.0", "b=y"]]
    many = list(space_of(*(f"k{number}=interval(0,1)" for number in range(10))).corners())
    assert len(many) == 20
    assert {word for job in many for word in job} == {f"k{n}={end}" for n in range(10) for end in ("0.0", "1.0")}
