"""Drawn programs: a few tasks that do whatever Trio has, to compare ways of running them."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import trio
import trio.testing

from greenroom.races import Sim

STEPS = (
    "checkpoint", "checkpoint", "sleep", "lock", "semaphore", "event", "set", "send", "receive", "spawn", "cancel", "shield",
    "timeout", "all blocked", "raise", "condition", "notify", "thread",
)  # fmt: skip


def draw_program(  # noqa: C901 -- one case for each kind of step
    seed: int, *, threads: bool = False
) -> Callable[[Sim], Awaitable[Any]]:
    """Return a scenario that is the same for the same seed."""

    def draw(random: Random, depth: int) -> list[tuple[str, Any]]:
        steps: list[tuple[str, Any]] = []
        for _ in range(random.randint(1, 5)):
            step = random.choice(STEPS)
            if step == "thread" and not threads:
                step = "checkpoint"
            inner: Any = random.randint(0, 3)
            if step in ("spawn", "cancel", "shield", "timeout", "lock", "semaphore"):
                inner = draw(random, depth + 1) if depth < 3 else []
            steps.append((step, inner))
        return steps

    chance = Random(seed)
    plans = [draw(chance, 0) for _ in range(chance.randint(2, 4))]

    async def program(sim: Sim) -> list[str]:  # noqa: C901 -- the same
        lock, semaphore, condition = trio.Lock(), trio.Semaphore(1), trio.Condition()
        events: list[trio.Event] = [trio.Event() for _ in range(2)]
        send, receive = trio.open_memory_channel[int](1)
        trace: list[str] = []

        async def perform(plan: list[tuple[str, Any]], who: str) -> None:
            for number, (step, inner) in enumerate(plan):
                trace.append(f"{who}.{number} {step}")
                await do(step, inner, f"{who}.{number}")

        async def do(step: str, inner: Any, who: str) -> None:  # noqa: C901 -- the same
            match step:
                case "checkpoint":
                    await trio.lowlevel.checkpoint()
                case "sleep":
                    await trio.sleep(inner / 2)
                case "lock":
                    async with lock if not held(lock) else trio.Lock():
                        await perform(inner, who)
                case "semaphore":
                    with trio.move_on_after(2):
                        await semaphore.acquire()
                        try:
                            await perform(inner, who)
                        finally:
                            semaphore.release()
                case "event":
                    with trio.move_on_after(3):
                        await events[int(inner) % 2].wait()
                case "set":
                    events[int(inner) % 2].set()
                case "send":
                    with trio.move_on_after(1):
                        await send.send(inner)
                case "receive":
                    with trio.move_on_after(1):
                        trace.append(f"{who} got {await receive.receive()}")
                case "spawn":
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(perform, inner, who + "a")
                        nursery.start_soon(perform, inner, who + "b")
                case "cancel":
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(perform, inner, who + "c")
                        await trio.lowlevel.checkpoint()
                        nursery.cancel_scope.cancel()
                case "shield":
                    with trio.CancelScope(shield=True):
                        await perform(inner, who)
                case "timeout":
                    with trio.move_on_after(0.5):
                        await perform(inner, who)
                case "all blocked":
                    await trio.testing.wait_all_tasks_blocked()
                case "raise":
                    if inner == 3:
                        raise LookupError(who)
                case "condition":
                    with trio.move_on_after(1):
                        async with condition:
                            await condition.wait()
                case "notify":
                    async with condition:
                        condition.notify_all()
                case _:
                    await trio.to_thread.run_sync(int)

        def held(lock: trio.Lock) -> bool:
            return lock.statistics().owner is trio.lowlevel.current_task()

        try:
            async with trio.open_nursery() as nursery:
                for number, plan in enumerate(plans):
                    nursery.start_soon(perform, plan, str(number))
        finally:
            trace.append(f"ends at {trio.current_time()}")
        return trace

    return program
