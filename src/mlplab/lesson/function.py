"""Lesson: learning a function from its inputs and outputs; error inside and outside the training range."""

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

NUM_REGIONS = 10  # per input
NUM_ROWS = 4000  # new rows, to measure the errors
Errors = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Function(Lesson):
    """function, ranges, num_rows: options of data=function. allow: user modules that may hold the function.
    units: units of the arguments and of the function, by name; null: those of gas_flow, or none."""

    function: str
    ranges: Mapping[str, Sequence[float]] | None
    allow: Sequence[str]
    num_rows: int
    hidden_features: Sequence[int]
    epochs: int
    seeds: Sequence[int]
    units: Mapping[str, str] | None

    def show(self, runner: LessonRunner) -> list[Claim]:
        runs = [self._run(runner, seed) for seed in self.seeds]
        rows = uniform_rows(self._source.limits, NUM_ROWS)
        errors = [self._errors(run, rows) for run in runs]
        inside = [mean_errors_by_region(one, rows, self._source.limits) for one in errors]
        inside_means = [float(one.mean()) for one in errors]
        beyond = {
            name: [float(self._errors(run, self._rows_beyond(name)).mean()) for run in runs] for name in inside[0]
        }
        self._draw(runner, runs, inside, {"inside": inside_means, **beyond})
        worst_ratios = [max(float(one.max() / one.min()) for one in regions.values()) for regions in inside]
        beyond_ratios = [max(one) / error for *one, error in zip(*beyond.values(), inside_means, strict=True)]
        return [
            Claim("R2 on rows that were not learned from", best_score(runs, "r2/test"), ">=", 0.97),
            Claim("mean error in the worst region of an input, by that in its best", worst_ratios, ">=", 1.5),
            Claim("mean error beyond the range of an input, at worst, by that inside", beyond_ratios, ">=", 5),
        ]

    @cached_property
    def _source(self) -> Source:
        ranges = None if self.ranges is None else {name: [*limits] for name, limits in self.ranges.items()}
        return Source(function=self.function, ranges=ranges)

    def _run(self, runner: LessonRunner, seed: int) -> LessonRun:
        ranges = [] if self.ranges is None else [f"data.ranges={_hydra_mapping(self._source.limits)}"]
        allow = [f"allow=[{','.join(self.allow)}]"] if self.allow else []
        data = ("data=function", f"data.function={self.function}", f"data.num_rows={self.num_rows}", *ranges, *allow)
        model = (f"model.hidden_features={[*self.hidden_features]}", "model.output_activation=sigmoid")
        training = ("learner.target_scaling=minmax", "batch_size=64", "optimizer.lr=0.003")
        length = f"trainer.max_epochs={self.epochs}"
        return runner.run(f"function_{seed}", *data, *model, *training, length, *with_seeds(seed))

    def _errors(self, run: LessonRun, inputs: np.ndarray) -> np.ndarray:
        return np.abs(predict(run, inputs) - self._source.values(inputs))

    def _rows_beyond(self, name: str) -> np.ndarray:
        """Draws rows with one input above its range, up to twice its width, and the others inside their ranges."""
        low, high = self._source.limits[name]
        return uniform_rows({**self._source.limits, name: [high, 2 * high - low]}, NUM_ROWS)

    def _draw(
        self,
        runner: LessonRunner,
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
        with mosaic_page(runner.picture, title, "AB;CD", caption=caption) as axes:
            self._draw_parity(axes["A"], runs[0])
            self._draw_beyond(axes["B"], runs[0], farthest)
            draw_regions(axes["C"], inside)
            draw_spread(axes["D"], {name if name == "inside" else f"{name} beyond": errors[name] for name in errors})
            axes["C"].set(ylabel=f"mean error of {self._with_unit(self._name)}")
            axes["D"].set(xlim=(0, None), xlabel=f"mean error of {self._with_unit(self._name)}: each seed, mean")
            axes["D"].set_title("Beyond the range")

    @property
    def _name(self) -> str:
        return self.function.rsplit(".", 1)[-1]

    def _with_unit(self, name: str) -> str:
        """Appends the unit, if known."""
        units = self.units or (GAS_UNITS if self.function == GAS_FLOW else {})
        return f"{name} ({units[name]})" if name in units else name

    def _draw_parity(self, axes: Any, run: LessonRun) -> None:
        test = run.splits().test
        true, predicted = test.target[:, 0].numpy(), predict(run, test.features.numpy())
        ends = [float(true.min()), float(true.max())]
        axes.plot(ends, ends, color="0.6", linewidth=1)
        axes.scatter(true, predicted, s=10, color="#0072B2", alpha=0.6, linewidths=0)
        axes.set(
            xlabel=f"true {self._with_unit(self._name)}",
            ylabel=f"predicted {self._with_unit(self._name)}",
            title="Rows not learned from",
        )

    def _draw_beyond(self, axes: Any, run: LessonRun, name: str) -> None:
        """Draws the function along one input; the others are fixed at the row with the largest error."""
        limits = self._source.limits
        rows = self._rows_beyond(name)
        worst_row = rows[self._errors(run, rows).argmax()]
        low, high = limits[name]
        along = np.linspace(low, 2 * high - low, 200)
        inputs = np.tile(worst_row, (200, 1))
        inputs[:, [*limits].index(name)] = along
        fixed_inputs = ", ".join(
            f"{other} = {worst_row[column]:.3g}" for column, other in enumerate(limits) if other != name
        )
        axes.axvspan(low, high, color="0.93")
        axes.text((low + high) / 2, 0.02, "range of training", transform=axes.get_xaxis_transform(), ha="center")
        axes.set(xlabel=self._with_unit(name), ylabel=self._with_unit(self._name), xlim=(low, along[-1]))
        axes.set_title(f"Along {name}, at {fixed_inputs}" if fixed_inputs else f"Along {name}")
        curves = {"predicted": predict(run, inputs), "true": self._source.values(inputs)}
        draw_lines(axes, {what: (along.tolist(), values.tolist()) for what, values in curves.items()})


def predict(run: LessonRun, inputs: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        values: np.ndarray = run.learner()(torch.from_numpy(inputs).float())[:, 0].double().numpy()
    return values


def uniform_rows(limits: Mapping[str, Sequence[float]], count: int) -> np.ndarray:
    """Draws rows uniformly with a fixed seed, (count, num_arguments)."""
    generator = np.random.default_rng(12345)
    return np.stack([generator.uniform(low, high, count) for low, high in limits.values()], axis=1)


def mean_errors_by_region(errors: np.ndarray, inputs: np.ndarray, limits: Mapping[str, Sequence[float]]) -> Errors:
    """Returns the mean error in NUM_REGIONS equally wide regions of each input's range."""
    regions = {}
    for column, (name, (low, high)) in enumerate(limits.items()):
        position = np.minimum((inputs[:, column] - low) / (high - low) * NUM_REGIONS, NUM_REGIONS - 1).astype(int)
        regions[name] = np.array([errors[position == region].mean() for region in range(NUM_REGIONS)])
    return regions


def draw_regions(axes: Any, inside: Sequence[Errors]) -> None:
    position = [100 * (region + 0.5) / NUM_REGIONS for region in range(NUM_REGIONS)]
    every = {one: np.array([errors[one] for errors in inside]) for one in inside[0]}
    top = max(float(errors.max()) for errors in every.values())
    axes.set(xlim=(0, 100), ylim=(0, 1.05 * top), xlabel="place in the range of the input (%)")
    axes.set_title("Inside the range")
    draw_range(axes, position, every)


def _hydra_mapping(limits: Mapping[str, Sequence[float]]) -> str:
    """Formats the limits as a dictionary of Hydra's override grammar."""
    return "{" + ",".join(f"{name}:{json.dumps([*limit])}" for name, limit in limits.items()) + "}"
