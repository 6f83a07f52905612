"""Bounded proofs: how long all schedules within a bound take, and how many fewer there are where steps that do not meet are taken to commute."""

from functools import partial
from time import process_time
from typing import Any

import trio

from greenroom import Actor, Context, open_supervisor, races

from ._row import Effort, Row

#: How often a schedule may differ from the default.
DEVIATIONS = 2
SECONDS, FEWER = 1.0, 5.0


async def three_at_work(_sim: Any) -> None:
    """Three tasks, each with as many steps as make thirty with those around them."""

    async def work(steps: int) -> None:
        for _ in range(steps):
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for steps in (8, 8, 9):
            nursery.start_soon(work, steps)


class Pooled(Actor[int]):
    """Take some steps for each message, in a task that it shares with others."""

    async def receive(self, message: int, ctx: Context) -> None:
        """Take them."""
        for _ in range(2):
            await trio.lowlevel.checkpoint()


class Alone(Pooled):
    """Do so in a task of its own."""

    own_task = True


async def disjoint(_sim: Any, kind: type[Pooled], number: int) -> None:
    """So many actors, each with mail of its own, and nothing else in common."""
    async with open_supervisor("stage") as root:
        for index in range(number):
            root.start_soon(kind, name=f"n{index}", mail=index)
        await trio.sleep(1)


def measure(effort: Effort) -> list[Row]:
    """Go through all schedules of a program, some times; and of actors with and without a reduction."""
    times: list[float] = []
    schedules = 0
    for _ in range(effort.rounds):
        begun = process_time()
        proof = races.prove(three_at_work, deviations=DEVIATIONS)
        times.append(process_time() - begun)
        schedules = proof.schedules
        assert proof.is_complete
    steps, seconds = races.run(three_at_work).steps, min(times)
    text = f"{schedules:,} schedules of {steps} steps in {seconds:.2f} s"
    goal = f"all with up to {DEVIATIONS} deviations of a 30-step test within {SECONDS:g} s"
    rows = [Row("bounded proof", goal, text, SECONDS / seconds * (steps >= 30), {"seconds": times})]  # noqa: PLR2004 -- as the goal says
    for kind, words in ((Alone, "in tasks of their own"), (Pooled, "that share their tasks")):
        number = 4 if effort.rounds > 1 else 2
        plain, reduced = (
            races.prove(partial(disjoint, kind=kind, number=number), deviations=DEVIATIONS, reduction=reduction)
            for reduction in (False, True)
        )
        times_fewer = plain.schedules / reduced.schedules
        facts = {
            "all": plain.schedules,
            "run": reduced.schedules,
            "spared": reduced.spared,
            "seconds": [plain.seconds, reduced.seconds],
        }
        text = f"{plain.schedules:,} -> {reduced.schedules:,}, {times_fewer:.1f} times fewer, of {number} actors"
        rows.append(
            Row(f"reduction, {words}", f"at least {FEWER:g} times fewer schedules", text, times_fewer / FEWER, facts)
        )
    return rows
