"""Naming: two actors under one name, at the same time or one after the other."""

import attrs
import trio

from .._sim import Sim
from ._parts import work


@attrs.define(eq=False)
class Entry:
    """Hold what a registry knows of an actor."""

    connected: bool = False


async def check_then_insert(sim: Sim, *, fixed: bool) -> None:
    """Two clients find that a name is free, and each starts an actor under it, because starting takes a while."""
    registry: dict[str, Entry] = {}
    started: list[Entry] = []

    async def get_or_start(name: str) -> Entry:
        if name not in registry:
            entry = Entry()
            if fixed:
                registry[name] = entry
            await work(2)  # loads its state
            registry[name] = entry
            started.append(entry)
        return registry[name]

    async def client(before: int) -> None:
        await work(before)
        await get_or_start("printer")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(client, 0)
        nursery.start_soon(client, 2)
    assert len(started) == 1


async def stale_cleanup(sim: Sim, *, fixed: bool) -> None:
    """An actor that ends removes its name from the registry, although a newer one has been registered under it meanwhile."""
    registry: dict[str, Entry] = {}

    async def run(name: str, entry: Entry, quit_: trio.Event) -> None:
        await quit_.wait()
        await work(2)  # says goodbye to its peers
        if not fixed or registry.get(name) is entry:
            registry.pop(name, None)

    def start(name: str) -> tuple[Entry, trio.Event]:
        registry[name], quit_ = Entry(), trio.Event()
        nursery.start_soon(run, name, registry[name], quit_)
        return registry[name], quit_

    async with trio.open_nursery() as nursery:
        _, quit_ = start("printer")
        await work(2)
        quit_.set()
        await work(4)
        newer, quit_ = start("printer")
        await work(6)
        found = registry.get("printer")
        quit_.set()
    assert found is newer


async def stale_ready(sim: Sim, *, fixed: bool) -> None:
    """An actor that has been replaced while it connected reports that its name is ready, and its successor is not."""
    registry: dict[str, Entry] = {}
    ready: set[str] = set()

    async def connect(name: str, entry: Entry) -> None:
        await work(3)
        entry.connected = True
        if not fixed or registry[name] is entry:
            ready.add(name)

    def start(name: str) -> None:
        registry[name] = Entry()
        ready.discard(name)
        nursery.start_soon(connect, name, registry[name])

    async def client() -> None:
        for _ in range(3):
            await work(2)
            if "printer" in ready:
                assert registry["printer"].connected, "it is ready, and not connected"

    async with trio.open_nursery() as nursery:
        start("printer")
        nursery.start_soon(client)
        await work(5)
        start("printer")


async def slot_freed_too_early(sim: Sim, *, fixed: bool) -> None:
    """A stop frees an actor's slot at once, and the next one gets it while the task of the first still closes its device."""
    slots = trio.Semaphore(1)
    users: list[int] = []

    async def run(number: int, scope: trio.CancelScope, ended: trio.Event) -> None:
        with scope:
            users.append(number)
            assert users == [number], "two have the device open"
            try:
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await work(2)  # closes the device
                users.remove(number)
        ended.set()

    async def start(number: int) -> tuple[trio.CancelScope, trio.Event]:
        await slots.acquire()
        scope, ended = trio.CancelScope(), trio.Event()
        nursery.start_soon(run, number, scope, ended)
        return scope, ended

    async def stop(scope: trio.CancelScope, ended: trio.Event) -> None:
        scope.cancel()
        if fixed:
            await ended.wait()
        slots.release()

    async def client(number: int, before: int) -> None:
        await work(before)
        child = await start(number)
        await work(3)
        await stop(*child)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(client, 0, 0)
        nursery.start_soon(client, 1, 6)
