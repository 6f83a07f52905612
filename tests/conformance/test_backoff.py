"""Akka's and Pekko's backoff supervision: restarts that are further and further apart."""

from typing import Any

import pytest
import trio

from greenroom import Backoff, ChildSpec, Escalated, Intensity, RestartIntensityExceeded, Shutdown, Supervisor
from greenroom.testing import Tree

from .cast import Boom, Incarnation, Player, Stage, crash, lives, settle

NO_MEANING = {
    "forward messages to the child": "there is no supervisor in between: mail goes to the child's own ref, also between two incarnations",
    "forward messages from the child to the parent of the supervisor": "as above",
    "use provided actor while stopped and withHandlerWhileStopped is specified": "mail waits for the next incarnation; nobody stands in",
    "stop restarting the child if final stop message received (Backoff.onStop)": "no message ends an actor; `stop` does, and is final",
    "supervisor must not stop when final stop message has not been received": "as above",
    "support custom supervision strategy": "what an exception leads to is said by the child's `on_error`, not by the backoff",
    "stop on exceptions as dictated by the supervisor strategy": "as above",
}


FAR = Backoff(100.0, 300.0)


async def start(tree: Tree, stage: Stage, backoff: Backoff, restart: Any = "permanent") -> Any:
    return await tree.start(Player, stage, name="c1", restart=restart, backoff=backoff)


async def starts(stage: Stage, seconds: float) -> bool:
    """Say whether a start begins so many seconds from now, and not before."""
    before = len(stage.said("starts"))
    await trio.sleep(seconds - 0.001)
    if len(stage.said("starts")) != before:
        return False
    await trio.sleep(0.002)
    await settle()
    return len(stage.said("starts")) == before + 1


@pytest.mark.parametrize("how", ["leave", Shutdown()])
async def test_a_permanent_child_that_stops_is_started_again(tree: Tree, stage: Stage, how: Any) -> None:
    """Source: Akka backoff, start child again when it stops when using `Backoff.onStop` — backoff goes for every end that leads to a restart.

    Departs: the ref stays the same, and the first restart is immediate.
    """
    ref = await start(tree, stage, Backoff(0.1, 3.0, jitter=0.2))
    ref.tell(how)
    await settle()
    assert (ref.lifecycle, ref.incarnation, trio.current_time()) == ("ready", 2, 0.0)


async def test_a_child_that_is_no_permanent_one_is_not_started_again_when_it_stops(tree: Tree, stage: Stage) -> None:
    """Source: Akka backoff, terminate when child terminates — with onFailure a child that stops in good order is not started again.

    Departs: it is the restart type that says so, and the supervisor goes on.
    """
    ref = await start(tree, stage, Backoff(0.2, 10.0), restart="transient")
    ref.tell("leave")
    await trio.sleep(100)
    assert (lives(tree), ref.incarnation) == ({"c1": "parked"}, 1)


async def test_a_child_that_crashes_is_started_again_and_counted(tree: Tree, stage: Stage) -> None:
    """Source: Akka backoff, support default stopping strategy when using `Backoff.onStop` — a crash is followed by a new instance, and the count
    grows.
    """
    ref = await start(tree, stage, Backoff(0.1, 3.0))
    assert tree.which_child("c1").restarts == 0
    await crash(ref)
    assert (tree.which_child("c1").restarts, ref.lifecycle) == (1, "ready")


async def test_each_restart_is_twice_as_far_from_the_crash_as_the_one_before(tree: Tree, stage: Stage) -> None:
    """Source: Akka backoff, restart the child with an exponential back off — 0.2, 0.4, 0.8, 1.6 s.

    Departs: the first restart is immediate, so the delays begin with the second.
    """
    ref = await start(tree, stage, Backoff(0.2, 10.0))
    await crash(ref)
    assert ref.incarnation == 2
    for delay in (0.2, 0.4, 0.8, 1.6):
        await crash(ref)
        assert ref.lifecycle == "restarting"
        assert tree.which_child("c1").next_retry == pytest.approx(trio.current_time() + delay)
        assert await starts(stage, delay)
    assert len(tree.which_children()) == 1
    assert (ref.lifecycle, ref.incarnation) == ("ready", 6)


@pytest.mark.parametrize(
    ("backoff", "attempts", "delay"),
    [
        (Backoff(300.0, 420.0), 1, 300.0),
        (Backoff(5.0, 7.0), 3, 7.0),
        (Backoff(5.0, 604_800.0), 3, 20.0),
        (Backoff(300.0, 600.0), 12, 600.0),
    ],
)
async def test_the_delay_grows_to_the_maximum_and_stays_there(
    tree: Tree, stage: Stage, backoff: Backoff, attempts: int, delay: float
) -> None:
    """Source: Akka backoff, correctly calculate the delay — initial times two to the number of restarts, and never more than the maximum."""
    ref = await start(tree, stage, backoff)
    stage.plan("c1", *[Boom()] * attempts)
    await crash(ref)
    for _ in range(attempts - 1):
        due = tree.which_child("c1").next_retry
        assert due is not None
        await trio.sleep(due - trio.current_time())
        await settle()
    assert len(stage.said("starts")) == 1 + attempts
    assert tree.which_child("c1").next_retry == pytest.approx(trio.current_time() + delay)


async def test_jitter_never_goes_above_the_maximum(tree: Tree, stage: Stage) -> None:
    """Source: Akka backoff, correctly calculate the delay — the random factor spreads the delay.

    Departs: it moves the delay either way, not up alone; and the cap comes after the jitter, so that the maximum is one.
    """
    ref = await start(tree, stage, Backoff(1.0, 4.0, jitter=0.5))
    stage.plan("c1", *[Boom()] * 30)
    delays: list[float] = []
    await crash(ref)
    for _ in range(29):
        due = tree.which_child("c1").next_retry
        assert due is not None
        delays.append(due - trio.current_time())
        await trio.sleep(delays[-1])
        await settle()
    assert max(delays) <= 4.0 + 1e-9
    assert 0.5 <= delays[0] <= 1.5
    assert len({round(delay, 6) for delay in delays[:3]}) == 3


async def test_a_child_that_was_well_for_long_enough_begins_with_the_first_delay_again(
    tree: Tree, stage: Stage
) -> None:
    """Source: Akka backoff, support manual reset — the count begins anew once the child has shown that it is well.

    Departs: it is reset by time alone, after `reset_after` seconds of being ready; there is no message for it.
    """
    ref = await start(tree, stage, Backoff(1.0, 60.0, reset_after=10.0))
    await crash(ref, ref)
    await trio.sleep(1.5)
    await trio.sleep(9.0)
    await crash(ref)
    assert tree.which_child("c1").next_retry == pytest.approx(trio.current_time() + 2.0)
    await trio.sleep(2.5)
    await trio.sleep(10.0)
    await crash(ref)
    assert (ref.lifecycle, tree.which_child("c1").next_retry) == ("ready", None)


async def test_mail_waits_for_the_next_incarnation(tree: Tree, stage: Stage) -> None:
    """Source: Akka backoff, reply to sender if replyWhileStopped is specified; not reply to sender if replyWhileStopped is NOT specified — mail
    while stopped.

    Departs: it is neither refused nor a dead letter: it waits, and an ask's own timeout bounds the wait.
    """
    ref = await start(tree, stage, Backoff(100.0, 300.0))
    await crash(ref, ref)
    assert ref.lifecycle == "restarting"
    ref.tell("meanwhile")
    with pytest.raises(TimeoutError):
        await ref.ask(Incarnation(), timeout=1.0)
    assert await ref.ask(Incarnation()) == 3
    assert trio.current_time() == 100.0
    assert stage.said("got meanwhile") == ["c1"]
    assert tree.dead_letters.counts.get("stopped", 0) == 0


async def open_team(tree: Tree, intensity: Intensity | None = None) -> Supervisor:
    team = tree.start_supervisor("team", intensity=intensity or Intensity(), restart="temporary")
    await team.wait_ready()
    return team


@pytest.mark.parametrize("how", ["leave", Boom()])
async def test_more_attempts_than_may_be_end_the_supervisor(tree: Tree, stage: Stage, how: Any) -> None:
    """Source: Akka backoff, stop restarting the child after reaching maxNrOfRetries limit (Backoff.onStop); stop restarting the child after
    reaching maxNrOfRetries limit (Backoff.onFailure); respect maxNrOfRetries property of OneForOneStrategy — the third of two ends the
    supervisor.
    """
    team = await open_team(tree)
    ref = await team.start(Player, stage, name="c1", restart="permanent", backoff=Backoff(0.1, 3.0, max_attempts=2))
    for restarts in (1, 2):
        ref.tell(how)
        await trio.sleep(0.5)
        assert (ref.lifecycle, team.which_child("c1").restarts) == ("ready", restarts)
    ref.tell(how)
    reason = await team.wait_stopped()
    assert isinstance(reason, Escalated)
    assert isinstance(reason.error, RestartIntensityExceeded)


async def test_restarts_that_are_far_apart_are_never_too_many(tree: Tree, stage: Stage) -> None:
    """Source: Akka backoff, keep restarting when failures happen outside of withinTimeRange; respect withinTimeRange property of
    OneForOneStrategy — attempts that are not in a row are not added up.

    Departs: a child with backoff is in no intensity; its attempts in a row are counted, and forgotten after `reset_after` seconds of being ready.
    """
    team = await open_team(tree, Intensity(1, within=1e6))
    backoff = Backoff(0.1, 0.8, reset_after=5.0, max_attempts=2)
    ref = await team.start(Player, stage, name="c1", restart="permanent", backoff=backoff)
    for _ in range(10):
        await crash(ref)
        await trio.sleep(6.0)
    assert (ref.lifecycle, ref.incarnation, team.ref.lifecycle) == ("ready", 11, "ready")


async def test_without_a_bound_it_is_tried_for_ever(tree: Tree, stage: Stage) -> None:
    """Source: Akka backoff, keep restarting when failures happen outside of withinTimeRange — with maxNrOfRetries -1 it is tried without end."""
    ref = await start(tree, stage, Backoff(1.0, 60.0))
    stage.plan("c1", *[Boom()] * 200)
    await crash(ref)
    await trio.sleep(86_400.0)
    assert (ref.lifecycle, ref.incarnation) == ("ready", 202)


async def test_commands_are_answered_while_the_child_terminates(tree: Tree, stage: Stage) -> None:
    """Source: Akka backoff, accept commands while child is terminating — who is there, and how often it was restarted, is answered; it counts
    when it has ended.
    """
    ref = await start(tree, stage, Backoff(1.0, 60.0))
    stage.closing["c1"] = 3.0
    ref.tell(Boom())
    await trio.sleep(1.0)
    assert tree.lookup("c1") is ref
    assert (tree.which_child("c1").restarts, ref.incarnation) == (0, 1)
    await trio.sleep(3.0)
    assert (tree.which_child("c1").restarts, ref.lifecycle) == (1, "ready")


async def test_a_timer_of_a_backoff_dies_with_its_supervisor(tree: Tree, stage: Stage) -> None:
    """Source: Akka backoff, terminate when child terminates — nothing is started for a supervisor that has ended."""
    team = await open_team(tree)
    ref = await team.start(Player, stage, name="c1", restart="permanent", backoff=Backoff(100.0, 300.0))
    await crash(ref, ref)
    assert ref.lifecycle == "restarting"
    await team.ref.stop()
    assert trio.current_time() == 0.0
    assert [left for left in tree.leftovers() if "restart of" in str(left)] == []
    await trio.sleep(1_000.0)
    assert len(stage.said("starts")) == 2


async def test_nor_does_it_start_anything_for_the_supervisors_next_incarnation(tree: Tree, stage: Stage) -> None:
    """Source: Akka backoff, terminate when child terminates — a supervisor that was restarted starts its children in its own order and time."""
    children = [
        ChildSpec("first", Player, (stage,), startup_timeout=None),
        ChildSpec("c1", Player, (stage,), backoff=FAR),
    ]
    team = tree.start_supervisor("team", children)
    await team.wait_ready()
    await crash(team.lookup("c1"), team.lookup("c1"))
    assert team.which_child("c1").next_retry == pytest.approx(100.0)
    stage.plan("first", 1_000.0)
    team.ref.crash(Boom())
    await trio.sleep(500.0)
    assert (team.ref.lifecycle, stage.said("starts").count("c1")) == ("initializing", 2)
    await trio.sleep(501.0)
    assert (lives(team), stage.said("starts").count("c1")) == ({"first": "ready", "c1": "ready"}, 3)
