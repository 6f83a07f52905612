"""P25: waiting for mail."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import trio

from greenroom import ActorStopped, Agent, AskTimeout, Context, Request, Turn, open_supervisor, races
from greenroom.races import Sim
from greenroom.testing import open_tree

from .plain import Plain

Do = Callable[[Context], Awaitable[Any]]


async def does(ctx: Context, do: Do, got: list[Any]) -> None:
    got.append(await do(ctx))


class Get(Request[int]):
    pass


KINDS = ["function", "plain", "own", "agent"]


class Own(Plain):
    own_task = True


class TurnDoes(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        await turn.mail[0].message(ctx)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["mail", "queued", "urgent", "report", "ask", "nothing", "stop"])
async def test_p25_mail_of_any_kind_ends_the_wait_for_mail(kind: str, how: str) -> None:
    async with open_supervisor("stage") as root:
        got: list[Any] = []

        async def do(ctx: Context) -> None:
            if how == "report":
                ctx.start_soon(ends)
            got.append(await ctx.wait_for_mail(timeout=10))
            got.append(trio.current_time())

        if kind == "function":
            ref = root.start_soon(does, do, [])
        else:
            ref = root.start_soon({"plain": Plain, "own": Own, "agent": TurnDoes}[kind])
            ref.tell(do)
        await trio.sleep(2)
        assert not got
        tell: dict[str, Any] = {
            "mail": lambda: ref.tell(0),
            "queued": lambda: ref.tell(0, trigger_turn=False),
            "urgent": lambda: ref.tell(0, urgent=True),
            "ask": lambda: root.start_soon(does, lambda _: asks(ref), []),
            "stop": ref.request_stop,
        }
        if how in tell:
            tell[how]()
        await trio.sleep(20)
        assert got == [how not in ("nothing", "stop"), {"nothing": 10, "report": 5}.get(how, 2)]
        await ref.kill()


async def asks(ref: Any) -> None:
    with suppress(AskTimeout, ActorStopped):
        await ref.ask(Get(), timeout=1)


async def ends(_ctx: Context) -> None:
    await trio.sleep(5)


async def test_p25_a_mailbox_that_was_watched_is_as_it_was() -> None:
    async with open_tree() as root:
        ref = root.start_soon(Plain)

        async def do(ctx: Context) -> None:
            await ctx.wait_for_mail(timeout=1)

        ref.tell(do)
        await trio.sleep(2)
        ref.tell(0)
        await trio.sleep(1)
        slot = ref._slot
        assert slot.box.fast
        assert slot.box.rare.door is None
        assert slot.more is not None
        assert not slot.more.observers


async def mail_is_noticed(sim: Sim) -> None:
    """Mail, and the end of a child, told at any moment: who waits for mail hears of it, and finds it."""
    async with open_supervisor("stage") as root:
        seen: list[Any] = []

        async def do(ctx: Context) -> None:
            with sim.scope("victim") as scope:
                assert await ctx.wait_for_mail(timeout=100)
                assert ctx._slot.box.waiting or len(ctx.reports)
            if scope.cancelled_caught:
                assert await ctx.wait_for_mail(timeout=100)
            seen.append(await ctx.receive())

        ref = root.start_soon(does, do, [])
        await sim_steps(sim)
        ref.tell("x")
        await ref.wait_stopped()
        assert (seen, trio.current_time()) == (["x"], 0)


async def sim_steps(sim: Sim) -> None:
    for _ in range(sim.choose(range(4))):
        await trio.lowlevel.checkpoint()


def test_p25_mail_that_comes_at_any_moment_is_noticed() -> None:
    found = races.search(mail_is_noticed, schedules=300)
    assert found is None, str(found)
    sweep = races.cancel_everywhere(mail_is_noticed, schedules=5)
    assert not sweep.failures, str(sweep)
