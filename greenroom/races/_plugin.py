"""The pytest plugin: `--race-replay` and `--race-schedules`. It is imported by every pytest, so it imports little else."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("greenroom races", "tests that greenroom.races explores")
    group.addoption("--race-replay", metavar="TOKEN", help="run tests with @races.explore under this schedule only")
    group.addoption("--race-schedules", metavar="N", type=int, help="try N schedules in each test with @races.explore")


def pytest_configure(config: pytest.Config) -> None:
    """Hand the options to where explorations look for them."""
    replay, schedules = config.getoption("--race-replay"), config.getoption("--race-schedules")
    if replay is None and schedules is None:
        return
    from ._errors import InvalidToken
    from ._schedule import Schedule
    from ._settings import settings

    if replay is not None:
        try:
            Schedule.from_token(replay)
        except InvalidToken as error:
            raise pytest.UsageError(f"--race-replay: {error}") from None
    if schedules is not None and schedules < 1:
        raise pytest.UsageError(f"--race-schedules: {schedules} is too few; give a number from 1")
    settings.replay, settings.schedules = replay, schedules


def pytest_unconfigure(config: pytest.Config) -> None:
    """Forget them."""
    if config.getoption("--race-replay") is not None or config.getoption("--race-schedules") is not None:
        from ._settings import settings

        settings.replay = settings.schedules = None
