"""Compares many runs: groups of equal configurations, significance tests, tables, figures, sweep.html.

May import: run and what stands below it.
"""
