"""`lookup_or_start`: however many ask at once, one is started, and all have what comes of it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorStopped,
    Agent,
    ChildStartupFailed,
    Context,
    KeyInUse,
    RegistryKey,
    StartupFailed,
    Turn,
)
from greenroom.testing import open_tree

from .lookup import Slow, ask

Log = list[Any]


class Flaky(Slow):
    """Fail in the first incarnations."""

    failures = 1

    async def startup(self, ctx: Context) -> None:
        await super().startup(ctx)
        if ctx.ref.incarnation <= self.failures:
            raise OSError("not yet")


async def test_of_many_who_ask_at_once_one_starts_and_all_have_it_ready() -> None:
    async with open_tree("stage") as root:
        log, out = Log(), Log()
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(ask, root, log, out)
        assert trio.current_time() == 1.0
        assert len(log) == 1
        [ref] = set(out)
        assert ref.lifecycle == "ready"
        assert len(out) == 5
        assert root.which_children() == [ref]
        assert root.registry.whereis("db") is ref


async def test_who_comes_later_finds_it_at_once_and_needs_no_arguments_of_its_own() -> None:
    async with open_tree("stage") as root:
        log: Log = []
        first = await root.registry.lookup_or_start("db", Slow, log, parent=root, value=7)
        at = trio.current_time()
        second = await root.registry.lookup_or_start("db", Slow, "nothing of this is used", parent=root, name="other")
        assert (first is second, trio.current_time(), len(log)) == (True, at, 1)
        assert root.registry.values("db", first) == [7]


async def test_all_who_wait_have_the_same_failure_and_nobody_else_has_it() -> None:
    async with open_tree("stage") as root:
        log, out, error = Log(), Log(), OSError("no")
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask, root, log, out, error)
        assert len(log) == 1
        assert [type(each) for each in out] == [StartupFailed] * 3
        assert [each.__cause__ for each in out] == [error] * 3
        assert len({id(each) for each in out}) == 3
        assert root.which_children() == []
        assert root.registry.count() == 0
        assert root.reports.drain() == []


async def test_who_comes_after_a_failure_starts_anew_even_in_the_very_moment() -> None:
    async with open_tree("stage") as root:
        log, out = Log(), Log()

        async def first() -> None:
            with pytest.raises(StartupFailed):
                await root.registry.lookup_or_start("db", Slow, log, OSError(), parent=root)
            await ask(root, log, out)

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(first)
        assert len(log) == 2
        assert len(set(out)) == 1


async def test_the_start_outlives_the_first_caller_and_the_others_have_it() -> None:
    async with open_tree("stage") as root:
        log, out = Log(), Log()
        async with trio.open_nursery() as nursery:
            with trio.move_on_after(0.5):
                nursery.start_soon(ask, root, log, out)
                await root.registry.lookup_or_start("db", Slow, log, parent=root)
        assert trio.current_time() == 1.0
        assert len(log) == 1
        assert out == [root.registry.whereis("db")]


@pytest.mark.parametrize("restart", ["temporary", "permanent"])
async def test_when_the_first_caller_has_left_a_failure_is_of_the_others_and_of_nobody_else(restart: Any) -> None:
    async with open_tree("stage") as root:
        log, out, error = Log(), Log(), OSError("no")
        async with trio.open_nursery() as nursery:
            with trio.move_on_after(0.5):
                nursery.start_soon(partial(ask, root, log, out, error, restart=restart))
                await ask(root, log, out, error, restart=restart)
        assert [type(each) for each in out] == [StartupFailed]
        assert len(log) == 1
        assert root.reports.drain() == []
        assert root.which_children() == []


@pytest.mark.parametrize("restart", ["temporary", "permanent"])
async def test_when_nobody_waits_any_more_the_start_goes_on_and_a_failure_is_its_parents(restart: Any) -> None:
    async with open_tree("stage") as root:
        log: Log = []
        with trio.move_on_after(0.5):
            await root.registry.lookup_or_start("db", Slow, log, OSError("no"), parent=root, restart=restart)
        assert root.registry.whereis("db") is not None
        assert root._slot.runtime.registry._flights == {}
        await trio.sleep(2)
        report = root.reports.drain()[0]
        assert isinstance(report, ChildStartupFailed)
        assert report.restarting is (restart == "permanent")
        if restart == "permanent":
            await root.registry.whereis("db").kill()
            await root.reports.receive()


async def test_when_all_have_left_a_start_that_succeeds_is_found_like_any_other() -> None:
    async with open_tree("stage") as root:
        log: Log = []
        with trio.move_on_after(0.5):
            await root.registry.lookup_or_start("db", Slow, log, parent=root)
        ref = await root.registry.lookup_or_start("db", Slow, log, parent=root)
        assert (ref.lifecycle, len(log), trio.current_time()) == ("ready", 1, 1.0)


async def test_who_finds_one_that_another_has_started_waits_until_it_is_ready() -> None:
    async with open_tree("stage") as root:
        log: Log = []
        ref = root.start_soon(Slow, log, keys=["db"])
        assert await root.registry.lookup_or_start("db", Slow, log, parent=root) is ref
        assert (ref.lifecycle, len(log)) == ("ready", 1)


async def test_who_finds_one_that_is_tried_again_and_again_waits_until_it_is_ready_for_the_first_time() -> None:
    async with open_tree("stage") as root:
        log: Log = []
        ref = root.start_soon(Flaky, log, keys=["db"], restart="permanent")
        assert await root.registry.lookup_or_start("db", Slow, log, parent=root) is ref
        assert (ref.lifecycle, ref.incarnation) == ("ready", 2)
        root.reports.drain()


async def test_one_that_was_ready_once_is_given_as_it_is_also_while_it_restarts_or_rests() -> None:
    class Sleepy(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            pass

    class SlowAgain(Slow):
        async def startup(self, ctx: Context) -> None:
            if ctx.start_source == "restart":
                await trio.sleep(5)

    async with open_tree("stage") as root:
        ref = await root.start(SlowAgain, [], keys=["db"], restart="permanent")
        ref.crash(OSError())
        await trio.sleep(2)
        assert ref.lifecycle == "initializing"
        assert await root.registry.lookup_or_start("db", Slow, [], parent=root) is ref
        assert ref.lifecycle == "initializing"
        agent = await root.start(Sleepy, keys=["agent"])
        agent.rest()
        await trio.testing.wait_all_tasks_blocked()
        assert await root.registry.lookup_or_start("agent", Slow, [], parent=root) is agent
        assert agent.lifecycle == "resting"
        root.reports.drain()


async def test_one_that_took_its_key_at_run_time_is_found_too() -> None:
    class Plain(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            ctx.register("db")

    async with open_tree("stage") as root:
        ref = root.start_soon(Plain)
        ref.tell("register")
        await trio.testing.wait_all_tasks_blocked()
        assert await root.registry.lookup_or_start("db", Slow, [], parent=root) is ref
        assert trio.current_time() == 0


@pytest.mark.parametrize("end", ["stop", "drain"])
async def test_one_that_is_stopping_is_waited_for_and_then_another_is_started(end: str) -> None:
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        log: Log = []
        old = await root.registry.lookup_or_start("db", Slow, log, parent=root)
        nursery.start_soon(getattr(old, end))
        await trio.testing.wait_all_tasks_blocked()
        new = await root.registry.lookup_or_start("db", Slow, log, parent=root)
        assert new is not old
        assert old.lifecycle == "stopped"
        assert log == [0.0, 2.0]


async def test_one_that_is_stopped_while_it_starts_is_no_failure_and_whoever_waits_is_told() -> None:
    async with open_tree("stage") as root:
        log, out = Log(), Log()
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(ask, root, log, out)
            await trio.sleep(0.5)
            await root.registry.whereis("db").stop()
        assert [type(each) for each in out] == [ActorStopped] * 2
        assert root.registry.count() == 0
        assert root._slot.runtime.registry._flights == {}


async def test_a_parked_holder_and_a_key_of_several_are_told_and_nothing_is_started() -> None:
    async with open_tree("stage") as root:
        log: Log = []
        await root.start(Slow, log, name="a", restart="permanent", keys=["db"])
        await root.terminate_child("a")
        with pytest.raises(KeyInUse, match=r"in use by /stage/a \(uid 2, parked\)"):
            await root.registry.lookup_or_start("db", Slow, log, parent=root)
        await root.start(Slow, log, keys=[RegistryKey("role", duplicate=True)])
        with pytest.raises(KeyInUse, match="several"):
            await root.registry.lookup_or_start("role", Slow, log, parent=root)
        assert len(log) == 2


async def test_an_actor_starts_children_of_its_own_and_the_key_is_one_for_the_whole_tree() -> None:
    out: Log = []

    class Boss(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            out.append(await ctx.registry.lookup_or_start("db", Slow, [], parent=ctx))

    async with open_tree("stage") as root:
        bosses = [root.start_soon(Boss, name=f"b{number}", mail="go") for number in range(3)]
        await trio.sleep(2)
        assert len(out) == 3
        assert len(set(out)) == 1
        assert out[0].path in {f"{boss.path}/slow-{out[0].uid}" for boss in bosses}
        root.reports.drain()


async def test_other_keys_may_be_taken_with_the_start() -> None:
    async with open_tree("stage") as root:
        ref = await root.registry.lookup_or_start(
            "db", Slow, [], parent=root, keys=["also", RegistryKey("role", 1)], mail="x"
        )
        assert root.registry.keys(ref) == ["also", "role", "db"]
        assert root.registry.lookup("db")[0].of_slot


async def test_a_caller_that_was_cancelled_before_changes_nothing() -> None:
    async with open_tree("stage") as root:
        with trio.CancelScope() as scope:
            scope.cancel()
            await root.registry.lookup_or_start("db", Slow, [], parent=root)
        assert scope.cancelled_caught
        assert (root.registry.count(), root.which_children()) == (0, [])


async def test_it_is_always_a_checkpoint() -> None:
    async with open_tree("stage") as root:
        steps: list[Callable[[], Any]] = [lambda: root.registry.lookup_or_start("db", Slow, [], parent=root)] * 2
        for step in steps:
            with trio.testing.assert_checkpoints():
                await step()
