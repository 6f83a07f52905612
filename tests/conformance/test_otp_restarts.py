"""OTP's supervisor_SUITE: what follows the end of one child, by restart type and reason, and how often."""

from typing import Any

import pytest
import trio

from greenroom import Crashed, Escalated, Intensity, RestartIntensityExceeded, Shutdown, Supervisor
from greenroom.testing import Tree

from .cast import Boom, Player, Stage, counts, crash, giving_up, lives, settle

NO_MEANING: dict[str, str] = {}


async def test_a_permanent_child_that_ends_normally_is_restarted(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, permanent_normal — a permanent child is restarted when it ends for `normal`."""
    ref = await tree.start(Player, stage, name="child1", restart="permanent")
    ref.tell("leave")
    await settle()
    assert (lives(tree), counts(tree), ref.incarnation) == ({"child1": "ready"}, (1, 1, 0, 1), 2)


async def test_a_transient_child_that_ends_normally_is_not_restarted(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, transient_normal — a transient child that ends for `normal` stays listed, and does not run."""
    ref = await tree.start(Player, stage, name="child1", restart="transient")
    ref.tell("leave")
    await settle()
    assert (lives(tree), counts(tree), ref.incarnation) == ({"child1": "parked"}, (1, 0, 0, 1), 1)


async def test_a_temporary_child_that_ends_normally_is_forgotten(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, temporary_normal — a temporary child that ends for `normal` is not listed any more."""
    ref = await tree.start(Player, stage, name="child1", restart="temporary")
    ref.tell("leave")
    await settle()
    assert (lives(tree), counts(tree), ref.incarnation) == ({}, (0, 0, 0, 0), 1)


@pytest.mark.parametrize("detail", [None, "some_info"])
async def test_a_permanent_child_that_shuts_itself_down_is_restarted(tree: Tree, stage: Stage, detail: Any) -> None:
    """Source: OTP supervisor_SUITE, permanent_shutdown — a permanent child is restarted when it ends for `shutdown` or `{shutdown, Term}`."""
    ref = await tree.start(Player, stage, name="child1", restart="permanent")
    ref.tell(Shutdown(detail))
    await settle()
    assert (lives(tree), counts(tree), ref.incarnation) == ({"child1": "ready"}, (1, 1, 0, 1), 2)


@pytest.mark.parametrize("detail", [None, "some_info"])
async def test_a_transient_child_that_shuts_itself_down_is_not_restarted(tree: Tree, stage: Stage, detail: Any) -> None:
    """Source: OTP supervisor_SUITE, transient_shutdown — a transient child is not restarted after `shutdown` or `{shutdown, Term}`; by hand it
    can be.
    """
    ref = await tree.start(Player, stage, name="child1", restart="transient")
    for incarnation in (1, 2):
        ref.tell(Shutdown(detail))
        await settle()
        assert (lives(tree), counts(tree), ref.incarnation) == ({"child1": "parked"}, (1, 0, 0, 1), incarnation)
        await tree.restart_child("child1")


@pytest.mark.parametrize("detail", [None, "some_info"])
async def test_a_temporary_child_that_shuts_itself_down_is_forgotten(tree: Tree, stage: Stage, detail: Any) -> None:
    """Source: OTP supervisor_SUITE, temporary_shutdown — after `shutdown` or `{shutdown, Term}` there is nothing of it, and its name is free."""
    for _ in range(2):
        ref = await tree.start(Player, stage, name="child1", restart="temporary")
        ref.tell(Shutdown(detail))
        await settle()
        assert (lives(tree), counts(tree), ref.incarnation) == ({}, (0, 0, 0, 0), 1)


async def test_a_permanent_child_that_crashes_is_restarted(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, permanent_abnormal — a permanent child is restarted after an abnormal end."""
    ref = await tree.start(Player, stage, name="child1", restart="permanent")
    await crash(ref)
    assert (lives(tree), counts(tree), ref.incarnation) == ({"child1": "ready"}, (1, 1, 0, 1), 2)


async def test_a_transient_child_that_crashes_is_restarted(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, transient_abnormal — a transient child is restarted after an abnormal end."""
    ref = await tree.start(Player, stage, name="child1", restart="transient")
    await crash(ref)
    assert (lives(tree), counts(tree), ref.incarnation) == ({"child1": "ready"}, (1, 1, 0, 1), 2)


async def test_a_temporary_child_that_crashes_is_forgotten(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, temporary_abnormal — a temporary child is not restarted after an abnormal end either."""
    ref = await tree.start(Player, stage, name="child1", restart="temporary")
    await crash(ref)
    assert (lives(tree), counts(tree), ref.incarnation) == ({}, (0, 0, 0, 0), 1)
    assert isinstance(await ref.wait_stopped(), Crashed)


@pytest.mark.parametrize("restart", ["permanent", "transient"])
async def test_what_others_kill_is_parked(tree: Tree, stage: Stage, restart: Any) -> None:
    """Source: OTP supervisor_SUITE, permanent_abnormal; transient_abnormal — a child that somebody else kills.

    Departs: who kills by `ref.kill()` wants the child gone, so it is administrative: parked, where OTP restarts what `exit(Pid, kill)` has ended.
    `ref.crash(error)` does what `exit(Pid, Reason)` does.
    """
    ref = await tree.start(Player, stage, name="child1", restart=restart)
    await ref.kill()
    assert lives(tree) == {"child1": "parked"}
    await tree.restart_child("child1")
    ref.crash(Boom())
    await settle()
    assert (lives(tree), ref.incarnation) == ({"child1": "ready"}, 3)


@pytest.mark.greenroom(intensity=Intensity(1, within=1.0))
async def test_restarts_that_are_far_enough_apart_are_never_too_many(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, multiple_restarts — a child may be restarted any number of times, as long as it is not too often for the
    period.
    """
    ref = await tree.start(Player, stage, name="child1", restart="permanent", shutdown=0)
    for incarnation in range(2, 7):
        await crash(ref)
        assert (ref.lifecycle, ref.incarnation) == ("ready", incarnation)
        await trio.sleep(1.0)  # what is as old as the period no longer counts
    await tree.terminate_child("child1")
    tree.delete_child("child1")


async def test_the_restarts_of_a_period_are_counted_with_both_of_its_ends_exact(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, multiple_restarts — restarts count while they are younger than the period, and over the intensity is one too
    many.

    Departs: OTP counts whole seconds; here a restart that is exactly one period old no longer counts.
    """
    async with giving_up(Intensity(1, within=1.0)) as (root, errors):
        ref = await root.start(Player, stage, name="child1", restart="permanent")
        await crash(ref)
        await trio.sleep(0.999)
        await crash(ref)
    assert isinstance(errors[0], RestartIntensityExceeded)


async def _start_two(root: Supervisor, stage: Stage) -> tuple[Any, Any]:
    return (
        await root.start(Player, stage, name="child1", restart="permanent"),
        await root.start(Player, stage, name="child2", restart="permanent"),
    )


async def test_one_for_one_restarts_the_one_that_failed_and_leaves_the_other(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, one_for_one — one child's end restarts that child alone; one more than the intensity in the period ends the
    supervisor.
    """
    async with giving_up(Intensity(2, within=3_600.0)) as (root, errors):
        child1, child2 = await _start_two(root, stage)
        await crash(child1)
        assert ([child1.incarnation, child2.incarnation], counts(root)) == ([2, 1], (2, 2, 0, 2))
        assert [ref.name for ref in root.which_children()] == ["child1", "child2"]
        await crash(child2)
        assert [child1.incarnation, child2.incarnation] == [2, 2]
        await crash(child1)
    [error] = errors
    assert isinstance(error, RestartIntensityExceeded)
    assert (error.child, error.max_restarts, error.within) == ("/test/child1", 2, 3_600.0)
    assert isinstance(error.__cause__, Boom)


async def test_a_child_that_can_not_be_restarted_ends_the_supervisor_and_its_siblings(stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, one_for_one_escalation — every restart that fails counts as one; past the intensity the supervisor ends, and
    all below it.

    Departs: the supervisor's exit reason is `Escalated` with the cause, where OTP's is `shutdown`.
    """
    async with giving_up(Intensity(4, within=3_600.0)) as (root, errors):
        ref = root.ref
        child1, child2 = await _start_two(root, stage)
        stage.plan("child1", *[Boom("error")] * 10)
        await crash(child1)
    assert child1.incarnation == 1 + 4
    assert stage.said("has closed").count("child2") == 1
    assert isinstance(await child2.wait_stopped(), Shutdown)
    reason = await ref.wait_stopped()
    assert isinstance(reason, Escalated)
    assert errors == [reason.error]
