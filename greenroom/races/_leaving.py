"""What a scenario raises that is no failure of it, but is for whoever runs it: Ctrl-C, an exit, what pytest skips by."""

from typing import Final, cast

#: What pytest raises to leave a test, by name: it is not there in every program.
OF_PYTEST: Final = ("Skipped", "XFailed", "Exit")


def leaves(error: BaseException) -> BaseException | None:
    """Return what of an exception, or of a group, is for whoever runs the scenario; None if nothing is."""
    if isinstance(error, BaseExceptionGroup):
        members = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return next((found for each in members if (found := leaves(each)) is not None), None)
    is_pytests = type(error).__name__ in OF_PYTEST and not isinstance(error, Exception)
    return error if is_pytests or isinstance(error, (KeyboardInterrupt, SystemExit)) else None
