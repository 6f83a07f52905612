"""What keeps an agent from rest (section 8), and what lets it go."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    ChildSpec,
    Context,
    InvalidSpec,
    NotIdle,
    Rested,
    StartupFailed,
    Turn,
    open_supervisor,
)
from greenroom.testing import open_tree

from .sleeper import Say, Sleeper, doze, own_kind, put_to_bed

Log = list[Any]
settle = wait_all_tasks_blocked


@pytest.fixture
def kind() -> type[Sleeper]:
    return own_kind()


async def set_timer(ctx: Context) -> Any:
    return ctx.send_after(50.0, "tick")


async def set_monitor(ctx: Context) -> Any:
    assert ctx.parent is not None
    return ctx.monitor(ctx.parent)


async def start_child(ctx: Context) -> Any:
    return await ctx.start(Sleeper, name="child")


async def start_work(ctx: Context) -> Any:
    return ctx.run_in_background(trio.sleep, 50.0)


async def let_go_timer(_ref: Any, made: Any) -> None:
    made.cancel()


async def let_go_child(_ref: Any, made: Any) -> None:
    await made.stop()


async def let_go_work(ref: Any, made: Any) -> None:
    ctx: Context = ref._slot.ctx
    ctx.cancel_background(made)
    await ctx.wait_background(made)


KEEPERS: dict[str, tuple[Any, Any]] = {
    "timers": (set_timer, let_go_timer),
    "monitors": (set_monitor, let_go_timer),
    "children": (start_child, let_go_child),
    "background work": (start_work, let_go_work),
}


@pytest.mark.parametrize("state", KEEPERS)
async def test_what_would_end_with_the_incarnation_keeps_it_and_the_error_says_so(kind: Any, state: str) -> None:
    take, let_go = KEEPERS[state]
    async with open_tree("stage") as root:
        ref = await root.start(kind, name="a")
        made = await ref.run_turn(take)
        generation = ref.generation
        with pytest.raises(NotIdle, match="/stage/a: cannot be put to rest: ") as caught:
            ref.rest()
        assert caught.value.state == state
        assert (ref.lifecycle, ref.generation) == ("ready", generation)
        await let_go(ref, made)
        await put_to_bed(ref)
        root.reports.drain()
        root.ignore_dead_letters()


@pytest.mark.parametrize("state", KEEPERS)
async def test_rest_after_counts_from_when_the_last_thing_has_let_it_go(kind: Any, state: str) -> None:
    take, let_go = KEEPERS[state]
    async with open_tree("stage") as root:
        ref = await root.start(kind, name="a", rest_after=10.0)
        made = await ref.run_turn(take)
        await trio.sleep(30)
        assert ref.lifecycle == "ready"
        await let_go(ref, made)
        await settle()
        await trio.sleep(9.5)
        assert ref.lifecycle == "ready"
        await trio.sleep(1)
        assert ref.lifecycle == "resting"
        root.reports.drain()
        root.ignore_dead_letters()


async def test_a_reply_that_it_owes_keeps_it() -> None:
    tokens: Log = []

    class Defers(Sleeper):
        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            tokens.append(ctx.defer_reply())

    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = await root.start(Defers, rest_after=10.0)
        answers: Log = []

        async def ask() -> None:
            answers.append(await ref.ask(Say()))

        nursery.start_soon(ask)
        await trio.sleep(20)
        with pytest.raises(NotIdle) as caught:
            ref.rest()
        assert caught.value.state == "deferred replies"
        tokens.pop().reply("here")
        await trio.sleep(9)
        assert (answers, ref.lifecycle) == (["here"], "ready")
        await trio.sleep(2)
        assert ref.lifecycle == "resting"
        root.reports.drain()


async def test_a_tick_that_comes_is_handled_and_then_it_may_rest(kind: Any) -> None:
    """No tick is lost for a rest: it keeps its agent up until it has come."""
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(kind, log, rest_after=10.0)
        await ref.run_turn(set_timer)
        await trio.sleep(49.9)
        assert ref.lifecycle == "ready"
        await trio.sleep(5)
        assert log[-1] == (1, ["tick"])
        await trio.sleep(6)
        assert (ref.lifecycle, log[-1]) == ("resting", Rested())
        root.reports.drain()


@pytest.mark.parametrize(
    "state", ["initializing", "in a turn", "with mail", "resting", "stopping", "stopped", "failed"]
)
async def test_in_any_other_state_it_is_not_idle_and_nothing_changes(kind: Any, state: str) -> None:
    kind.ending = 1.0
    async with open_tree("stage") as root:
        if state == "failed":
            kind.failing = True
        if state == "initializing":
            kind.starting = 10.0
        ref = root.start_soon(kind, name="a")
        if state != "initializing":
            await trio.sleep(2)
        match state:
            case "in a turn":
                ref.tell(doze)
                await settle()
            case "with mail":
                ref.tell("x")
                root.ignore_dead_letters()
            case "resting":
                await put_to_bed_slowly(ref)
            case "stopping":
                ref.request_stop()
            case "stopped":
                await ref.stop()
        generation = ref.generation
        with pytest.raises(NotIdle) as caught:
            ref.rest()
        assert caught.value.state == state
        assert "/stage/a: cannot be put to rest: " in str(caught.value)
        assert ref.generation == generation
        root.reports.drain()
        if state == "initializing":
            await ref.kill()
            root.reports.drain()
            root.ignore_dead_letters()

    # what the states lead to is the affair of other tests


async def put_to_bed_slowly(ref: ActorRef[Any]) -> None:
    ref.rest()
    await trio.sleep(2)


async def test_it_cannot_put_itself_to_rest_in_a_turn(kind: Any) -> None:
    async def rest(ctx: Context) -> str:
        with pytest.raises(NotIdle) as caught:
            ctx.ref.rest()
        return caught.value.state

    async with open_tree("stage") as root:
        ref = await root.start(kind)
        assert await ref.run_turn(rest) == "in a turn"
        root.reports.drain()


async def function(ctx: Context) -> None:
    async for _ in ctx:
        pass


class Plain(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> None:
        pass


def unknown() -> Any:
    return Plain()


@pytest.mark.parametrize("factory", [Plain, function])
async def test_what_is_no_agent_cannot_rest(factory: Any) -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(factory, name="a")
        await settle()
        with pytest.raises(TypeError, match="/stage/a is no agent and cannot be put to rest"):
            ref.rest()
        with pytest.raises(TypeError, match="is no agent"):
            root.ref.rest()
        with pytest.raises(InvalidSpec, match="rest_after: only agents can be put to rest"):
            root.start_soon(factory, rest_after=1.0)
    with pytest.raises(InvalidSpec, match="rest_after: only agents"):
        async with open_supervisor("stage", children=[ChildSpec("a", factory, rest_after=1.0)]):
            raise AssertionError


async def test_a_factory_that_turns_out_to_make_no_agent_fails_to_start_with_rest_after() -> None:
    async with open_tree("stage") as root:
        with pytest.raises(StartupFailed, match="rest_after: only agents can be put to rest"):
            await root.start(unknown, rest_after=1.0)
        await root.start(unknown)
