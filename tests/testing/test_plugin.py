"""The pytest plugin: its fixtures, its marker, and that it costs nothing where it is not used."""

import subprocess
import sys

import pytest

pytest_plugins = ("pytester",)

PREAMBLE = """
import pytest, trio
from greenroom import Actor, Limits, LimitReached

class Worker(Actor):
    async def receive(self, message, ctx):
        if message == "stop":
            ctx.stop()
"""


def outcome_of(
    pytester: pytest.Pytester, tests: str, *, mode: bool = True, options: tuple[str, ...] = ()
) -> pytest.RunResult:
    """Run some tests in a pytest of their own, in a process of its own."""
    pytester.makeini(f"[pytest]\ntrio_mode = {str(mode).lower()}\n")
    pytester.makepyfile(PREAMBLE + tests)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "--strict-markers", *options)


def test_a_tree_has_a_virtual_clock_and_a_probe(pytester: pytest.Pytester) -> None:
    outcome_of(
        pytester,
        """
async def test_it(tree, probe):
    worker = tree.start_soon(Worker, name="worker")
    assert worker.path == "/test/worker"
    assert probe.ref in tree.which_children()
    await trio.sleep(3600)
    await probe.expect_nothing(within=3600)
    assert trio.current_time() == 7200

@pytest.mark.greenroom(name="stage", limits=Limits(max_actors=2))
async def test_options(tree):
    tree.start_soon(Worker)
    assert tree.path == "/stage"
    with pytest.raises(LimitReached):
        tree.start_soon(Worker)
""",
    ).assert_outcomes(passed=2)


def test_a_test_that_is_marked_for_trio_by_itself_has_them_too(pytester: pytest.Pytester) -> None:
    tests = """
@pytest.mark.trio
async def test_it(tree):
    await trio.sleep(3600)
"""
    outcome_of(pytester, tests, mode=False).assert_outcomes(passed=1)


def test_a_clock_that_the_test_asks_for_is_the_one(pytester: pytest.Pytester) -> None:
    tests = """
async def test_it(tree, mock_clock):
    mock_clock.jump(100)
    assert trio.current_time() == 100
    with trio.testing.RaisesGroup(ValueError) if False else pytest.raises(trio.TooSlowError):
        with trio.fail_after(5):
            mock_clock.jump(5)
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
"""
    outcome_of(pytester, tests).assert_outcomes(passed=1)


def test_a_test_can_have_real_time(pytester: pytest.Pytester) -> None:
    tests = """
from trio.testing import MockClock

@pytest.mark.greenroom(virtual_clock=False)
async def test_real(tree):
    assert not isinstance(trio.lowlevel.current_clock(), MockClock)

async def test_virtual(tree):
    assert isinstance(trio.lowlevel.current_clock(), MockClock)
"""
    outcome_of(pytester, tests).assert_outcomes(passed=2)


def test_the_nearest_marker_wins_option_by_option(pytester: pytest.Pytester) -> None:
    tests = """
pytestmark = pytest.mark.greenroom(name="far", limits=Limits(max_actors=1))

@pytest.mark.greenroom(name="near")
async def test_it(tree):
    assert (tree.path, tree.limits.max_actors) == ("/near", 1)
"""
    outcome_of(pytester, tests).assert_outcomes(passed=1)


def test_a_dead_letter_that_was_overlooked_fails_the_test(pytester: pytest.Pytester) -> None:
    result = outcome_of(
        pytester,
        """
async def lose(tree):
    worker = tree.start_soon(Worker, name="worker", mail="stop")
    worker.tell("lost")
    await worker.wait_stopped()

async def test_overlooked(tree):
    await lose(tree)

async def test_said(tree):
    tree.expect_dead_letters("stopped", 1)
    await lose(tree)

@pytest.mark.greenroom(dead_letters={"stopped": 1})
async def test_marked(tree):
    await lose(tree)

@pytest.mark.greenroom(dead_letters={"stopped": 1})
async def test_wrong(tree):
    pass
""",
    )
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*DeadLettersOverlooked: /test: dead letters that the test does not expect:",
            "*  stopped: 1",
            "*    'lost' to /test/worker, seq 2",
            "*If this is right: tree.expect_dead_letters('stopped', 1)",
            "*  stopped: 0, expected 1",
        ]
    )


def test_what_is_left_behind_fails_the_test_and_is_named(pytester: pytest.Pytester) -> None:
    result = outcome_of(
        pytester,
        """
import subprocess, sys
started = []

async def test_left(tree):
    command = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    started[0].stdout.readline()  # in the middle of an exec a process has no command line

def test_clean_up():
    started[0].communicate()

async def test_in_order(tree):
    pass
""",
    )
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["*LeftBehind: /test: left behind after the tree has ended:", "*  process: * -c import sys*"]
    )


def test_a_test_that_fails_by_itself_shows_its_own_failure_alone(pytester: pytest.Pytester) -> None:
    result = outcome_of(
        pytester,
        """
@pytest.mark.greenroom(dead_letters={"stopped": 3})
async def test_it(tree, probe):
    tree.start_soon(Worker, mail="stop").tell("lost")
    await trio.testing.wait_all_tasks_blocked()
    assert 1 + 1 == 3
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*(1 sub-exception)", "*AssertionError: assert (1 + 1) == 3"])
    result.stdout.no_fnmatch_line("*DeadLetters*")
    result.stdout.no_fnmatch_line("*sub-exceptions*")


def test_a_tree_that_gives_up_fails_the_test_with_the_causes(pytester: pytest.Pytester) -> None:
    result = outcome_of(
        pytester,
        """
class Broken(Actor):
    async def receive(self, message, ctx):
        raise ValueError(message)

async def test_it(tree):
    tree.ignore_dead_letters()
    worker = tree.start_soon(Broken, restart="permanent")
    for n in range(9):
        worker.tell(f"broken {n}")
    await trio.sleep_forever()
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*RestartIntensityExceeded: /test: *"])


def test_a_marker_with_positional_arguments_is_refused(pytester: pytest.Pytester) -> None:
    tests = """
@pytest.mark.greenroom("stage")
async def test_it(tree):
    pass
"""
    result = outcome_of(pytester, tests)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the marker greenroom takes keywords only, got ('stage',)*"])


def test_an_option_that_is_none_fails_the_test_with_its_name(pytester: pytest.Pytester) -> None:
    tests = """
@pytest.mark.greenroom(colour="green")
async def test_it(tree):
    pass
"""
    result = outcome_of(pytester, tests)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*unexpected keyword argument 'colour'*"])


def test_the_fixtures_and_the_marker_are_listed(pytester: pytest.Pytester) -> None:
    pytester.runpytest_subprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.greenroom(name=, dead_letters=*"])
    listed = pytester.runpytest_subprocess("--fixtures", "-q").stdout
    listed.fnmatch_lines(["tree -- *greenroom/testing/_plugin.py:*", "probe -- *greenroom/testing/_plugin.py:*"])


def test_the_plugin_loads_neither_trio_nor_the_rooms_where_it_is_not_used() -> None:
    program = (
        "import sys, greenroom.testing._plugin\n"
        "heavy = {'trio', 'attrs', 'cattrs', 'mcp', 'greenroom.actors', 'greenroom.mailbox', 'greenroom.supervisor'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_pytest_finds_the_plugin_by_itself(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(pytestconfig):\n    assert pytestconfig.pluginmanager.has_plugin('greenroom')\n")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
