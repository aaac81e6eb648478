"""Train: a configuration becomes a run folder."""

import json
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig

from mlplab import files
from mlplab.analysis.diagnosis import Diagnosis, diagnose
from mlplab.analysis.verdict import verdict
from mlplab.config.tree import flatten, format_value
from mlplab.data.inference import text_columns
from mlplab.data.leakage import format_leaks
from mlplab.errors import Stopped, UserError
from mlplab.files import lock_folder
from mlplab.report.text import align_lines, count_noun, format_scores
from mlplab.run.build import Components, build
from mlplab.run.config_file import write_config
from mlplab.run.folder import swept_keys
from mlplab.run.metadata import library_versions
from mlplab.trainer.checkpoint import Judge

log = logging.getLogger(__name__)
Scores = dict[str, Any]


def train(config: DictConfig) -> Scores:
    """config: as from `mlplab.configure`. Returns what scores.json holds.

    Raises Mistake where data or settings are wrong, Failure where the loss is no longer a number,
    Stopped after a signal.
    """
    run = Path(config.run_dir)
    if config.ensemble:
        raise UserError(f"ensemble={config.ensemble}: is for the command line of a sweep; a run is one network")
    if (run / "config.yaml").exists() or (run / "history.csv").exists():
        raise UserError(f"run_dir: {run} holds a run already; name another, nothing is written over")
    made = not run.exists()
    run.mkdir(parents=True, exist_ok=True)
    begun: list[bool] = []
    with lock_folder(run):
        write_config(config)
        try:
            return train_in_folder(config, lambda: begun.append(True))
        finally:
            if not begun:
                (run / "config.yaml").unlink()
                if made:
                    with suppress(OSError):  # something was put there meanwhile
                        run.rmdir()


def train_in_folder(config: DictConfig, begin: Callable[[], None], judge: Judge | None = None) -> Scores:
    """The run of a folder that holds its config.yaml already. begin: called once data and network are made.

    judge: of a search; where it ends the run, Pruned is raised.
    """
    lab = build(config, judge)
    begin()
    log.info(align_lines({**describe_run(config, lab), **format_leaks(lab.splits)}))
    with closing(lab.overlay):
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
        return evaluate_best(config, lab)


def evaluate_best(config: DictConfig, lab: Components) -> Scores:
    """After the last epoch: test the best weights, write what the run came to. Raises Stopped after a signal that came
    when the last epoch's end had been written: a sweep would go on with its next job."""
    if lab.checkpoints.stop:
        raise Stopped(lab.checkpoints.stop)
    seconds = lab.history.seconds
    best = lab.checkpoints.best["checkpoint"]["state_dict"]
    diagnosis = diagnose(lab.learner, lab.splits, lab.start, best)
    lab.trainer.test(lab.learner, lab.batches.test_dataloader(), verbose=False)
    return write_results(config, lab, diagnosis, seconds)


def write_results(config: DictConfig, lab: Components, diagnosis: Diagnosis, seconds: float) -> Scores:
    """Of a learner with the best weights and their test scores. scores.json is the last file."""
    run, held = Path(config.run_dir), lab.learner.hparams["config"]
    ending = verdict(lab.history.rows, lab.history.best_epoch, diagnosis, dict(flatten(held)))
    found = {"verdict": ending.name, "verdict_text": ending.text}
    scores = {**collect_scores(config, lab, diagnosis, seconds), **found, **library_versions()}
    files.write(run / "diagnosis.json", json.dumps(diagnosis, indent=2) + "\n")
    _to_tensorboard(lab, hparams_row(run, held, scores), scores)
    if config.report.picture:
        _draw(config, lab, ending.text, run / "curves.png")
    if config.report.html:
        _tell(config, lab, scores)
    files.write(run / "scores.json", json.dumps(scores, indent=2) + "\n")
    log.info(f"\n{format_scores(scores, scores['best_epoch'], _baseline_name(lab))}\n")
    log.info(align_lines({"verdict": ending.text, "run": str(run), "curves": f"tensorboard --logdir {run.parent}"}))
    return scores


def collect_scores(config: DictConfig, lab: Components, diagnosis: Diagnosis, seconds: float) -> Scores:
    """Scores of the best epoch: train and val as the history has them, test from best.ckpt."""
    history, splits, learner = lab.history, lab.splits, lab.learner
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
        "parameters": count_parameters(lab),
        "train_rows": len(splits.train),
        "train_rows_measured": len(splits.measured),
        "val_rows": len(splits.val),
        "seed": config.seed,
        "device": lab.trainer.strategy.root_device.type,
    }


@dataclass(frozen=True)
class HParamsRow:
    """choices: numbers and words. scores: those of the best epoch. varied: names among the choices."""

    choices: dict[str, int | float | str]
    scores: dict[str, float]
    varied: list[str]


def _to_tensorboard(lab: Components, told: HParamsRow, scores: Scores) -> None:
    test = {name: value for name, value in scores.items() if name.endswith("/test")}
    lab.overlay.log_metrics(test, step=scores["best_epoch"])
    lab.overlay.log_best(told.choices, told.scores, told.varied)
    lab.overlay.writer().add_text("verdict", scores["verdict_text"], scores["epochs"])


def _draw(config: DictConfig, lab: Components, caption: str, path: Path) -> None:
    from mlplab.report.curves import draw_curves

    scaled = config.learner.get("target_scaling", "none") != "none"
    unit = ", of the scaled target" if scaled else ""
    title = f"{config.choice.data}: {config.choice.model}, {config.choice.optimizer}, lr {config.optimizer.lr:g}"
    draw_curves(lab.history.rows, lab.history.best_epoch, title, config.choice.loss + unit, caption, path)


def _tell(config: DictConfig, lab: Components, scores: Scores) -> None:
    from mlplab.run.report import write_final_report

    for panel in write_final_report(config, Path(config.run_dir), scores).panels():
        tag = f"report/{panel.name}"
        lab.overlay.writer().add_image(tag, panel.pixels(), scores["epochs"], dataformats="HWC")


def _baseline_name(lab: Components) -> str:
    return "baseline: training mean" if lab.splits.info.task.is_regression else "baseline: majority class"


def describe_run(config: DictConfig, lab: Components) -> dict[str, str]:
    """A text by its name."""
    splits = lab.splits
    sizes = {name: len(getattr(splits, name)) for name in ("train", "val", "test")}
    info = splits.info
    targets = count_noun(len(info.target_names), "target")
    kind = targets if info.task.is_regression else count_noun(len(info.class_names), "class")
    rows = f"{sum(sizes.values()):,} rows, {count_noun(splits.in_features, 'feature')}, {kind}"
    split = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
    folds = config.data.get("folds")
    turn = "" if folds is None else f", fold {config.data.fold} of 0 to {folds - 1}"
    activation = f", {config.choice.activation}" if "activation" in config.model else ""
    return {
        "data": f"{config.choice.data}: {rows}; {split} ({config.data.split} split{turn})",
        "network": f"{config.choice.model}{activation}: {_layers(config, lab)}, {count_parameters(lab):,} parameters",
        "training": f"{config.choice.optimizer}, lr {config.optimizer.lr:g}, loss {config.choice.loss}, "
        f"batches of {config.batch_size}, {count_noun(config.trainer.max_epochs, 'epoch')}",
        "device": _device(config, lab),
        **_note(lab),
    }


def _note(lab: Components) -> dict[str, str]:
    """Of columns with almost a text a row, such as names, which become as many features that tell nothing."""
    features, info, found = lab.splits.train.features, lab.splits.info, {}
    for name in text_columns(info):
        places = info.feature_groups[name]
        filled = int(features[:, places].sum())
        if len(places) > filled / 2 > 0:
            found[name] = f"{name} ({len(places)} different in {count_noun(filled, 'row')})"
    if not found:
        return {}
    remedy = f"leave out by data.ignore=[{','.join(found)}]?"
    return {"note": f"text that is another in most rows: {', '.join(found.values())}; {remedy}"}


def _layers(config: DictConfig, lab: Components) -> str:
    linear = [layer for layer in lab.learner.network.modules() if isinstance(layer, torch.nn.Linear)]
    hidden = config.model.get("hidden_features", [layer.out_features for layer in linear[:-1]])
    return "-".join(map(str, [lab.splits.in_features, *hidden, linear[-1].out_features]))


def _device(config: DictConfig, lab: Components) -> str:
    device = lab.trainer.strategy.root_device
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)} (trainer.accelerator={config.trainer.accelerator})"
    if device.type == "cpu":
        reason = "no CUDA device was found" if config.trainer.accelerator == "auto" else "as asked"
        return f"cpu ({reason}), {torch.get_num_threads()} of {os.cpu_count()} cores"
    return f"{device.type} (trainer.accelerator={config.trainer.accelerator})"


def count_parameters(lab: Components) -> int:
    return sum(parameter.numel() for parameter in lab.learner.parameters())


SHORT = {"optimizer.lr": "lr"}


def hparams_row(run: Path, config: Mapping[str, Any], scores: Mapping[str, Any]) -> HParamsRow:
    """config: plain, resolved. Of a job of a sweep no test score: beside those of other jobs it would choose."""
    settings, keys = dict(flatten(config)), swept_keys(run)
    unused = set() if "activation" in config["model"] else {"activation"}
    chosen = {name: value for name, value in config["choice"].items() if value is not None and name not in unused}
    numbers = {key: settings[key] for key in ("optimizer.lr", "batch_size", "seed")}
    others = {key: settings[key] for key in keys if key in settings}
    choices = {
        SHORT.get(key, key): value if type(value) in (int, float, str) else format_value(value)
        for key, value in {**chosen, **numbers, **others, "parameters": scores["parameters"]}.items()
    }
    names = [*(name for name in scores if name.endswith("/val")), "loss/train", *([] if keys else ["loss/test"])]
    best = {name: scores[name] for name in names}
    return HParamsRow(choices, best, [name for key in keys if (name := SHORT.get(key, key)) in choices])
