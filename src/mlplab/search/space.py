"""What a search looks through: the swept keys of a command line, in Hydra's own grammar. Imports nothing heavy."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep

from mlplab.errors import Mistake

Value = str | int | float
MANY = 256  # jobs that are checked before the first starts


@dataclass(frozen=True)
class Options:
    """Words as they are typed: a choice, a list, a number."""

    words: tuple[str, ...]

    @property
    def ends(self) -> tuple[str, ...]:
        return self.words

    def word(self, value: Value) -> str:
        return str(value)


@dataclass(frozen=True)
class Numbers:
    """From low to high, both included."""

    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False

    @property
    def ends(self) -> tuple[str, ...]:
        return self.word(self.low), self.word(self.high)

    def word(self, value: Value) -> str:
        """Four digits: a folder is named by it, and no search is finer."""
        if self.whole:
            return str(int(value))
        rounded = float(f"{value:.12g}" if self.step else f"{value:.4g}")
        return repr(min(max(rounded, self.low), self.high))


@dataclass(frozen=True)
class Space:
    fixed: tuple[str, ...]
    searched: Mapping[str, Options | Numbers]

    def words(self, chosen: Mapping[str, Value]) -> list[str]:
        """The command line of a job."""
        return [*self.fixed, *(f"{key}={part.word(chosen[key])}" for key, part in self.searched.items())]

    def corners(self) -> Iterator[list[str]]:
        """Jobs that have every option and both ends of every range: all combinations of them, or, where these are many,
        each beside the first of the others."""
        ends = [[f"{key}={word}" for word in part.ends] for key, part in self.searched.items()]
        count = 1
        for of_key in ends:
            count *= len(of_key)
        if count <= MANY:
            yield from ([*self.fixed, *job] for job in itertools.product(*ends))
            return
        first = [of_key[0] for of_key in ends]
        for place, of_key in enumerate(ends):
            yield from ([*self.fixed, *first[:place], word, *first[place + 1 :]] for word in of_key)


def read_space(overrides: Sequence[Override], default_of: Callable[[str], object]) -> Space:
    """default_of: what a key is where the command line does not say; where that is a whole number, so are those of a
    range. Raises Mistake where nothing is swept, or a range is none."""
    fixed = [f"{one.get_key_element()}={one.get_value_element_as_str()}" for one in overrides if not _swept(one)]
    searched = {one.get_key_element(): _part(one, default_of) for one in overrides if _swept(one)}
    if not searched:
        raise Mistake("nothing to search: give a range, as optimizer.lr='tag(log,interval(1e-4,1e-1))', or choices")
    return Space(tuple(fixed), searched)


def _swept(override: Override) -> bool:
    return bool(override.is_sweep_override())


def _part(override: Override, default_of: Callable[[str], object]) -> Options | Numbers:
    sweep: Any = override.value()
    tags = set(getattr(sweep, "tags", ()))
    if tags - {"log"} or (tags and not isinstance(sweep, IntervalSweep | RangeSweep)):
        raise Mistake(f"{override.input_line}: the one tag is log, of a range, as tag(log,interval(1e-4,1e-1))")
    if isinstance(sweep, IntervalSweep):
        low, high = cast(float, sweep.start), cast(float, sweep.end)
        whole = type(low) is int or type(default_of(override.key_or_group)) is int
        if whole and (low % 1 or high % 1):
            raise Mistake(f"{override.input_line}: {override.key_or_group} takes whole numbers")
        return _checked(override, Numbers(low, high, None, bool(tags), whole))
    if isinstance(sweep, RangeSweep):
        values: list[Any] = list(override.sweep_iterator())
        if len(values) > 1:
            whole = all(type(value) is int for value in values)
            step = abs(values[1] - values[0])
            if tags and not (whole and step == 1):
                raise Mistake(f"{override.input_line}: a log scale takes interval(low,high), or whole numbers by 1")
            return _checked(override, Numbers(min(values), max(values), step, bool(tags), whole))
    words = tuple(dict.fromkeys(map(str, override.sweep_string_iterator())))
    if not words:
        raise Mistake(f"{override.input_line}: a search over nothing: no choice has such a name")
    return Options(words)


def _checked(override: Override, numbers: Numbers) -> Numbers:
    if not numbers.low < numbers.high:
        raise Mistake(f"{override.input_line}: {numbers.low} is not below {numbers.high}")
    if numbers.log and numbers.low <= 0:
        raise Mistake(f"{override.input_line}: a log scale starts above 0")
    return numbers
