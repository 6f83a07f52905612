"""Attempts in a row: what counts as one, and that only having been ready for long enough ends the row."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    Agent,
    Backoff,
    ChildSpec,
    Context,
    Intensity,
    RestartIntensityExceeded,
    StartupFailed,
    Turn,
)
from greenroom import open_supervisor as open_bare
from greenroom.testing import open_tree

from .children import Boom


class Unready(Actor[Any]):
    """Take long to start, and do what the plan says then; crash when told to."""

    def __init__(self, plan: Iterator[str], slow: float = 30.0) -> None:
        self._plan = plan
        self._slow = slow

    async def startup(self, ctx: Context) -> None:
        what = next(self._plan, "ready")
        if what != "ready":
            await trio.sleep(self._slow)
        if what == "fail":
            raise Boom
        if what == "leave":
            ctx.stop()
        if what == "cancelled":
            with trio.CancelScope() as scope:
                scope.cancel()
                try:
                    await trio.lowlevel.checkpoint()
                except trio.Cancelled as error:
                    cancelled = error
            raise cancelled

    def receive(self, message: Any, ctx: Context) -> None:
        raise message


@pytest.mark.parametrize(
    "plan", [["fail", "leave", "fail"], ["leave", "leave", "leave"], ["fail", "cancelled", "fail"]]
)
async def test_an_attempt_that_never_became_ready_counts_whatever_it_ended_for(plan: Iterable[str]) -> None:
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_bare("stage", intensity=Intensity(2, 5.0)) as root:
            root.start_soon(Unready, iter(plan), restart="permanent")
            await trio.sleep_forever()
    assert caught.group_contains(RestartIntensityExceeded)
    assert trio.current_time() == 90.0


@pytest.mark.parametrize("last", ["fail", "leave", "cancelled"])
async def test_a_start_that_takes_long_and_fails_is_no_time_of_being_ready_for_a_backoff(last: str) -> None:
    """Its group was restarted a second after it had become ready; the minute that its next start took is none of its ready time."""
    plan = iter(["ready", "fail", "ready", last])
    backoff = Backoff(1.0, 100.0, factor=10, reset_after=20.0)
    children = [
        ChildSpec("a", Unready, [iter(())]),
        ChildSpec("b", Unready, [plan, 60.0], backoff=backoff, startup="deferred"),
    ]
    async with open_tree("stage", strategy="one_for_all", children=children) as root:
        a, b = root.which_children()
        await b.wait_ready()
        b.tell(Boom())  # the first in a row; what follows is the second, and its delay a second
        await trio.sleep(62)
        assert (b.lifecycle, b.incarnation) == ("ready", 3)
        a.tell(Boom())
        await trio.sleep(60.5)
        assert root.which_child("b").next_retry == pytest.approx(trio.current_time() - 0.5 + 10.0)
        await trio.sleep(15)
        root.reports.drain()


async def test_the_time_for_which_a_child_was_ready_ends_the_row_also_if_its_end_was_not_counted() -> None:
    plan = iter(["ready", "fail", "ready", "fail"])
    backoff = Backoff(1.0, 100.0, factor=10, reset_after=20.0)
    children = [
        ChildSpec("a", Unready, [iter(())]),
        ChildSpec("b", Unready, [plan, 5.0], backoff=backoff, startup="deferred"),
    ]
    async with open_tree("stage", strategy="one_for_all", children=children) as root:
        a, b = root.which_children()
        await b.wait_ready()
        b.tell(Boom())
        await trio.sleep(30)
        a.tell(Boom())
        await wait_all_tasks_blocked()
        assert (b.lifecycle, b.incarnation) == ("initializing", 4)
        await trio.sleep(5)
        await wait_all_tasks_blocked()
        assert (b.lifecycle, b.incarnation) == ("ready", 5)  # at once: it is the first in a row again
        root.reports.drain()


class Dozer(Agent[Any]):
    def __init__(self, plan: Iterator[str]) -> None:
        self._plan = plan

    async def startup(self, ctx: Context) -> None:
        if next(self._plan, "ready") == "fail":
            raise Boom

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        pass


async def test_the_time_for_which_an_agent_rests_does_not_end_the_row() -> None:
    plan = iter(["ready", "fail", "ready", "fail"])
    backoff = Backoff(1.0, 100.0, factor=10, reset_after=20.0)
    async with open_tree("stage", children=[ChildSpec("a", Dozer, [plan], backoff=backoff)]) as root:
        a = root.lookup("a")
        a.crash(Boom())
        await trio.sleep(2)
        assert (a.lifecycle, a.incarnation) == ("ready", 3)
        a.rest()
        await trio.sleep(60)
        a.tell("wake")  # which fails: the third in a row
        await wait_all_tasks_blocked()
        assert root.which_child("a").next_retry == pytest.approx(trio.current_time() + 10.0)
        await a.wait_ready()
        root.reports.drain()


async def test_the_time_for_which_an_agent_rests_is_no_ready_time_either_if_it_is_ended_meanwhile() -> None:
    plan = iter(["ready", "fail", "ready", "fail"])
    backoff = Backoff(1.0, 100.0, factor=10, reset_after=20.0)
    async with open_tree("stage", children=[ChildSpec("a", Dozer, [plan], backoff=backoff)]) as root:
        a = root.lookup("a")
        a.crash(Boom())  # the first in a row; what follows fails to start, and is the second
        await trio.sleep(2)
        a.rest()
        await trio.sleep(60)
        await root.terminate_child("a")
        with pytest.raises(StartupFailed):
            await root.restart_child("a")
        await root.restart_child("a")
        a.crash(Boom())  # the third: it was ready for 2 s
        await wait_all_tasks_blocked()
        assert root.which_child("a").next_retry == pytest.approx(trio.current_time() + 10.0)
        await a.wait_ready()
        root.reports.drain()


@pytest.mark.parametrize("seconds", [4, 6])
async def test_the_time_for_which_an_agent_is_ready_adds_up_over_its_rests(seconds: int) -> None:
    """It is ready for some seconds thrice, and rests in between for much longer; `reset_after` is more than each of these, and less than 3 * 6."""
    plan = iter(["ready", "fail"])
    backoff = Backoff(1.0, 100.0, factor=10, reset_after=17.0)
    async with open_tree("stage", children=[ChildSpec("a", Dozer, [plan], backoff=backoff)]) as root:
        a = root.lookup("a")
        a.crash(Boom())  # the first in a row; what follows fails to start, and is the second
        await trio.sleep(1)
        for _ in range(2):
            await trio.sleep(seconds)
            a.rest()
            await trio.sleep(60)
            a.tell("wake")
            await a.wait_ready()
        await trio.sleep(seconds)
        incarnation = a.incarnation
        a.crash(Boom())
        await wait_all_tasks_blocked()
        retry = root.which_child("a").next_retry
        if seconds == 4:
            assert retry == pytest.approx(trio.current_time() + 10.0)  # the third
        else:
            assert (a.lifecycle, a.incarnation, retry) == ("ready", incarnation + 1, None)  # the first again
        await a.wait_ready()
        root.reports.drain()


async def test_a_wake_that_fails_ends_what_has_added_up() -> None:
    plan = iter(["ready", "ready", "fail", "ready", "ready"])
    backoff = Backoff(1.0, 100.0, factor=10, reset_after=15.0)
    async with open_tree("stage", children=[ChildSpec("a", Dozer, [plan], backoff=backoff)]) as root:
        a = root.lookup("a")
        a.crash(Boom())
        await trio.sleep(10)
        a.rest()
        await trio.sleep(60)
        a.tell("wake")  # which fails, and is the second in a row
        await trio.sleep(1)
        await a.wait_ready()
        await trio.sleep(10)
        a.crash(Boom())  # the third, as it was ready for no more than 10 s since the last end
        await wait_all_tasks_blocked()
        assert root.which_child("a").next_retry == pytest.approx(trio.current_time() + 10.0)
        await a.wait_ready()
        root.reports.drain()
