"""Actors of each kind that note how they start."""

from typing import Any

import pytest
import trio

from greenroom import Actor, Agent, Context, Turn

Log = list[Any]


class Starts(Actor[Any]):
    """Take `seconds` to start, then raise `error` if there is one; answers with what it gets."""

    def __init__(self, seconds: float = 0.0, error: BaseException | None = None, log: Log | None = None) -> None:
        self.seconds, self.error = seconds, error
        self.log: Log = [] if log is None else log

    async def startup(self, ctx: Context) -> None:
        self.log.append("startup")
        await trio.sleep(self.seconds)
        if self.error is not None:
            raise self.error

    def receive(self, message: Any, ctx: Context) -> Any:
        self.log.append(message)
        return message

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.log.append(reason)


class OwnStarts(Starts):
    own_task = True


class AgentStarts(Agent[Any]):
    def __init__(self, seconds: float = 0.0, error: BaseException | None = None, log: Log | None = None) -> None:
        self.seconds, self.error = seconds, error
        self.log: Log = [] if log is None else log

    async def startup(self, ctx: Context) -> None:
        self.log.append("startup")
        await trio.sleep(self.seconds)
        if self.error is not None:
            raise self.error

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        self.log.extend(mail.message for mail in turn.mail)

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.log.append(reason)


KINDS = [Starts, OwnStarts, AgentStarts]
every_kind = pytest.mark.parametrize("kind", KINDS)
