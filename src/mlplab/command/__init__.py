"""What scripts/ call: one function a command.

May import: every other package.
"""
