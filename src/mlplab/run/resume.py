"""Resumes a run that was stopped, or trains one that has ended for more epochs, in its folder."""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Timer
from lightning.pytorch.trainer.states import RunningStage
from omegaconf import DictConfig

from mlplab.config.tree import portable_config
from mlplab.errors import Pruned, RunError, UnsafeCheckpoint, UserError
from mlplab.files import lock_folder
from mlplab.report.text import align_lines, count_noun
from mlplab.run.build import Components, build
from mlplab.run.config_file import read_config, write_config
from mlplab.run.folder import PRUNED_FILE, find_run
from mlplab.run.load import Checkpoint, check_same_config, load_weights, read_checkpoint
from mlplab.run.train import Scores, describe_run, evaluate_best
from mlplab.trainer.checkpoint import BestAndLastCheckpoint, Judge
from mlplab.trainer.history_file import read_history

log = logging.getLogger(__name__)
# keys that resume itself changes, that change when the folder or the data move, or that have no effect on training
MAY_CHANGE = {
    *("trainer.max_epochs", "trainer.max_time", "run_dir", "sweep.name", "data.root", "data.path", "allow", "debug"),
}
ENDS = {
    None: "as planned; trainer.max_epochs=N makes it longer",
    "max_time": "by trainer.max_time; a larger one makes it longer",
    "early_stopping": "by early stopping, which would end it again",
}


def resume(
    run: str | Path,
    max_epochs: int | None = None,
    max_time: str | None = None,
    allow: Sequence[str] = (),
    begin: Callable[[], None] = lambda: None,
    judge: Judge | None = None,
) -> Scores:
    """Returns what scores.json holds; on a CPU all files become those of a run that was never stopped, except times.

    run: a run folder, or `last`. max_epochs, max_time: of the whole run, including what was trained before. allow:
    modules of your own that it was trained with. begin: called after all checks, before the folder is changed. judge:
    of a search, as for `train_in_folder`. Raises UserError where the folder is no run, its data or config.yaml have
    changed, or it cannot be longer; RunError where the disk refuses.
    """
    folder = find_run(run)
    config = read_config(folder, allow, ensembles=False)
    planned = config.trainer.max_epochs
    if max_epochs is not None:
        config.trainer.max_epochs = max_epochs
    if max_time is not None:
        config.trainer.max_time = max_time
    with lock_folder(folder):
        found = _latest(folder)
        if found is None:
            return _restart(config, begin, judge)
        return _continue(config, *found, planned, max_time is not None, begin, judge)


def _latest(folder: Path) -> tuple[Path, Checkpoint] | None:
    """Returns the newest checkpoint that is whole. Raises UnsafeCheckpoint for one that asks for code."""
    broken: list[UserError] = []
    for path in (folder / "checkpoints" / "last.ckpt", folder / "checkpoints" / "previous.ckpt"):
        try:
            if path.exists():
                checkpoint = read_checkpoint(path)
                for error in broken:
                    log.warning(f"mlplab: {error}; resuming from {path.name}, the one before")
                return path, checkpoint
        except UnsafeCheckpoint:
            raise
        except UserError as error:
            broken.append(error)
    if broken:
        raise broken[0]
    return None


def _restart(config: DictConfig, begin: Callable[[], None], judge: Judge | None) -> Scores:
    """Trains a run that ended before its first epoch did from the beginning."""
    folder = Path(config.run_dir)
    history = folder / "history.csv"
    if history.exists() and len(rows := read_history(history)) > 2:
        lost = f"{folder} has {count_noun(len(rows) - 1, 'epoch')} in history.csv but no checkpoint"
        raise UserError(f"{lost}: it cannot be resumed, and nothing is overwritten")
    lab = build(config, judge)
    begin()
    with _on_disk(folder, lab):
        write_config(portable_config(config))
        lab.overlay.clear()
        for past in (history, folder / "failure.txt", folder / PRUNED_FILE):
            past.unlink(missing_ok=True)
    log.info(align_lines({**describe_run(lab), "resume": "from the beginning: no epoch had ended"}))
    with closing(lab.overlay):
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
        return evaluate_best(lab)


def _continue(
    config: DictConfig,
    path: Path,
    checkpoint: Checkpoint,
    planned: int,
    more_time: bool,
    begin: Callable[[], None],
    judge: Judge | None,
) -> Scores:
    """planned: the epochs before trainer.max_epochs was changed. more_time: whether trainer.max_time was."""
    folder = Path(config.run_dir)
    state = _state(path, checkpoint)
    check_same_config(config, checkpoint, path, matters=lambda key: key not in MAY_CHANGE)
    last = config.trainer.max_epochs
    if last < state["epochs"]:
        raise UserError(
            f"trainer.max_epochs={last}: {folder} has {count_noun(state['epochs'], 'epoch')} already; give more"
        )
    ended = state["ended"] == "early_stopping" or (state["ended"] == "max_time" and not more_time)
    over = ended or state["epochs"] == last
    scores = folder / "scores.json"
    if over and scores.exists():
        log.info(f"{folder} ended after epoch {state['epochs']}, {ENDS[state['ended']]}: nothing is left to do")
        known: Scores = json.loads(scores.read_text())
        return known
    lab = build(config, judge)
    _same_data(lab, checkpoint, path)
    load_weights(lab.learner, checkpoint["state_dict"], path)
    if lab.learner.needs_length and last != planned:
        raise UserError(
            f"trainer.max_epochs={last}: scheduler={config.choice.scheduler} depends on the length, "
            f"{count_noun(planned, 'epoch')}; train anew for another length"
        )
    rows = lab.history.rows_until(state["epochs"])
    if judge and not over and (reason := judge(state["epochs"], rows[-1][config.monitor])):
        raise Pruned(reason)  # the process was killed before it could write that
    begin()
    with _on_disk(folder, lab):
        if path.name == "previous.ckpt":  # a broken last.ckpt must not take its place
            path.with_name("last.ckpt").unlink(missing_ok=True)
        lab.overlay.resume(rows, int(rows[-1]["step"]) if over else state["step"])
        lab.history.resume(rows)
        write_config(portable_config(config))
        for past in (scores, folder / "diagnosis.json", folder / "failure.txt", folder / PRUNED_FILE):
            past.unlink(missing_ok=True)
    log.info(align_lines({**describe_run(lab), "resume": f"after epoch {state['epochs']}, step {state['step']}"}))
    for timer in (callback for callback in lab.callbacks if isinstance(callback, Timer)):
        timer.load_state_dict({"time_elapsed": {RunningStage.TRAINING.value: lab.history.seconds}})
    with closing(lab.overlay):
        if over:
            lab.checkpoints.take_best(state)
        else:
            lab.trainer.fit(lab.learner, datamodule=lab.batches, ckpt_path=path, weights_only=True)
        return evaluate_best(lab)


@contextmanager
def _on_disk(folder: Path, lab: Components) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        with suppress(OSError):
            lab.overlay.close()
        reason = f"{folder} cannot be written: {error.strerror or error}"
        raise RunError(f"{reason}; its checkpoints are kept: free disk space, then resume") from error


def _state(path: Path, checkpoint: Checkpoint) -> dict[str, Any]:
    state: dict[str, Any] | None = checkpoint.get("callbacks", {}).get(BestAndLastCheckpoint.state_key)
    if state is None:
        raise UserError(f"{path}: holds weights only; a run cannot be resumed from them")
    return state


def _same_data(lab: Components, checkpoint: Checkpoint, path: Path) -> None:
    if lab.learner.hparams["data_digest"] != checkpoint["hyper_parameters"].get("data_digest"):
        raise UserError(
            f"{path}: its data have changed since it was trained; it can be resumed only with the rows it had"
        )
