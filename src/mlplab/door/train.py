"""Train: a configuration becomes a run folder."""

import json
import logging
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import lightning
import torch
from omegaconf import DictConfig

import mlplab
from mlplab import atomic
from mlplab.build import Lab, build
from mlplab.check import leaves
from mlplab.configuration import plain
from mlplab.data.leak_check import told
from mlplab.diagnosis import Diagnosis, diagnose
from mlplab.door.lock import held
from mlplab.mistake import Mistake
from mlplab.report.console import aligned, score_table
from mlplab.report.verdict import verdict
from mlplab.runs import keep

log = logging.getLogger(__name__)
Scores = dict[str, Any]


def train(config: DictConfig) -> Scores:
    """config: as from `mlplab.configure`. Returns what scores.json holds.

    Raises Mistake where data or settings are wrong, Failure where the loss is no longer a number,
    Stopped after a signal.
    """
    run = Path(config.run_dir)
    if (run / "config.yaml").exists() or (run / "history.csv").exists():
        raise Mistake(f"run_dir: {run} holds a run already; name another, nothing is written over")
    run.mkdir(parents=True, exist_ok=True)
    begun: list[bool] = []
    with held(run):
        keep(config)
        try:
            return carry_out(config, lambda: begun.append(True))
        finally:
            if not begun:
                (run / "config.yaml").unlink()


def carry_out(config: DictConfig, begin: Callable[[], None]) -> Scores:
    """The run of a folder that holds its config.yaml already. begin: called once data and network are made."""
    lab = build(config)
    begin()
    log.info(aligned({**describe(config, lab), **told(lab.splits)}))
    with closing(lab.overlay):
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
        return finish(config, lab)


def finish(config: DictConfig, lab: Lab) -> Scores:
    """After the last epoch: test the best weights, write what the run came to."""
    seconds = lab.history.seconds
    diagnosis = diagnose(lab.learner, lab.splits, lab.start)
    lab.learner.load_state_dict(lab.checkpoints.best["checkpoint"]["state_dict"])
    lab.trainer.test(lab.learner, lab.batches.test_dataloader(), verbose=False)
    return conclude(config, lab, diagnosis, seconds)


def conclude(config: DictConfig, lab: Lab, diagnosis: Diagnosis, seconds: float) -> Scores:
    """Of a learner with the best weights and their test scores. scores.json is the last file."""
    run = Path(config.run_dir)
    ending = verdict(lab.history.rows, lab.history.best_epoch, diagnosis, dict(leaves(plain(config))))
    found = {"verdict": ending.name, "verdict_text": ending.text}
    scores = {**collect(config, lab, seconds), **found, **versions()}
    atomic.write(run / "diagnosis.json", json.dumps(diagnosis, indent=2) + "\n")
    _to_tensorboard(config, lab, scores)
    if config.report.picture:
        _draw(config, lab, ending.text, run / "curves.png")
    if config.report.html:
        _tell(config, lab, scores)
    atomic.write(run / "scores.json", json.dumps(scores, indent=2) + "\n")
    log.info(f"\n{score_table(scores, scores['best_epoch'], _baseline_name(config))}\n")
    log.info(aligned({"verdict": ending.text, "run": str(run), "curves": f"tensorboard --logdir {run.parent}"}))
    return scores


def describe(config: DictConfig, lab: Lab) -> dict[str, str]:
    """Which data, which network, which device and why."""
    splits = lab.splits
    sizes = {name: len(getattr(splits, name)) for name in ("train", "val", "test")}
    kind = f"{len(splits.class_names)} classes" if splits.class_names else f"{len(splits.target_names)} target(s)"
    rows = f"{sum(sizes.values()):,} rows, {splits.in_features} features, {kind}"
    split = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
    activation = f", {config.choice.activation}" if "activation" in config.model else ""
    return {
        "data": f"{config.choice.data}: {rows}; {split} ({config.data.split} split)",
        "network": f"{config.choice.model}{activation}: {_layers(config, lab)}, {_parameters(lab):,} parameters",
        "training": f"{config.choice.optimizer}, lr {config.optimizer.lr:g}, loss {config.choice.loss}, "
        f"batches of {config.batch_size}, {config.trainer.max_epochs} epochs",
        "device": _device(config, lab),
        **_note(lab),
    }


def _note(lab: Lab) -> dict[str, str]:
    """Of columns with almost a text a row, such as names, which become as many features that tell nothing."""
    features, start, found = lab.splits.train.features, 0, {}
    for column in lab.splits.columns:
        width = len(column.get("categories", [0]))
        filled = int(features[:, start : start + width].sum()) if "categories" in column else 0
        if width > filled / 2 > 0:
            found[column["name"]] = f"{column['name']} ({width} different in {filled} rows)"
        start += width
    if not found:
        return {}
    remedy = f"leave out by data.ignore=[{','.join(found)}]?"
    return {"note": f"text that is another in most rows: {', '.join(found.values())}; {remedy}"}


def collect(config: DictConfig, lab: Lab, seconds: float) -> Scores:
    """Scores of the best epoch: train and val as the history has them, test from best.ckpt."""
    history, splits, learner = lab.history, lab.splits, lab.learner
    best = {name: value for name, value in history.best.items() if name.endswith(("/train", "/val"))}
    constant = learner.baseline(splits.train.target).expand(len(splits.test), -1)
    baseline = learner.measure(constant, splits.test.target)
    epochs = len(history.rows) - 1
    return {
        "epochs": epochs,
        "best_epoch": history.best_epoch,
        **best,
        **learner.scores,
        **{f"baseline/{name}": value for name, value in baseline.items()},
        "seconds": round(seconds, 3),
        "samples_per_second": round(epochs * len(splits.train) / seconds, 1),
        "parameters": _parameters(lab),
        "train_rows_measured": len(splits.measured),
        "seed": config.seed,
        "device": lab.trainer.strategy.root_device.type,
    }


def versions() -> dict[str, str]:
    return {"mlplab": mlplab.__version__, "torch": torch.__version__, "lightning": lightning.__version__}


def _to_tensorboard(config: DictConfig, lab: Lab, scores: Scores) -> None:
    test = {name: value for name, value in scores.items() if name.endswith("/test")}
    lab.overlay.log_metrics(test, step=scores["best_epoch"])
    best = {name: value for name, value in scores.items() if name == "loss/train" or name.endswith("/val")}
    best["loss/test"] = scores["loss/test"]
    unused = set() if "activation" in config.model else {"activation"}
    chosen = {name: str(value) for name, value in config.choice.items() if value is not None and name not in unused}
    numbers = {"lr": config.optimizer.lr, "batch_size": config.batch_size, "seed": config.seed}
    lab.overlay.log_best({**chosen, **numbers, "parameters": scores["parameters"]}, best)
    lab.overlay.writer().add_text("verdict", scores["verdict_text"], scores["epochs"])


def _draw(config: DictConfig, lab: Lab, caption: str, path: Path) -> None:
    from mlplab.report.picture import draw_curves

    scaled = config.learner.get("target_scaling", "none") != "none"
    unit = ", of the scaled target" if scaled else ""
    title = f"{config.choice.data}: {config.choice.model}, {config.choice.optimizer}, lr {config.optimizer.lr:g}"
    draw_curves(lab.history.rows, lab.history.best_epoch, title, config.choice.loss + unit, caption, path)


def _tell(config: DictConfig, lab: Lab, scores: Scores) -> None:
    from mlplab.door.report import tell

    for panel in tell(config, Path(config.run_dir), scores).panels():
        tag = f"report/{panel.name}"
        lab.overlay.writer().add_image(tag, panel.pixels(), scores["epochs"], dataformats="HWC")


def _layers(config: DictConfig, lab: Lab) -> str:
    linear = [layer for layer in lab.learner.network.modules() if isinstance(layer, torch.nn.Linear)]
    hidden = config.model.get("hidden_features", [layer.out_features for layer in linear[:-1]])
    return "-".join(map(str, [lab.splits.in_features, *hidden, linear[-1].out_features]))


def _parameters(lab: Lab) -> int:
    return sum(parameter.numel() for parameter in lab.learner.parameters())


def _device(config: DictConfig, lab: Lab) -> str:
    device = lab.trainer.strategy.root_device
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)} (trainer.accelerator={config.trainer.accelerator})"
    if device.type == "cpu":
        reason = "no CUDA device was found" if config.trainer.accelerator == "auto" else "as asked"
        return f"cpu ({reason}), {torch.get_num_threads()} of {os.cpu_count()} cores"
    return f"{device.type} (trainer.accelerator={config.trainer.accelerator})"


def _baseline_name(config: DictConfig) -> str:
    return "baseline: training mean" if config.choice.learner == "regressor" else "baseline: majority class"
