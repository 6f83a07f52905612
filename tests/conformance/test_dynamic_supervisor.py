"""Elixir's DynamicSupervisor: what its tests say beyond OTP's simple_one_for_one."""

from typing import Any

import pytest
import trio

from greenroom import (
    Backoff,
    ChildNotFound,
    Escalated,
    Finished,
    Ignore,
    Intensity,
    InvalidSpec,
    Killed,
    LimitReached,
    Shutdown,
    StartupFailed,
    Supervisor,
    open_supervisor,
)
from greenroom.testing import Tree, open_tree

from .cast import Boom, Player, Stage, counts, crash, lives, names, settle

NO_MEANING = {
    "multiple supervisors can be supervised and identified with simple child spec": "names besides paths are the registry's",
    "use/2 generates child_spec/1": "specifications are data; nothing makes them of a module",
    "start_link/3 with registered process": "as above",
    "start_link/3 with spawn_opt": "tasks have no priorities",
    "start_link/3 sets initial call to the same as a regular supervisor": "there is no process dictionary",
    "start_child/2 supports old child spec; new child spec as tuple; new child spec": "there is one way to start a child",
    "extra_arguments": "a factory is called with the arguments of its start; what all children share goes in with functools.partial",
}

MANY = Intensity(100_000, within=5.0)


async def open_pool(tree: Tree, **options: Any) -> Supervisor:
    pool = tree.start_supervisor("pool", strategy="dynamic", restart="temporary", **options)
    await pool.wait_ready()
    return pool


async def test_it_can_be_supervised(tree: Tree) -> None:
    """Source: Elixir DynamicSupervisor, can be supervised directly — it is a child like any other, and begins without children."""
    pool = tree.start_supervisor("pool", strategy="dynamic")
    await pool.wait_ready()
    assert (names(pool), counts(tree)) == ([], (1, 1, 1, 0))


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ({"strategy": "unknown"}, "unknown"),
        ({"max_children": -1}, "max_children"),
        ({"max_children": 1.5}, "max_children"),
        ({"auto_shutdown": "any_significant"}, "auto_shutdown"),
    ],
)
async def test_wrong_flags_are_refused(flags: dict[str, Any], word: str) -> None:
    """Source: Elixir DynamicSupervisor, start_link/3 with non-ok init — a strategy, limit or auto_shutdown that makes no sense."""
    given: dict[str, Any] = {"strategy": "dynamic"} | flags
    with pytest.raises(InvalidSpec, match=word):
        async with open_supervisor("test", **given):
            raise AssertionError


async def test_max_children_is_for_dynamic_supervisors_alone(tree: Tree) -> None:
    """Source: Elixir DynamicSupervisor, init/1 set default options — it has no limit unless said otherwise.

    Departs: `max_children` of another strategy is refused.
    """
    with pytest.raises(InvalidSpec, match="max_children"):
        tree.start_supervisor("team", strategy="one_for_one", max_children=3)


async def test_its_limit_and_flags_stay_as_they_are(tree: Tree) -> None:
    """Source: Elixir DynamicSupervisor, code_change/3 with ok init; code_change/3 with non-ok init — the flags of a dynamic supervisor can be
    replaced.

    Departs: `update_specs` is for declared children; a dynamic supervisor has none, and refuses it.
    """
    pool = await open_pool(tree, max_children=1)
    with pytest.raises(InvalidSpec, match="dynamic"):
        pool.update_specs([], intensity=MANY)


async def test_a_child_that_is_none_is_refused_and_changes_nothing(tree: Tree, stage: Stage) -> None:
    """Source: Elixir DynamicSupervisor, start_child/2 with invalid child spec; with invalid valid shutdown — each is refused; significant is too."""
    pool = await open_pool(tree)
    wrongs: list[dict[str, Any]] = [{"shutdown": -1}, {"restart": 2}, {"significant": True, "restart": "transient"}]
    for wrong in wrongs:
        with pytest.raises(InvalidSpec):
            pool.start_soon(Player, stage, **wrong)
    with pytest.raises(InvalidSpec):
        pool.start_soon(2)  # type: ignore[call-overload]
    assert (names(pool), stage.log) == ([], [])


async def test_a_start_that_fails_in_whatever_way_is_its_starters_error(tree: Tree, stage: Stage) -> None:
    """Source: Elixir DynamicSupervisor, start_child/2 with different returns; with throw/error/exit — the error goes to the starter, the
    supervisor goes on.
    """
    pool = await open_pool(tree)

    def unknown() -> Any:
        return "unknown"

    def raises() -> Any:
        raise RuntimeError("oops")

    for factory in (unknown, raises):
        with pytest.raises(StartupFailed):
            await pool.start(factory)
    stage.plan("a", Boom())
    with pytest.raises(StartupFailed):
        await pool.start(Player, stage, name="a")
    assert (names(pool), pool.ref.lifecycle) == ([], "ready")


async def test_no_more_children_than_may_be(tree: Tree, stage: Stage) -> None:
    """Source: Elixir DynamicSupervisor, start_child/2 with max_children — a start over the limit is refused with `:max_children`."""
    pool = await open_pool(tree, max_children=1)
    first = await pool.start(Player, stage, name="first")
    with pytest.raises(LimitReached, match=r"^/test/pool/second: max_children=1 .* /test/pool/first;") as caught:
        pool.start_soon(Player, stage, name="second")
    assert (caught.value.value, names(pool)) == (1, ["first"])
    await first.stop()
    await pool.start(Player, stage, name="second")


@pytest.mark.parametrize("restarts", ["fails", "works"])
async def test_children_that_are_restarting_count_for_the_limit(tree: Tree, stage: Stage, restarts: str) -> None:
    """Source: Elixir DynamicSupervisor, restarting on init children counted in max_children; restarting on exit children counted in max_children
    — they do.
    """
    pool = await open_pool(tree, max_children=1, intensity=MANY)
    ref = await pool.start(Player, stage, name="a", restart="permanent", backoff=Backoff(5.0, 5.0))
    if restarts == "fails":
        stage.plan("a", Boom())
    await crash(ref)
    assert counts(pool) == (1, int(restarts == "works"), 0, 1)
    with pytest.raises(LimitReached, match="max_children"):
        await pool.start(Player, stage, name="b")


async def test_a_temporary_child_is_not_restarted_whatever_it_ended_for(tree: Tree, stage: Stage) -> None:
    """Source: Elixir DynamicSupervisor, temporary child is not restarted regardless of reason — nothing of it is left."""
    pool = await open_pool(tree)
    for how in (Shutdown(), Boom(), "leave"):
        ref = await pool.start(Player, stage, name="a", restart="temporary")
        ref.tell(how)
        await settle()
        assert counts(pool) == (0, 0, 0, 0)


async def test_a_transient_child_is_restarted_after_a_failure_alone_and_is_gone_otherwise(
    tree: Tree, stage: Stage
) -> None:
    """Source: Elixir DynamicSupervisor, transient child is restarted unless normal/shutdown/{shutdown, _} — else nothing of it is left."""
    pool = await open_pool(tree)
    for how in (Shutdown(), Shutdown("signal"), "leave"):
        ref = await pool.start(Player, stage, name="a", restart="transient")
        ref.tell(how)
        await settle()
        assert counts(pool) == (0, 0, 0, 0)
    ref = await pool.start(Player, stage, name="a", restart="transient")
    await crash(ref)
    assert (counts(pool), ref.incarnation) == ((1, 1, 0, 1), 2)


async def test_a_permanent_child_is_restarted_whatever_it_ended_for(tree: Tree, stage: Stage) -> None:
    """Source: Elixir DynamicSupervisor, permanent child is restarted regardless of reason — each time."""
    pool = await open_pool(tree, intensity=MANY)
    for n, how in enumerate((Shutdown(), Shutdown("signal"), Boom(), "leave"), 1):
        ref = await pool.start(Player, stage, restart="permanent")
        ref.tell(how)
        await settle()
        assert (counts(pool), ref.incarnation) == ((n, n, 0, n), 2)


async def test_what_a_restart_comes_to_is_what_its_start_says(tree: Tree, stage: Stage) -> None:
    """Source: Elixir DynamicSupervisor, child is restarted with different values — a start that works is a child, `:ignore` none, an error
    another try.
    """
    pool = await open_pool(tree, intensity=MANY)
    options: dict[str, Any] = {"restart": "permanent", "backoff": Backoff(5.0, 5.0)}
    plans: dict[str, list[Any]] = {"works": [], "ignores": [Ignore()], "fails": [Boom()]}
    for name, plan in plans.items():
        ref = await pool.start(Player, stage, name=name, **options)
        stage.plan(name, *plan)
        await crash(ref)
    assert lives(pool) == {"works": "ready", "fails": "restarting"}
    assert counts(pool) == (2, 1, 0, 2)


async def test_a_restart_that_failed_is_tried_again(tree: Tree, stage: Stage) -> None:
    """Source: Elixir DynamicSupervisor, child is restarted when trying again — until it works, as long as the intensity bears it."""
    pool = await open_pool(tree, intensity=Intensity(2, within=5.0))
    ref = await pool.start(Player, stage, name="a", restart="permanent")
    stage.plan("a", Boom("try_again"))
    await crash(ref)
    assert (counts(pool), ref.incarnation) == ((1, 1, 0, 1), 3)


@pytest.mark.parametrize("max_restarts", [1, 10])
async def test_restarts_that_fail_are_counted_until_they_are_too_many(
    tree: Tree, stage: Stage, max_restarts: int
) -> None:
    """Source: Elixir DynamicSupervisor, child triggers maximum restarts; child triggers maximum intensity when trying again — then the supervisor
    ends.
    """
    pool = await open_pool(tree, intensity=Intensity(max_restarts, within=5.0))
    ref = await pool.start(Player, stage, name="a", restart="permanent")
    stage.plan("a", *[Boom("error")] * 100)
    await crash(ref)
    assert isinstance(await pool.wait_stopped(), Escalated)
    assert len(stage.said("starts")) == 1 + max_restarts


@pytest.mark.parametrize("seconds", [0, 1.0, None])
async def test_each_child_has_its_own_time_to_stop(stage: Stage, seconds: float | None) -> None:
    """Source: Elixir DynamicSupervisor, terminates children with brutal kill; terminates children with integer shutdown; terminates children with
    infinity shutdown; with valid shutdown — killed at once, or asked, within its time, or as long as it takes.
    """
    async with open_tree(strategy="dynamic") as root:
        refs = [await root.start(Player, stage, shutdown=seconds) for _ in range(3)]
        root.request_stop()
        assert [type(await ref.wait_stopped()) for ref in refs] == [Killed if seconds == 0 else Shutdown] * 3


@pytest.mark.parametrize("seconds", [1.5, None])
@pytest.mark.parametrize("restart", ["temporary", "permanent"])
@pytest.mark.parametrize("how", [Shutdown("oops"), "leave"])
async def test_children_may_end_in_their_own_way_meanwhile(
    stage: Stage, seconds: float | None, restart: Any, how: Any
) -> None:
    """Source: Elixir DynamicSupervisor, terminates children with infinity shutdown and abnormal reason; terminates children with integer shutdown
    and abnormal reason; terminates children with permanent restart and normal reason — their own reason stays, and none is restarted.
    """
    async with open_tree(strategy="dynamic") as root:
        refs = [await root.start(Player, stage, shutdown=seconds, restart=restart) for _ in range(3)]
        for ref in refs:
            ref.tell((1.0, how))
        await settle()
        root.request_stop()
        expected = how if isinstance(how, Shutdown) else Finished()
        assert [await ref.wait_stopped() for ref in refs] == [expected] * 3
        assert trio.current_time() == 1.0


async def test_whose_time_is_over_is_killed_and_the_others_are_not(stage: Stage) -> None:
    """Source: Elixir DynamicSupervisor, terminates children with expired integer shutdown; terminates with mixed children — each by its own time."""
    stage.closing["slow"] = 100.0
    async with open_tree(strategy="dynamic") as root:
        slow, quick, patient = [
            await root.start(Player, stage, name=name, shutdown=seconds)
            for name, seconds in (("slow", 1.0), ("quick", 1.0), ("patient", None))
        ]
        root.request_stop()
        assert [type(await ref.wait_stopped()) for ref in (slow, quick, patient)] == [Killed, Shutdown, Shutdown]
        assert trio.current_time() == 1.0


@pytest.mark.parametrize("seconds", [0, 1.0])
async def test_a_terminated_child_is_gone(tree: Tree, stage: Stage, seconds: float) -> None:
    """Source: Elixir DynamicSupervisor, terminates child with brutal kill; terminates child with integer shutdown — a second time there is no
    such child.
    """
    pool = await open_pool(tree)
    ref = await pool.start(Player, stage, name="a", restart="permanent", shutdown=seconds)
    await pool.terminate_child("a")
    assert isinstance(await ref.wait_stopped(), Killed if seconds == 0 else Shutdown)
    with pytest.raises(ChildNotFound):
        await pool.terminate_child("a")
    assert counts(pool) == (0, 0, 0, 0)


async def test_a_child_can_be_terminated_between_its_attempts(tree: Tree, stage: Stage) -> None:
    """Source: Elixir DynamicSupervisor, terminates restarting child — it is gone, and is not tried again."""
    pool = await open_pool(tree, intensity=MANY)
    ref = await pool.start(Player, stage, name="a", restart="permanent", backoff=Backoff(5.0, 5.0))
    stage.plan("a", *[Boom("error")] * 100)
    await crash(ref)
    assert lives(pool) == {"a": "restarting"}
    await pool.terminate_child("a")
    with pytest.raises(ChildNotFound):
        await pool.terminate_child("a")
    starts = len(stage.said("starts"))
    await trio.sleep(100)
    assert (counts(pool), len(stage.said("starts"))) == ((0, 0, 0, 0), starts)
