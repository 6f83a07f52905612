"""The pytest plugin: options of explored tests, how far they are, and what they tried. It is imported by every pytest, so it imports little else."""

import sys
from collections.abc import Callable, Generator
from typing import Any, Final

import pytest

#: Seconds between two lines that say how far a test is.
PULSE: Final = 10.0
#: The name under which a test's report carries what it tried.
PROPERTY: Final = "greenroom races"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("greenroom races", "tests that greenroom.races explores")
    group.addoption(
        "--race-replay",
        metavar="TOKEN",
        help="run tests with @races.explore under this schedule only, machines by this program, too",
    )
    group.addoption("--race-schedules", metavar="N", type=int, help="try N schedules in each test with @races.explore")


def pytest_configure(config: pytest.Config) -> None:
    """Hand the options to where explorations look for them."""
    replay, schedules = config.getoption("--race-replay"), config.getoption("--race-schedules")
    if replay is None and schedules is None:
        return
    from ._errors import InvalidToken
    from ._machine_token import check_token
    from ._settings import settings

    if replay is not None:
        try:
            check_token(replay)
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Let a test that explores say how far it is, and keep what it tried."""
    loaded: Any = sys.modules.get("greenroom.races._settings")
    if loaded is None:  # no test module has an explored test
        return (yield)
    _check_fixtures(item)
    settings = loaded.settings
    settings.test = item.nodeid
    settings.progress = _progress(item.config)
    settings.surveys.clear()
    try:
        return (yield)
    finally:
        settings.progress, settings.test = None, ""
        for survey in settings.surveys:
            facts = [survey.schedules, survey.distinct, ", ".join(survey.uncontrolled), survey.summary()]
            item.user_properties.append((PROPERTY, facts))


def _check_fixtures(item: Any) -> None:
    """Refuse fixtures that are made for one run of a test: an explored one has many."""
    if not getattr(getattr(item, "obj", None), "is_explored", False):
        return
    info = item._fixtureinfo  # noqa: SLF001 -- there is no public way to a fixture's scope
    drawn = getattr(getattr(item, "callspec", None), "params", {})
    for name in info.argnames:
        found = info.name2fixturedefs.get(name)
        if found and name not in drawn and found[-1].scope == "function":
            pytest.fail(
                f"races.explore: the fixture {name!r} is made once for each test, and all schedules of this one would share it; "
                "make what it gives in the scenario, or give it a wider scope if it may be shared",
                pytrace=False,
            )


def _progress(config: pytest.Config) -> Callable[[str, int], Callable[[int], None]] | None:
    terminal: Any = config.pluginmanager.getplugin("terminalreporter")
    if terminal is None:  # a worker of pytest-xdist
        return None
    capture: Any = config.pluginmanager.getplugin("capturemanager")

    def make(name: str, schedules: int) -> Callable[[int], None]:
        from ._pulse import Pulse

        def show(text: str) -> None:
            with capture.global_and_fixture_disabled():
                terminal.ensure_newline()
                terminal.write_line(f"{name}: {text}")

        return Pulse(schedules, show, PULSE).beat

    return make


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was tried: all in one line; with -v, and of tests that used what is not controlled, each in one of its own."""
    tests = 0
    tried = distinct = 0
    lines: list[str] = []
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", "") != "call":
                continue
            facts = [value for name, value in report.user_properties if name == PROPERTY]
            tests += bool(facts)
            for schedules, ways, uncontrolled, summary in facts:
                tried += schedules
                distinct += ways
                if uncontrolled or terminalreporter.verbosity > 0:
                    lines.append(f"{report.nodeid}: {summary}")
    if tests:
        terminalreporter.section("races", sep="-")
        for line in lines:
            terminalreporter.write_line(line)
        plural = "" if tests == 1 else "s"
        terminalreporter.write_line(f"{tests} test{plural} explored {tried:,} schedules, {distinct:,} of them distinct")
