"""What a scenario raises that is no failure of it, but is for whoever runs it: Ctrl-C, an exit, what a test is left by."""

from typing import Final, cast

#: What pytest and unittest raise to leave a test without a failure, by where it says that it is from: pytest is not there in every program.
OF_TESTS: Final = frozenset({
    ("builtins", "Skipped"), ("_pytest.outcomes", "XFailed"), ("_pytest.outcomes", "Exit"), ("unittest.case", "SkipTest"),
})  # fmt: skip


def leaves(error: BaseException) -> BaseException | None:
    """Return what of an exception, or of a group, is for whoever runs the scenario; None if nothing is."""
    if isinstance(error, BaseExceptionGroup):
        members = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return next((found for each in members if (found := leaves(each)) is not None), None)
    is_of_tests = (type(error).__module__, type(error).__name__) in OF_TESTS
    return error if is_of_tests or isinstance(error, (KeyboardInterrupt, SystemExit)) else None
