"""What a run is about to do: which data, which network, which device and why."""

import os

import torch
from omegaconf import DictConfig

from mlplab.build import Lab
from mlplab.report.counted import counted


def describe(config: DictConfig, lab: Lab) -> dict[str, str]:
    """A text by its name."""
    splits = lab.splits
    sizes = {name: len(getattr(splits, name)) for name in ("train", "val", "test")}
    classes, targets = len(splits.class_names), len(splits.target_names)
    kind = counted(classes, "class") if classes else counted(targets, "target")
    rows = f"{sum(sizes.values()):,} rows, {counted(splits.in_features, 'feature')}, {kind}"
    split = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
    folds = config.data.get("folds")
    turn = "" if folds is None else f", fold {config.data.fold} of 0 to {folds - 1}"
    activation = f", {config.choice.activation}" if "activation" in config.model else ""
    return {
        "data": f"{config.choice.data}: {rows}; {split} ({config.data.split} split{turn})",
        "network": f"{config.choice.model}{activation}: {_layers(config, lab)}, {parameters(lab):,} parameters",
        "training": f"{config.choice.optimizer}, lr {config.optimizer.lr:g}, loss {config.choice.loss}, "
        f"batches of {config.batch_size}, {counted(config.trainer.max_epochs, 'epoch')}",
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
            found[column["name"]] = f"{column['name']} ({width} different in {counted(filled, 'row')})"
        start += width
    if not found:
        return {}
    remedy = f"leave out by data.ignore=[{','.join(found)}]?"
    return {"note": f"text that is another in most rows: {', '.join(found.values())}; {remedy}"}


def _layers(config: DictConfig, lab: Lab) -> str:
    linear = [layer for layer in lab.learner.network.modules() if isinstance(layer, torch.nn.Linear)]
    hidden = config.model.get("hidden_features", [layer.out_features for layer in linear[:-1]])
    return "-".join(map(str, [lab.splits.in_features, *hidden, linear[-1].out_features]))


def _device(config: DictConfig, lab: Lab) -> str:
    device = lab.trainer.strategy.root_device
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)} (trainer.accelerator={config.trainer.accelerator})"
    if device.type == "cpu":
        reason = "no CUDA device was found" if config.trainer.accelerator == "auto" else "as asked"
        return f"cpu ({reason}), {torch.get_num_threads()} of {os.cpu_count()} cores"
    return f"{device.type} (trainer.accelerator={config.trainer.accelerator})"


def parameters(lab: Lab) -> int:
    return sum(parameter.numel() for parameter in lab.learner.parameters())
