"""A function of named numbers, learned back from its inputs and outputs; and what becomes of it beyond them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from mlplab.data.function import GAS_FLOW, GAS_UNITS
from mlplab.data.function import Function as Source
from mlplab.lesson.base import Claim, Lesson, LessonRun, LessonRunner, best_score, with_seeds
from mlplab.report.figure import mosaic_page
from mlplab.report.regression import draw_spread
from mlplab.report.style import draw_lines, draw_range
from mlplab.report.text import count_noun

REGIONS = 10  # of each input's range
ROWS = 4000  # fresh ones, for the errors
Errors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Function(Lesson):
    """function, ranges, num_rows: as of data=function. allow: modules of one's own that the function may be of.
    units: by name, of its arguments and of itself; null for those of gas_flow, else for none."""

    function: str
    ranges: Mapping[str, Sequence[float]] | None
    allow: Sequence[str]
    num_rows: int
    hidden_features: Sequence[int]
    epochs: int
    seeds: Sequence[int]
    units: Mapping[str, str] | None

    def show(self, bench: LessonRunner) -> list[Claim]:
        runs = [self._run(bench, seed) for seed in self.seeds]
        rows = drawn(self._source.limits, ROWS)
        errors = [self._errors(run, rows) for run in runs]
        inside = [by_region(one, rows, self._source.limits) for one in errors]
        known = [float(one.mean()) for one in errors]
        beyond = {
            name: [float(self._errors(run, self._rows_beyond(name)).mean()) for run in runs] for name in inside[0]
        }
        self._draw(bench, runs, inside, {"inside": known, **beyond})
        worst = [max(float(one.max() / one.min()) for one in regions.values()) for regions in inside]
        further = [max(one) / error for *one, error in zip(*beyond.values(), known, strict=True)]
        return [
            Claim("R2 on rows that were not learned from", best_score(runs, "r2/test"), ">=", 0.97),
            Claim("mean error in the worst region of an input, by that in its best", worst, ">=", 1.5),
            Claim("mean error beyond the range of an input, at worst, by that inside", further, ">=", 5),
        ]

    @cached_property
    def _source(self) -> Source:
        ranges = None if self.ranges is None else {name: [*limits] for name, limits in self.ranges.items()}
        return Source(function=self.function, ranges=ranges)

    def _run(self, bench: LessonRunner, seed: int) -> LessonRun:
        ranges = [] if self.ranges is None else [f"data.ranges={_written(self._source.limits)}"]
        allow = [f"allow=[{','.join(self.allow)}]"] if self.allow else []
        data = ("data=function", f"data.function={self.function}", f"data.num_rows={self.num_rows}", *ranges, *allow)
        model = (f"model.hidden_features={[*self.hidden_features]}", "model.output_activation=sigmoid")
        training = ("learner.target_scaling=minmax", "batch_size=64", "optimizer.lr=0.003")
        length = f"trainer.max_epochs={self.epochs}"
        return bench.run(f"function_{seed}", *data, *model, *training, length, *with_seeds(seed))

    def _errors(self, run: LessonRun, inputs: np.ndarray) -> np.ndarray:
        return np.abs(told(run, inputs) - self._source.values(inputs))

    def _rows_beyond(self, name: str) -> np.ndarray:
        """One input is beyond its range, by as much again, and the others are inside theirs."""
        low, high = self._source.limits[name]
        return drawn({**self._source.limits, name: [high, 2 * high - low]}, ROWS)

    def _draw(
        self,
        bench: LessonRunner,
        runs: Sequence[LessonRun],
        inside: Sequence[Errors],
        errors: Mapping[str, list[float]],
    ) -> None:
        title = "A network learns a function back where it has seen it, and only there"
        caption = (
            f"{self._name}({', '.join(self._source.limits)}) from {self.num_rows} rows; "
            f"{count_noun(len(self.hidden_features), 'ReLU layer')} and a sigmoid. Upper two: one seed. Lower left: "
            f"mean of {count_noun(len(runs), 'seed')}, band from the lowest to the highest. Beyond: one input as far "
            "again above its range, the others inside theirs."
        )
        farthest = max(inside[0], key=lambda name: np.mean(errors[name]))
        with mosaic_page(bench.picture, title, "AB;CD", caption=caption) as axes:
            self._draw_parity(axes["A"], runs[0])
            self._draw_beyond(axes["B"], runs[0], farthest)
            draw_regions(axes["C"], inside)
            draw_spread(axes["D"], {name if name == "inside" else f"{name} beyond": errors[name] for name in errors})
            axes["C"].set(ylabel=f"mean error of {self._named(self._name)}")
            axes["D"].set(xlim=(0, None), xlabel=f"mean error of {self._named(self._name)}: each seed, mean")
            axes["D"].set_title("Beyond the range")

    @property
    def _name(self) -> str:
        return self.function.rsplit(".", 1)[-1]

    def _named(self, name: str) -> str:
        """With its unit, where one is known."""
        units = self.units or (GAS_UNITS if self.function == GAS_FLOW else {})
        return f"{name} ({units[name]})" if name in units else name

    def _draw_parity(self, axes: Any, run: LessonRun) -> None:
        test = run.splits().test
        true, predicted = test.target[:, 0].numpy(), told(run, test.features.numpy())
        ends = [float(true.min()), float(true.max())]
        axes.plot(ends, ends, color="0.6", linewidth=1)
        axes.scatter(true, predicted, s=10, color="#0072B2", alpha=0.6, linewidths=0)
        axes.set(
            xlabel=f"true {self._named(self._name)}",
            ylabel=f"predicted {self._named(self._name)}",
            title="Rows not learned from",
        )

    def _draw_beyond(self, axes: Any, run: LessonRun, name: str) -> None:
        """Along one input, the others as they are where the error is largest."""
        limits = self._source.limits
        rows = self._rows_beyond(name)
        worst = rows[self._errors(run, rows).argmax()]
        low, high = limits[name]
        along = np.linspace(low, 2 * high - low, 200)
        inputs = np.tile(worst, (200, 1))
        inputs[:, [*limits].index(name)] = along
        held = ", ".join(f"{other} = {worst[at]:.3g}" for at, other in enumerate(limits) if other != name)
        axes.axvspan(low, high, color="0.93")
        axes.text((low + high) / 2, 0.02, "range of training", transform=axes.get_xaxis_transform(), ha="center")
        axes.set(xlabel=self._named(name), ylabel=self._named(self._name), xlim=(low, along[-1]))
        axes.set_title(f"Along {name}, at {held}" if held else f"Along {name}")
        curves = {"predicted": told(run, inputs), "true": self._source.values(inputs)}
        draw_lines(axes, {what: (along.tolist(), values.tolist()) for what, values in curves.items()})


def told(run: LessonRun, inputs: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        values: np.ndarray = run.learner()(torch.from_numpy(inputs).float())[:, 0].double().numpy()
    return values


def drawn(limits: Mapping[str, Sequence[float]], count: int) -> np.ndarray:
    """(count, num_arguments): uniform, and the same ones each time."""
    generator = np.random.default_rng(12345)
    return np.stack([generator.uniform(low, high, count) for low, high in limits.values()], axis=1)


def by_region(errors: np.ndarray, inputs: np.ndarray, limits: Mapping[str, Sequence[float]]) -> Errors:
    """By input: the mean of the errors in each of equally wide parts of its range."""
    regions = {}
    for column, (name, (low, high)) in enumerate(limits.items()):
        place = np.minimum((inputs[:, column] - low) / (high - low) * REGIONS, REGIONS - 1).astype(int)
        regions[name] = np.array([errors[place == region].mean() for region in range(REGIONS)])
    return regions


def draw_regions(axes: Any, inside: Sequence[Errors]) -> None:
    place = [100 * (region + 0.5) / REGIONS for region in range(REGIONS)]
    every = {one: np.array([errors[one] for errors in inside]) for one in inside[0]}
    top = max(float(errors.max()) for errors in every.values())
    axes.set(xlim=(0, 100), ylim=(0, 1.05 * top), xlabel="place in the range of the input (%)")
    axes.set_title("Inside the range")
    draw_range(axes, place, every)


def _written(limits: Mapping[str, Sequence[float]]) -> str:
    """As Hydra's command line takes it."""
    return "{" + ",".join(f"{name}:{json.dumps([*limit])}" for name, limit in limits.items()) + "}"
