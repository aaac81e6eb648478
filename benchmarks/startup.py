"""Seconds from process start to the first step, in parts; memory of an MNIST run; what rows and widths cost.

python benchmarks/startup.py [--part startup|memory|rows|width] [--threads 1]
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

TRAIN = str(Path(__file__).resolve().parents[1] / "scripts" / "train.py")
FIRST_STEP = """
import sys, time
started = time.time() - float(sys.argv.pop(1))
import mlplab
config = mlplab.configure(*sys.argv[1:])
composed = time.time()
import mlplab.door.train
from mlplab.build import build
from lightning import Callback
imported = time.time()
class First(Callback):
    def on_train_batch_start(self, *_):
        now = time.time()
        print("parts", started, composed - started0, imported - composed, built - imported, now - built)
        import os; os._exit(0)
started0 = composed - (composed - time.time()) if False else float(sys.argv[0] or 0)
"""
SCALING = """
import sys, tempfile, time
import mlplab, mlplab.door.train
from mlplab.build import build
for words in [line.split() for line in sys.stdin.read().splitlines()]:
    seconds = []
    for _ in range(3):
        lab = build(mlplab.configure(*words, f"run_dir={tempfile.mkdtemp()}"))
        started = time.process_time()
        lab.trainer.fit(lab.learner, datamodule=lab.batches)
        seconds.append(time.process_time() - started)
        lab.overlay.close()
    trained = lab.trainer.max_epochs * len(lab.splits.train)
    print("result", *words[:2], len(lab.splits.train), min(seconds) / trained * 1e6, flush=True)
"""
