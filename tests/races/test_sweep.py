"""Sweeps: a cancellation and a crash at every point."""

from typing import Any

import pytest
import trio

from greenroom import Actor, Agent, Context, Request, Turn, open_supervisor, races
from greenroom.races import Sim


async def uses_a_lock(sim: Sim) -> None:
    lock = trio.Lock()

    async def use() -> None:
        async with lock:
            await trio.lowlevel.checkpoint()

    async def victim() -> None:
        with sim.scope("victim"):
            await use()

    async with trio.open_nursery() as nursery:
        for each in (use, victim, use):
            nursery.start_soon(each)
    assert not lock.locked()


async def uses_a_semaphore(sim: Sim) -> None:
    semaphore = trio.Semaphore(1)

    async def victim() -> None:
        with sim.scope("victim"):
            async with semaphore:
                await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(victim)
        async with semaphore:
            await trio.lowlevel.checkpoint()
    assert semaphore.value == 1


async def uses_a_channel(sim: Sim) -> None:
    send, receive = trio.open_memory_channel[int](0)
    got: list[int] = []

    async def victim() -> None:
        with sim.scope("victim"):
            got.append(await receive.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(victim)
        with trio.move_on_after(1):
            await send.send(1)
            assert got in ([1], [])
    assert send.statistics().tasks_waiting_send == 0


async def uses_a_condition(sim: Sim) -> None:
    condition = trio.Condition()

    async def victim() -> None:
        with sim.scope("victim"):
            async with condition:
                await condition.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(victim)
        for _ in range(10):
            await trio.lowlevel.checkpoint()
            async with condition:
                condition.notify_all()
    assert not condition.locked()


async def uses_an_event(sim: Sim) -> None:
    event = trio.Event()

    async def victim() -> None:
        with sim.scope("victim"):
            await event.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(victim)
        for _ in range(2):
            await trio.lowlevel.checkpoint()
        event.set()
    assert event.statistics().tasks_waiting == 0


@pytest.mark.parametrize("scenario", [uses_a_lock, uses_a_semaphore, uses_a_channel, uses_a_condition, uses_an_event])
def test_there_is_no_false_alarm_on_what_trio_gives(scenario: Any) -> None:
    sweep = races.cancel_everywhere(scenario, schedules=20)
    assert sweep.points >= 25
    assert not sweep.failures, str(sweep)


def test_a_slot_that_a_cancelled_waiter_keeps_is_found() -> None:
    async def leaks(sim: Sim) -> None:
        free = 1
        freed = trio.Event()

        async def victim() -> None:
            nonlocal free
            with sim.scope("victim"):
                free -= 1
                await freed.wait()
                free += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(victim)
            await trio.lowlevel.checkpoint()
            freed.set()
        assert free == 1

    sweep = races.cancel_everywhere(leaks)
    assert sweep.failures
    assert "AssertionError" in str(sweep)
    for result in sweep.failures.values():
        again = races.run(leaks, schedule=result.schedule.token)
        assert (again.verdict, again.fingerprint, again.injection) == ("failed", result.fingerprint, result.injection)


def test_a_point_that_is_not_there_any_more_is_told() -> None:
    with pytest.raises(races.ProgramChanged, match="the program changed: it does not come to"):
        races.run(uses_an_event, schedule="r1::00000000:cancel.victim.77")


def test_every_step_within_the_scope_is_a_point() -> None:
    cancelled: list[int] = []

    async def counts(sim: Sim) -> None:
        done = 0
        with sim.scope("victim") as scope:
            for _ in range(4):
                await trio.lowlevel.checkpoint()
                done += 1
        if scope.cancelled_caught:
            cancelled.append(done)

    sweep = races.cancel_everywhere(counts)
    assert cancelled == [0, 1, 2, 3]
    assert sweep.points == 4


def test_a_scenario_without_the_scope_is_refused() -> None:
    with pytest.raises(ValueError, match=r"takes no step in a `with sim.scope\('other'\)"):
        races.cancel_everywhere(uses_a_lock, scope="other")


def test_one_name_is_one_scope_at_a_time() -> None:
    async def twice(sim: Sim) -> None:
        with sim.scope("a"), sim.scope("a"):
            pass

    assert "there is an open scope 'a' already" in str(races.run(twice).error)


class Count(Request[int]):
    pass


class Counter(Actor[Any]):
    """Count what it handles, over its incarnations."""

    def __init__(self, counts: list[int]) -> None:
        self.counts = counts

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    def receive(self, message: Any, ctx: Context) -> int:
        self.counts.append(1)
        return len(self.counts)

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


async def tree(sim: Sim) -> None:
    """Each accepted mail has one fate: handled, a dead letter, or in hand when its actor crashed (P14)."""
    counts: list[int] = []
    async with open_supervisor("stage") as root:
        refs = [root.start_soon(Counter, counts, name=f"a{number}", restart="transient") for number in range(2)]
        accepted = sum(ref.try_tell("x") for _ in range(3) for ref in refs)
        for ref in refs:
            await ref.drain()
        lost = accepted - len(counts) - root.dead_letters.total
        assert 0 <= lost <= 1
        assert root.count_children()["active"] == 0


@pytest.mark.parametrize(("at", "points"), [("startup", 2), ("handler", 6), ("shutdown", 2)])
def test_p14_a_crash_at_any_boundary_loses_no_mail_but_what_is_in_hand(at: Any, points: int) -> None:
    sweep = races.crash_everywhere(tree, at=at)
    assert sweep.points == points
    assert not sweep.failures, str(sweep)


class OnItsOwn(Counter):
    own_task = True


class Writer(Agent[str]):
    def __init__(self, counts: list[int]) -> None:
        self.counts = counts

    async def turn(self, turn: Turn[str], ctx: Context) -> None:
        self.counts += [1] * len(turn.mail)


async def reads(ctx: Context, counts: list[int]) -> None:
    while True:
        await ctx.receive()
        counts.append(1)


async def one_of_them(sim: Sim, kind: Any, restart: Any) -> None:
    """Three messages; who crashes has not taken the next."""
    counts: list[int] = []
    async with open_supervisor("stage") as root:
        ref = root.start_soon(kind, counts, name="a", restart=restart)
        for number in range(3):
            ref.tell(str(number))
            await trio.sleep(1)
        incarnation = ref.incarnation
        await ref.drain()
        failed = [report for report in root.reports.drain() if "Crash" in str(report)]
        assert len(failed) <= 1
        assert incarnation == 1 + len(failed)
        assert len(counts) == 3


@pytest.mark.parametrize("kind", [Counter, OnItsOwn, Writer, reads])
def test_every_kind_of_actor_is_crashed_where_it_handles_mail(kind: Any) -> None:
    sweep = races.crash_everywhere(one_of_them, kind, "permanent")
    assert sweep.points == 3
    assert not sweep.failures, str(sweep)


async def asks(sim: Sim) -> None:
    """A cancelled ask leaves nothing, and what follows is answered (P17)."""
    counts: list[int] = []
    async with open_supervisor("stage") as root:
        ref = root.start_soon(Counter, counts)
        with sim.scope("victim"):
            await ref.ask(Count())
        assert await ref.ask(Count()) == len(counts)
        await ref.stop()
        assert root.count_children()["specs"] == 0


async def starts(sim: Sim) -> None:
    """A cancelled start leaves no child (P3)."""
    async with open_supervisor("stage") as root:
        with sim.scope("victim") as scope:
            await root.start(Counter, list[int](), name="a")
        if scope.cancelled_caught:
            assert root.count_children()["specs"] == 0
            await root.start(Counter, list[int](), name="a")
        assert root.lookup("a").lifecycle == "ready"


async def drains(sim: Sim) -> None:
    """A cancelled drain stays requested (P26)."""
    counts: list[int] = []
    async with open_supervisor("stage") as root:
        ref = root.start_soon(Counter, counts)
        for number in range(3):
            ref.tell(number)
        with sim.scope("victim") as scope:
            await ref.drain()
        if scope.cancelled_caught and ref.is_alive:
            await ref.wait_stopped()


@pytest.mark.parametrize("scenario", [asks, starts, drains])
def test_p29_a_cancellation_at_any_step_leaves_the_tree_as_it_should_be(scenario: Any) -> None:
    sweep = races.cancel_everywhere(scenario, schedules=10)
    assert sweep.points >= 30
    assert not sweep.failures, str(sweep)


def test_a_kind_of_boundary_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="at is 'everywhere'; give 'startup', 'handler' or 'shutdown'"):
        races.crash_everywhere(tree, at="everywhere")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="comes to no handler of an actor"):
        races.crash_everywhere(uses_a_lock)


def test_many_runs_share_one_of_trios_unless_that_makes_a_difference() -> None:
    """A failure counts if the run fails in the same way in a Trio run of its own."""
    seen: list[object] = []

    def scenario_that_fails(*, if_shared: bool) -> Any:
        async def scenario(sim: Sim) -> None:
            token = trio.lowlevel.current_trio_token()
            is_shared = any(token is each for each in seen)
            seen.append(token)
            with sim.scope("victim"):
                await trio.lowlevel.checkpoint()
                await trio.lowlevel.checkpoint()
            assert not (if_shared and is_shared)

        return scenario

    shared = races.cancel_everywhere(scenario_that_fails(if_shared=False))
    assert (shared.points, len(shared.failures)) == (2, 0)
    assert len(seen) == 3
    assert len({id(token) for token in seen}) == 1
    alone = races.cancel_everywhere(scenario_that_fails(if_shared=True))
    assert (alone.points, len(alone.failures)) == (2, 0)
    assert len({id(token) for token in seen}) > 2
