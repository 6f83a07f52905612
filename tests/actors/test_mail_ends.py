"""P16: what becomes of mail that is left when its actor ends."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, ActorStopped, ActorStopping, Context, MailboxSpec, Request, StartupFailed
from greenroom.testing import open_tree

from .keeper import Block, Seen, blocked_keeper

settle = trio.testing.wait_all_tasks_blocked


async def test_what_is_queued_when_an_actor_stops_is_returned_once() -> None:
    """P16: asks fail at once and say that they had not begun, other mail is a dead letter."""
    async with open_tree("stage", dead_letters={"stopped": 2}) as root, root.dead_letters.subscribe() as feed:
        ref, block, kept = await blocked_keeper(root, "wait", 3)
        errors: list[Exception] = []

        async def ask() -> None:
            try:
                await ref.ask(Seen())
            except ActorStopped as error:
                errors.append(error)

        async def send(message: str) -> None:
            try:
                await ref.send(message)
            except ActorStopping as error:
                errors.append(error)

        async with trio.open_nursery() as nursery:
            ref.tell("a")
            nursery.start_soon(ask)
            await settle()
            ref.tell("b", urgent=True)
            nursery.start_soon(send, "c")
            await settle()
            ref.request_stop()
            await settle()
            assert [type(error) for error in errors] == [ActorStopping]
            with pytest.raises(ActorStopping) as caught:
                ref.tell("too late")
            assert caught.value.message == "too late"
            block.go.set()
        assert kept == []
        assert [type(error) for error in errors] == [ActorStopping, ActorStopped]
        assert "had not begun" in str(errors[1])
        assert [(await anext(feed)).message for _ in range(2)] == ["b", "a"]
        assert dict(root.dead_letters.counts) == {"stopped": 2}
        with pytest.raises(ActorStopped):
            ref.tell("dead")


async def test_an_ask_in_hand_when_the_actor_is_killed_says_that_it_had_begun() -> None:
    """P16."""

    class Hang(Request[None]):
        pass

    class Hanger(Actor[Hang]):
        async def receive(self, message: Hang, ctx: Context) -> None:
            await trio.sleep_forever()

    async with open_tree("stage") as root:
        ref = root.start_soon(Hanger)
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                with pytest.raises(ActorStopped, match="it had begun"):
                    await ref.ask(Hang())

            nursery.start_soon(ask)
            await settle()
            await ref.kill()


async def test_mail_for_a_failed_start_is_returned_with_the_cause() -> None:
    """P10, P16."""
    go = trio.Event()

    class Broken(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            await go.wait()
            raise OSError("no such luck")

        def receive(self, message: Any, ctx: Context) -> None:
            raise AssertionError

    async with open_tree("stage", dead_letters={"startup failed": 1}) as root:
        ref = root.start_soon(Broken, mailbox=MailboxSpec(2, "wait"))
        ref.tell("a")
        errors: list[StartupFailed] = []

        async def ask() -> None:
            try:
                await ref.ask(Seen())
            except StartupFailed as error:
                errors.append(error)

        async def send() -> None:
            try:
                await ref.send("b")
            except StartupFailed as error:
                errors.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await settle()
            nursery.start_soon(send)
            await settle()
            go.set()
        assert [error.cause for error in errors] == ["OSError: no such luck"] * 2
        assert sorted(type(error.message).__name__ for error in errors) == ["Seen", "str"]
        assert dict(root.dead_letters.counts) == {"startup failed": 1}
        root.reports.drain()


@pytest.mark.parametrize("own_task", [False, True])
async def test_queued_mail_and_asks_survive_a_restart(own_task: bool) -> None:
    """P14, P16."""
    kept: list[Any] = []

    class Crasher(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> Any:
            if isinstance(message, Block):
                await message.wait()
                raise OSError("crash")
            if isinstance(message, Seen):
                return list(kept)
            kept.append(message)
            return None

    Crasher.own_task = own_task
    async with open_tree("stage") as root:
        ref = root.start_soon(Crasher, restart="permanent")
        block = Block()
        ref.tell(block)
        await settle()
        answers: list[Any] = []

        async def ask() -> None:
            answers.append(await ref.ask(Seen()))

        async with trio.open_nursery() as nursery:
            ref.tell("a")
            ref.tell("u", urgent=True)
            nursery.start_soon(ask)
            await settle()
            block.go.set()
        assert answers == [["u", "a"]]
        assert ref.incarnation == 2
        assert root.dead_letters.total == 0
        root.reports.drain()
