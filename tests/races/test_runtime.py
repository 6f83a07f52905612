"""Races that a search has found in the runtime, each with the schedule that led to it, and the promises as far as they are explored."""

from contextlib import suppress
from typing import Any

import trio

from greenroom import Actor, ActorStopped, AlreadyRunning, Context, open_supervisor, races
from greenroom.races import Sim


class Quiet(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> None:
        pass


async def two_stop_and_start_again(sim: Sim) -> None:
    """Whoever waits for an end hears of it, even if another starts the child again at once (P26)."""

    async def again() -> None:
        await root.terminate_child("a")
        with suppress(AlreadyRunning, ActorStopped):  # the other was first, or stopped it while it started
            await root.restart_child("a")

    async with open_supervisor("stage") as root:
        root.start_soon(Quiet, name="a", restart="permanent")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(again)
            nursery.start_soon(again)
        await root.lookup("a").stop()


def test_p26_who_waits_for_an_end_hears_of_it_though_another_starts_the_child_again() -> None:
    assert races.search(two_stop_and_start_again, schedules=1_000) is None
