"""Akka's and Pekko's death watch: whoever watches an actor is told of its end, once."""

from typing import Any

import pytest
import trio

from greenroom import Actor, ActorRef, Context, Crashed, Down, Monitor
from greenroom.testing import Tree

from .cast import Incarnation, Player, Stage, crash, settle

NO_MEANING = {
    "fail a monitor which does not handle Terminated()": (
        "a `Down` is a message like any other: what a `receive` does with messages that it does not know is its own affair (no death pact)"
    ),
}


async def test_a_watcher_is_told_once_when_an_actor_stops(tree: Tree, stage: Stage) -> None:
    """Source: Akka death watch, notify with one Terminated message when an Actor is stopped — once, after the mail that it had sent."""
    probe = tree.probe()
    ref = await tree.start(Player, stage)
    probe.watch(ref)
    await ref.stop()
    assert (await probe.expect_down(ref)).reason == await ref.wait_stopped()
    await probe.expect_nothing(within=100.0)


async def test_a_watch_over_one_that_has_ended_is_answered_at_once(tree: Tree, stage: Stage) -> None:
    """Source: Akka death watch, notify with one Terminated message when an Actor is already dead — at once, and once."""
    probe = tree.probe()
    ref = await tree.start(Player, stage)
    await ref.stop()
    probe.watch(ref)
    await probe.expect_down(ref, within=0.1)
    await probe.expect_nothing(within=100.0)


async def test_all_watchers_are_told_once_each(tree: Tree, stage: Stage) -> None:
    """Source: Akka death watch, notify with all monitors with one Terminated message when an Actor is stopped — each of them."""
    probes = [tree.probe() for _ in range(3)]
    ref = await tree.start(Player, stage)
    for probe in probes:
        probe.watch(ref)
    await ref.kill()
    for probe in probes:
        await probe.expect_down(ref)
        await probe.expect_nothing()


async def test_who_has_stopped_watching_is_not_told(tree: Tree, stage: Stage) -> None:
    """Source: Akka death watch, notify with _current_ monitors with one Terminated message when an Actor is stopped — those who watch at its end."""
    probes = [tree.probe() for _ in range(3)]
    ref = await tree.start(Player, stage)
    monitors = [probe.watch(ref) for probe in probes]
    monitors[1].cancel()
    await ref.stop()
    for probe in (probes[0], probes[2]):
        await probe.expect_down(ref)
    await probes[1].expect_nothing()


async def test_a_restart_is_no_end(tree: Tree, stage: Stage) -> None:
    """Source: Akka death watch, notify with a Terminated message once when an Actor is stopped but not when restarted — a watch goes on over
    restarts.
    """
    probe = tree.probe()
    ref = await tree.start(Player, stage, restart="permanent")
    probe.watch(ref)
    await crash(ref, ref)
    await probe.expect_nothing()
    assert await ref.ask(Incarnation()) == 3
    await ref.stop()
    await probe.expect_down(ref)


async def test_a_watch_over_one_incarnation_ends_with_that(tree: Tree, stage: Stage) -> None:
    """Source: Akka death watch, notify with a Terminated message once when an Actor is stopped but not when restarted — what a pinned ref is for.

    Departs: a ref that is pinned to an incarnation can be watched too, and ends with its crash.
    """
    probe = tree.probe()
    ref = await tree.start(Player, stage, restart="permanent")
    pinned = ref.pin()
    probe.watch(pinned)
    await crash(ref)
    assert isinstance((await probe.expect_down(pinned)).reason, Crashed)
    await ref.stop()
    await probe.expect_nothing()


async def test_a_child_of_the_same_name_is_another_one(tree: Tree, stage: Stage) -> None:
    """Source: Akka death watch, be able to watch a child with the same name after the old died — each is watched for itself."""
    probe = tree.probe()
    refs: list[ActorRef[Any]] = []
    for _ in range(2):
        ref = await tree.start(Player, stage, name="kid")
        probe.watch(ref)
        ref.tell("leave")
        assert (await probe.expect_down(ref)).ref is ref
        refs.append(ref)
    assert refs[0] != refs[1]


async def test_only_who_watches_is_told(tree: Tree, stage: Stage) -> None:
    """Source: Akka death watch, only notify when watching — an end that was not watched is nobody's message."""
    probe = tree.probe()
    team = tree.start_supervisor("team")
    await team.wait_ready()
    ref, other = [await team.start(Player, stage) for _ in range(2)]
    for watched in (team.ref, other):  # whoever is near it
        probe.watch(watched)
    await ref.stop()
    await probe.expect_nothing()


class Watcher(Actor[Any]):
    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen
        self.monitor: Monitor | None = None

    async def receive(self, message: Any, ctx: Context) -> None:
        match message:
            case ("watch", ref):
                self.monitor = ctx.monitor(ref)
            case "unwatch":
                await trio.sleep(1)
                assert self.monitor is not None
                self.monitor.cancel()
            case _:
                self.seen.append(message)


@pytest.mark.parametrize("unwatches", [True, False])
async def test_what_is_queued_of_a_watch_goes_with_it(tree: Tree, stage: Stage, unwatches: bool) -> None:
    """Source: Akka death watch, discard Terminated when unwatched between sysmsg and processing — after the unwatch none comes, not even a queued
    one.
    """
    seen: list[Any] = []
    watcher = await tree.start(Watcher, seen)
    ref = await tree.start(Player, stage)
    watcher.tell(("watch", ref))
    watcher.tell("unwatch" if unwatches else "x")
    await settle()
    await ref.stop()
    watcher.tell("after")
    await trio.sleep(2)
    kept = [type(each) if isinstance(each, Down) else each for each in seen]
    assert kept == (["after"] if unwatches else ["x", Down, "after"])


async def test_a_watcher_may_say_it_in_its_own_words(tree: Tree, stage: Stage) -> None:
    """Source: Akka death watch, watch with custom message — the watcher gets a message of its own making.

    Departs: there is one kind of message; it holds the ref and the reason, by which the watcher makes its own.
    """
    probe = tree.probe()
    ref = await tree.start(Player, stage)
    probe.watch(ref)
    await crash(ref)
    down = await probe.expect(lambda message: isinstance(message, Down) and message.ref is ref)
    assert isinstance(down.reason, Crashed)
