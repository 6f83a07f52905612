"""Deadlocks: told in the step in which they arise, with the circle; and none where a thread or a socket is still to answer."""

from functools import partial
from time import sleep
from typing import Any

import trio
import trio.lowlevel

from greenroom import Actor, Context, Request, open_supervisor, races

from ._row import Effort, Row, all_or_nothing


async def locks(_sim: Any, size: int) -> None:
    """So many tasks, each with a lock, and after a second each wants the next one's."""
    held = [trio.Lock() for _ in range(size)]

    async def take(number: int) -> None:
        async with held[number]:
            await trio.sleep(1)
            async with held[(number + 1) % size]:
                pass

    async with trio.open_nursery() as nursery:
        for number in range(size):
            nursery.start_soon(take, number)


class Ask(Request[int]):
    """Ask for a number."""


class Waits(Actor[Any]):
    """Wait within its turn for a lock that its asker holds."""

    def __init__(self, lock: trio.Lock) -> None:
        self.lock = lock

    async def receive(self, message: Any, ctx: Context) -> int:
        """Answer once it has the lock."""
        async with self.lock:
            return 1


async def ask_and_lock(_sim: Any) -> None:
    """A client holds a lock and asks an actor that wants it."""
    lock = trio.Lock()
    async with open_supervisor("stage") as root:
        ref = root.start_soon(partial(Waits, lock))
        async with lock:
            await ref.ask(Ask())


async def stop_and_lock(_sim: Any) -> None:
    """A client holds a lock and waits for the end of an actor that wants it first."""
    lock = trio.Lock()
    async with open_supervisor("stage") as root:
        ref = root.start_soon(partial(Waits, lock), mail="take it")
        async with lock:
            await ref.drain()


async def thread_in_flight(_sim: Any) -> None:
    """Nothing can go on until a thread has slept."""
    await trio.to_thread.run_sync(sleep, 0.03)


async def socket_in_flight(_sim: Any) -> None:
    """Nothing can go on until the other end, which a thread writes to, has been heard."""
    ours, theirs = trio.socket.socketpair()
    with ours, theirs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, partial(sleep, 0.03))
            nursery.start_soon(ours.recv, 1)
            await trio.lowlevel.checkpoint()
            await theirs.send(b"x")


#: Scenario, arguments, how many are in the circle.
CASES: tuple[tuple[Any, tuple[Any, ...], int], ...] = (
    *((locks, (size,), size) for size in range(2, 7)),
    (ask_and_lock, (), 2),
    (stop_and_lock, (), 2),
)


def told_in_last_step(result: races.Result) -> bool:
    """Return whether nothing has happened between the last step, which is that in which it arises, and who waits for whom."""
    assert result.notes is not None
    events = result.notes.events
    last = max(number for number, event in enumerate(events) if event.kind == "step")
    time_passed = any(event.kind == "time" for event in events[last:])
    return not time_passed and {event.step for event in events if event.kind == "wait"} == {result.steps}


def measure(effort: Effort) -> list[Row]:
    """Have all of them, under the default schedule; and those that are none, with real threads."""
    told: dict[str, Any] = {}
    good = 0
    for scenario, args, size in CASES:
        result = races.run(scenario, *args)
        circle = [line for line in str(result.error).splitlines() if "in a circle: " in line]
        members = circle[0].count(" -> ") if circle else 0
        is_in_step = told_in_last_step(result)
        told[f"{scenario.__name__} {args}"] = {
            "verdict": result.verdict,
            "steps": result.steps,
            "in the circle": members,
            "in the very step": is_in_step,
        }
        good += result.verdict == "deadlock" and members == size and is_in_step
    false = sum(
        races.run(scenario, threads="real").verdict == "deadlock"
        for scenario in (thread_in_flight, socket_in_flight)
        for _ in range(effort.rounds)
    )
    text = f"{good} of {len(CASES)} with their circle; {false} false of {2 * effort.rounds} in flight"
    goal = "in the very step, with the circle through locks, asks and stops; none false"
    return [Row("deadlock", goal, text, all_or_nothing(good, len(CASES)) * (false == 0), told)]
