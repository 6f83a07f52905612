"""The promises of what comes of a turn, as scenarios: P23 and P24."""

from contextlib import suppress
from typing import Any

import trio

from greenroom import Agent, Completed, Context, Errored, GreenroomError, Turn, TurnFinished
from greenroom.races import Sim

from .promise import Boom, Quiet, promise, settle, stage, steps, together


class Thinks(Agent[Any]):
    """Give back what started its turn, unless that says that it fails."""

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        await steps(2)
        message = turn.mail[0].message
        if message == "fail":
            raise Boom
        return message

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


@promise("P23")
async def each_task_has_one_outcome(sim: Sim) -> None:
    async with stage() as root:
        ref = root.start_soon(Thinks, restart="transient")
        root.start_soon(Quiet, mail="x")
        outcomes: dict[int, str] = {}
        asked = answered = 0

        async def run(message: str) -> None:
            nonlocal asked, answered
            await ref.wait_ready()
            handle = ref.start_turn(message)
            asked += 1
            try:
                outcomes[handle.id] = (await handle.outcome()).kind
            finally:
                answered += 1

        async def end() -> None:
            await steps(6)
            if sim.choose([True, False]):
                await ref.interrupt()
            ref.crash(Boom())
            await steps(6)
            await ref.stop()

        await together(sim, lambda: run("ok"), lambda: run("fail"), end, lambda: run("ok"))
        await settle()
        assert answered == asked
        reports = [each for each in root.reports.drain() if isinstance(each, TurnFinished)]
        told = {each.turn: each.outcome.kind for each in reports}
        assert len(told) == len(reports)
        for number, kind in outcomes.items():
            assert kind in ("stopped", "crashed", "undeliverable") or told[number] == kind


@promise("P24")
async def a_status_comes_with_what_it_tells_of(sim: Sim) -> None:  # noqa: C901 -- three who look at it
    async with stage() as root:
        ref = root.start_soon(Thinks, name="a")
        root.start_soon(Quiet, mail="x")
        states: list[Any] = []

        def check(status: Any) -> None:
            if isinstance(status, Completed):
                assert status.result == "ok"
            if isinstance(status, Errored):
                assert status.cause

        async def follow() -> None:
            async with ref.subscribe() as feed:
                last = ref.generation
                async for change in feed:
                    assert change.generation == last + 1
                    last = change.generation
                    states.append(change.status)
                    check(change.status)
                assert last == ref.generation

        async def look() -> None:
            for _ in range(12):
                generation, status = ref.generation, ref.status
                check(status)
                await trio.lowlevel.checkpoint()
                assert ref.generation > generation or ref.status == status

        async def run() -> None:
            await ref.wait_ready()
            with suppress(GreenroomError):
                await ref.run_turn("fail")
            with suppress(GreenroomError):
                await ref.run_turn("ok")
            await ref.interrupt()

        async def tree() -> None:
            async with root.subscribe() as feed:
                async for state in feed:
                    for child in state.children:
                        check(child.status)

        async def tell() -> None:
            for _ in range(4):
                ref.tell("ok")
                await steps(3)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(tree)
            nursery.start_soon(follow)
            await together(sim, run, look, tell)
            await settle()
            await ref.stop()
            await settle()
            nursery.cancel_scope.cancel()
