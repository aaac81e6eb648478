"""evaluate: measures a run again, from its folder alone, and writes tables and pictures that explain its scores."""

import csv
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from mlplab.config.validate import check_choice
from mlplab.data.formats import TABLE_KINDS, base_name, file_kind
from mlplab.errors import UserError
from mlplab.report.text import align_lines, format_table
from mlplab.run.config_file import read_config
from mlplab.run.folder import find_run, read_scores
from mlplab.signals import defer_signals

if TYPE_CHECKING:
    from mlplab.data.splits import DataInfo
    from mlplab.run.evaluate import Evaluation

FILES_OF_AN_EVALUATION = (
    {"report.txt", "scores.csv", "confusion.csv", "classes.csv", "confusion.png"},
    {"report.txt", "scores.csv", "predictions.csv", "parity.png"},
)


def evaluate(settings: Mapping[str, Any]) -> dict[str, float]:
    """Prints, writes and returns the scores of one split, or of a file.

    settings: the keys of conf/evaluate.yaml. Raises UserError where the run, the data or the output folder are invalid.
    """
    run = find_run(settings["run"])
    config = read_config(run, settings["allow"])
    split = evaluation_split(settings)
    redirect_config(config, settings)
    output = Path(settings["output"] or run / "evaluation" / _folder_name(settings, split))
    check_output_folder(output, overwrite=settings["overwrite"] or not settings["output"])
    trained = _scores_in_training(run, settings, split)

    with defer_signals():
        from mlplab.data.precision import dtype_for_precision
        from mlplab.run.build import build_evaluator, build_splits
        from mlplab.run.evaluate import evaluate_learner, file_data, split_data
        from mlplab.run.load import load_run
        from mlplab.run.metadata import data_info

    learner, known = load_run(run, config)
    if _measures_a_file(settings):
        separator = config.data.get("separator", ",")
        class_column = str(config.data.target) if config.choice.data == "csv" else "target"
        dtype = dtype_for_precision(config.trainer.precision)
        rows = file_data(settings["data"]["path"], known, dtype, separator, class_column)
    else:
        other_data = any(settings["data"].values())
        rows = split_data(build_splits(config), known, split, settings["all_rows"], other_data)
    measured = evaluate_learner(build_evaluator(config), learner, rows)
    model = f"{config.ensemble} x {config.choice.model}" if config.ensemble else config.choice.model
    head = {"run": str(run), "model": f"{model} on {config.choice.data}", "rows": rows.title}
    scores = _score_text(rows.name, measured.scores, trained)
    files = _tables_and_pictures(measured, data_info(known), f"{config.choice.data}: {model}, {rows.title}")
    text = "\n\n".join([align_lines({**head, "device": measured.device}), scores, files.pop("text")]) + "\n"
    table_of_scores = [["score", "value"], *measured.scores.items()]
    write_output_folder(output, {"report.txt": text, "scores.csv": table_of_scores, **files})
    print(f"{text}\nwritten   {output}{os.sep}: {', '.join(sorted(path.name for path in output.iterdir()))}")
    return {f"{name}/{rows.name}": score for name, score in measured.scores.items()}


def evaluation_split(settings: Mapping[str, Any]) -> str:
    check_choice("split", settings["split"])
    split: str = settings["split"] or "test"
    if settings["all_rows"] and split != "train":
        raise UserError(f"all_rows=true: {split} is measured on all of its rows anyway; it is for split=train")
    return split


def redirect_config(config: DictConfig, settings: Mapping[str, Any]) -> None:
    """Sets the data and the device that the command names in place of those of training."""
    root, path, accelerator = settings["data"]["root"], settings["data"]["path"], settings["accelerator"]
    if accelerator is not None:
        check_choice("accelerator", accelerator)
        config.trainer.accelerator = accelerator
    if root is not None:
        if "root" not in config.data:
            raise UserError(f"data.root={root}: data={config.choice.data} is not read from a folder")
        config.data.root = root
    if path is not None:
        if not Path(path).expanduser().is_file():
            raise UserError(f"data.path={path}: no such file")
        if file_kind(path) not in ("table", "arrays"):
            raise UserError(f"data.path={path}: {TABLE_KINDS} or an NPZ file is needed")
        if settings["split"] is not None:
            if config.choice.data != "csv":
                raise UserError(f"data.path={path}: all rows of the file are measured; leave out split=")
            config.data.path = path


def _measures_a_file(settings: Mapping[str, Any]) -> bool:
    return settings["data"]["path"] is not None and settings["split"] is None


def _folder_name(settings: Mapping[str, Any], split: str) -> str:
    """Names different evaluations differently: other files are distinguished by a digest of their path."""
    root, path = settings["data"]["root"], settings["data"]["path"]
    name = f"file_{base_name(path)[:100]}" if _measures_a_file(settings) else split
    parts = [name, *(["all_rows"] if settings["all_rows"] else [])]
    if root or path:
        paths = [given and str(Path(given).expanduser().resolve()) for given in (root, path)]
        parts.append(blake2b(json.dumps(paths).encode(), digest_size=4).hexdigest())
    return "_".join([*parts, *([settings["accelerator"]] if settings["accelerator"] else [])])


def _scores_in_training(run: Path, settings: Mapping[str, Any], split: str) -> dict[str, float]:
    """Returns the scores that training wrote for the same rows, by metric; none for other rows."""
    other_rows = settings["data"]["root"] or settings["data"]["path"] or settings["all_rows"]
    if other_rows or not (run / "scores.json").exists():
        return {}
    try:
        scores = read_scores(run)
    except UserError as error:
        raise UserError(f"{error}; without it nothing is compared") from error
    return {name.removesuffix(f"/{split}"): scores[name] for name in scores if name.endswith(f"/{split}")}


def _score_text(name: str, scores: Mapping[str, float], trained: Mapping[str, float]) -> str:
    """Returns a table of scores with all digits, so that they can be compared."""
    rows = []
    for metric, value in scores.items():
        before = "the same" if trained.get(metric) == value else repr(trained.get(metric))
        rows.append([metric, repr(value), *([before] if trained else [])])
    return format_table([f"scores of {name}", "now", *(["in training"] if trained else [])], rows)


def _tables_and_pictures(measured: "Evaluation", info: "DataInfo", title: str) -> dict[str, Any]:
    """Returns the contents of files by name, and the tables of the report under `text`."""
    with defer_signals():
        from mlplab.report.classification import Confusion
        from mlplab.report.regression import Parity

    if measured.chosen is None:
        parity = Parity(measured.target, measured.predictions, info.target_names)
        files = {"predictions.csv": parity.rows(), "parity.png": lambda path: parity.draw(title, path)}
        return {"text": parity.text(), **files}
    confusion = Confusion(measured.target, measured.chosen, info.class_names)
    files = {"confusion.csv": confusion.rows(), "confusion.png": lambda path: confusion.draw(title, path)}
    return {"text": confusion.text(), "classes.csv": confusion.per_class(), **files}


def check_output_file(output: Path, overwrite: bool) -> None:
    """Raises UserError for a file that exists, unless `overwrite`."""
    if output.exists() and not overwrite:
        raise UserError(f"output={output}: exists already; overwrite=true replaces it")


def check_output_folder(folder: Path, overwrite: bool) -> None:
    """Raises UserError unless the folder is new, empty, or with `overwrite` holds one evaluation and nothing else."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"output={folder}: is a file; name a folder")
    if folder.resolve() in (Path.cwd(), *Path.cwd().parents):
        raise UserError(f"output={folder}: is the current folder, or holds it; name a folder of its own")
    names = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
    if names and names not in FILES_OF_AN_EVALUATION:
        other = min(names - set().union(*FILES_OF_AN_EVALUATION) or names)
        raise UserError(
            f"output={folder}: holds {other}, and is no folder of one evaluation alone; name another folder"
        )
    if names and not overwrite:
        raise UserError(f"output={folder}: holds an evaluation already; overwrite=true replaces it")


def write_output_folder(folder: Path, files: Mapping[str, Any]) -> None:
    """Writes all files, or none. files: by name a text, the rows of a CSV file, or a function that draws to a path.

    Raises UserError where the disk refuses.
    """
    try:
        _write_folder(folder.resolve(), files)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror or error})") from error


def _write_folder(folder: Path, files: Mapping[str, Any]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as temporary:
        fresh, old = Path(temporary, "fresh"), Path(temporary, "old")
        fresh.mkdir()
        for name, content in files.items():
            if isinstance(content, str):
                (fresh / name).write_text(content, encoding="utf-8")
            elif callable(content):
                content(fresh / name)
            else:
                _write_rows(fresh / name, content)
        try:
            if folder.exists():
                folder.rename(old)
            fresh.rename(folder)
        finally:
            if old.exists() and not folder.exists():
                old.rename(folder)


def _write_rows(path: Path, rows: Iterable[Sequence[object]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
