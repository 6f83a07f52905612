"""OTP's supervisor_SUITE: one_for_all and rest_for_one, trees of supervisors, and what hangs in a restart."""

from typing import Any, Literal

import pytest
import trio

from greenroom import (
    AlreadyRunning,
    Backoff,
    ChildSpec,
    Crashed,
    Down,
    Escalated,
    Intensity,
    NameInUse,
    Restarting,
    RestartIntensityExceeded,
    Shutdown,
    Supervisor,
    SupervisorSpec,
)
from greenroom.testing import Tree, open_tree

from .cast import Boom, Player, Stage, counts, crash, incarnations, lives, names, settle

NO_MEANING: dict[str, str] = {}

Group = Literal["one_for_all", "rest_for_one"]
groups = pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])


async def open_team(tree: Tree, stage: Stage, strategy: Any, many: int, intensity: int, **options: Any) -> Supervisor:
    """Start a supervisor of its own below the tree, with so many permanent children; it is not restarted."""
    children = [ChildSpec(f"child{n}", Player, (stage,), **options) for n in range(1, many + 1)]
    team = tree.start_supervisor(
        "team", children, strategy=strategy, intensity=Intensity(intensity, within=3_600.0), restart="temporary"
    )
    await team.wait_ready()
    stage.log.clear()
    return team


async def test_one_for_all_restarts_all_in_order_after_all_have_stopped_in_reverse(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, one_for_all — one child's end restarts all: the others are terminated first, none of the old ones is left."""
    team = await open_team(tree, stage, "one_for_all", 3, 2)
    await crash(team.lookup("child2"))
    assert incarnations(team) == {"child1": 2, "child2": 2, "child3": 2}
    assert counts(team) == (3, 3, 0, 3)
    assert stage.log == [
        *[
            "child2 closes",
            "child2 has closed",
            "child3 closes",
            "child3 has closed",
            "child1 closes",
            "child1 has closed",
        ],
        *["child1 starts", "child1 is ready", "child2 starts", "child2 is ready", "child3 starts", "child3 is ready"],
    ]


async def test_a_restart_of_all_counts_as_one(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, one_for_all — the third restart of two that may be ends the supervisor and all children."""
    team = await open_team(tree, stage, "one_for_all", 2, 2)
    await crash(team.lookup("child1"))
    await crash(team.lookup("child2"))
    assert incarnations(team) == {"child1": 3, "child2": 3}
    children = team.which_children()
    await crash(team.lookup("child1"))
    reason = await team.wait_stopped()
    assert isinstance(reason, Escalated)
    assert isinstance(reason.error, RestartIntensityExceeded)
    assert [ref.is_alive for ref in children] == [False, False]
    assert names(tree) == []


async def test_one_for_all_escalates_when_another_child_can_not_be_started_again(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, one_for_all_escalation — restarts that fail in another child count too, and end the supervisor with all
    children.
    """
    team = await open_team(tree, stage, "one_for_all", 2, 4)
    stage.plan("child2", *[Boom("error")] * 10)
    await crash(team.lookup("child1"))
    assert isinstance(await team.wait_stopped(), Escalated)
    assert stage.said("starts") == ["child1", "child2"] * 4
    assert stage.said("has closed")[-1] == "child1"


async def test_one_for_all_begins_again_from_the_first_when_a_later_child_fails_to_start(
    tree: Tree, stage: Stage
) -> None:
    """Source: OTP supervisor_SUITE, one_for_all_other_child_fails_restart — the child that has started already is terminated, and the restart
    begins again.
    """
    team = await open_team(tree, stage, "one_for_all", 2, 3)
    stage.plan("child2", Boom("not yet"))
    await crash(team.lookup("child1"))
    assert lives(team) == {"child1": "ready", "child2": "ready"}
    assert stage.said("starts") == ["child1", "child2", "child1", "child2"]
    again = stage.log.index("child2 starts")
    assert "child1 has closed" in stage.log[again:]
    assert stage.log[-4:] == ["child1 starts", "child1 is ready", "child2 starts", "child2 is ready"]


async def test_rest_for_one_restarts_the_one_that_failed_and_those_after_it(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, rest_for_one — the children after it are terminated and started again; those before it go on."""
    team = await open_team(tree, stage, "rest_for_one", 3, 2)
    await crash(team.lookup("child2"))
    assert incarnations(team) == {"child1": 1, "child2": 2, "child3": 2}
    assert counts(team) == (3, 3, 0, 3)
    assert stage.said("has closed") == ["child2", "child3"]
    await crash(team.lookup("child3"))
    assert incarnations(team) == {"child1": 1, "child2": 2, "child3": 3}
    await crash(team.lookup("child2"))
    assert isinstance(await team.wait_stopped(), Escalated)


async def test_rest_for_one_escalates_when_a_child_after_it_can_not_be_started_again(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, rest_for_one_escalation — restarts that fail in a child after it count too, and end the supervisor with all
    children.
    """
    team = await open_team(tree, stage, "rest_for_one", 2, 4)
    stage.plan("child2", *[Boom("error")] * 10)
    await crash(team.lookup("child1"))
    assert isinstance(await team.wait_stopped(), Escalated)
    assert stage.said("starts") == ["child1", "child2", "child2", "child2", "child2"]


async def test_rest_for_one_goes_on_from_the_child_that_failed_to_start(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, rest_for_one_other_child_fails_restart — what has started already before it is left alone."""
    team = await open_team(tree, stage, "rest_for_one", 2, 3)
    stage.plan("child2", Boom("not yet"))
    await crash(team.lookup("child1"))
    assert stage.said("starts") == ["child1", "child2", "child2"]
    assert incarnations(team) == {"child1": 2, "child2": 3}
    assert lives(team) == {"child1": "ready", "child2": "ready"}


@groups
async def test_a_temporary_child_is_never_restarted_with_its_group(tree: Tree, stage: Stage, strategy: Group) -> None:
    """Source: OTP supervisor_SUITE, temporary_bystander — a temporary child is not started again with the others, and does the supervisor no
    harm.

    Departs: one that was started at run time takes no part in the restart and goes on, where OTP ends it.
    """
    team = await open_team(tree, stage, strategy, 1, 2)
    bystander = await team.start(Player, stage, name="bystander")
    await crash(team.lookup("child1"))
    assert incarnations(team) == {"child1": 2, "bystander": 1}
    assert bystander.is_alive


@groups
async def test_a_declared_temporary_child_ends_with_its_group_and_is_forgotten(
    tree: Tree, stage: Stage, strategy: Group
) -> None:
    """Source: OTP supervisor_SUITE, temporary_bystander — it is terminated with the others, not started again, and its name is free."""
    children = [ChildSpec("child1", Player, (stage,)), ChildSpec("child2", Player, (stage,), restart="temporary")]
    team = tree.start_supervisor("team", children, strategy=strategy, intensity=Intensity(2, within=300.0))
    await team.wait_ready()
    bystander = team.lookup("child2")
    await crash(team.lookup("child1"))
    assert incarnations(team) == {"child1": 2}
    assert isinstance(await bystander.wait_stopped(), Shutdown)
    assert team.ref.incarnation == 1
    await team.start(Player, stage, name="child2")


@groups
async def test_a_run_time_child_that_is_no_temporary_one_is_restarted_with_its_group(
    tree: Tree, stage: Stage, strategy: Group
) -> None:
    """Source: OTP supervisor_SUITE, one_for_all; rest_for_one — a child that was added at run time is the last of the order, and one of the group."""
    team = await open_team(tree, stage, strategy, 1, 2)
    await team.start(Player, stage, name="added", restart="permanent")
    await crash(team.lookup("child1"))
    assert incarnations(team) == {"child1": 2, "added": 2}
    assert stage.said("starts") == ["added", "child1", "added"]


async def test_a_group_stops_in_reverse_and_starts_in_order(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, order_of_children — the children after the one that failed end in the opposite order, and start in order; so
    at the end.
    """
    order = ["ch7", "ch3", "ch10", "ch2", "ch5"]
    children = [ChildSpec(name, Player, (stage,)) for name in order]
    async with open_tree(children=children, strategy="rest_for_one") as root:
        assert stage.said("starts") == order
        stage.log.clear()
        await crash(root.lookup("ch10"))
        assert stage.said("has closed") == ["ch10", "ch5", "ch2"]
        assert stage.said("starts") == ["ch10", "ch2", "ch5"]
        stage.log.clear()
    assert stage.said("has closed") == order[::-1]


# -- trees


async def test_a_tree_is_restarted_without_what_was_added_to_it(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, tree — a supervisor that gives up is restarted by its own; under one_for_all with its siblings, parked ones
    too.
    """
    four = Intensity(4, within=3_600.0)
    top = tree.start_supervisor("top", strategy="one_for_all", intensity=four)
    await top.wait_ready()
    first = [ChildSpec(name, Player, (stage,)) for name in ("child1", "child2")]
    sup1 = top.start_supervisor("sup1", first, intensity=four, restart="permanent")
    sup2 = top.start_supervisor("sup2", intensity=four, restart="permanent")
    sup3 = top.start_supervisor("sup3", intensity=four, restart="transient")
    for sup in (sup1, sup2, sup3):
        await sup.wait_ready()
    await top.terminate_child("sup3")
    assert counts(top) == (3, 2, 3, 0)
    assert (counts(sup1), counts(sup2)) == ((2, 2, 0, 2), (0, 0, 0, 0))
    child3 = await sup2.start(Player, stage, name="child3", restart="permanent")
    child4 = await sup2.start(Player, stage, name="child4", restart="permanent")
    await crash(child4)
    assert (incarnations(sup1), incarnations(sup2)) == ({"child1": 1, "child2": 1}, {"child3": 1, "child4": 2})
    stage.plan("child3", *[Boom("error")] * 4)
    await crash(child3)
    assert counts(top) == (3, 3, 3, 0)
    assert set(lives(top).values()) == {"ready"}
    assert [sup.ref.incarnation for sup in (sup1, sup2, sup3)] == [2, 2, 2]
    assert incarnations(sup1) == {"child1": 2, "child2": 2}
    assert (names(sup2), names(sup3)) == ([], [])
    assert not child3.is_alive


async def test_a_supervisor_that_crashes_is_restarted_with_its_children(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, simple_global_supervisor — whatever ends a supervisor or its worker, both are found again under their names.

    Departs: names are paths, and the refs stay the same; there are no global names.
    """
    middle = SupervisorSpec("middle", [ChildSpec("server", Player, (stage,))], strategy="one_for_all")
    top = tree.start_supervisor("top", [middle], strategy="one_for_all", intensity=Intensity(10, within=60.0))
    await top.wait_ready()
    sup, server = tree.lookup("top/middle"), tree.lookup("top/middle/server")
    sup.crash(Boom())
    await settle()
    assert (tree.lookup("top/middle"), tree.lookup("top/middle/server")) == (sup, server)
    assert [ref.lifecycle for ref in (sup, server)] == ["ready", "ready"]
    await tree.lookup_supervisor("top/middle").terminate_child("server")
    sup.crash(Boom())
    await settle()
    assert [ref.lifecycle for ref in (sup, server)] == ["ready", "ready"]
    for how in (Boom(), "leave"):
        before = server.incarnation
        server.tell(how)
        await settle()
        assert (server.incarnation, server.lifecycle) == (before + 1, "ready")


# -- what hangs


FAST = Backoff(2.0, 2.0)


@pytest.mark.parametrize("hangs", ["between attempts", "in an attempt"])
async def test_a_child_that_hangs_in_its_restart_holds_nobody(stage: Stage, hangs: str) -> None:
    """Source: OTP supervisor_SUITE, hanging_restart_loop — a child in a loop of restarts is shown as restarting, refuses administration, and can
    be terminated.

    Departs: OTP's supervisor is blocked during each attempt; here it answers at any moment.
    """
    never = trio.Event()
    plan: list[Any] = [Boom("fail_start")] * 100 if hangs == "between attempts" else [never]
    async with open_tree() as root:
        options: dict[str, Any] = {"backoff": FAST, "shutdown": 0, "startup_timeout": None}
        child1 = await root.start(Player, stage, name="child1", restart="permanent", **options)
        for _ in range(2):
            stage.plan("child1", *plan)
            await crash(child1)
            await trio.sleep(3)
            assert child1.lifecycle == ("restarting" if hangs == "between attempts" else "initializing")
            with pytest.raises(NameInUse):
                root.start_soon(Player, stage, name="child1")
            with pytest.raises(Restarting):
                await root.restart_child("child1")
            with pytest.raises((AlreadyRunning, Restarting)):
                root.delete_child("child1")
            assert (names(root), counts(root)) == (["child1"], (1, 0, 0, 1))
            before = trio.current_time()
            await root.terminate_child("child1")
            assert trio.current_time() == before
            assert lives(root) == {"child1": "parked"}
            stage.plan("child1")
            await root.restart_child("child1")
        stage.plan("child1", *plan)
        await crash(child1)
        await trio.sleep(3)
        before = trio.current_time()
        root.request_stop()
        await root.wait_stopped()
        assert trio.current_time() == before


async def test_under_rest_for_one_those_after_it_wait_and_those_before_it_go_on(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, hanging_restart_loop_rest_for_one — meanwhile the children before it run, those after it do not; all of it
    can be ended.

    Departs: when the one that hangs is terminated the others of its group go on without it, once its backoff is over; OTP leaves them terminated.
    """
    children = [
        ChildSpec(f"child{n}", Player, (stage,), shutdown=0, backoff=FAST if n == 2 else None) for n in (1, 2, 3)
    ]
    async with open_tree(children=children, strategy="rest_for_one") as root:
        child2 = root.lookup("child2")
        stage.plan("child2", *[Boom("fail_start")] * 100)
        await crash(child2)
        await trio.sleep(3)
        assert (lives(root)["child1"], lives(root)["child2"]) == ("ready", "restarting")
        assert not root.lookup("child3").is_alive or lives(root)["child3"] == "restarting"
        assert counts(root) == (3, 1, 0, 3)
        with pytest.raises(Restarting):
            await root.restart_child("child2")
        await root.terminate_child("child2")
        await settle()
        assert lives(root)["child2"] == "parked"
        stage.plan("child2")
        await root.restart_child("child2")
        await trio.sleep(2)
        assert set(lives(root).values()) == {"ready"}
        stage.plan("child2", *[Boom("fail_start")] * 100)
        await crash(child2)
        await trio.sleep(3)
        before = trio.current_time()
        root.request_stop()
        await root.wait_stopped()
        assert trio.current_time() == before


async def test_the_exit_reason_of_what_hangs_stays_to_be_read(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, hanging_restart_loop — the child's own exit reason is what it ended for, and not what became of it later."""
    await tree.start(Player, stage, name="child1", restart="permanent", backoff=FAST)
    probe = tree.probe()
    probe.watch(tree.lookup("child1").pin())
    stage.plan("child1", *[Boom("fail_start")] * 100)
    await crash(tree.lookup("child1"))
    await trio.sleep(3)
    await tree.terminate_child("child1")
    down = await probe.expect(Down)
    assert isinstance(down.reason, Crashed)


async def test_a_terminated_child_comes_back_with_the_next_restart_of_its_group(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, child_adm; one_for_all — a terminated child is started again by the next restart of its group, as OTP's is."""
    team = await open_team(tree, stage, "one_for_all", 2, 5)
    await team.terminate_child("child2")
    assert isinstance(await team.lookup("child2").wait_stopped(), Shutdown)
    await crash(team.lookup("child1"))
    assert lives(team) == {"child1": "ready", "child2": "ready"}
