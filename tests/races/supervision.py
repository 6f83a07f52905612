"""Supervision as scenarios: failures and administration at the same moment. Those of ends stand beside it.

The team under test is started at run time and is permanent, so an injected crash of a first start is tried again and does not end the tree.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final

import trio

from greenroom import Backoff, ChildSpec, Context, GreenroomError, Intensity
from greenroom.races import Sim

from .promise import Boom, stage, steps, together
from .supervision_ends import SCENARIOS as ENDS
from .team import STRATEGIES, Book, Member, check, specs, start_team, tell


async def failures_under_each_strategy(sim: Sim) -> None:
    book = Book()
    strategy = sim.choose(STRATEGIES)
    async with stage() as root:
        team = await start_team(root, specs(sim, book, "abc", in_order=strategy == "one_for_all"), strategy=strategy)
        accepted = 0

        async def mail() -> None:
            nonlocal accepted
            for _ in range(3):
                accepted += tell(team, "c", "x")
                await trio.lowlevel.checkpoint()

        async def crash(name: str) -> None:
            await trio.lowlevel.checkpoint()
            team.lookup(name).crash(Boom())

        await together(sim, mail, partial(crash, "a"), partial(crash, "b"), partial(crash, "c"))
        await check(book, team)
        assert all(info.lifecycle == "ready" for info in team.tree().walk())
        assert book.handled <= accepted  # what was in hand when it crashed is done with


async def administration_while_a_group_restarts(sim: Sim) -> None:
    book = Book()
    async with stage() as root:
        team = await start_team(root, specs(sim, book, "abc"), strategy=sim.choose(STRATEGIES[1:]))
        done: list[str] = []

        async def administrate() -> None:
            await team.terminate_child("b")
            done.append("terminated")
            await trio.lowlevel.checkpoint()
            await team.restart_child("b")
            done.append("restarted")

        async def delete() -> None:
            await steps(3)
            team.delete_child("b")
            done.append("deleted")

        async def crash() -> None:
            tell(team, "a", Boom())
            await steps(4)
            tell(team, "c", Boom())

        await together(sim, administrate, crash, delete)
        await check(book, team)
        assert ("b" in [ref.name for ref in team.which_children()]) is ("deleted" not in done)


async def an_update_while_a_group_restarts(sim: Sim) -> None:
    book = Book()
    async with stage() as root:
        old, new = specs(sim, book, "abc"), specs(sim, book, "cad")
        team = await start_team(root, old, strategy=sim.choose(STRATEGIES))

        async def update() -> None:
            await trio.lowlevel.checkpoint()
            team.update_specs(new, strategy="one_for_all")

        async def crash() -> None:
            tell(team, "a", Boom())
            await steps(3)
            tell(team, "b", Boom())

        async def restart() -> None:
            await steps(2)
            team.ref.crash(Boom())

        await together(sim, update, crash, *([restart] if sim.choose([False, True]) else []))
        await check(book, team)


async def an_update_of_a_supervisor_that_tries_again_to_start(sim: Sim) -> None:
    """Whether it comes while an attempt is made or between two: who is declared no longer has ended when the supervisor is ready."""
    book, fails, updated = Book(), iter([True, True]), list[bool]()

    class Frail(Member):
        async def startup(self, ctx: Context) -> None:
            await super().startup(ctx)
            if next(fails, False):
                raise Boom

    async with stage() as root:
        frail = ChildSpec("b", Frail, [book], startup_timeout=None)
        old, new = specs(sim, book, "ac"), specs(sim, book, "cd")
        team = root.start_supervisor(
            "team", [old[0], frail, old[1]], start_retry=Backoff(1.0, 2.0), intensity=Intensity(20, 5)
        )
        a = team.lookup("a")

        async def update() -> None:
            await steps(sim.choose([1, 4, 9]))
            if sim.choose([False, True]):
                await trio.sleep(0.5)
            tell(team, "b", "hello")
            team.update_specs([frail, *new])
            updated.append(True)

        async def wait_ready() -> None:
            with suppress(GreenroomError):
                await team.wait_ready()

        async def stop() -> None:
            await trio.sleep(1)
            await root.terminate_child("team")
            await root.restart_child("team")

        await together(sim, update, wait_ready, *([stop] if sim.choose([False, True]) else []))
        await check(book, team)
        if updated and team.ref.lifecycle == "ready":
            names = {ref.name for ref in team.which_children()}
            assert names - {"a"} == {"b", "c", "d"}, names
            assert "a" in names or a.lifecycle in ("stopped", "failed"), a.lifecycle


async def a_backoff_and_who_calls_it_off(sim: Sim) -> None:
    book = Book()
    async with stage() as root:
        backoff = Backoff(2.0, 4.0, reset_after=0.0)
        team = await start_team(
            root, [*specs(sim, book, "a", backoff=backoff), *specs(sim, book, "b")], strategy=sim.choose(STRATEGIES)
        )

        async def crash() -> None:
            for _ in range(3):
                tell(team, "a", Boom())
                await trio.sleep(1)

        async def call_off() -> None:
            await trio.sleep(2)
            await team.terminate_child("a")
            assert team.which_child("a").next_retry is None
            if sim.choose([False, True]):
                await team.restart_child("a")

        await together(sim, call_off, crash)
        await check(book, team)


SCENARIOS: Final[list[Callable[[Sim], Awaitable[None]]]] = [
    failures_under_each_strategy,
    administration_while_a_group_restarts,
    an_update_while_a_group_restarts,
    an_update_of_a_supervisor_that_tries_again_to_start,
    a_backoff_and_who_calls_it_off,
    *ENDS,
]
