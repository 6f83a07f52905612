"""What a scenario promises of itself, and what comes from outside of it: at each step, and at any step."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio

from greenroom import Actor, Context, open_supervisor, races
from greenroom.races import PromiseBroken, Sim

each_backend = pytest.mark.parametrize("backend", ["gate", "hook"])


async def work(steps: int) -> None:
    for _ in range(steps):
        await trio.lowlevel.checkpoint()


# -- what always holds


async def two_counters(sim: Sim) -> None:
    """One is counted a step before the other; and in the end they are equal again."""
    counts = [0, 0]

    def are_close() -> bool:
        return abs(counts[0] - counts[1]) <= 1

    async def count() -> None:
        for each in range(2):
            counts[each] += 1
            await work(1)

    sim.always(are_close)
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(count)


@each_backend
def test_what_does_not_hold_for_one_step_is_found_though_it_holds_in_the_end(backend: Any) -> None:
    found = races.search(two_counters, backend=backend)
    assert found is not None
    error = found.result.error
    assert isinstance(error, PromiseBroken)
    assert found.result.verdict == "failed"
    text = str(error)
    assert "sim.always: two_counters.<locals>.are_close" in text or "sim.always: are_close (test_promises" in text
    assert "does not hold after step 3, of 2:count, which is now at test_promises_of_sim.py:" in text
    assert "in work" in text
    again = races.run(two_counters, schedule=found.token, backend=backend)
    assert (again.verdict, str(again.error), again.fingerprint) == ("failed", text, found.result.fingerprint)


async def ends_badly(sim: Sim) -> None:
    state = ["good"]

    async def last() -> None:
        await work(1)
        state[0] = "bad"

    sim.always(lambda: state[0] == "good")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(last)


@each_backend
def test_a_step_with_which_a_task_ends_is_looked_at_too(backend: Any) -> None:
    result = races.run(ends_badly, backend=backend)
    assert "does not hold after step 3, with which 1:last has ended (at test_promises_of_sim.py:" in str(result.error)


@each_backend
def test_the_last_step_of_all_is_looked_at(backend: Any) -> None:
    async def scenario(sim: Sim) -> None:
        state = [True]
        sim.always(lambda: state[0])
        await work(1)
        state[0] = False

    result = races.run(scenario, backend=backend)
    assert isinstance(result.error, PromiseBroken)
    assert str(result.error).endswith("does not hold after step 2, with which 0:scenario has ended")


@each_backend
def test_what_is_broken_when_all_wait_is_told_before_time_passes(backend: Any) -> None:
    async def scenario(sim: Sim) -> None:
        state = [True]
        sim.always(lambda: state[0] or trio.current_time() > 1)
        await work(1)
        state[0] = False
        await trio.sleep(5)
        state[0] = True

    result = races.run(scenario, backend=backend)
    assert isinstance(result.error, PromiseBroken)
    assert "of 0:scenario, which is now at test_promises_of_sim.py:" in str(result.error)


# -- what comes true in time


async def a_job(sim: Sim, seconds: float, within: float) -> None:
    left = [2]

    async def do() -> None:
        for _ in range(2):
            await trio.sleep(seconds)
            left[0] -= 1

    sim.eventually(lambda: not left[0], within=within)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(do)
        await trio.sleep(10)


@each_backend
@pytest.mark.parametrize(
    ("seconds", "within", "passes"), [(1, 2, True), (1, 1.9, False), (0, 0, True), (6, 20, True), (4, 7, False)]
)
def test_what_comes_true_in_time_passes_and_what_comes_later_fails(
    backend: Any, seconds: float, within: float, passes: bool
) -> None:
    result = races.run(a_job, seconds, within, backend=backend)
    assert (result.verdict == "passed") == passes
    if not passes:
        text = str(result.error)
        assert f"has not come true within {within:g} s, by {within:g} s; the last step was after step" in text
        assert "\n  False from 0 s on, after step 1" in text


def test_it_is_told_what_held_when() -> None:
    class Left:
        def __init__(self, number: int) -> None:
            self.number = number

        def __bool__(self) -> bool:
            return self.number == 0

        def __repr__(self) -> str:
            return f"{self.number} left"

    async def scenario(sim: Sim) -> None:
        left = [30]
        sim.eventually(lambda: Left(left[0]), within=25.5)
        for _ in range(30):
            await trio.sleep(1)
            left[0] -= 1

    lines = str(races.run(scenario).error).splitlines()
    assert "has not come true within 25.5 s, by 25.5 s" in lines[0]
    assert lines[1].startswith("  30 left from 0 s on, after step 1, of 0:scenario")
    assert lines[5] == "  … 18 others"
    assert lines[-1].startswith("  5 left from 25 s on")
    assert len(lines) == 10


def test_a_run_that_ends_before_it_has_come_true_fails() -> None:
    async def scenario(sim: Sim) -> None:
        sim.eventually(lambda: False, within=100)
        await trio.sleep(1)

    assert "has not come true before the run ended, at 1 s" in str(races.run(scenario).error)


def test_what_has_come_true_may_become_false_again() -> None:
    async def scenario(sim: Sim) -> None:
        state = [False]
        sim.eventually(lambda: state[0], within=1)
        await work(1)
        state[0] = True
        await work(1)
        state[0] = False
        await trio.sleep(5)

    result = races.run(scenario)
    assert result.verdict == "passed"
    assert result.notes is not None
    assert any("has come true" in line for _, line in result.notes.story)


def test_nothing_comes_true_in_a_deadlock_which_is_what_is_told() -> None:
    async def scenario(sim: Sim) -> None:
        sim.eventually(lambda: False, within=1)
        await trio.sleep_forever()

    assert races.run(scenario).verdict == "deadlock"


# -- what comes from outside


async def a_signal(sim: Sim) -> int:
    """A handler stops a worker that counts its steps."""
    scope = trio.CancelScope()
    steps = 0
    sim.external(scope.cancel)
    with scope:
        for _ in range(4):
            await work(1)
            steps += 1
        await trio.sleep(1)
        steps += 1
    return steps


@each_backend
def test_what_comes_from_outside_comes_before_any_step_and_by_default_when_all_wait(backend: Any) -> None:
    assert races.run(a_signal, backend=backend).value == 4
    values: set[int] = set()

    async def noted(sim: Sim) -> None:
        values.add(await a_signal(sim))

    survey = races.survey(noted, strategy="bounded", backend=backend)
    assert survey.covered == float("inf")
    assert values == {0, 1, 2, 3, 4, 5}


async def check_beside_a_handler(sim: Sim) -> None:
    """A signal comes between a look and what is done because of it."""
    state = {"open": True}
    sim.external(partial(state.update, open=False))
    if state["open"]:
        await work(2)
        assert state["open"], "closed meanwhile"


@each_backend
@pytest.mark.parametrize("fidelity", ["all", "trio"])
def test_such_a_failure_is_found_told_of_and_replayed(backend: Any, fidelity: Any) -> None:
    found = races.search(check_beside_a_handler, backend=backend, fidelity=fidelity)
    assert found is not None
    assert found.is_least
    assert len(found.result.schedule.deviations) == 1
    assert "external 0:dict.update is called" in str(found) or "external 0:update is called" in str(found)
    assert "today's Trio may take this order" in str(found)
    again = races.run(check_beside_a_handler, schedule=found.token, backend=backend)
    assert again.fingerprint == found.result.fingerprint


class Logs(Actor[str]):
    def __init__(self, seen: list[str]) -> None:
        self.seen = seen

    def receive(self, message: str, ctx: Context) -> None:
        self.seen.append(message)


@each_backend
def test_it_may_tell_an_actor_set_an_event_and_send(backend: Any) -> None:
    async def scenario(sim: Sim) -> list[str]:
        seen: list[str] = []
        event = trio.Event()
        send, receive = trio.open_memory_channel[str](1)
        async with open_supervisor("stage") as root:
            log = root.start_soon(Logs, seen)
            sim.external(partial(log.tell, "told"))
            sim.external(event.set)
            sim.external(partial(send.send_nowait, "sent"))
            await event.wait()
            seen.append(await receive.receive())
            await trio.sleep(1)
        return sorted(seen)

    assert races.run(scenario, backend=backend).value == ["sent", "told"]


def test_a_run_may_end_before_it_comes() -> None:
    called: list[int] = []

    async def scenario(sim: Sim) -> None:
        sim.external(partial(called.append, 1))

    assert races.run(scenario).verdict == "passed"
    assert not called


def test_time_may_pass_before_it_comes() -> None:
    async def scenario(sim: Sim) -> None:
        event = trio.Event()
        sim.external(event.set)
        with trio.move_on_after(1) as scope:
            await event.wait()
        assert not scope.cancelled_caught

    assert races.run(scenario).verdict == "passed"
    found = races.search(scenario)
    assert found is not None
    assert ["external 0:Event.set", "time"] in [list(choice.labels) for choice in found.result.choices if choice.index]


@each_backend
def test_what_it_raises_fails_the_run(backend: Any) -> None:
    def breaks() -> None:
        raise LookupError("no handler")

    async def scenario(sim: Sim) -> None:
        sim.external(breaks)
        await trio.sleep(1)

    result = races.run(scenario, backend=backend)
    assert (result.verdict, repr(result.error)) == ("failed", "LookupError('no handler')")
    assert result.error is not None
    assert "in sim.external: " in result.error.__notes__[0]


def test_ctrl_c_in_it_is_for_whoever_runs_the_search() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    async def by_handler(sim: Sim) -> None:
        sim.external(interrupt)
        await trio.sleep(1)

    async def by_predicate(sim: Sim) -> None:
        sim.always(interrupt)
        await trio.sleep(1)

    for scenario in (by_handler, by_predicate):
        with pytest.raises(KeyboardInterrupt):
            races.run(scenario)


# -- what is wrong


async def an_async_function() -> bool:
    return True


class Awaits:
    async def __call__(self) -> bool:
        return True


def yields() -> Any:
    yield True


def needs_one(one: int) -> bool:
    return bool(one)


def needs_named(*, one: int) -> bool:
    return bool(one)


BAD: list[tuple[Any, str]] = [
    (None, "None is no function"),
    (True, "True is no function"),
    (3, "3 is no function"),
    ("done", "'done' is no function"),
    ([], r"\[\] is no function"),
    (an_async_function, "an_async_function is an async function; give a plain one"),
    (partial(an_async_function), "an_async_function is an async function"),
    (Awaits(), "Awaits object is an async function|Awaits object> is an async function"),
    (yields, "yields has a `yield`; give a plain function"),
    (needs_one, "needs_one cannot be called without arguments: missing a required argument"),
    (needs_named, "needs_named cannot be called without arguments: missing a required"),
]


@pytest.mark.parametrize("which", ["external", "always", "eventually"])
@pytest.mark.parametrize(("wrong", "said"), BAD)
def test_what_is_no_plain_function_is_refused(which: str, wrong: Any, said: str) -> None:
    async def scenario(sim: Sim) -> None:
        options: dict[str, Any] = {"within": 1} if which == "eventually" else {}
        with pytest.raises(TypeError, match=rf"sim\.{which}: .*({said})"):
            getattr(sim, which)(wrong, **options)

    assert races.run(scenario).error is None


@pytest.mark.parametrize("wrong", [None, "1", -1, float("inf"), float("nan"), True, 1j, [1], b"1", -0.5])
def test_what_is_no_time_is_refused(wrong: Any) -> None:
    async def scenario(sim: Sim) -> None:
        with pytest.raises(
            ValueError, match=r"sim\.eventually: within is .*; give a number of virtual seconds, from 0"
        ):
            sim.eventually(lambda: True, within=wrong)

    assert races.run(scenario).error is None


def raises() -> bool:
    raise LookupError("not there")


class Neither:
    def __bool__(self) -> bool:
        raise ArithmeticError("who knows")


class Later:
    def __await__(self) -> Any:
        yield


def misbehaving(sim: Sim) -> dict[str, tuple[Callable[[], Any], type[BaseException], str]]:
    event = trio.Event()
    return {
        "raises": (raises, LookupError, "not there"),
        "async": (
            lambda: bool(sim) and an_async_function(),
            TypeError,
            "which is to be awaited; give a plain function",
        ),
        "awaitable": (
            Later,
            TypeError,
            "which is to be awaited; give a plain function",
        ),
        "wakes": (event.set, TypeError, "has started or woken a task; it may look at anything, and changes nothing"),
        "chooses": (lambda: sim.choose([1, 2]), RuntimeError, "there is a choice in it, and it is called between two"),
        "runs": (lambda: trio.run(trio.sleep, 0), RuntimeError, "Attempted to call run"),
        "neither": (Neither, TypeError, "returned what is neither true nor false: who knows"),
        "exits": (lambda: trio.lowlevel.spawn_system_task(trio.sleep, 1), TypeError, "has started or woken a task"),
        "gives up": (lambda: trio.from_thread.run_sync(int), RuntimeError, "this thread wasn't created by Trio"),
        "no such": (lambda: dict[str, int]()["key"], KeyError, "key"),
    }


@each_backend
@pytest.mark.parametrize("which", ["always", "eventually"])
@pytest.mark.parametrize(
    "case", ["raises", "async", "awaitable", "wakes", "chooses", "runs", "neither", "exits", "gives up", "no such"]
)
def test_a_predicate_that_does_more_than_look_fails_the_run(case: str, which: str, backend: Any) -> None:
    expected: list[Any] = []

    async def scenario(sim: Sim) -> None:
        predicate, *rest = misbehaving(sim)[case]
        expected[:] = rest
        options: dict[str, Any] = {"within": 100} if which == "eventually" else {}
        async with trio.open_nursery() as nursery:
            if case == "wakes":
                waits: Any = predicate
                nursery.start_soon(waits.__self__.wait)
                await trio.testing.wait_all_tasks_blocked()
            getattr(sim, which)(predicate, **options)
            await work(3)

    result = races.run(scenario, backend=backend)
    kind, said = expected
    assert (result.verdict, type(result.error)) == ("failed", kind)
    assert said in str(result.error)
    assert result.error is not None
    assert f"in sim.{which}: " in result.error.__notes__[-1]
