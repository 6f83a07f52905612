"""The decorator: a test of a scenario is a plain test."""

import inspect

import pytest
import trio

from greenroom import races
from greenroom.races import Sim

from .scenarios import check_then_insert, order_of_one_sender

pytest_plugins = ("pytester",)


@races.explore(schedules=50)
async def test_what_one_tells_another_arrives_in_order(sim: Sim) -> None:
    """P13."""
    await order_of_one_sender(sim)


@pytest.mark.parametrize("steps", [1, 2])
@races.explore(schedules=5)
async def test_parameters_reach_the_scenario(sim: Sim, steps: int) -> None:
    for _ in range(steps):
        await trio.lowlevel.checkpoint()
    assert sim.steps == steps + 1


def test_a_failure_is_raised_with_the_schedule_and_its_cause() -> None:
    with pytest.raises(races.RaceFound, match=r"to see it again: pytest --race-replay=") as caught:
        races.explore()(check_then_insert)()
    assert isinstance(caught.value.__cause__, AssertionError)


def test_pytest_sees_all_parameters_but_the_sim() -> None:
    @races.explore()
    async def scenario(sim: Sim, steps: int) -> None: ...

    assert list(inspect.signature(scenario).parameters) == ["steps"]


def test_what_is_no_scenario_is_refused() -> None:
    with pytest.raises(TypeError, match="is no async function; a scenario is `async def"):
        races.explore()(lambda sim: None)  # type: ignore[arg-type, return-value]

    async def without() -> None: ...

    with pytest.raises(TypeError, match="takes no `sim`"):
        races.explore()(without)


FILE = """
import trio
from greenroom import races

@races.explore(schedules=200)
async def test_insert_once(sim):
    table = []
    async def register():
        if not table:
            await trio.lowlevel.checkpoint()
            table.append(1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(register)
        nursery.start_soon(register)
    assert len(table) == 1

@races.explore(schedules=200)
async def test_fine(sim):
    await trio.lowlevel.checkpoint()
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in ("CI", "BUILD_NUMBER"):  # with one of them, pytest says at the end all that it has said before
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(FILE)
    return pytester


def ran(project: pytest.Pytester, *args: str) -> pytest.RunResult:
    return project.runpytest_inprocess("-p", "no:cacheprovider", *args)


def test_a_failure_names_the_option_that_replays_it_and_that_does(project: pytest.Pytester) -> None:
    result = ran(project)
    result.assert_outcomes(failed=1, passed=1)
    text = result.stdout.str()
    token = text.rsplit("to see it again: pytest --race-replay=", 1)[1].split()[0]
    again = ran(project, f"--race-replay={token}", "-k", "insert_once")
    again.assert_outcomes(failed=1)
    assert again.stdout.str().count(f"to see it again: pytest --race-replay={token}") == 1


def test_a_replay_of_another_program_says_so(project: pytest.Pytester) -> None:
    result = ran(project, "--race-replay=r1:0.1:00000000", "-k", "fine")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ProgramChanged: the program changed: *"])


def test_the_number_of_schedules_can_be_given_for_all(project: pytest.Pytester) -> None:
    ran(project, "--race-schedules=1", "-k", "fine").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--race-replay=nonsense", "'nonsense' is no whole token"),
        ("--race-replay=r9:0.1:00000000", "is of format r9"),
        ("--race-replay=", "'' is no whole token"),
        ("--race-replay=R1:0.1:00000000", "is no whole token"),
        ("--race-replay=r1:00.1:00000000", "has been changed"),
        (f"--race-replay=r1:{10**30}.1:00000000", "is no whole token"),
        ("--race-schedules=0", "0 is too few; give a number from 1"),
        ("--race-schedules=many", "invalid int value: 'many'"),
    ],
)
def test_wrong_options_are_refused(project: pytest.Pytester, option: str, text: str) -> None:
    result = ran(project, option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert text in result.stderr.str()


LONG = """
import trio
from greenroom import races
from greenroom.races import _plugin

_plugin.PULSE = 0.0

@races.explore(schedules=4)
async def test_long(sim):
    sim.choose([1, 2])
    print("said by the test")

@races.explore(schedules=40)
async def test_threads(sim):
    sim.choose(range(100))

def test_plain():
    pass
"""


def test_a_long_exploration_says_how_far_it_is(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(LONG)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:xdist", "-k", "long")
    result.stdout.fnmatch_lines(["test_long: schedule 1 of 4, * each second", "test_long: schedule 2 of 4, *"])
    result.stdout.no_fnmatch_line("*said by the test*")


def test_what_was_tried_is_told_at_the_end(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(LONG)
    for options in ((), ("-n", "1")):
        short = pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)
        short.assert_outcomes(passed=3)
        short.stdout.fnmatch_lines(["*- races -*", "2 tests explored 42 schedules, * of them distinct"])
        short.stdout.no_fnmatch_line("*::test_long: *")
        long = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-v", *options)
        long.stdout.fnmatch_lines(["*::test_long: 2 schedules, 2 of them distinct; all that there are; all of it *"])


def test_without_explored_tests_nothing_is_told(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_plain(): pass")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.stdout.no_fnmatch_line("*races*")


MORE = """
import pytest
import trio
from greenroom import races

class TestPool:
    @races.explore(schedules=5)
    async def test_method(self, sim):
        assert isinstance(self, TestPool)

@races.explore(schedules=5)
async def test_shares(sim, tmp_path):
    pass

@pytest.fixture(scope="module")
def kept():
    return 3

@races.explore(schedules=5)
async def test_may_share(sim, kept):
    assert kept == 3

@pytest.mark.parametrize("number", [1, 2])
@races.explore(schedules=5)
async def test_fails(sim, number):
    assert number == 1
"""


def test_methods_are_explored_and_fixtures_of_one_run_refused(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(MORE)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=3, failed=2)
    text = result.stdout.str()
    assert "the fixture 'tmp_path' is made once for each test, and all schedules of this one would share it" in text
    again = text.rsplit("to see it again: pytest ", 1)[1].splitlines()[0].replace("'", "").split()
    assert again[1].endswith("::test_fails[2]")
    pytester.runpytest_subprocess("-p", "no:cacheprovider", *again).assert_outcomes(failed=1)
