"""Actors of each kind that note how they start."""

from typing import Any

import pytest
import trio

from greenroom import Actor, Agent, Context, Turn

Log = list[Any]


class Noted:
    """Note how it starts and ends: after some seconds, or with an error."""

    def __init__(self, seconds: float = 0.0, error: BaseException | None = None, log: Log | None = None) -> None:
        self.seconds, self.error = seconds, error
        self.log: Log = [] if log is None else log

    async def startup(self, ctx: Context) -> None:
        self.log.append("startup")
        await trio.sleep(self.seconds)
        if self.error is not None:
            raise self.error

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.log.append(reason)


class Starts(Noted, Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> Any:
        self.log.append(message)
        return message


class OwnStarts(Starts):
    own_task = True


class AgentStarts(Noted, Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        self.log.extend(mail.message for mail in turn.mail)


KINDS = [Starts, OwnStarts, AgentStarts]
every_kind = pytest.mark.parametrize("kind", KINDS)
