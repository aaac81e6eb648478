"""Two kinds of end in one line: the user's mistake, and a run that cannot go on."""

from mlplab.errors import RunError, UnsafeCheckpoint, UserError


def test_a_mistake_is_a_value_error_and_a_failure_is_not() -> None:
    assert issubclass(UserError, ValueError)
    assert issubclass(UnsafeCheckpoint, UserError)
    assert not issubclass(RunError, ValueError)
