"""An actor with a task of its own that keeps a nursery open from its startup to its shutdown, and others that meddle with it."""

from contextlib import suppress
from typing import Any

import trio

from greenroom import Actor, Context, Crashed, GreenroomError, Intensity, open_supervisor
from greenroom.races import Sim


class Host(Actor[Any]):
    own_task = True

    def __init__(self, open_: list[int]) -> None:
        self.open_ = open_

    async def startup(self, ctx: Context) -> None:
        self.manager = trio.open_nursery()
        self.nursery = await self.manager.__aenter__()
        self.nursery.start_soon(self.serve)

    async def serve(self) -> None:
        self.open_[0] += 1
        try:
            await trio.sleep_forever()
        finally:
            self.open_[0] -= 1

    async def receive(self, message: Any, ctx: Context) -> Any:
        if message == "leave open":
            (await trio.open_nursery().__aenter__()).start_soon(self.serve)
        await trio.lowlevel.checkpoint()
        return message

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await trio.lowlevel.checkpoint()
        self.nursery.cancel_scope.cancel()
        await self.manager.__aexit__(None, None, None)


async def a_holder_that_is_meddled_with(sim: Sim) -> None:
    """Whatever ends it, all that it has opened is closed, in order."""
    open_ = [0]
    reasons: list[Any] = []
    with sim.scope("victim"):
        async with open_supervisor("stage", intensity=Intensity(10, within=5.0)) as root:
            host = root.start_soon(Host, open_, restart="transient")
            request: Any = 2
            try:
                host.tell(1)
                host.tell("leave open")
                with suppress(GreenroomError):
                    await host.ask(request, timeout=5)
                with suppress(GreenroomError):
                    await host.interrupt()
                await host.stop()
            finally:
                reasons += [getattr(report, "reason", None) for report in root.reports.drain()]
        reasons.append(host.exit_reason)
    assert open_ == [0]
    assert not any(isinstance(each, Crashed) and "corrupted" in each.cause for each in reasons)
