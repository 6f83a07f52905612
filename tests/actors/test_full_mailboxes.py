"""P15 through tell, send and ask: what comes of mail for a mailbox that is full."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, Context, Down, MailboxFull, MailboxSpec
from greenroom.testing import open_tree

from .keeper import AgentKeeper, Block, Keeper, OwnKeeper, Seen, blocked_keeper, bounded, function_keeper

settle = trio.testing.wait_all_tasks_blocked


@pytest.mark.parametrize("overflow", ["wait", "reject"])
async def test_tell_to_a_full_mailbox_raises_and_gives_the_message_back(overflow: str) -> None:
    """P15: with "wait" too, as tell never waits."""
    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        ref, block, kept = await blocked_keeper(root, overflow)
        ref.tell("a")
        ref.tell("b")
        with pytest.raises(MailboxFull) as caught:
            ref.tell("c")
        assert (caught.value.message, caught.value.capacity, caught.value.path) == ("c", 2, ref.path)
        assert "full (2 mails)" in str(caught.value)
        assert ref.try_tell("c") is False
        block.go.set()
        await settle()
        assert kept == ["a", "b"]
        assert ref.tell("d") == 4


async def test_send_waits_for_room_where_the_policy_is_to_wait() -> None:
    """P15: backpressure, first come, first served."""
    async with open_tree("stage") as root:
        ref, block, kept = await blocked_keeper(root, "wait", 1)
        done: list[int] = []

        async def send(message: int) -> None:
            await ref.send(message)
            done.append(message)

        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(send, number)
                await settle()
            assert done == [0]
            block.go.set()
        await settle()
        assert kept == [0, 1, 2, 3]


async def test_send_to_a_mailbox_full_of_queue_only_mail_gets_in() -> None:
    """P13, P15: the receiver has to make room for what asks for a turn."""
    async with open_tree("stage") as root:
        for factory in (Keeper, OwnKeeper, AgentKeeper, function_keeper):
            kept: list[Any] = []
            ref = root.start_soon(factory, kept, mailbox=bounded("wait"))  # type: ignore[arg-type]
            await settle()
            ref.tell("q", trigger_turn=False)
            ref.tell("r", trigger_turn=False)
            await settle()
            with trio.fail_after(1):
                await ref.send("a")
            await settle()
            flat = [each for item in kept for each in (item if isinstance(item, list) else [item])]
            assert flat == ["q", "r", "a"]


@pytest.mark.parametrize("overflow", ["reject", "coalesce"])
async def test_send_raises_where_the_policy_is_to_refuse(overflow: str) -> None:
    """P15."""
    async with open_tree("stage") as root:
        ref, block, kept = await blocked_keeper(root, overflow)
        await ref.send("a")
        await ref.send("b")
        with pytest.raises(MailboxFull):
            await ref.send("c")
        block.go.set()
        await settle()
        assert kept == ["a", "b"]


@pytest.mark.parametrize(("overflow", "left"), [("drop_oldest", ["b", "c"]), ("drop_newest", ["a", "b"])])
async def test_what_is_dropped_is_a_dead_letter_with_its_reason(overflow: str, left: list[str]) -> None:
    """P15."""
    async with (
        open_tree("stage", dead_letters={"drop_newest": None, "drop_oldest": None}) as root,
        root.dead_letters.subscribe() as feed,
    ):
        ref, block, kept = await blocked_keeper(root, overflow)
        assert [ref.tell(message) for message in "abc"] == [2, 3, 4]
        letter = await anext(feed)
        dropped = ({"a", "b", "c"} - set(left)).pop()
        assert (letter.message, letter.reason, letter.path, letter.uid) == (dropped, overflow, ref.path, ref.uid)
        block.go.set()
        await settle()
        assert kept == left
        assert dict(root.dead_letters.counts) == {overflow: 1}


async def test_coalescing_keeps_the_newest_of_each_key() -> None:
    """P15."""
    async with open_tree("stage", dead_letters={"coalesced": 3}) as root:
        ref, block, kept = await blocked_keeper(root, "coalesce", 3)
        for message in ("a1", "b1", "a2", "b2", "a3"):
            ref.tell(message)
        block.go.set()
        await settle()
        assert kept == ["a3", "b2"]
        assert dict(root.dead_letters.counts) == {"coalesced": 3}


async def test_queue_only_mail_that_is_replaced_by_mail_that_triggers_starts_the_actor() -> None:
    """P13, P15."""
    kept: list[Any] = []
    async with open_tree("stage", dead_letters={"coalesced": 1}) as root:
        ref = root.start_soon(Keeper, kept, mailbox=bounded("coalesce"))
        await settle()
        ref.tell("a1", trigger_turn=False)
        await settle()
        ref.tell("a2")
        await settle()
        assert kept == ["a2"]


@pytest.mark.parametrize("overflow", ["reject", "drop_oldest", "drop_newest", "coalesce"])
async def test_an_ask_that_is_refused_or_dropped_fails_at_once(overflow: str) -> None:
    """P15, P17: not by timeout, and not never."""
    async with open_tree("stage", dead_letters={"drop_newest": None, "drop_oldest": None}) as root:
        ref, block, _kept = await blocked_keeper(root, overflow, 1)
        errors: list[MailboxFull] = []

        async def ask() -> None:
            try:
                await ref.ask(Seen())
            except MailboxFull as error:
                errors.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await settle()
            if overflow == "drop_oldest":
                ref.tell("a")
            else:
                with trio.fail_after(1):
                    await ask()
            await settle()
            assert len(errors) == 1
            assert isinstance(errors[0].message, Seen)
            block.go.set()
        assert root.dead_letters.counts.get(overflow, 0) == (1 if overflow.startswith("drop") else 0)


async def test_an_ask_waits_for_room_where_the_policy_is_to_wait() -> None:
    """P15."""
    async with open_tree("stage") as root:
        ref, block, _ = await blocked_keeper(root, "wait", 1)
        ref.tell("a")
        answers: list[Any] = []

        async def ask() -> None:
            answers.append(await ref.ask(Seen()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await settle()
            block.go.set()
        assert answers == [["a"]]


@pytest.mark.parametrize("key", [1.5, ("a",), [1], True])
async def test_a_wrong_key_is_refused_and_leaves_no_trace(key: object) -> None:
    """P15."""
    spec = MailboxSpec(overflow="coalesce", coalesce_key=lambda _message: key)  # type: ignore[arg-type, return-value]
    async with open_tree("stage") as root:
        ref = root.start_soon(Keeper, mailbox=spec)
        with pytest.raises(TypeError, match="coalesce_key returned"):
            ref.tell("a")
        assert ref._slot.box.seq == 0


async def test_reports_and_ticks_come_into_a_full_mailbox() -> None:
    """P12, P15."""

    class Parent(Actor[str]):
        def __init__(self) -> None:
            self.kept: list[str] = []

        async def receive(self, message: str, ctx: Context) -> None:
            self.kept.append(message)
            if message == "begin":
                ctx.send_after(0, "tick")
                block.begun.set()
                ctx.monitor(ctx.start_soon(once))
                await block.go.wait()

    async def once(ctx: Context) -> None:
        pass

    block = Block()
    async with open_tree("stage") as root:
        parent = root.start_soon(Parent, mailbox=MailboxSpec(1))
        parent.tell("begin")
        await block.begun.wait()
        parent.tell("full")
        await trio.sleep(0.001)
        await settle()
        block.go.set()
        await settle()
        kept = parent._slot.actor.kept
        assert sorted(type(each).__name__ if isinstance(each, Down) else each for each in kept) == [
            "Down",
            "begin",
            "full",
            "tick",
        ]
