"""Actors that keep what they have seen, and can be held up."""

from typing import Any

import trio
import trio.testing

from greenroom import Actor, Agent, Context, MailboxSpec, Request, Turn

settle = trio.testing.wait_all_tasks_blocked


class Seen(Request[list[Any]]):
    pass


class Block:
    """Make who handles it wait until it is let go."""

    def __init__(self) -> None:
        self.begun = trio.Event()
        self.go = trio.Event()

    async def wait(self) -> None:
        self.begun.set()
        await self.go.wait()


class Keeper(Actor[Any]):
    """Keep what it is told, with the seqs; a `Block` holds it up."""

    def __init__(self, kept: list[Any] | None = None) -> None:
        self.kept: list[Any] = [] if kept is None else kept
        self.seqs: list[int] = []

    async def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Block):
            await message.wait()
        elif isinstance(message, Seen):
            return list(self.kept)
        else:
            self.kept.append(message)
            assert ctx.mail is not None
            self.seqs.append(ctx.mail.seq)
        return None


class OwnKeeper(Keeper):
    own_task = True


class AgentKeeper(Agent[Any]):
    """Keep the batches that its turns see."""

    def __init__(self, kept: list[Any]) -> None:
        self.kept = kept

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        self.kept.append([mail.message for mail in turn.mail if not isinstance(mail.message, Block)])
        for mail in turn.mail:
            if isinstance(mail.message, Block):
                await mail.message.wait()


async def function_keeper(ctx: Context, kept: list[Any]) -> None:
    async for message in ctx:
        if isinstance(message, Block):
            await message.wait()
        else:
            kept.append(message)


def bounded(overflow: Any, capacity: int = 2) -> MailboxSpec:
    return MailboxSpec(
        capacity, overflow, coalesce_key=(lambda message: str(message)[0]) if overflow == "coalesce" else None
    )


async def blocked_keeper(root: Any, overflow: Any, capacity: int = 2) -> tuple[Any, Block, list[Any]]:
    kept: list[Any] = []
    ref = root.start_soon(Keeper, kept, mailbox=bounded(overflow, capacity))
    block = Block()
    ref.tell(block)
    await settle()
    return ref, block, kept
