"""`Limits.max_live` (section 8): who rests to make room, who waits for it, and who is refused."""

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
    LimitReached,
    Limits,
    Supervisor,
    Turn,
    open_supervisor,
)
from greenroom.testing import open_tree

from .sleeper import Say, Sleeper, own_kind

Log = list[Any]
settle = wait_all_tasks_blocked


class Works(Sleeper):
    """Do what the mail says; give back the number of its incarnation."""

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        message = turn.mail[0].message
        if callable(message):
            return await message(ctx)
        if isinstance(message, float):
            await trio.sleep(message)
        return ctx.ref.incarnation


@pytest.fixture
def kind() -> type[Sleeper]:
    return own_kind(Works)


def lives(root: Supervisor) -> dict[str, str]:
    return {ref.name: ref.lifecycle for ref in root.which_children()}


def passivation(root: Supervisor) -> Any:
    return root._slot.runtime.passivation


async def as_awaitable(call: Any, kind: Any) -> Any:
    result = call(kind, name="c")
    return await result


async def start(root: Supervisor, kind: Any, names: str) -> list[ActorRef[Any]]:
    return [await root.start(kind, name=name) for name in names]


async def test_for_one_more_the_one_rests_that_was_used_longest_ago(kind: Any) -> None:
    async with open_tree("stage", limits=Limits(max_live=3)) as root:
        a, b, _ = await start(root, kind, "abc")
        await trio.sleep(1)
        assert await a.ask(Say()) == 1
        a.tell("no use", trigger_turn=False)
        await start(root, kind, "d")
        assert lives(root) == {"a": "ready", "b": "resting", "c": "ready", "d": "ready"}
        await start(root, kind, "e")
        assert lives(root) == {"a": "ready", "b": "resting", "c": "resting", "d": "ready", "e": "ready"}
        b.tell("wake")
        await settle()
        assert lives(root) == {"a": "resting", "b": "ready", "c": "resting", "d": "ready", "e": "ready"}
        info = root.snapshot().find("/stage/a")
        assert info is not None
        assert info.last_exit == "rested: to make room for another"
        root.expect_dead_letters("stopped", 1)
        root.reports.drain()


async def test_a_place_is_free_only_when_what_held_it_has_ended(kind: Any) -> None:
    kind.ending = 4.0
    async with open_tree("stage", limits=Limits(max_live=1)) as root:
        await start(root, kind, "a")
        before = trio.current_time()
        b = root.start_soon(kind, name="b")
        assert lives(root) == {"a": "resting", "b": "queued"}
        info = root.snapshot().find("/stage/b")
        assert info is not None
        assert info.waiting_for == ("a place among Limits.max_live",)
        b.tell("waits")
        await b.wait_ready()
        assert trio.current_time() == before + 4
        assert lives(root) == {"a": "resting", "b": "ready"}
        root.reports.drain()


async def test_a_start_for_which_nobody_can_rest_is_refused_with_the_limit_and_its_holders(kind: Any) -> None:
    async with open_tree("stage", limits=Limits(max_live=2)) as root:
        refs = await start(root, kind, "ab")
        for ref in refs:
            ref.tell(10.0)
        await settle()
        before = (root.snapshot(), root._slot.runtime.next_uid)
        for call in (root.start_soon, root.start):
            with pytest.raises(LimitReached) as caught:
                await as_awaitable(call, kind)
            assert (caught.value.limit, caught.value.value) == ("max_live", 2)
            assert caught.value.holders == ("/stage/a", "/stage/b")
            assert "/stage/c: Limits.max_live=2 is reached, held by /stage/a, /stage/b" in str(caught.value)
        assert (root.snapshot(), root._slot.runtime.next_uid) == before
        await trio.sleep(11)
        await start(root, kind, "c")
        assert sorted(lives(root).values()) == ["ready", "ready", "resting"]
        root.reports.drain()


async def test_several_starts_at_once_each_need_somebody_who_rests_for_them(kind: Any) -> None:
    kind.ending = 1.0
    async with open_tree("stage", limits=Limits(max_live=2)) as root:
        await start(root, kind, "ab")
        root.start_soon(kind, name="c")
        root.start_soon(kind, name="d")
        with pytest.raises(LimitReached):
            root.start_soon(kind, name="e")
        assert lives(root) == {"a": "resting", "b": "resting", "c": "queued", "d": "queued"}
        await trio.sleep(2)
        assert lives(root) == {"a": "resting", "b": "resting", "c": "ready", "d": "ready"}


async def test_mail_for_one_that_rests_waits_in_order_until_somebody_can_rest(kind: Any) -> None:
    async with open_tree("stage", limits=Limits(max_live=1)) as root:
        a, b, c = await start(root, kind, "abc")
        c.tell(10.0)
        await settle()
        b.tell("x")
        a.tell("y")
        await trio.sleep(5)
        assert lives(root) == {"a": "queued", "b": "queued", "c": "ready"}
        assert passivation(root).waiting == 2
        await trio.sleep(6)
        assert [a.status, b.status, c.status] == [type(a.status)(2), type(a.status)(2), type(a.status)(1)]
        assert lives(root) == {"a": "ready", "b": "resting", "c": "resting"}
        assert passivation(root).waiting == passivation(root).leaving == 0
        finished = [report.path for report in root.reports.drain() if hasattr(report, "turn")]
        assert finished == ["/stage/c", "/stage/b", "/stage/a"]


@pytest.mark.parametrize("call", ["stop", "kill"])
async def test_who_waits_for_a_place_can_be_ended_and_is_not_launched(kind: Any, call: str) -> None:
    async with open_tree("stage", limits=Limits(max_live=1)) as root:
        a, b, c = await start(root, kind, "abc")
        c.tell(10.0)
        await settle()
        a.tell("x")
        b.tell("y")
        await getattr(a, call)()
        assert a.lifecycle == "stopped"
        await trio.sleep(20)
        assert (b.lifecycle, c.lifecycle) == ("ready", "resting")
        assert (passivation(root).live, passivation(root).waiting) == (1, 0)
        root.expect_dead_letters("stopped", 1)
        root.reports.drain()


async def test_who_waits_for_a_place_too_long_is_overdue(kind: Any) -> None:
    limits = Limits(max_live=1, stale_after=4.5)
    async with open_tree("stage", limits=limits) as root:
        a, b = await start(root, kind, "ab")
        b.tell(100.0)
        await settle()
        a.tell("x")
        await trio.sleep(4.75)
        info = root.snapshot().find("/stage/a")
        assert info is not None
        assert info.stale
        await trio.sleep(2)
        assert a.lifecycle == "failed"
        assert passivation(root).waiting == 0
        root.expect_dead_letters("startup failed", 1)
        assert len([report for report in root.reports.drain() if report.path == "/stage/a"]) == 1


async def test_an_agent_that_waits_for_another_lends_its_place(kind: Any) -> None:
    """Or those that wait for one that rests would hold all places, for ever."""

    async def ask(ctx: Context) -> Any:
        assert ctx.ref is others[0]
        return await others[1].ask(Say())

    async def wait(ctx: Context) -> Any:
        ctx.tell(others[1], "x")
        return len((await ctx.wait([others[1]], timeout=50.0)).settled)

    async with open_tree("stage", limits=Limits(max_live=1)) as root:
        others = await start(root, kind, "ab")
        for how in (ask, wait):
            await others[0].wait_ready()
            with trio.fail_after(100):
                assert await others[0].run_turn(how)
            await settle()
            assert passivation(root).live == 1
            assert sorted(lives(root).values()) == ["ready", "resting"]
        root.reports.drain()


async def test_one_too_many_rests_as_soon_as_who_lent_its_place_goes_on(kind: Any) -> None:
    async def ask(ctx: Context) -> Any:
        answer = await b.ask(Say())
        await ctx.sleep(10)
        return answer

    async with open_tree("stage", limits=Limits(max_live=1)) as root, trio.open_nursery() as nursery:
        a, b = await start(root, kind, "ab")
        await a.wait_ready()
        nursery.start_soon(a.run_turn, ask)
        await trio.sleep(5)
        assert lives(root) == {"a": "ready", "b": "resting"}
        await trio.sleep(10)
        root.reports.drain()


async def test_a_place_comes_back_however_its_holder_ends(kind: Any) -> None:
    async with open_tree("stage", limits=Limits(max_live=1)) as root:
        for end in ("stop", "kill", "crash", "fail", "parked"):
            if end == "fail":
                kind.startup = None
            ref = root.start_soon(kind, name="a", restart="permanent" if end == "parked" else "temporary")
            await settle()
            if end == "crash":
                ref.crash(OSError())
            elif end == "fail":
                kind.startup = Works.startup
            else:
                await (ref.kill() if end == "kill" else ref.stop())
            await settle()
            assert (passivation(root).live, passivation(root).waiting, passivation(root).leaving) == (0, 0, 0), end
        await root.restart_child("a")
        assert passivation(root).live == 1
        other = await root.start(kind, name="b")
        await root.terminate_child("a")
        other.tell(10.0)
        await settle()
        with pytest.raises(LimitReached):
            await root.restart_child("a")
        assert lives(root) == {"a": "parked", "b": "ready"}
        root.reports.drain()


async def test_a_restarted_agent_keeps_its_place(kind: Any) -> None:
    async with open_tree("stage", limits=Limits(max_live=1)) as root:
        ref = await root.start(kind, name="a", restart="permanent")
        ref.crash(OSError())
        await settle()
        assert (ref.lifecycle, ref.incarnation, passivation(root).live) == ("ready", 2, 1)
        root.reports.drain()


async def test_a_holder_that_crashes_when_it_should_rest_keeps_its_place_and_another_has_to_rest(kind: Any) -> None:
    class Bad(Works):
        async def shutdown(self, ctx: Context, reason: Any) -> None:
            if ctx.ref.incarnation == 1:
                raise OSError("no")

    async with open_tree("stage", limits=Limits(max_live=1)) as root:
        bad = await root.start(Bad, name="bad", restart="permanent")
        await start(root, kind, "a")
        assert (bad.lifecycle, bad.incarnation) == ("resting", 3)
        assert lives(root) == {"bad": "resting", "a": "ready"}
        root.reports.drain()


async def test_no_start_is_refused_as_long_as_there_are_places(kind: Any) -> None:
    async with open_tree("stage", limits=Limits(max_live=3)) as root:
        for name in "abc":
            root.start_soon(kind, name=name)  # in one step: none of them could rest
        with pytest.raises(LimitReached):
            root.start_soon(kind, name="d")
        await settle()
        assert lives(root) == {"a": "ready", "b": "ready", "c": "ready"}


async def test_only_agents_count(kind: Any) -> None:
    async def function(ctx: Context) -> None:
        await ctx.receive()

    def unknown() -> Any:
        class Plain(Actor[Any]):
            def receive(self, message: Any, ctx: Context) -> None:
                pass

        return Plain()

    async with open_tree("stage", limits=Limits(max_live=1)) as root:
        await start(root, kind, "a")
        root.start_soon(function)
        assert passivation(root).live == 1
        await root.start(unknown)  # which might have made an agent, so room was made for it
        assert passivation(root).live == 0
        await root.lookup("a").wait_ready()
        assert passivation(root).live == 1
        assert len(root.which_children()) == 3


async def test_declared_agents_wait_for_their_places_in_their_order(kind: Any) -> None:
    children = [ChildSpec(name, kind) for name in "abcde"]
    async with open_tree("stage", limits=Limits(max_live=2), children=children) as root:
        assert lives(root) == {"a": "resting", "b": "resting", "c": "resting", "d": "ready", "e": "ready"}
        assert await root.lookup("a").ask(Say()) == 2
        root.reports.drain()


async def test_a_tree_ends_while_some_wait_for_places(kind: Any) -> None:
    """P27."""
    kind.ending = 1.0
    async with open_tree("stage", limits=Limits(max_live=1)) as root:
        refs = await start(root, kind, "abc")
        refs[2].tell(100.0)
        await settle()
        refs[0].tell("x")
        refs[1].tell("y")
        root.expect_dead_letters("stopped", 2)
    root.reports.drain()
    assert {ref.lifecycle for ref in refs} == {"stopped"}


async def test_rest_after_and_max_live_go_together(kind: Any) -> None:
    async with open_tree("stage", limits=Limits(max_live=2)) as root:
        refs = [await root.start(kind, rest_after=5.0) for _ in range(2)]
        await trio.sleep(6)
        assert {ref.lifecycle for ref in refs} == {"resting"}
        assert passivation(root).live == 0
        await start(root, kind, "abc")
        assert passivation(root).live == 2


@pytest.mark.parametrize("value", [0, -1, 1.0, 2.5, True, "3", float("nan"), [], {}, object()])
def test_a_wrong_max_live_is_refused(value: Any) -> None:
    with pytest.raises(InvalidSpec, match=r"Limits\.max_live: .* is not a whole number from 1; None means no limit"):
        Limits(max_live=value)


async def test_no_limit_is_the_default(kind: Any) -> None:
    assert Limits().max_live is None
    async with open_supervisor("stage") as root:
        assert passivation(root).limit is None
        await start(root, kind, "ab")
        assert passivation(root).live == 0
