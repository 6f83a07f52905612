"""The pytest plugin: options of explored tests, how far they are, and what they tried. It is imported by every pytest, so it imports little else."""

import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

import pytest

#: Seconds between two lines that say how far a test is.
PULSE: Final = 10.0
#: The name under which a test's report carries what it tried.
PROPERTY: Final = "greenroom races"

OPTIONS: Final = ("--race-replay", "--race-schedules", "--race-pictures")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("greenroom races", "tests that greenroom.races explores")
    group.addoption(
        "--race-replay",
        metavar="TOKEN",
        help="run tests with @races.explore under this schedule only, machines by this program, too",
    )
    group.addoption("--race-schedules", metavar="N", type=int, help="try N schedules in each test with @races.explore")
    group.addoption(
        "--race-pictures",
        metavar="FOLDER",
        help="draw each failure of such a test, or of a machine, to an HTML page there",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Hand the options to where explorations look for them."""
    replay, schedules, pictures = map(config.getoption, OPTIONS)
    if replay is schedules is pictures is None:
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
    if pictures is not None:
        settings.pictures = _folder(config.invocation_params.dir, pictures)
    settings.replay, settings.schedules = replay, schedules


def _folder(here: Path, name: str) -> Path:
    """Return the folder of that name, which there is from now on."""
    if not name:
        raise pytest.UsageError("--race-pictures: '' is no folder; give one, such as pictures")
    folder = here / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise pytest.UsageError(f"--race-pictures: {name!r} is no folder, and there already; give another") from None
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise pytest.UsageError(f"--race-pictures: {name!r} cannot be made: {words}") from None
    if not os.access(folder, os.W_OK):
        raise pytest.UsageError(f"--race-pictures: nothing can be written into {name!r}: Permission denied")
    return folder


def pytest_unconfigure(config: pytest.Config) -> None:
    """Forget them."""
    if any(config.getoption(option) is not None for option in OPTIONS):
        from ._settings import settings

        settings.replay = settings.schedules = settings.pictures = None


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
