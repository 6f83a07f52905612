"""OTP's supervisor_SUITE: how a supervisor stops its children, one that starts none any more, and in which order."""

from typing import Any

import pytest
import trio

from greenroom import ActorRef, ChildSpec, Context, Crashed, Finished, Killed, Shutdown, SupervisorSpec
from greenroom.testing import Tree, open_tree

from .cast import Boom, Player, Stage, counts, lives, names, settle

NO_MEANING: dict[str, str] = {}


async def test_without_a_limit_a_child_has_all_the_time_it_takes(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_stop_infinity — with `infinity` the supervisor waits for the child, however long, a worker too."""
    stage.closing["child2"] = 86_400.0
    async with open_tree() as root:
        await root.start(Player, stage, name="child1", restart="permanent", shutdown=None)
        child2 = await root.start(Player, stage, name="child2", restart="permanent", shutdown=None)
        root.request_stop()
        assert isinstance(await child2.wait_stopped(), Shutdown)
        await root.wait_stopped()
        assert trio.current_time() == 86_400.0
    assert stage.said("has closed") == ["child2", "child1"]


async def test_a_supervisor_has_all_the_time_that_those_below_it_take(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_stop_infinity; sup_start_map — a child that is a supervisor has `infinity` unless said otherwise."""
    spec = SupervisorSpec("child1", [ChildSpec("worker", Player, (stage,), shutdown=3_600.0)])
    assert (spec.restart, spec.shutdown) == ("permanent", None)
    stage.closing["worker"] = 3_599.0
    async with open_tree(children=[spec]) as root:
        assert counts(root) == (1, 1, 1, 0)
        worker, child1 = root.lookup("child1/worker"), root.lookup("child1")
        root.request_stop()
        assert isinstance(await worker.wait_stopped(), Shutdown)
        assert isinstance(await child1.wait_stopped(), Shutdown)
    assert trio.current_time() == 3_599.0


async def test_past_its_time_a_child_is_killed_and_the_others_are_not(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_stop_timeout — a child that does not stop within its time is killed; one that does ends for `shutdown`."""
    async with open_tree() as root:
        child1 = await root.start(Player, stage, name="child1", restart="permanent", shutdown=1.0)
        child2 = await root.start(Player, stage, name="child2", restart="permanent", shutdown=1.0)
        child2.tell(200_000.0)
        await settle()
        root.request_stop()
        assert isinstance(await child2.wait_stopped(), Killed)
        assert trio.current_time() == 1.0
        assert isinstance(await child1.wait_stopped(), Shutdown)


async def waits(ctx: Context) -> None:
    await ctx.receive()


async def test_a_child_without_any_time_is_killed_at_once(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_stop_brutal_kill — with `brutal_kill` a child is killed, busy or not; its siblings are asked."""
    async with open_tree() as root:
        child1 = await root.start(Player, stage, name="child1", restart="permanent", shutdown=1.0)
        busy = await root.start(Player, stage, name="busy", restart="permanent", shutdown=0)
        idle = await root.start(Player, stage, name="idle", restart="permanent", shutdown=0)
        function = await root.start(waits, name="function", restart="permanent", shutdown=0)
        busy.tell(200_000.0)
        await settle()
        root.request_stop()
        assert [type(await ref.wait_stopped()) for ref in (busy, idle, function, child1)] == [Killed] * 3 + [Shutdown]
        assert trio.current_time() == 0.0


async def test_children_that_exit_by_themselves_while_the_tree_stops_keep_their_reasons(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_stop_race — children that exit by themselves, for any reason, while the supervisor stops neither disturb
    it nor lose it.
    """
    ways: dict[str, tuple[Any, type]] = {
        "normal": ("leave", Finished),
        "shutdown": (Shutdown("test"), Shutdown),
        "other": (Boom(), Crashed),
    }
    async with open_tree() as root:
        last = await root.start(Player, stage, name="a", restart="temporary", shutdown=1.0)
        refs: dict[str, ActorRef[Any]] = {}
        for restart in ("temporary", "transient", "permanent"):
            for way, (message, _) in ways.items():
                ref = await root.start(Player, stage, name=f"{restart}-{way}", restart=restart, shutdown=1.0)
                ref.tell((0.2, message))
                refs[ref.name] = ref
        stage.closing["z"] = 1.0
        slow = await root.start(Player, stage, name="z", restart="temporary", shutdown=2.0)
        await settle()
        root.request_stop()
        assert isinstance(await root.wait_stopped(), Shutdown)
        for name, ref in refs.items():
            assert isinstance(await ref.wait_stopped(), ways[name.partition("-")[2]][1]), name
        assert isinstance(await slow.wait_stopped(), Shutdown)
        assert isinstance(await last.wait_stopped(), Shutdown)
        assert trio.current_time() == 1.0  # when the slowest of the temporary ones had ended, all others had left
        assert stage.said("starts") == ["a", *refs, "z"]


async def test_the_supervisor_is_not_held_by_a_child_that_does_not_listen(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, child_unlink — a child that withdraws from its supervisor's exit signals does not hang it.

    Departs: there are no links to cut; a child that shields itself from the end is waited for, and the supervisor answers all the same, where OTP
    kills it.
    """
    over = trio.Event()

    async def naughty(_: Any) -> None:
        with trio.move_on_after(1_000.0, shield=True):  # not for ever: a test that fails has to end
            await over.wait()

    await tree.start(naughty, name="naughty_child", restart="permanent", shutdown=1.0)
    await tree.start(Player, stage, name="other")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tree.terminate_child, "naughty_child")
        await trio.sleep(10)
        assert lives(tree) == {"naughty_child": "stopping", "other": "ready"}
        await tree.terminate_child("other")
        assert names(tree) == ["naughty_child"]
        assert await (await tree.start(Player, stage, name="new")).stop() is not None
        assert trio.current_time() == 10.0  # none of this took any time
        over.set()
    assert lives(tree) == {"naughty_child": "parked"}


async def test_children_start_in_their_order_and_stop_in_the_opposite_one(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, order_of_children — children start in the order given, and end in the opposite one."""
    order = ["ch7", "ch3", "ch10", "ch2", "ch5"]
    for name in order:
        stage.plan(name, 1.0)
        stage.closing[name] = 1.0
    async with open_tree(children=[ChildSpec(name, Player, (stage,)) for name in order]) as root:
        assert names(root) == order
    starting = [line for name in order for line in (f"{name} starts", f"{name} is ready")]
    closing = [line for name in reversed(order) for line in (f"{name} closes", f"{name} has closed")]
    assert stage.log == starting + closing


@pytest.mark.parametrize("restart", ["permanent", "transient"])
async def test_a_parked_child_needs_no_stopping(stage: Stage, restart: Any) -> None:
    """Source: OTP supervisor_SUITE, order_of_children — a child that does not run is passed over when the supervisor stops."""
    async with open_tree() as root:
        for name in ("a", "b", "c"):
            await root.start(Player, stage, name=name, restart=restart)
        await root.terminate_child("b")
        assert counts(root) == (3, 2, 0, 3)
        stage.log.clear()
    assert stage.said("has closed") == ["c", "a"]
