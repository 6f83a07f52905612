from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, Agent, Completed, Context, NoActiveTurn, Request, StartupInProgress, Turn, TurnInProgress
from greenroom.testing import open_tree

from .scripted import messages

settle = trio.testing.wait_all_tasks_blocked


class Ask(Request[Any]):
    pass


@pytest.mark.parametrize("own_task", [False, True])
async def test_an_actor_handles_one_message_at_a_time(own_task: bool) -> None:
    """P20."""
    active = most = handled = 0

    class Slow(Actor[int]):
        async def receive(self, message: int, ctx: Context) -> None:
            nonlocal active, most, handled
            active += 1
            most = max(most, active)
            await trio.sleep(message)
            active -= 1
            handled += 1

    Slow.own_task = own_task
    async with open_tree("stage") as root:
        ref = root.start_soon(Slow)
        ref.tell(1)  # there before it is ready

        async def tell(seconds: float) -> None:
            await trio.sleep(seconds)
            ref.tell(1, urgent=seconds > 5)

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(tell, number / 2)
        await trio.sleep(30)
        assert (most, handled) == (1, 21)


async def test_an_agent_has_one_turn_at_a_time_whoever_asks() -> None:
    """P20: mail, asks, direct turns and steers at once."""
    active = most = 0

    class Busy(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            nonlocal active, most
            active += 1
            most = max(most, active)
            await trio.sleep(0.3)
            active -= 1

    async with open_tree("stage") as root:
        ref = await root.start(Busy)
        refused = 0

        async def press(number: int) -> None:
            nonlocal refused
            await trio.sleep(number / 7)
            match number % 4:
                case 0:
                    ref.tell(number)
                case 1:
                    await ref.ask(Ask())
                case 2:
                    try:
                        await ref.run_turn(number)
                    except TurnInProgress:
                        refused += 1
                case _:
                    try:
                        ref.steer(number)
                    except NoActiveTurn:
                        refused += 1

        async with trio.open_nursery() as nursery:
            for number in range(40):
                nursery.start_soon(press, number)
        await trio.sleep(10)
        assert most == 1
        assert refused > 0
        root.reports.drain()


async def test_no_turn_before_ready() -> None:
    """P20."""
    order: list[str] = []

    class Late(Agent[Any]):
        async def startup(self, ctx: Context) -> None:
            await trio.sleep(1)
            order.append("ready")

        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            order.append("turn")

    async with open_tree("stage") as root:
        ref = root.start_soon(Late)
        ref.tell("early")
        with pytest.raises(StartupInProgress, match="startup is still in progress") as caught:
            ref.start_turn("too early")
        assert caught.value.message == "too early"
        with pytest.raises(StartupInProgress):
            await ref.run_turn("too early")
        with pytest.raises(NoActiveTurn):
            ref.steer("too early")
        await trio.sleep(2)
        assert order == ["ready", "turn"]
        assert ref._slot.box.seq == 1


@pytest.mark.parametrize("kind", ["pool", "own task", "agent"])
async def test_no_turn_begins_after_a_stop_was_requested(kind: str) -> None:
    """P20."""
    begun: list[Any] = []

    class Plain(Actor[Any]):
        own_task = kind == "own task"

        async def receive(self, message: Any, ctx: Context) -> None:
            begun.append(message)
            if message == "stop":
                ctx.ref.request_stop()
            await trio.sleep(1)

    class Thinker(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            begun.extend(messages(list(turn.mail)))
            ctx.ref.request_stop()
            await trio.sleep(1)

    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        ref = root.start_soon(Thinker if kind == "agent" else Plain)
        await settle()
        ref.tell("stop")
        if kind != "agent":
            ref.tell("more")
            ref.tell("urgent", urgent=True)
        await trio.sleep(5)
        assert begun == (["stop"] if kind == "agent" else ["urgent", "stop"])
        assert ref.lifecycle == "stopped"
        root.reports.drain()


@pytest.mark.parametrize("kind", ["pool", "agent"])
async def test_ctx_stop_ends_after_the_message_in_hand(kind: str) -> None:
    """P20: and what it has noted is how it ends."""
    begun: list[Any] = []

    class Plain(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> None:
            begun.append(message)
            ctx.stop("result")
            await trio.sleep(1)
            begun.append("end of it")

    class Thinker(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            await Plain().receive(turn.mail[0].message, ctx)

    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        ref = root.start_soon(Thinker if kind == "agent" else Plain)
        ref.tell(1)
        await settle()
        ref.tell(2)
        await trio.sleep(5)
        assert begun == [1, "end of it"]
        assert ref.status == Completed("result")
        assert dict(root.dead_letters.counts) == {"stopped": 1}
        root.reports.drain()
