"""The course: one lesson a file, each draws one picture and checks its claims.

May import: run and what stands below it.
"""
