"""What running loss, learning rate and gradient norm cost: whole fits with and without them, in turn; the ratio of
their processor seconds.

python benchmarks/running.py [pairs]
"""

import statistics
import sys
import time

from room import room

import mlplab
from mlplab.run.build import build
from mlplab.trainer.step_metrics import StepMetrics

CASES = {
    "digits, 64-256-128-10, batch 32": ("data=digits", "trainer.max_epochs=30"),
    "digits, 64-32-10, batch 32": ("data=digits", "trainer.max_epochs=30", "model.hidden_features=[32]"),
    "digits, 512-512, batch 256": (
        "data=digits",
        "trainer.max_epochs=60",
        "model.hidden_features=[512,512]",
        "batch_size=256",
    ),
}


def seconds(overrides: tuple[str, ...], with_running: bool) -> float:
    lab = build(mlplab.configure(*overrides, f"run_dir={room()}"))
    if not with_running:
        kept = [callback for callback in lab.trainer.callbacks if not isinstance(callback, StepMetrics)]  # type: ignore[attr-defined]
        lab.trainer.callbacks = kept  # type: ignore[attr-defined]
    started = time.process_time()
    lab.trainer.fit(lab.learner, datamodule=lab.batches)
    return time.process_time() - started


def main(pairs: int) -> None:

    print(f"{'case':<34} ratio of seconds, with / without: median of {pairs} (least, most)")
    for name, overrides in CASES.items():
        seconds(overrides, True)  # warm
        ratios = [seconds(overrides, True) / seconds(overrides, False) for _ in range(pairs)]
        print(f"{name:<34} {statistics.median(ratios):.3f} ({min(ratios):.3f}, {max(ratios):.3f})", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
