"""What is added to Lightning's Trainer: callbacks, the TensorBoard logger, device checks, fused mini-batches.

May import: learner and the packages before it.
"""
