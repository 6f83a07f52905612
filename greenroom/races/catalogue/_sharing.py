"""Sharing: state that changes between two looks at it."""

from typing import Any

import attrs
import trio

from ... import Actor, Context, Request, open_supervisor
from .._sim import Sim
from ._parts import work


async def read_modify_write(sim: Sim, *, fixed: bool) -> None:
    """Two tasks read a total, and write it a step later: what one of them adds is lost."""
    amounts = [1, 2]
    total = 0

    async def add(amount: int, before: int) -> None:
        nonlocal total
        await work(before)
        seen = total
        await work(1)  # writes a journal
        total = (total if fixed else seen) + amount

    async with trio.open_nursery() as nursery:
        for before, amount in enumerate(amounts):
            nursery.start_soon(add, amount, before)
    assert total == sum(amounts)


@attrs.frozen
class Get(Request[int]):
    """Ask for the balance."""


@attrs.frozen
class Set:
    """Replace the balance."""

    balance: int


@attrs.frozen
class Add:
    """Add to the balance."""

    amount: int


class Account(Actor[Any]):
    """Keep a balance."""

    def __init__(self) -> None:
        self.balance = 0

    def receive(self, message: Any, ctx: Context) -> int:
        """Change or tell the balance."""
        if isinstance(message, Set):
            self.balance = message.balance
        elif isinstance(message, Add):
            self.balance += message.amount
        return self.balance


async def two_messages_for_one_change(sim: Sim, *, fixed: bool) -> None:
    """Two clients of an actor ask it for a balance and tell it the new one: an actor does not make two messages one step."""
    amounts = [1, 2]
    async with open_supervisor("bank") as root:
        account = root.start_soon(Account)

        async def deposit(amount: int, before: int) -> None:
            await work(before)
            if fixed:
                account.tell(Add(amount))
            else:
                account.tell(Set(await account.ask(Get()) + amount))

        async with trio.open_nursery() as nursery:
            for before, amount in enumerate(amounts):
                nursery.start_soon(deposit, amount, 2 * before)
        balance: int = await account.ask(Get())
    assert balance == sum(amounts)


async def changed_while_iterated(sim: Sim, *, fixed: bool) -> None:
    """A publisher goes over its subscribers step by step, and one of them leaves meanwhile."""
    subscribers = dict.fromkeys(range(3), 0)

    async def publish() -> None:
        for number in tuple(subscribers) if fixed else subscribers:
            if number in subscribers:
                subscribers[number] += 1
            await work(1)

    async def leave() -> None:
        await work(4)
        del subscribers[1]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(publish)
        nursery.start_soon(leave)


async def single_flight_without_a_pilot(sim: Sim, *, fixed: bool) -> None:
    """Who computes a value for all is cancelled, and those who wait for it wait for ever, because it is still said to be on its way."""
    cache: dict[str, str] = {}
    flights: dict[str, trio.Event] = {}

    async def get(key: str) -> str:
        while key not in cache:
            if key in flights:
                await flights[key].wait()
                continue
            landed = flights[key] = trio.Event()
            try:
                await work(3)
                cache[key] = key.upper()
            finally:
                if fixed or key in cache:
                    del flights[key]
                    landed.set()
        return cache[key]

    async def first() -> None:
        with scope:
            await get("a")

    async def second() -> None:
        assert await get("a") == "A"

    scope = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(first)
        nursery.start_soon(second)
        await work(5)
        scope.cancel()


async def three_way_needle(sim: Sim, *, fixed: bool) -> None:
    """A sum over members is taken for true if there are as many as before, though one has left and a visitor has come meanwhile."""
    members = {"a": 1, "b": 2}
    changes = 0

    def version() -> int:
        return changes if fixed else len(members)

    async def accountant() -> None:
        await work(3)
        while True:
            before = version()
            total = sum(members.values())
            await work(1)  # writes it down
            if version() == before:
                break
        assert total == sum(members.values()), "the sum is of other members"

    async def visitor() -> None:
        nonlocal changes
        await work(2)
        members["c"] = 4
        changes += 1
        await work(2)
        del members["c"]
        changes += 1

    async def leaver() -> None:
        nonlocal changes
        await work(4)
        del members["a"]
        changes += 1

    async with trio.open_nursery() as nursery:
        for actor in (accountant, visitor, leaver):
            nursery.start_soon(actor)
