"""Trains a network and writes its run folder."""

import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from mlplab import files
from mlplab.analysis.diagnosis import Diagnosis, diagnose
from mlplab.analysis.verdict import verdict
from mlplab.config.tree import flatten, format_value, portable_config
from mlplab.data.inference import text_columns
from mlplab.data.leakage import format_leaks
from mlplab.data.splits import Splits
from mlplab.errors import Stopped, UserError
from mlplab.files import lock_folder
from mlplab.learner.learner import Learner
from mlplab.report.text import align_lines, count_noun, format_scores
from mlplab.run.build import Components, build
from mlplab.run.config_file import write_config
from mlplab.run.folder import swept_keys
from mlplab.run.metadata import library_versions
from mlplab.trainer.checkpoint import Judge
from mlplab.trainer.tensorboard import OverlayLogger

log = logging.getLogger(__name__)
Scores = dict[str, Any]


def train(config: DictConfig) -> Scores:
    """Trains in a new folder. config: as returned by `mlplab.configure`. Returns the contents of scores.json.

    Raises UserError where data or configuration are wrong, RunError where the loss becomes NaN, Stopped after a signal.
    """
    run = Path(config.run_dir)
    if config.ensemble:
        raise UserError(f"ensemble={config.ensemble}: is for the command line of a sweep; a run is one network")
    if (run / "config.yaml").exists() or (run / "history.csv").exists():
        raise UserError(f"run_dir: {run} holds a run already; name another, nothing is written over")
    is_new = not run.exists()
    run.mkdir(parents=True, exist_ok=True)
    begun: list[bool] = []
    with lock_folder(run):
        write_config(portable_config(config))
        try:
            return train_in_folder(config, lambda: begun.append(True))
        finally:
            if not begun:
                (run / "config.yaml").unlink()
                if is_new:
                    with suppress(OSError):  # something was put there meanwhile
                        run.rmdir()


def train_in_folder(config: DictConfig, begin: Callable[[], None], judge: Judge | None = None) -> Scores:
    """Trains in a folder that holds its config.yaml already.

    begin: called once data and network are built. judge: of a search. Raises Pruned where it ends the run.
    """
    components = build(config, judge)
    begin()
    log.info(align_lines({**describe_run(components), **format_leaks(components.splits)}))
    with closing(components.overlay):
        components.trainer.fit(components.learner, datamodule=components.batches)
        return evaluate_best(components)


def evaluate_best(components: Components) -> Scores:
    """Tests the best weights after the last epoch and writes the results.

    Raises Stopped after a signal that came after the last epoch had been written: a sweep would start its next job.
    """
    checkpoints, learner = components.checkpoints, components.learner
    if checkpoints.stop:
        raise Stopped(checkpoints.stop)
    seconds = components.history.seconds
    best = checkpoints.best["checkpoint"]["state_dict"]
    diagnosis = diagnose(learner, components.splits, components.initial_layers, best)
    components.trainer.test(learner, components.batches.test_dataloader(), verbose=False)
    return write_results(components, diagnosis, seconds)


def write_results(components: Components, diagnosis: Diagnosis, seconds: float) -> Scores:
    """Writes what follows from a learner with the best weights and their test scores. scores.json is the last file."""
    settings, history, stored = components.settings, components.history, components.learner.hparams["config"]
    run = settings.folder
    ending = verdict(history.rows, history.best_epoch, diagnosis, dict(flatten(stored)))
    found = {"verdict": ending.name, "verdict_text": ending.text}
    scores = {**collect_scores(components, diagnosis, seconds), **found, **library_versions()}
    files.write(run / "diagnosis.json", json.dumps(diagnosis, indent=2) + "\n")
    _log_results(components.overlay, hparams_row(run, stored, scores), scores)
    if settings.draws_curves:
        from mlplab.report.curves import draw_curves  # imports matplotlib

        title = f"{settings.data}: {settings.model}, {settings.optimizer}, lr {settings.lr:g}"
        draw_curves(history.rows, history.best_epoch, title, settings.loss_label, ending.text, run / "curves.png")
    if settings.writes_report:
        _write_report(run, components.overlay, scores)
    files.write(run / "scores.json", json.dumps(scores, indent=2) + "\n")
    constant = "training mean" if components.splits.info.task.is_regression else "majority class"
    table = format_scores(scores, scores["best_epoch"], f"baseline: {constant}")
    log.info(f"\n{table}\n")
    log.info(align_lines({"verdict": ending.text, "run": str(run), "curves": f"tensorboard --logdir {run.parent}"}))
    return scores


def collect_scores(components: Components, diagnosis: Diagnosis, seconds: float) -> Scores:
    """Scores of the best epoch: train and val from the history, test from best.ckpt."""
    history, splits, learner = components.history, components.splits, components.learner
    best = {name: value for name, value in history.best.items() if name.endswith(("/train", "/val"))}
    constant = {name.removesuffix("/test"): value for name, value in diagnosis["baseline"].items() if "/test" in name}
    epochs = len(history.rows) - 1
    return {
        "epochs": epochs,
        "best_epoch": history.best_epoch,
        **best,
        **learner.scores,
        **{f"baseline/{name}": value for name, value in constant.items()},
        "seconds": round(seconds, 3),
        "samples_per_second": round(epochs * len(splits.train) / seconds, 1),
        "parameters": count_parameters(learner),
        "train_rows": len(splits.train),
        "train_rows_measured": len(splits.measured),
        "val_rows": len(splits.val),
        "seed": components.settings.seed,
        "device": components.trainer.strategy.root_device.type,
    }


@dataclass(frozen=True)
class HParamsRow:
    """A row of TensorBoard's HPARAMS tab.

    choices: numbers and strings by name. scores: those of the best epoch. varied: names of the choices that a sweep
    varied.
    """

    choices: dict[str, int | float | str]
    scores: dict[str, float]
    varied: list[str]


SHORT_NAMES = {"optimizer.lr": "lr"}


def hparams_row(run: Path, stored: Mapping[str, Any], scores: Mapping[str, Any]) -> HParamsRow:
    """stored: the configuration in plain containers. A job of a sweep has no test score: beside those of other jobs it
    would be used to choose."""
    values, keys = dict(flatten(stored)), swept_keys(run)
    unused = set() if "activation" in stored["model"] else {"activation"}
    chosen = {name: value for name, value in stored["choice"].items() if value is not None and name not in unused}
    numbers = {key: values[key] for key in ("optimizer.lr", "batch_size", "seed")}
    swept = {key: values[key] for key in keys if key in values}
    choices = {
        SHORT_NAMES.get(key, key): value if type(value) in (int, float, str) else format_value(value)
        for key, value in {**chosen, **numbers, **swept, "parameters": scores["parameters"]}.items()
    }
    names = [*(name for name in scores if name.endswith("/val")), "loss/train", *([] if keys else ["loss/test"])]
    best = {name: scores[name] for name in names}
    return HParamsRow(choices, best, [name for key in keys if (name := SHORT_NAMES.get(key, key)) in choices])


def _log_results(overlay: OverlayLogger, row: HParamsRow, scores: Scores) -> None:
    test = {name: value for name, value in scores.items() if name.endswith("/test")}
    overlay.log_metrics(test, step=scores["best_epoch"])
    overlay.log_best(row.choices, row.scores, row.varied)
    overlay.writer().add_text("verdict", scores["verdict_text"], scores["epochs"])


def _write_report(run: Path, overlay: OverlayLogger, scores: Scores) -> None:
    from mlplab.run.report import write_final_report

    for panel in write_final_report(run, scores).panels():
        overlay.writer().add_image(f"report/{panel.name}", panel.pixels(), scores["epochs"], dataformats="HWC")


def describe_run(components: Components) -> dict[str, str]:
    """Returns data, network, training and device of a run, a text each."""
    run, splits, learner = components.settings, components.splits, components.learner
    sizes = {name: len(part) for name, part in splits.parts.items()}
    info = splits.info
    targets = count_noun(len(info.target_names), "target")
    kind = targets if info.task.is_regression else count_noun(len(info.class_names), "class")
    rows = f"{sum(sizes.values()):,} rows, {count_noun(splits.in_features, 'feature')}, {kind}"
    split = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
    activation = "" if run.activation is None else f", {run.activation}"
    widths = "-".join(map(str, layer_widths(learner, splits.in_features, run.hidden_features)))
    return {
        "data": f"{run.data}: {rows}; {split} ({run.split})",
        "network": f"{run.model}{activation}: {widths}, {count_parameters(learner):,} parameters",
        "training": f"{run.optimizer}, lr {run.lr:g}, loss {run.loss}, "
        f"batches of {run.batch_size}, {count_noun(run.max_epochs, 'epoch')}",
        "device": _describe_device(components.trainer.strategy.root_device, run.accelerator),
        **_note_on_text(splits),
    }


def _note_on_text(splits: Splits) -> dict[str, str]:
    """Names the text columns with a different text in most rows, such as names: one useless feature for each."""
    features, found = splits.train.features, {}
    for name in text_columns(splits.info):
        indices = splits.info.feature_groups[name]
        filled = int(features[:, indices].sum())
        if len(indices) > filled / 2 > 0:
            found[name] = f"{name} ({len(indices)} different in {count_noun(filled, 'row')})"
    if not found:
        return {}
    remedy = f"leave out with data.ignore=[{','.join(found)}]?"
    return {"note": f"text that differs in most rows: {', '.join(found.values())}; {remedy}"}


def layer_widths(learner: Learner, in_features: int, hidden_features: Sequence[int] | None) -> list[int]:
    linear = [layer for layer in learner.network.modules() if isinstance(layer, torch.nn.Linear)]
    hidden = [layer.out_features for layer in linear[:-1]] if hidden_features is None else hidden_features
    return [in_features, *hidden, linear[-1].out_features]


def _describe_device(device: torch.device, accelerator: str) -> str:
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)} (trainer.accelerator={accelerator})"
    if device.type == "cpu":
        reason = "no CUDA device was found" if accelerator == "auto" else "as asked"
        return f"cpu ({reason}), {torch.get_num_threads()} of {os.cpu_count()} cores"
    return f"{device.type} (trainer.accelerator={accelerator})"


def count_parameters(learner: Learner) -> int:
    return sum(parameter.numel() for parameter in learner.parameters())
