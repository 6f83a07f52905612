"""State machines: what they find, what it is shrunk to, and that what is told leads to it again."""

import re
import unittest
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import pytest
import trio
from hypothesis import assume, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, multiple, precondition

from greenroom import races
from greenroom.races import InvalidToken, ProgramChanged, RaceFound, Result, Schedule, Started, StateMachine
from greenroom.races._machine_examples import SOME, case_of, run_again
from greenroom.races._settings import settings as known

from .machines import (
    CLIENTS,
    FINDS,
    RUNS,
    CheckThenInsert,
    CheckThenInsertFixed,
    LockOrder,
    LostWakeup,
    ReadModifyWrite,
    failure_in,
    found_in,
    run,
    run_told,
    steps_of,
    token_of,
)

pytest_plugins = ("pytester",)

# -- finding, shrinking, replaying


LEAST = {
    CheckThenInsert: ("NotLinearizable: ", [r"opens\(\)", r"sells\(.*number=\d\)", r"sells\(.*number=\d\)"], 2),
    ReadModifyWrite: ("AssertionError", [r"adds\(.*\)", r"adds\(.*\)"], 2),
    LockOrder: ("deadlock: ", [r"takes\(.*first=[01]\)", r"takes\(.*first=[01]\)"], 2),
    LostWakeup: ("deadlock: ", [r"waits_for_one\(.*\)"], 2),
}


@pytest.mark.parametrize("machine", LEAST)
def test_a_bug_is_shrunk_to_the_least_program_and_what_is_told_leads_to_it_again(machine: Any) -> None:
    error, steps, most = LEAST[machine]
    text = found_in(machine)
    assert text.startswith(f"{machine.__name__}: ")
    assert error in text.partition("the program,")[0]
    told = steps_of(text)
    assert len(told) == len(steps), text
    assert all(re.search(rf"state\.{one}$", line) for one, line in zip(steps, told, strict=True)), text
    token = token_of(text)
    deviations = Schedule.from_token(token).deviations
    assert len(deviations) <= most
    assert "; no fewer do" in text or not deviations
    again = run_told(text, machine)  # raises ProgramChanged where it goes another way
    assert again.failed
    assert again.schedule.token == token


def test_nothing_is_found_in_a_machine_without_a_bug() -> None:
    run(CheckThenInsertFixed, settings(RUNS, max_examples=150))


def test_the_arguments_are_shrunk_too() -> None:
    text = found_in(CheckThenInsert)
    numbers = [int(number) for number in re.findall(r"number=(\d)", "\n".join(steps_of(text)))]
    assert numbers == [1, 1]


def test_a_bug_that_needs_a_deviation_is_told_with_it() -> None:
    """Without a schedule that is drawn, these two steps would pass."""

    class Late(StateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.is_open = True

        async def use(self) -> None:
            for _ in range(3):
                await trio.lowlevel.checkpoint()
                assert self.is_open

        async def close(self) -> None:
            for _ in range(3):
                await trio.lowlevel.checkpoint()
            self.is_open = False

        @races.rule()
        def uses(self) -> None:
            self.start("user", self.use)

        @races.rule()
        def closes(self) -> None:
            self.start("owner", self.close)

    text = found_in(Late)
    assert sorted(line.removeprefix("await state.") for line in steps_of(text)) == ["closes()", "uses()"]
    assert run_told(text, Late).verdict == "failed"
    assert re.search(r"\n[01] deviations? from the default .marked >.; no fewer do|\nno deviation", text)


# -- what examples are


def test_nearly_all_examples_take_orders_of_their_own() -> None:
    prints: list[str] = []
    run(
        CheckThenInsertFixed,
        settings(RUNS, max_examples=200, stateful_step_count=20),
        lambda result, _: prints.append(result.fingerprint),
    )
    assert len(prints) >= 200
    assert len(set(prints)) >= 0.95 * len(prints)


def test_many_examples_go_far_from_the_default() -> None:
    """Strategies guide them; by chance alone a choice in ten would deviate."""
    far: list[bool] = []

    def hears(result: Result, _lines: list[str]) -> None:
        far.append(4 * sum(choice.index > 0 for choice in result.choices) > len(result.choices) > SOME)

    run(CheckThenInsertFixed, settings(RUNS, max_examples=100), hears)
    assert sum(far) >= 0.4 * len(far)


def test_examples_leave_nothing_to_one_another() -> None:
    """Each has a machine, a run and a history of its own, whose clocks begin anew."""
    seen: list[tuple[int, float, int]] = []

    class Fresh(StateMachine):
        def __init__(self) -> None:
            seen.append((len(self.sim.history.operations), trio.current_time(), self.sim.steps))
            super().__init__()

        @races.rule(client=CLIENTS)
        def sleeps(self, client: str) -> None:
            self.start(client, trio.sleep, 5)

    results: list[Result] = []
    run(Fresh, RUNS, lambda result, _: results.append(result))
    assert len(seen) >= 200
    assert set(seen) == {(0, 0.0, 1)}
    assert {each.outcome for result in results for each in result.history} == {"ok"}


def test_the_same_examples_come_again() -> None:
    def tokens() -> list[str]:
        found: list[str] = []
        run(CheckThenInsertFixed, settings(RUNS, max_examples=50), lambda result, _: found.append(result.fingerprint))
        return found

    assert tokens() == tokens()


def test_bundles_hold_what_rules_return_and_the_program_names_it() -> None:
    drawn: Counter[str] = Counter()

    class Names(StateMachine):
        names: Bundle[str] = Bundle("names")
        others: Bundle[str] = Bundle("others")

        @races.initialize(target=names)
        async def first(self) -> Any:
            await trio.lowlevel.checkpoint()
            return multiple("x", "y")

        @races.rule(targets=(names, others), name=names)
        async def longer(self, name: str) -> str:
            await trio.lowlevel.checkpoint()
            return f"{name}'"

        @races.rule(target=others)
        def none_of_them(self) -> Any:
            return cast("Any", multiple())

        @races.rule(name=others)
        def ends(self, name: str) -> None:
            drawn[name] += 1
            assert len(name) < 3

    text = found_in(Names, settings(FINDS, max_examples=500))
    assert (
        steps_of(text)
        == [
            "names_0, names_1 = await state.first()",
            "names_2 = others_0 = await state.longer(name=names_1)",
            "names_3 = others_1 = await state.longer(name=names_2)",
            "await state.ends(name=others_1)",
        ]
        or len(steps_of(text)) == 4
    )
    assert drawn["x'"]
    assert run_told(text, Names).verdict == "failed"


def test_preconditions_assumptions_and_data_are_hypothesiss() -> None:
    class Counts(StateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.number = 0

        @precondition(lambda self: self.number < 3)
        @races.rule(data=st.data())
        async def up(self, data: st.DataObject) -> None:
            await trio.lowlevel.checkpoint()
            step = data.draw(st.integers(0, 2))
            assume(step)
            note(f"a step of {step}")
            self.number += step

        @races.rule()
        def nothing(self) -> None:
            pass

        @invariant()
        def small(self) -> None:
            assert self.number < 5

    passed: list[Result] = []
    run(Counts, settings(RUNS, max_examples=100), lambda result, _: passed.append(result))
    assert len(passed) >= 100


def test_time_passes_where_a_rule_lets_it_and_settling_takes_none() -> None:
    times: set[tuple[str, float]] = set()

    class Sleeps(StateMachine):
        @races.rule(client=CLIENTS)
        def sleeps(self, client: str) -> None:
            self.start(client, trio.sleep, 1)

        @races.rule()
        async def lets_time_pass(self) -> None:
            before = trio.current_time()
            await trio.sleep(2)
            times.add(("rule", trio.current_time() - before))

        @races.rule()
        async def settles(self) -> None:
            before = trio.current_time()
            await self.settle()
            times.add(("settle", trio.current_time() - before))

    run(Sleeps, settings(RUNS, max_examples=60))
    assert times == {("rule", 2.0), ("settle", 0.0)}


# -- calls that are started


def test_a_client_does_one_thing_at_a_time_also_when_one_that_waits_is_cancelled() -> None:
    """The third call does not begin before the first has ended: that the second, which waited behind it, is over is not enough."""
    now: list[int] = []

    class Queue(StateMachine):
        async def work(self, number: int) -> None:
            now.append(number)
            assert len(now) == 1
            await trio.sleep(1)
            now.remove(number)

        @races.rule()
        async def three(self) -> None:
            first, second, third = (self.start("ann", self.work, number) for number in range(3))
            await self.settle()
            second.cancel()
            await self.settle()
            assert (first.is_over, second.is_over, third.is_over) == (False, True, False)
            await third.wait()
            assert first.is_over
            assert self.in_flight == ()

    run(Queue, settings(RUNS, max_examples=5, stateful_step_count=2))


def test_an_expected_error_is_kept_and_any_other_fails_the_machine() -> None:
    class Fails(StateMachine):
        async def fail(self, kind: type[Exception]) -> None:
            raise kind("so")

        @races.rule(kind=st.sampled_from([LookupError, ValueError]))
        async def expected(self, kind: type[Exception]) -> None:
            started = self.start("ann", self.fail, kind, answers=LookupError, fails=(ValueError,))
            await started.wait()
            assert isinstance(started.error, kind)
            assert started.result is None
            outcome = "ok" if kind is LookupError else "fail"
            assert self.sim.history.operations[-1].outcome == outcome

        @races.rule()
        def unexpected(self) -> None:
            self.start("bob", self.fail, OSError)

    text = found_in(Fails)
    assert text.startswith("Fails: failed: OSError: so")
    assert steps_of(text) == ["await state.unexpected()"]


def test_what_is_entered_is_left_at_the_end_the_last_first_and_teardown_comes_last() -> None:
    told: list[str] = []
    calls: list[Started] = []

    class Context(AbstractAsyncContextManager[str]):
        def __init__(self, name: str) -> None:
            self.name = name

        async def __aenter__(self) -> str:
            await trio.lowlevel.checkpoint()
            return self.name

        async def __aexit__(self, *_: object) -> None:
            await trio.lowlevel.checkpoint()
            told.append(f"leaves {self.name}, {calls[-1].is_over}")

    class Enters(StateMachine):
        @races.initialize()
        async def enters(self) -> None:
            told[:] = [f"enters {await self.enter(Context(name))}" for name in ("a", "b")]
            calls.append(self.start("ann", trio.sleep, 1))

        @races.rule(fails=st.booleans())
        def ends(self, fails: bool) -> None:
            assert not fails

        async def finish(self) -> None:
            await trio.lowlevel.checkpoint()
            told.append("finishes")
            assert not calls[-1].is_over

        async def teardown(self) -> None:  # type: ignore[override]
            await trio.lowlevel.checkpoint()
            told.append(f"is torn down, {calls[-1].is_over}")

    result = races.run(passing := program_of(Enters, fails=False))
    assert result.verdict == "passed", passing
    assert told == ["enters a", "enters b", "finishes", "leaves b, True", "leaves a, True", "is torn down, True"]
    result = races.run(program_of(Enters, fails=True))
    assert result.verdict == "failed"
    assert isinstance(result.error, AssertionError)
    assert told == ["enters a", "enters b", "leaves b, True", "leaves a, True", "is torn down, True"]


def program_of(machine: type[StateMachine], *, fails: bool) -> Any:
    async def program(sim: Any) -> None:
        async with races.open_machine(machine, sim) as state:
            await state.enters()
            await state.ends(fails=fails)

    return program


# -- invariants


def test_invariants_are_checked_when_nothing_is_in_flight_or_at_each_step() -> None:
    seen: dict[str, list[bool]] = {"quiet": [], "each": [], "inner": []}

    class Looks(StateMachine):
        @races.rule(client=CLIENTS)
        def sleeps(self, client: str) -> None:
            self.start(client, trio.sleep, 1)

        @races.rule()
        async def waits(self) -> None:
            await trio.sleep(1)

        @invariant()
        def quiet(self) -> None:
            seen["quiet"].append(bool(self.in_flight))

        @races.at_each_step
        @invariant()
        def each(self) -> None:
            seen["each"].append(bool(self.in_flight))

        @precondition(lambda self: self.in_flight)
        @invariant()
        @races.at_each_step
        def inner(self) -> None:
            seen["inner"].append(bool(self.in_flight))

    run(Looks, settings(RUNS, max_examples=30))
    assert set(seen["quiet"]) == {False}
    assert set(seen["each"]) == {False, True}
    assert set(seen["inner"]) == {True}


def test_a_machine_may_say_itself_when_it_is_quiet() -> None:
    looked: list[int] = []

    class Quiet(StateMachine):
        def is_quiet(self) -> bool:
            return len(self.in_flight) == 1

        @races.rule(client=CLIENTS)
        def sleeps(self, client: str) -> None:
            self.start(client, trio.sleep, 1)

        @invariant()
        def looks(self) -> None:
            looked.append(len(self.in_flight))

    run(Quiet, settings(RUNS, max_examples=30))
    assert set(looked) == {1}


# -- in pytest


FILE = """
from hypothesis import settings
from tests_machines import CheckThenInsert, FINDS

TestStock = CheckThenInsert.TestCase
TestStock.settings = FINDS
"""


def test_in_pytest_it_is_a_test_case_and_the_option_shows_its_failure_again(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(tests_machines=SOURCE, test_it=FILE)
    ran = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--race-pictures=drawn")
    ran.assert_outcomes(failed=1)
    text = ran.stdout.str()
    assert "NotLinearizable: " in text
    [page] = (pytester.path / "drawn").iterdir()
    assert f"drawn to {page}" in text
    assert "to see it again: <code>pytest --race-replay=m1:" in page.read_text(encoding="utf-8")
    [command] = re.findall(r"or: pytest (--race-replay=m1:\S+) (\S+)", text)[:1]
    assert command[1] == "test_it.py::TestStock::runTest"
    again = pytester.runpytest_inprocess("-p", "no:cacheprovider", *command)
    again.assert_outcomes(failed=1)
    told, told_again = (
        [line[1:].strip() for line in each.splitlines() if line.startswith("E") and "await state." in line]
        for each in (text, again.stdout.str())
    )
    assert told == told_again != []
    assert known.replay is None


SOURCE = """
from greenroom import races
from greenroom.races import SequentialModel, StateMachine
from hypothesis import Phase, settings, strategies as st
import trio

FINDS = settings(max_examples=200, stateful_step_count=8, deadline=None, database=None, derandomize=True,
                 phases=[Phase.generate, Phase.shrink])

class Stock(SequentialModel):
    initial = 1

    def apply(self, state, name, args):
        return (True, state - 1) if state else (False, state)

class CheckThenInsert(StateMachine, model=Stock):
    @races.initialize()
    def opens(self):
        self.left = 1

    async def sell(self):
        if not self.left:
            return False
        await trio.lowlevel.checkpoint()
        self.left -= 1
        return True

    @races.rule(client=st.sampled_from(["ann", "bob"]))
    def sells(self, client):
        self.start(client, self.sell)
"""


@pytest.fixture(scope="module")
def token() -> str:
    """A token of CheckThenInsert."""
    return failure_in(CheckThenInsert).token


def test_a_token_leads_to_the_failure_again(token: str) -> None:
    with pytest.raises(RaceFound, match="NotLinearizable") as caught:
        run_again(CheckThenInsert, f" {token}\n")
    assert caught.value.token == token


def test_a_token_of_another_machine_is_told(token: str) -> None:
    with pytest.raises(ProgramChanged):
        run_again(LockOrder, token)
    with pytest.raises(ProgramChanged):
        run_again(CheckThenInsertFixed, token)


Change = Callable[[str], str]
BAD_TOKENS: list[tuple[Change, str]] = [
    (lambda token: token[3:], "is no whole token of a machine; one looks like 'm1:"),
    (lambda token: token.replace("m1:", "m2:"), "is no whole token of a machine"),
    (lambda token: token[:5] + token[7:], "has no program that can be read; copy all of it"),
    (lambda token: token.replace("m1:", "m1:!"), "is no whole token of a machine"),
    (lambda token: re.sub("^m1:[^:]*", "m1:", token), "has no program that can be read"),
    (lambda token: token.partition(":r1")[0], "is no whole token of a machine"),
    (lambda token: token[:-1], "is no whole token; one looks like 'r1:"),
    (lambda token: token.partition(":r1:")[0] + ":r2::00000000", "is of format r2"),
    (lambda _: "r1:0.1:4ebbab33", "is no whole token of a machine"),
    (lambda _: "", "'' is no whole token of a machine"),
]


@pytest.mark.parametrize(("change", "text"), BAD_TOKENS)
def test_bad_tokens_are_told(token: str, change: Change, text: str) -> None:
    with pytest.raises(InvalidToken, match=re.escape(text)):
        run_again(CheckThenInsert, change(token))


def test_the_settings_are_those_of_the_test_case() -> None:
    case: Any = CheckThenInsert.TestCase
    assert case is case_of(CheckThenInsert)
    assert issubclass(case, unittest.TestCase)
    assert case.__name__ == "CheckThenInsert.TestCase"
    counted: list[int] = []

    @settings(RUNS, max_examples=7, stateful_step_count=3)
    class Few(StateMachine):
        @races.rule()
        def step(self) -> None:
            counted[-1] += 1

        def __init__(self) -> None:
            super().__init__()
            counted.append(0)

    races.run_machine(Few)
    assert max(counted) == 3
    assert len(counted) <= 30
    counted.clear()
    races.run_machine(Few, settings=settings(RUNS, max_examples=2, stateful_step_count=1))
    assert set(counted) == {1}


def test_what_is_told_has_no_place_of_this_kit_where_a_group_has_one_error() -> None:
    """A rule that raises is told by what it raises, not by the groups that Trio has put around it."""

    class Raises(StateMachine):
        @races.rule()
        async def raises(self) -> None:
            raise LookupError("so")

    text = found_in(Raises)
    assert text.startswith("Raises: failed: LookupError: so\n")


def test_an_error_has_the_programs_own_error_as_its_cause() -> None:
    assert isinstance(failure_in(LockOrder).__cause__, races.DeadlockFound)
