"""Lesson: learning a function from its inputs and outputs; error inside and outside the training range."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mlplab.config.tree import format_value
from mlplab.data.function import GAS_FLOW, GAS_UNITS
from mlplab.data.function import Function as Source
from mlplab.lesson.base import SPLIT_BY_SEED, Claim, Lesson, LessonRun, LessonRunner, Runs, best_score
from mlplab.report.figure import mosaic_page
from mlplab.report.regression import draw_spread
from mlplab.report.style import COLOUR_CYCLE, draw_lines, draw_range
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
        runs = self._runs(runner)
        limits = self._source.limits
        rows = uniform_rows(limits, NUM_ROWS)
        errors = [self._errors(run, rows) for run in runs]
        by_region = [mean_errors_by_region(own, rows, limits) for own in errors]
        inside = np.mean(errors, axis=1)
        beyond = {
            name: np.array([self._errors(run, self._rows_beyond(name)).mean() for run in runs]) for name in limits
        }
        self._draw(runner, runs, by_region, {"inside": inside, **beyond})
        worst_ratios = [max(own.max() / own.min() for own in regions.values()) for regions in by_region]
        beyond_ratios = np.max([*beyond.values()], axis=0) / inside
        return [
            Claim("R² on the test set", best_score(runs, "r2/test"), ">=", 0.97),
            Claim("mean error in the worst region of an input / in its best region", worst_ratios, ">=", 1.5),
            Claim("mean error beyond the range of the worst input / inside all ranges", beyond_ratios, ">=", 5),
        ]

    @cached_property
    def _source(self) -> Source:
        ranges = None if self.ranges is None else {name: [*limits] for name, limits in self.ranges.items()}
        return Source(function=self.function, ranges=ranges)

    def _runs(self, runner: LessonRunner) -> list[LessonRun]:
        ranges = [] if self.ranges is None else [f"data.ranges={format_value(self._source.limits)}"]
        allow = [f"allow=[{','.join(self.allow)}]"] if self.allow else []
        data = ("data=function", f"data.function={self.function}", f"data.num_rows={self.num_rows}", *ranges, *allow)
        model = (f"model.hidden_features={[*self.hidden_features]}", "model.output_activation=sigmoid")
        training = ("learner.target_scaling=minmax", "batch_size=64", "optimizer.lr=0.003", SPLIT_BY_SEED)
        return runner.run_seeds("function", self.seeds, *data, *model, *training, f"trainer.max_epochs={self.epochs}")

    def _errors(self, run: LessonRun, inputs: np.ndarray) -> np.ndarray:
        return np.abs(run.predict(inputs)[:, 0] - self._source.values(inputs))

    def _rows_beyond(self, name: str) -> np.ndarray:
        """Draws rows with one input above its range, up to twice its width, and the others inside their ranges."""
        low, high = self._source.limits[name]
        return uniform_rows({**self._source.limits, name: [high, 2 * high - low]}, NUM_ROWS)

    def _draw(self, runner: LessonRunner, runs: Runs, by_region: Sequence[Errors], errors: Errors) -> None:
        title = "A network approximates a function inside the range of its training rows, and only there"
        caption = (
            f"{self._name}({', '.join(self._source.limits)}) from {self.num_rows} rows; "
            f"{count_noun(len(self.hidden_features), 'ReLU layer')} and a sigmoid. Top: one seed. Bottom left: "
            f"mean of {count_noun(len(runs), 'seed')}, band from minimum to maximum. Beyond: one input above its "
            "range, by up to the width of the range, the others inside theirs."
        )
        worst_input = max(self._source.limits, key=lambda name: errors[name].mean())
        with mosaic_page(runner.picture, title, "AB;CD", caption=caption) as axes:
            self._draw_parity(axes["A"], runs[0])
            self._draw_beyond(axes["B"], runs[0], worst_input)
            draw_regions(axes["C"], by_region)
            labels = {name: name if name == "inside" else f"{name} beyond" for name in errors}
            draw_spread(axes["D"], {labels[name]: values for name, values in errors.items()})
            label = f"mean error of {self._with_unit(self._name)}"
            axes["C"].set_ylabel(label)
            axes["D"].set(xlim=(0, None), xlabel=f"{label}: each seed, mean", title="Beyond the range")

    @property
    def _name(self) -> str:
        return self.function.rsplit(".", 1)[-1]

    def _with_unit(self, name: str) -> str:
        """Appends the unit, if known."""
        units = self.units or (GAS_UNITS if self.function == GAS_FLOW else {})
        return f"{name} ({units[name]})" if name in units else name

    def _draw_parity(self, axes: Any, run: LessonRun) -> None:
        test = run.splits().test
        true, predicted = test.target[:, 0].numpy(), run.predict(test.features.numpy())[:, 0]
        ends = [true.min(), true.max()]
        axes.plot(ends, ends, color="0.6", linewidth=1)
        axes.scatter(true, predicted, s=10, color=COLOUR_CYCLE[0], alpha=0.6, linewidths=0)
        label = self._with_unit(self._name)
        axes.set(xlabel=f"true {label}", ylabel=f"predicted {label}", title="Test set")

    def _draw_beyond(self, axes: Any, run: LessonRun, name: str) -> None:
        """Draws the function along one input; the others are fixed at the row with the largest error."""
        limits = self._source.limits
        rows = self._rows_beyond(name)
        worst_row = dict(zip(limits, rows[self._errors(run, rows).argmax()], strict=True))
        low, high = limits[name]
        along = np.linspace(low, 2 * high - low, 200)
        inputs = np.column_stack(np.broadcast_arrays(*{**worst_row, name: along}.values()))
        fixed_inputs = ", ".join(f"{other} = {value:.3g}" for other, value in worst_row.items() if other != name)
        axes.axvspan(low, high, color="0.93")
        axes.text((low + high) / 2, 0.02, "training range", transform=axes.get_xaxis_transform(), ha="center")
        axes.set(xlabel=self._with_unit(name), ylabel=self._with_unit(self._name), xlim=(low, along[-1]))
        axes.set_title(f"Along {name}, at {fixed_inputs}" if fixed_inputs else f"Along {name}")
        curves = {"predicted": run.predict(inputs)[:, 0], "true": self._source.values(inputs)}
        draw_lines(axes, {label: (along.tolist(), values.tolist()) for label, values in curves.items()})


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


def draw_regions(axes: Any, by_region: Sequence[Errors]) -> None:
    centres = [100 * (region + 0.5) / NUM_REGIONS for region in range(NUM_REGIONS)]
    errors = {name: np.array([regions[name] for regions in by_region]) for name in by_region[0]}
    top = 1.05 * np.max([*errors.values()])
    axes.set(xlim=(0, 100), ylim=(0, top), xlabel="position in the range of the input (%)", title="Inside the range")
    draw_range(axes, centres, errors)
