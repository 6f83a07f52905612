"""Locking: locks, permits and questions that wait for each other, or are never given back."""

from functools import partial
from typing import Any

import trio

from ... import Actor, ActorRef, Context, Request, open_supervisor
from .._sim import Sim
from ._parts import work


async def lock_order(sim: Sim, *, fixed: bool) -> None:
    """Two transfers lock the same two accounts in opposite orders, and each waits for the other's second lock."""
    locks = [trio.Lock(), trio.Lock()]
    balances = [10, 10]

    async def transfer(source: int, target: int) -> None:
        first, second = sorted((source, target)) if fixed else (source, target)
        async with locks[first], locks[second]:
            balances[source] -= 1
            await work(1)
            balances[target] += 1

    async def later(steps: int) -> None:
        await work(steps)
        await transfer(1, 0)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(transfer, 0, 1)
        nursery.start_soon(later, 3)
    assert balances == [10, 10]


async def leaked_permit(sim: Sim, *, fixed: bool) -> None:
    """A user of a pool is cancelled between the step in which it gets a permit and the `try` that gives it back."""
    permits = trio.Semaphore(1)
    served: list[int] = []

    async def use(number: int) -> None:
        await permits.acquire()
        if not fixed:
            await work(1)  # notes who has it
        try:
            if fixed:
                await work(1)
            served.append(number)
            await work(3)
        finally:
            permits.release()

    async def impatient() -> None:
        with scope:
            await use(0)

    scope = trio.CancelScope()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(impatient)
        await work(5)
        scope.cancel()
        nursery.start_soon(use, 1)
    assert 1 in served


class Meet(Request[str]):
    """Ask an actor to ask another."""


class Greet(Request[str]):
    """Ask for a greeting."""


class Polite(Actor[Any]):
    """Greet whoever asks, after having greeted the other."""

    def __init__(self, others: "list[ActorRef[Any]]", other: int, *, tells: bool) -> None:
        self.others = others
        self.other = other
        self.tells = tells

    async def receive(self, message: Any, ctx: Context) -> str:
        """Meet the other, or greet."""
        if isinstance(message, Meet):
            await work(1)
            other = self.others[self.other]
            if self.tells:
                other.tell(Greet())
            else:
                await other.ask(Greet())
        return "hello"


async def asking_in_a_circle(sim: Sim, *, fixed: bool) -> None:
    """Two actors ask each other, each within its turn, so that neither can answer: the second question is refused, and its turn fails."""
    actors: list[ActorRef[Any]] = []

    async def client(number: int, before: int) -> None:
        await work(before)
        assert await actors[number].ask(Meet()) == "hello"

    async with open_supervisor("stage") as root:
        actors += [
            root.start_soon(partial(Polite, actors, 1 - number, tells=fixed and number == 1)) for number in range(2)
        ]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client, 0, 0)
            nursery.start_soon(client, 1, 4)
