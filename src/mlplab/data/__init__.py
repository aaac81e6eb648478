"""Files become train, val and test tensors.

A dataset reads `RawData`; `Dataset.splits` returns `Splits`: float features, int64 classes (N,) or float targets
(N, K). May import: errors, files.
"""
