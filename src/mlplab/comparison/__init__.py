"""Many runs explained: groups of equal settings, significance tests, tables, pictures, sweep.html.

May import: run and what stands below it.
"""
