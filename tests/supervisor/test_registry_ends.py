"""What becomes of keys when their owners end or rest."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import ActorRef, ActorStopped, Context, NotIdle, StartupFailed, Supervisor, open_supervisor
from greenroom.testing import open_tree

from .registrar import Alone, Quiet, Sleepy, function, size

Log = list[Any]


# -- the ends of owners


@pytest.mark.parametrize("kind", [Quiet, Alone, function])
async def test_what_an_incarnation_has_taken_goes_in_its_last_step_and_blocks_nobody(kind: Any) -> None:
    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        other = await root.start(Quiet, name="other")
        for end in ("stop", "drain", "kill", "crash"):
            for restart in ("temporary", "transient"):
                ref = await root.start(kind, restart=restart)
                root.registry.register("db", ref)
                root.registry.register("role", ref, duplicate=True)
                seen: Log = []
                monitor = root.start_soon(watcher, ref, root, seen)
                await trio.testing.wait_all_tasks_blocked()
                if end == "crash":
                    ref.crash(OSError())
                    await trio.testing.wait_all_tasks_blocked()
                else:
                    await getattr(ref, end)()
                assert size(root) == 0, (end, restart)
                root.registry.register("db", other)
                root.registry.unregister("db", other)
                await trio.testing.wait_all_tasks_blocked()
                if end != "crash" or restart == "temporary":
                    assert seen == [[]]
                await monitor.stop()
                await ref.stop()
        root.reports.drain()


async def watcher(ctx: Context, ref: ActorRef[Any], root: Supervisor, seen: Log) -> None:
    ctx.monitor(ref)
    await ctx.receive()
    seen.append(root.registry.lookup("db"))


async def test_a_restarted_actor_has_only_what_its_new_incarnation_takes() -> None:
    class Registers(Quiet):
        async def startup(self, ctx: Context) -> None:
            ctx.register(("worker", ctx.ref.incarnation))

    async with open_tree("stage") as root:
        ref = await root.start(Registers, restart="permanent")
        root.registry.register("from outside", ref)
        ref.crash(OSError())
        await ref.wait_ready() if ref.lifecycle != "ready" else await trio.testing.wait_all_tasks_blocked()
        assert ref.incarnation == 2
        assert root.registry.keys(ref) == [("worker", 2)]
        root.reports.drain()


async def test_a_startup_that_fails_leaves_no_key() -> None:
    class Fails(Quiet):
        async def startup(self, ctx: Context) -> None:
            ctx.register("db")
            raise OSError

    async with open_tree("stage") as root:
        for _ in range(2):
            with pytest.raises(StartupFailed):
                await root.start(Fails)
            assert size(root) == 0


async def test_who_has_ended_registers_nothing_and_neither_does_an_old_context() -> None:
    async with open_tree("stage") as root:
        contexts: list[Context] = []
        ref = await root.start(Quiet, restart="transient")
        ref.tell(contexts.append)
        await trio.testing.wait_all_tasks_blocked()
        pinned = ref.pin()
        ref.crash(OSError())
        await trio.testing.wait_all_tasks_blocked()
        old = contexts[0]
        steps: list[Callable[[], Any]] = [
            lambda: old.register("db"),
            lambda: old.unregister("db"),
            lambda: old.join("g"),
            lambda: old.leave("g"),
            lambda: root.registry.register("db", pinned),
            lambda: root.groups.join("g", pinned),
        ]
        for step in steps:
            with pytest.raises(ActorStopped):
                step()
        await ref.stop()
        for step in (lambda: root.registry.register("db", ref), lambda: root.groups.join("g", ref)):
            with pytest.raises(ActorStopped):
                step()
        assert (size(root), root.groups.which_groups()) == (0, [])
        assert root.registry.keys(ref) == []
        root.reports.drain()


async def test_a_failed_one_registers_nothing_and_says_what_its_startup_failed_of() -> None:
    class Fails(Quiet):
        async def startup(self, ctx: Context) -> None:
            raise OSError("no")

    async with open_tree("stage") as root:
        ref = root.start_soon(Fails)
        await ref.wait_stopped()
        with pytest.raises(StartupFailed, match="no"):
            root.registry.register("db", ref)
        root.reports.drain()


async def test_an_actor_registers_while_it_starts_and_while_it_ends_and_all_of_it_goes() -> None:
    log: Log = []

    class Registers(Quiet):
        async def startup(self, ctx: Context) -> None:
            ctx.register("starting")
            await trio.sleep(1)

        async def shutdown(self, ctx: Context, reason: object) -> None:
            ctx.register("ending")
            log.append(ctx.registry.keys(ctx.ref))

    async with open_tree("stage") as root:
        ref = root.start_soon(Registers)
        root.registry.register("before its first instruction", ref)
        await ref.wait_ready()
        await ref.stop()
        assert log == [["before its first instruction", "starting", "ending"]]
        assert size(root) == 0


async def test_a_tree_that_is_torn_down_has_an_empty_registry() -> None:
    async with open_supervisor("stage") as root:
        for number in range(3):
            ref = await root.start(Quiet, restart="permanent", keys=[number])
            root.registry.register(str(number), ref)
            root.groups.join("all", ref)
        await root.terminate_child(ref.name)
        registry, groups = root.registry, root.groups
        assert (registry.count(), repr(registry)) == (5, "<Registry of 5 registrations>")
        assert repr(groups) == "<Groups with 2 places taken>"
    assert (registry.count(), groups.which_groups()) == (0, [])


# -- rest


async def test_an_agent_that_has_taken_a_key_at_run_time_does_not_rest_until_it_has_given_it_up() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Sleepy, rest_after=10.0)
        root.registry.register("mine", ref)
        root.groups.join("all", ref)
        with pytest.raises(NotIdle, match="it holds 2 keys and places in groups") as caught:
            ref.rest()
        assert caught.value.state == "keys"
        await trio.sleep(100)
        assert ref.lifecycle == "ready"
        root.registry.unregister("mine", ref)
        await trio.sleep(100)
        assert ref.lifecycle == "ready"
        root.groups.leave("all", ref)
        assert ref.lifecycle == "ready"
        await trio.sleep(9)
        assert ref.lifecycle == "ready"
        await trio.sleep(2)
        assert ref.lifecycle == "resting"
        assert size(root) == 0  # what its shutdown hook took has gone


async def test_an_agent_that_gives_up_its_last_key_rests_in_its_time() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Sleepy, rest_after=10.0)
        root.registry.register("mine", ref)
        await trio.sleep(100)
        root.registry.unregister("mine", ref)
        await trio.sleep(11)
        assert ref.lifecycle == "resting"


async def test_one_that_rests_keeps_what_others_register_for_it_until_its_next_incarnation_ends() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Sleepy)
        ref.rest()
        await trio.testing.wait_all_tasks_blocked()
        root.registry.register("mine", ref)
        assert ref.lifecycle == "resting"
        await ref.wait_ready()
        assert root.registry.whereis("mine") is ref
        await ref.stop()
        assert size(root) == 0
