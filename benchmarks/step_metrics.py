"""Measures what logging running loss, learning rate and gradient norm costs, in processor seconds of whole fits.

python benchmarks/step_metrics.py [pairs]
"""

import statistics
import sys
import time

from scratch import scratch_folder

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


def seconds(overrides: tuple[str, ...], with_metrics: bool) -> float:
    lab = build(mlplab.configure(*overrides, f"run_dir={scratch_folder()}"))
    if not with_metrics:
        others = [callback for callback in lab.trainer.callbacks if not isinstance(callback, StepMetrics)]  # type: ignore[attr-defined]
        lab.trainer.callbacks = others  # type: ignore[attr-defined]
    started = time.process_time()
    lab.trainer.fit(lab.learner, datamodule=lab.batches)
    return time.process_time() - started


def main(pairs: int) -> None:
    print(f"{'case':<34} ratio of seconds, with / without: median of {pairs} pairs (smallest, largest)")
    for name, overrides in CASES.items():
        seconds(overrides, True)  # warm-up
        ratios = [seconds(overrides, True) / seconds(overrides, False) for _ in range(pairs)]
        print(f"{name:<34} {statistics.median(ratios):.3f} ({min(ratios):.3f}, {max(ratios):.3f})", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
