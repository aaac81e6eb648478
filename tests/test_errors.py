"""Errors that end a command in one line: wrong input, and a run that cannot continue."""

from mlplab.errors import RunError, UnsafeCheckpoint, UserError


def test_a_user_error_is_a_value_error_and_a_run_error_is_not() -> None:
    assert issubclass(UserError, ValueError)
    assert issubclass(UnsafeCheckpoint, UserError)
    assert not issubclass(RunError, ValueError)
