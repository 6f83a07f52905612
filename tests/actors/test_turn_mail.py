"""P21: what a turn takes of its mail, and where it goes when the turn ends."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import ChildEnded, Completed, Context, NotInTurn, Turn
from greenroom.testing import open_tree

from .scripted import Gate, Scripted

settle = trio.testing.wait_all_tasks_blocked


async def test_a_turn_drains_what_has_arrived_since_in_order() -> None:
    """P21: steered input first, then mail and reports in order."""
    saw: list[Any] = []
    go = trio.Event()

    async def helper(_ctx: Context) -> None:
        pass

    async def first(turn: Turn[Any], ctx: Context) -> str:
        await go.wait()
        assert turn.steered()
        saw.append([(mail.kind, mail.message if mail.kind != "report" else "ended") for mail in turn.drain()])
        assert turn.drain() == []
        ctx.start_soon(helper)
        ctx.ref.tell("b")
        await settle()
        ctx.ref.tell("c")
        saw.append([mail.kind for mail in turn.drain()])
        assert turn.commit() == 7
        assert turn.commit() == 0
        return "answer"

    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [first])
        ref.tell("begin")
        await settle()
        ref.tell("a")
        ref.tell("q", trigger_turn=False)
        ref.tell("u", urgent=True)
        seq = ref.steer("left")
        assert seq == 5
        go.set()
        await trio.sleep(1)
        assert saw == [
            [("steer", "left"), ("message", "u"), ("message", "a"), ("message", "q")],
            ["message", "report", "message"],
        ]
        assert ref.status == Completed("answer")
        root.reports.drain()


async def test_after_the_answer_new_mail_waits_for_the_next_turn() -> None:
    """P21."""
    saw: list[Any] = []
    turns: list[Turn[Any]] = []

    async def first(turn: Turn[Any], _ctx: Context) -> None:
        turns.append(turn)

    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [first], saw)
        ref.tell("a")
        await settle()
        for call in (turns[0].drain, turns[0].commit):
            with pytest.raises(NotInTurn, match="turn 1 is over"):
                call()
        ref.tell("b")
        await settle()
        assert saw == [["a"], ["b"]]
        root.reports.drain()


async def test_a_steer_that_the_turn_does_not_drain_starts_the_next() -> None:
    """P14, P21."""
    saw: list[Any] = []
    gate = Gate()
    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [gate], saw)
        ref.tell("a")
        await settle()
        ref.steer("left")
        gate.go.set()
        await settle()
        assert saw == [["a"], ["left"]]
        root.reports.drain()


@pytest.mark.parametrize("outcome", ["interrupted", "errored"])
async def test_what_was_drained_and_not_committed_goes_back_in_order(outcome: str) -> None:
    """P14, P21, P22: mail, steers and reports, before what has come since; what was committed does not."""
    saw: list[Any] = []
    kinds: list[Any] = []
    drained, go = trio.Event(), trio.Event()

    async def helper(_ctx: Context, number: int) -> int:
        return number

    async def first(turn: Turn[Any], ctx: Context) -> None:
        ctx.ref.tell("kept")
        turn.drain()
        turn.commit()
        ctx.start_soon(helper, 1)
        await settle()
        ctx.ref.tell("a")
        ctx.start_soon(helper, 2)
        await settle()
        ctx.ref.tell("b", urgent=True)
        ctx.ref.steer("s")
        turn.drain()
        ctx.ref.tell("later")
        ctx.start_soon(helper, 3)
        await settle()
        drained.set()
        await go.wait()
        raise OSError("turn failed")

    async def second(turn: Turn[Any], _ctx: Context) -> None:
        for mail in turn.drain():
            assert isinstance(mail.message, ChildEnded)
            kinds.append(mail.message.reason.result)  # type: ignore[union-attr]

    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [first, second], saw)
        ref.tell("begin")
        await drained.wait()
        if outcome == "interrupted":
            await ref.interrupt()
        go.set()
        await settle()
        assert saw == [["begin"], ["s", "b", "a", "later"]]
        assert kinds == [1, 2, 3]
        assert root.dead_letters.total == 0
        root.reports.drain()


async def test_what_was_drained_goes_to_the_next_incarnation_when_the_agent_crashes() -> None:
    """P14: what started the turn is done with; what was drained and not committed is not."""
    saw: list[Any] = []

    async def first(turn: Turn[Any], ctx: Context) -> None:
        ctx.ref.tell("a")
        ctx.ref.tell("b")
        turn.drain()
        ctx.ref.tell("c")
        ctx.ref.crash(OSError("crash"))
        await trio.sleep(1)

    async with open_tree("stage") as root:
        ref = await root.start(Scripted, [first], saw, restart="permanent")
        ref.tell("begin")
        await trio.sleep(5)
        assert saw == [["begin"], ["a", "b", "c"]]
        assert root.dead_letters.total == 0
        assert ref.incarnation == 2
        root.reports.drain()


async def test_what_was_drained_is_a_dead_letter_when_the_agent_stops() -> None:
    """P14, P16."""

    async def first(turn: Turn[Any], ctx: Context) -> None:
        ctx.ref.tell("a")
        turn.drain()
        await trio.sleep_forever()

    async with open_tree("stage", dead_letters={"stopped": 1}) as root:
        ref = await root.start(Scripted, [first])
        ref.tell("begin")
        await settle()
        await ref.kill()
        assert dict(root.dead_letters.counts) == {"stopped": 1}
        root.reports.drain()
