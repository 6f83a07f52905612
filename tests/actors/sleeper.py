"""An agent that notes all that happens to it, and can be put to rest."""

from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import ActorRef, Agent, Context, Request, Turn

Log = list[Any]
settle = wait_all_tasks_blocked


class Sleeper(Agent[Any]):
    """Note all that happens to it; give back what started a turn."""

    starting: float = 0.0
    failing = False
    ending: float = 0.0
    last_words: Exception | None = None

    def __init__(self, log: Log | None = None) -> None:
        self.log = [] if log is None else log

    async def startup(self, ctx: Context) -> None:
        self.log.append(ctx.start_source)
        await trio.sleep(type(self).starting)
        if type(self).failing:
            raise OSError("no luck")

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        messages = [mail.message for mail in turn.mail]
        if callable(messages[0]):
            return await messages[0](ctx)
        self.log.append((ctx.ref.incarnation, messages))
        return messages

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.log.append(reason)
        await trio.sleep(type(self).ending)
        if type(self).last_words is not None:
            raise type(self).last_words


def own_kind(of: type[Sleeper] = Sleeper) -> type[Sleeper]:
    """Return a class of its own, so that a test may set how it behaves."""

    class Own(of):
        pass

    return Own


async def put_to_bed(ref: ActorRef[Any]) -> None:
    ref.rest()
    await settle()
    assert ref.lifecycle == "resting"
    assert ref._slot.actor is None
    assert ref._slot.runner is None


class Say(Request[Any]):
    pass


async def doze(ctx: Context) -> None:
    await ctx.sleep(100)
