"""Ending: what happens while something is over for some and not yet for others."""

from functools import partial

import trio

from .._sim import Sim
from ._parts import work


async def late_failure_report(sim: Sim, *, fixed: bool) -> None:
    """A supervisor that shuts down closes its reports once its children know, and one that fails while it ends has nobody to tell."""
    send, receive = trio.open_memory_channel[str](9)
    quit_ = trio.Event()
    told = [trio.Event(), trio.Event()]
    ended = [trio.Event(), trio.Event()]

    async def close_connection(number: int) -> None:
        await work(number + 1)
        raise ConnectionError("lost while it was closed")

    async def child(number: int) -> None:
        await quit_.wait()
        told[number].set()
        try:
            await close_connection(number)
        except ConnectionError as error:
            send.send_nowait(f"{number}: {error}")
        finally:
            ended[number].set()

    async with trio.open_nursery() as nursery:
        for number in range(2):
            nursery.start_soon(child, number)
        await work(2)
        quit_.set()
        for event in ended if fixed else told:
            await event.wait()
        await work(1)  # says goodbye
        send.close()
        reports = [report async for report in receive]
    assert len(reports) == len(ended)


async def child_started_during_stop(sim: Sim, *, fixed: bool) -> None:
    """A supervisor stops the children that it has, and waits for ever for one that was started meanwhile."""
    children: list[trio.CancelScope] = []
    stopping = False

    async def run(scope: trio.CancelScope) -> None:
        with scope:
            await trio.sleep_forever()

    def start() -> None:
        if fixed and stopping:
            return
        scope = trio.CancelScope()
        children.append(scope)
        nursery.start_soon(run, scope)

    async def user() -> None:
        await work(2)
        start()

    async def stop() -> None:
        nonlocal stopping
        await work(4)
        stopping = True
        for scope in tuple(children):
            scope.cancel()
            await work(1)  # notes it

    async with trio.open_nursery() as nursery:
        start()
        nursery.start_soon(stop)
        nursery.start_soon(user)


async def status_before_payload(sim: Sim, *, fixed: bool) -> None:
    """A job is marked as done before its result is stored, and whoever watches the mark finds no result."""
    status = "running"
    result: int | None = None

    async def publish() -> None:
        nonlocal status
        status = "done"
        await work(1)  # tells the watchers

    async def store() -> None:
        nonlocal result
        await work(1)
        result = 42

    async def job() -> None:
        await work(2)
        for step in (store, publish) if fixed else (publish, store):
            await step()

    async def watcher() -> None:
        await work(4)
        if status == "done":
            assert result is not None, "done, and there is no result"

    async with trio.open_nursery() as nursery:
        nursery.start_soon(job)
        nursery.start_soon(watcher)


async def missed_between_snapshot_and_subscription(sim: Sim, *, fixed: bool) -> None:
    """A monitor takes a snapshot and then subscribes, and never hears of what happened in between."""
    state = "starting"
    subscribers: list[set[str]] = []

    async def actor() -> None:
        nonlocal state
        await work(3)
        state = "ready"
        for seen in subscribers:
            seen.add(state)

    async def snapshot(seen: set[str]) -> None:
        await work(1)
        seen.add(state)
        await work(1)

    async def subscribe(seen: set[str]) -> None:
        subscribers.append(seen)
        await work(1)

    async def monitor(seen: set[str]) -> None:
        for step in (subscribe, snapshot) if fixed else (snapshot, subscribe):
            await step(seen)

    seen: set[str] = set()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(actor)
        nursery.start_soon(partial(monitor, seen))
    assert "ready" in seen
