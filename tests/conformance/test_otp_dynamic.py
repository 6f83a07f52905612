"""OTP's supervisor_SUITE: simple_one_for_one, which is `strategy="dynamic"` here."""

from typing import Any

import pytest
import trio

from greenroom import (
    ActorStopped,
    Backoff,
    ChildNotFound,
    ChildSpec,
    Crashed,
    Escalated,
    Finished,
    Ignore,
    Intensity,
    InvalidSpec,
    Killed,
    NameInUse,
    Shutdown,
    StartupFailed,
    Supervisor,
    open_supervisor,
)
from greenroom.testing import Tree, open_tree

from .cast import Boom, Player, Stage, counts, crash, incarnations, lives, names, settle

NO_MEANING = {
    "code_change_simple": "a dynamic supervisor has no template that could be replaced: each start brings its own specification",
    "code_change_simple_map": "as code_change_simple",
}


async def open_pool(tree: Tree, intensity: int = 2) -> Supervisor:
    """Start a dynamic supervisor below the tree; it is not restarted."""
    limit = Intensity(intensity, within=3_600.0)
    pool = tree.start_supervisor("pool", strategy="dynamic", intensity=limit, restart="temporary")
    await pool.wait_ready()
    return pool


@pytest.mark.parametrize("restart", ["temporary", "permanent"])
async def test_a_dynamic_child_with_nothing_to_do_is_forgotten(tree: Tree, stage: Stage, restart: Any) -> None:
    """Source: OTP supervisor_SUITE, sup_start_ignore_temporary_child_start_child_simple; sup_start_ignore_permanent_child_start_child_simple —
    `ignore` of a dynamic child leaves nothing of it, whatever its type, and the supervisor ends in good order afterwards.

    Departs: `await start(...)` raises `ActorStopped`, as there is nothing that it could return.
    """
    pool = await open_pool(tree)
    stage.plan("child1", Ignore())
    with pytest.raises(ActorStopped):
        await pool.start(Player, stage, name="child1", restart=restart)
    stage.plan("child1", Ignore())
    pool.start_soon(Player, stage, name="child1", restart=restart)
    await pool.start(Player, stage, name="child2", restart=restart)
    assert (names(pool), counts(pool)) == (["child2"], (1, 1, 0, 1))
    pool.request_stop()
    assert isinstance(await pool.wait_stopped(), Shutdown)


async def test_a_dynamic_child_that_fails_to_start_is_told_to_its_starter_and_leaves_nothing(
    tree: Tree, stage: Stage
) -> None:
    """Source: OTP supervisor_SUITE, sup_start_child_returns_error_simple — the error is the starter's, and no child is added."""
    pool = await open_pool(tree)
    stage.plan("child", Boom("reason"))
    with pytest.raises(StartupFailed, match="reason"):
        await pool.start(Player, stage, name="child", restart="permanent")
    assert (names(pool), counts(pool)) == ([], (0, 0, 0, 0))


async def test_dynamic_children_are_temporary_workers_with_five_seconds_unless_said_otherwise(
    tree: Tree, stage: Stage
) -> None:
    """Source: OTP supervisor_SUITE, sup_start_map_simple — the defaults of a specification hold for each child.

    Departs: there is no template, each start brings its own; left out, a child is temporary.
    """
    pool = await open_pool(tree)
    stage.closing["child1"] = 100.0
    with pytest.raises(ChildNotFound):
        pool.child_spec("child1")
    child1, child2 = [await pool.start(Player, stage, name=name) for name in ("child1", "child2")]
    assert pool.child_spec("child2") == ChildSpec("child2", Player, restart="temporary", startup="deferred")
    await child1.stop()
    assert trio.current_time() == 5.0
    await crash(child2)
    assert (names(pool), counts(pool)) == ([], (0, 0, 0, 0))


async def test_past_its_time_a_dynamic_child_is_killed_and_the_others_are_not(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_stop_timeout_dynamic — as for declared children: killed past its time, `shutdown` for those who keep it."""
    async with open_tree(strategy="dynamic") as root:
        child1 = await root.start(Player, stage, shutdown=1.0)
        child2 = await root.start(Player, stage, shutdown=1.0)
        child2.tell(200_000.0)
        await settle()
        root.request_stop()
        assert isinstance(await root.wait_stopped(), Shutdown)
        assert [type(await ref.wait_stopped()) for ref in (child1, child2)] == [Shutdown, Killed]
        assert trio.current_time() == 1.0


async def test_dynamic_children_without_any_time_are_killed_at_once(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, sup_stop_brutal_kill_dynamic — ten of them are killed, and the supervisor ends for `shutdown`."""
    async with open_tree(strategy="dynamic") as root:
        refs = [await root.start(Player, stage, shutdown=0) for _ in range(10)]
        root.request_stop()
        assert isinstance(await root.wait_stopped(), Shutdown)
        assert [type(await ref.wait_stopped()) for ref in refs] == [Killed] * 10


@pytest.mark.parametrize("restart", ["temporary", "transient", "permanent"])
async def test_dynamic_children_that_exit_by_themselves_while_it_stops_keep_their_reasons(
    stage: Stage, restart: Any
) -> None:
    """Source: OTP supervisor_SUITE, sup_stop_non_shutdown_exit_dynamic — whatever they exit for, the supervisor ends for `shutdown`."""
    ways: list[tuple[Any, type]] = [("leave", Finished), (Shutdown("test"), Shutdown), (Boom(), Crashed)]
    async with open_tree(strategy="dynamic") as root:
        refs = [await root.start(Player, stage, restart=restart) for _ in ways]
        for ref, (message, _) in zip(refs, ways, strict=True):
            ref.tell((1.0, message))
        await settle()
        root.request_stop()
        assert isinstance(await root.wait_stopped(), Shutdown)
        assert [type(await ref.wait_stopped()) for ref in refs] == [kind for _, kind in ways]
        assert [ref.incarnation for ref in refs] == [1, 1, 1]


async def test_dynamic_children_are_ended_one_by_one_by_hand(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, child_adm_simple — children are started, counted and terminated; a terminated one is gone, and cannot be
    restarted.

    Departs: children have names here too, and administration is by name; what is gone is `ChildNotFound`, also for a second termination.
    """
    pool = await open_pool(tree)
    assert (names(pool), counts(pool)) == ([], (0, 0, 0, 0))
    await pool.start(Player, stage, name="a", restart="permanent")
    other = await pool.start(Player, stage, name="b", restart="permanent")
    assert (names(pool), counts(pool)) == (["a", "b"], (2, 2, 0, 2))
    with pytest.raises(NameInUse):
        pool.start_soon(Player, stage, name="a")
    await pool.terminate_child("a")
    assert (pool.which_children(), counts(pool)) == ([other], (1, 1, 0, 1))
    for gone in (pool.terminate_child, pool.restart_child):
        with pytest.raises(ChildNotFound):
            await gone("a")
    with pytest.raises(ChildNotFound):
        pool.delete_child("a")


async def test_a_dynamic_supervisor_declares_no_children(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, child_specs; child_specs_map — a simple_one_for_one supervisor has exactly one specification, the template.

    Departs: there is no template, so it has none: children are added at run time alone.
    """
    with pytest.raises(InvalidSpec, match="dynamic"):
        async with open_supervisor("test", strategy="dynamic", children=[ChildSpec("a", Player, (stage,))]):
            raise AssertionError
    assert stage.log == []


async def test_each_dynamic_child_is_judged_alone(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, simple_one_for_one — a failed child is restarted alone; past the intensity, which is one for all, the
    supervisor ends.
    """
    pool = await open_pool(tree, 2)
    a, b = [await pool.start(Player, stage, name=name, restart="permanent") for name in ("a", "b")]
    await crash(a)
    assert (incarnations(pool), counts(pool)) == ({"a": 2, "b": 1}, (2, 2, 0, 2))
    await crash(b)
    assert incarnations(pool) == {"a": 2, "b": 2}
    await crash(a)
    assert isinstance(await pool.wait_stopped(), Escalated)
    assert [ref.is_alive for ref in (a, b)] == [False, False]


@pytest.mark.parametrize("restart", ["transient", "permanent"])
async def test_a_dynamic_child_whose_restart_has_nothing_to_do_is_forgotten(
    tree: Tree, stage: Stage, restart: Any
) -> None:
    """Source: OTP supervisor_SUITE, simple_one_for_one_restart_ignore — `ignore` in a restart leaves nothing of the child either."""
    pool = await open_pool(tree, 10)
    ref = await pool.start(Player, stage, name="child1", restart=restart)
    await crash(ref)
    assert incarnations(pool) == {"child1": 2}
    stage.plan("child1", Ignore())
    await crash(ref)
    assert (names(pool), counts(pool)) == ([], (0, 0, 0, 0))
    assert pool.ref.lifecycle == "ready"


async def test_dynamic_children_are_stopped_all_at_once(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, simple_one_for_one_shutdown — together, each within its own time: it takes as long as the slowest of them."""
    for name, seconds in (("a", 1.0), ("b", 1.0), ("c", 5.0)):
        stage.closing[name] = seconds
    async with open_tree(strategy="dynamic") as root:
        for name in ("a", "b", "c"):
            await root.start(Player, stage, name=name, restart="permanent", shutdown=2.0)
    assert trio.current_time() == 2.0
    assert sorted(stage.said("has closed")) == ["a", "b"]


async def test_a_dynamic_child_that_can_not_be_restarted_ends_the_supervisor_and_all_others(
    tree: Tree, stage: Stage
) -> None:
    """Source: OTP supervisor_SUITE, simple_one_for_one_escalation — restarts that fail count, and past the intensity the supervisor ends with all
    children.
    """
    pool = await open_pool(tree, 4)
    a, b = [await pool.start(Player, stage, name=name, restart="permanent") for name in ("a", "b")]
    stage.plan("a", *[Boom("error")] * 10)
    await crash(a)
    assert isinstance(await pool.wait_stopped(), Escalated)
    assert isinstance(await b.wait_stopped(), Shutdown)
    assert stage.said("starts").count("a") == 1 + 4


async def test_supervisors_below_a_dynamic_one_are_counted_as_such(tree: Tree) -> None:
    """Source: OTP supervisor_SUITE, count_children_supervisor — children that are supervisors are counted as supervisors, and as active."""
    pool = await open_pool(tree)
    for n in range(50):
        await pool.start_supervisor(f"sup{n}", restart="temporary").wait_ready()
    assert counts(pool) == (50, 50, 50, 0)
    assert len(pool.which_children()) == 50
    for ref in pool.which_children():
        await ref.kill()
    assert (counts(pool), names(pool)) == ((0, 0, 0, 0), [])


async def test_children_that_are_restarting_are_workers_and_not_active(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, count_restarting_children — a child whose restart has failed is counted and not active, until it is there
    again or terminated.
    """
    pool = await open_pool(tree, 20)
    refs = [
        await pool.start(Player, stage, name=name, restart="permanent", backoff=Backoff(2.0, 2.0), shutdown=0)
        for name in ("a", "b", "c")
    ]
    assert counts(pool) == (3, 3, 0, 3)
    await crash(*refs)
    assert counts(pool) == (3, 3, 0, 3)
    for name in ("a", "b"):
        stage.plan(name, *[Boom("fail_start")] * 2)
    await crash(*refs[:2])
    await trio.sleep(0.5)
    assert counts(pool) == (3, 1, 0, 3)
    assert lives(pool) == {"a": "restarting", "b": "restarting", "c": "ready"}
    await trio.sleep(6.0)
    assert counts(pool) == (3, 3, 0, 3)
    for left, name in ((2, "c"), (1, "a"), (0, "b")):
        await pool.terminate_child(name)
        assert counts(pool) == (left, left, 0, left)


async def test_a_dynamic_child_that_hangs_in_its_restart_can_be_terminated_and_stopped(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, hanging_restart_loop_simple — it is shown as restarting, can be terminated, and does not hold the
    supervisor's end.
    """
    async with open_tree(strategy="dynamic") as root:
        for _ in range(2):
            stage.plan("child1")
            child1 = await root.start(
                Player, stage, name="child1", restart="permanent", backoff=Backoff(2.0, 2.0), shutdown=0
            )
            stage.plan("child1", *[Boom("fail_start")] * 100)
            await crash(child1)
            await trio.sleep(3)
            assert (lives(root), counts(root)) == ({"child1": "restarting"}, (1, 0, 0, 1))
            if trio.current_time() < 4:
                await root.terminate_child("child1")
                assert names(root) == []
        before = trio.current_time()
        root.request_stop()
        await root.wait_stopped()
        assert trio.current_time() == before


async def test_one_dynamic_child_can_be_looked_for(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, which_children_simple_one_for_one — listing, and looking for one, show who is there.

    Departs: children are found by their names, which they have here too.
    """
    pool = await open_pool(tree)
    with pytest.raises(ChildNotFound):
        pool.which_child("child1")
    child1, child2 = [await pool.start(Player, stage, name=name) for name in ("child1", "child2")]
    assert pool.which_children() == [child1, child2]
    assert (pool.which_child("child1").path, pool.which_child("child2").path) == (child1.path, child2.path)
    await pool.terminate_child("child1")
    assert pool.which_children() == [child2]
    with pytest.raises(ChildNotFound):
        pool.which_child("child1")
    with pytest.raises(ChildNotFound):
        pool.which_child("nobody")
