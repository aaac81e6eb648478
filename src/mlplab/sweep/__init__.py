"""What a sweep came to: one table, best first, and the pictures that explain it."""

from mlplab.sweep.summary import summarise

__all__ = ["summarise"]
