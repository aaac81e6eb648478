"""The lessons: one per file; each draws one figure and checks its claims.

May import: run and the packages before it.
"""
