"""One run folder: build, train, resume, load, evaluate, predict, report.

`build.py` is the composition root, where the configuration becomes objects. May import: analysis and what stands below
it.
"""
