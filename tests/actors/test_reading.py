"""Reading never writes: the whole state is compared before and after, with children in every state that may last."""

from collections import deque
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, Agent, ChildSpec, Context, Limits, MailboxSpec, Service, Supervisor, Turn, open_supervisor

FOR_EVER = 1e5


def parts_of(thing: Any) -> Iterator[tuple[str, Any]]:
    """Iterate over the attributes of an object of ours."""
    names = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    for name in [*names, *getattr(thing, "__dict__", {})]:
        if name not in {"__weakref__", "__dict__"}:
            yield name, getattr(thing, name, "(unset)")


def dump(top: Any) -> list[str]:
    """Return a line for each fact that can be reached from an object: slots, mailboxes, logs, timers, run queues, whoever is parked."""
    lines: list[str] = []
    seen: dict[int, Any] = {}
    open_: list[tuple[str, Any]] = [("", top)]
    while open_:
        where, it = open_.pop()
        if it is None or isinstance(it, (str, int, float, Enum)):
            lines.append(f"{where} = {it!r}")
            continue
        lines.append(f"{where} is {type(it).__qualname__} {id(it)}")
        if id(it) in seen:
            continue
        seen[id(it)] = it
        match it:
            case Mapping():
                for key, value in list(it.items()):
                    open_ += [(f"{where} key", key), (f"{where}[{id(key)}]", value)]
            case list() | tuple() | set() | frozenset() | deque():
                open_ += [(f"{where}[{index}]", value) for index, value in enumerate(it)]
            case trio.CancelScope():
                lines.append(f"{where} = {it.deadline} {it.shield} {it.cancel_called}")
            case trio.lowlevel.ParkingLot():
                lines.append(f"{where} parks {it.statistics().tasks_waiting}")
            case BaseException():
                open_.append((f"{where}.args", it.args))
            case _ if type(it).__module__.startswith("greenroom"):
                open_ += [(f"{where}.{name}", value) for name, value in parts_of(it)]
            case _:
                pass
    return sorted(lines)


class Slow(Actor[Any]):
    def __init__(self, start: float = 0.0, hook: float = 0.0) -> None:
        self.start, self.hook = start, hook

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.start)

    async def receive(self, message: float, ctx: Context) -> None:
        await trio.sleep(message)

    async def shutdown(self, ctx: Context, reason: object) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(self.hook)


class SlowAlone(Slow):
    own_task = True


class Opens:
    async def __aenter__(self) -> None:
        await trio.sleep(FOR_EVER)

    async def __aexit__(self, *error: object) -> None:
        pass


class Serves(Slow):
    def services(self) -> list[Service[Any]]:
        return [Service("db", connect=Opens, timeout=None)]


class Thinks(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        ctx.send_after(FOR_EVER, "later", key="timer")
        ctx.start_soon(Slow, FOR_EVER, name="below")
        await trio.sleep(FOR_EVER)


async def fill(root: Supervisor) -> None:
    """Have children in all states: queued, initializing, hanging in a turn, draining, stopping, parked; the passing ones are stale in the end."""
    busy = await root.start(Slow, name="busy", mailbox=MailboxSpec(9))
    draining = await root.start(SlowAlone, name="draining")
    stopping = await root.start(Slow, name="stopping", shutdown=None)
    closing = await root.start(Slow, 0.0, FOR_EVER, name="closing")
    thinks = await root.start(Thinks, name="thinks")
    parked = await root.start(Slow, name="parked", restart="transient")
    await root.terminate_child("parked")
    for ref in (busy, draining, stopping):
        for _ in range(3):
            ref.tell(FOR_EVER)
    thinks.tell("go")
    thinks.tell("quiet", trigger_turn=False)
    await wait_all_tasks_blocked()
    root.start_soon(Slow, FOR_EVER, name="initializing", startup_timeout=None).tell("waits")
    root.start_soon(Serves, name="serves", startup_timeout=None)
    root.start_soon(SlowAlone, name="queued", labels={"role": "last"}).tell("waits")
    root._slot.runtime.nursery.start_soon(draining.drain)  # type: ignore[union-attr]  # it is open
    for ref in (stopping, closing):
        ref.request_stop()
    assert not parked.is_alive
    await trio.sleep(4.5)


def read(root: Supervisor) -> None:
    """Look at everything in every way."""
    for ref in root.which_children():
        assert ref.status is not None
        assert (ref.lifecycle, ref.generation, ref.is_alive, ref.exit_reason) is not None
        assert (ref.warnings, ref.labels, ref.path, ref.uid, ref.incarnation) is not None
        assert repr(ref)
        assert root.lookup(ref.path) is ref
        assert root.lookup(ref.name) is ref
    assert root.status is not None
    assert root.snapshot() == root.tree()
    assert root.count_children()["specs"] == len(root.which_children())
    assert root.ended is not None
    assert repr(root)
    assert repr(root.dead_letters)
    assert repr(root.snapshot())


async def check_that_reading_writes_nothing(limits: Limits) -> set[tuple[str, bool]]:
    """Return the states that were there, and whether they were stale."""
    children = [ChildSpec("declared", Slow), ChildSpec("aside", Slow, args=(0.1,), startup="deferred")]
    async with open_supervisor("stage", limits=limits, children=children) as root:
        await fill(root)
        before = dump(root)
        assert len(before) > 1_000
        now = trio.current_time()
        for _ in range(1_000):
            read(root)
        assert dump(root) == before
        await wait_all_tasks_blocked()
        assert dump(root) == before
        assert trio.current_time() == now
        states = {(info.lifecycle, info.stale) for info in root.snapshot().walk()}
        root.reports.drain()
    return states


async def test_reading_changes_no_byte_of_state_with_stale_children_present() -> None:
    limits = Limits(stale_after=2.0, reap_every=None, max_concurrent_startups=2)
    assert await check_that_reading_writes_nothing(limits) == {
        ("ready", False), ("parked", False), ("queued", True), ("initializing", True), ("draining", True), ("stopping", True),
    }  # fmt: skip


async def test_nor_while_the_reaper_is_armed_for_them() -> None:
    limits = Limits(stale_after=2.0, reap_every=10.0, max_concurrent_startups=2)
    states = await check_that_reading_writes_nothing(limits)
    assert {("queued", True), ("initializing", True), ("draining", True), ("stopping", True)} <= states


async def test_what_is_stale_is_told_at_the_moment_of_reading() -> None:
    async with open_supervisor("stage", limits=Limits(stale_after=2.0, reap_every=None)) as root:
        root.start_soon(Slow, 10.0)
        stale: list[bool] = []
        for _ in range(5):
            stale.append(root.snapshot().children[0].stale)
            await trio.sleep(1)
        assert stale == [False, False, False, True, True]
        # No state has changed for that, so no subscriber was told.
        assert root.which_children()[0].generation == 0
