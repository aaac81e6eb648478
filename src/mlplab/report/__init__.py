"""Figures, tables and HTML pages, drawn from plain numbers.

Knows nothing of configurations or run folders. May import: files, errors.
"""
