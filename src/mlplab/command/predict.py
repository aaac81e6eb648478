"""predict: writes the predictions of a run for new rows or images to a CSV file."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplab import files
from mlplab.config.validate import check_choice
from mlplab.data.formats import TABLE_KINDS, file_kind, is_compressed
from mlplab.errors import UserError
from mlplab.report.text import count_noun
from mlplab.signals import defer_signals

if TYPE_CHECKING:  # torch is imported only after the settings have been checked
    from mlplab.data.inference import NewRows
    from mlplab.run.predictor import Predictor

BLOCK_SIZE = 4096  # rows that are predicted and written at once


def predict(settings: Mapping[str, Any]) -> Path:
    """Writes a row for each row or image of the input, in the same order, and returns the path of the file.

    settings: the keys of conf/predict.yaml. Raises UserError where run, input or output are invalid; then no file is
    written.
    """
    source, output = Path(settings["input"]).expanduser(), Path(settings["output"]).expanduser()
    _check(settings, source, output)

    with defer_signals():
        from mlplab.run.predictor import reopen

    model = reopen(settings["run"], settings["allow"])
    unseen = _read(model, settings, source)
    try:
        _write(model, unseen, output)
    except OSError as error:
        raise UserError(f"output={settings['output']}: cannot be written ({error.strerror})") from error
    for note in unseen.notes:
        print(f"note      {note}")
    print(f"written   {settings['output']}: {count_noun(len(unseen.features), 'row')}")
    return output


def _check(settings: Mapping[str, Any], source: Path, output: Path) -> None:
    """Raises UserError for what can be checked before torch is imported."""
    for key in ("gaps", "invert"):
        check_choice(key, settings[key])
    if not source.exists():
        raise UserError(f"input={settings['input']}: no such file or folder")
    if source.is_file() and source.stat().st_size == 0:
        raise UserError(f"input={settings['input']}: is an empty file")
    if not source.is_dir() and file_kind(source) is None:
        needed = f"{TABLE_KINDS}, an NPY or NPZ file, an image or a folder of images"
        raise UserError(f"input={settings['input']}: {needed} is needed")
    if is_compressed(output):
        raise UserError(f"output={settings['output']}: a CSV file is written as it is, not packed; leave out .gz")
    if output.is_dir() or not output.parent.is_dir():
        what = "is a folder; name a file in it" if output.is_dir() else f"there is no folder {output.parent}"
        raise UserError(f"output={settings['output']}: {what}")
    if output.exists() and not output.is_file():
        raise UserError(f"output={settings['output']}: is a device or the like; name a file")
    if output.exists() and (not settings["overwrite"] or output.samefile(source)):
        remedy = "it is the input" if output.samefile(source) else "overwrite=true replaces it"
        raise UserError(f"output={settings['output']}: exists already; {remedy}")
    if not settings["run"].endswith(".ckpt"):
        from mlplab.run.config_file import read_config
        from mlplab.run.folder import find_run

        read_config(find_run(settings["run"]), settings["allow"])


def _read(model: "Predictor", settings: Mapping[str, Any], source: Path) -> "NewRows":
    with defer_signals():
        from mlplab.data.inference import from_array, from_csv, from_images

    name, kind = str(source), "image" if source.is_dir() else file_kind(source)
    if kind == "image":
        return from_images(name, model.info, "auto" if settings["invert"] is None else settings["invert"])
    if kind == "table":
        separator = settings["separator"] or model.config.data.get("separator", ",")
        return from_csv(name, model.info, separator, settings["gaps"])
    return from_array(name, model.info)


def _write(model: "Predictor", unseen: "NewRows", output: Path) -> None:
    with files.open_atomic(output.resolve()) as file, TextIOWrapper(file, encoding="utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([unseen.kind, *_header(model)])
        for start in range(0, len(unseen.features), BLOCK_SIZE):
            block = slice(start, start + BLOCK_SIZE)
            writer.writerows(_cells(model, unseen.rows[block], unseen.features[block]))


def _header(model: "Predictor") -> list[str]:
    if not model.info.task.is_regression:
        return ["class", *(f"probability of {name}" for name in model.class_names)]
    return model.target_names


def _cells(model: "Predictor", rows: Sequence[str], features: Any) -> Iterator[list[str]]:
    predictions = model.of_features(features, rows)
    named = model.named(predictions).tolist() if not model.info.task.is_regression else None
    for index, row in enumerate(rows):
        cells = [str(value) for value in predictions[index]]  # the shortest digits that give the number again
        yield [row, *([named[index]] if named else []), *cells]
