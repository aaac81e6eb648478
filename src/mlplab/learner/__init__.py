"""LightningModules: the training step, losses, metrics and learning-rate schedules.

A learner takes a network, a loss and an optimizer factory. May import: model and the packages before it.
"""
