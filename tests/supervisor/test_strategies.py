"""Strategies: who is stopped and started with a failed child, in which order, and how often that counts."""

from itertools import product
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    Backoff,
    ChildSpec,
    Context,
    Intensity,
    RestartIntensityExceeded,
    Strategy,
    open_supervisor,
)
from greenroom.supervisor._strategy import GROUPS, STRATEGIES, first_of_group, shuts_down
from greenroom.testing import open_tree

from .children import Boom, Child, Events, Who, specs, taken

#: strategy and failed child -> stops in order, starts in order.
ORDERS: dict[tuple[Strategy, str], tuple[str, str]] = {
    ("one_for_one", "b"): ("b", "b"),
    ("one_for_all", "a"): ("a d c b", "a b c d"),
    ("one_for_all", "b"): ("b d c a", "a b c d"),
    ("one_for_all", "d"): ("d c b a", "a b c d"),
    ("rest_for_one", "a"): ("a d c b", "a b c d"),
    ("rest_for_one", "b"): ("b d c", "b c d"),
    ("rest_for_one", "d"): ("d", "d"),
}


@pytest.mark.parametrize(("strategy", "failed", "pending"), list(product(STRATEGIES, range(4), [None, 0, 2])))
def test_the_first_of_a_group_by_strategy_failed_child_and_pending_group(
    strategy: Strategy, failed: int, pending: int | None
) -> None:
    wanted = {"first": 0, "failed": failed, None: None}[GROUPS[strategy]]
    if wanted is not None and pending is not None:
        wanted = min(wanted, pending)
    assert first_of_group(strategy, failed, pending) == wanted


@pytest.mark.parametrize("others", [False, True])
def test_the_whole_table_of_automatic_shutdown(*, others: bool) -> None:
    assert not shuts_down("never", others_alive=others)
    assert shuts_down("any_significant", others_alive=others)
    assert shuts_down("all_significant", others_alive=others) is not others


@pytest.mark.parametrize(("strategy", "failed"), list(ORDERS))
async def test_members_stop_in_reverse_order_and_start_in_order(strategy: Strategy, failed: str) -> None:
    events: Events = []
    async with open_tree("stage", strategy=strategy, children=specs(events, "abcd")) as root:
        assert taken(events, "start", "ready") == " ".join(f"start {each} ready {each}" for each in "abcd")
        uids = [ref.uid for ref in root.which_children()]
        root.lookup(failed).tell(Boom())
        await wait_all_tasks_blocked()
        stops, starts = ORDERS[strategy, failed]
        log = taken(events, "stop", "start").split()
        assert log == [
            *(word for each in stops.split() for word in ("stop", each)),
            *(word for each in starts.split() for word in ("start", each)),
        ]
        assert [ref.uid for ref in root.which_children()] == uids
        for ref in root.which_children():
            assert ref.incarnation == (2 if ref.name in starts.split() else 1)
            assert await ref.ask(Who(), timeout=1) == ref.name


async def test_each_is_started_after_the_inline_ones_before_it_are_ready_and_deferred_ones_are_not_waited_for() -> None:
    events: Events = []
    children = [
        ChildSpec("a", Child, [events], kwargs={"slow": 3.0}),
        ChildSpec("b", Child, [events], kwargs={"slow": 5.0}, startup="deferred"),
        ChildSpec("c", Child, [events]),
    ]
    async with open_tree("stage", strategy="one_for_all", children=children) as root:
        assert taken(events, "start", "ready") == "start a ready a start b start c ready c"
        await root.lookup("b").wait_ready()
        events.clear()
        root.lookup("a").tell(Boom())
        await trio.sleep(4)
        assert taken(events, "start", "ready") == "start a ready a start b start c ready c"


async def test_mail_waits_while_its_group_restarts_and_none_is_handled_before_ready() -> None:
    events: Events = []
    children = [ChildSpec("a", Child, [events]), ChildSpec("b", Child, [events], kwargs={"slow": 2.0, "lingers": 3.0})]
    async with open_tree("stage", strategy="one_for_all", children=children) as root:
        events.clear()
        b = root.lookup("b")
        async with trio.open_nursery() as nursery:
            root.lookup("a").tell(Boom())
            await wait_all_tasks_blocked()
            begin = trio.current_time()
            answers: list[tuple[str, float]] = []

            async def ask() -> None:
                answer = await b.ask(Who(), timeout=60)
                answers.append((answer, trio.current_time() - begin))

            nursery.start_soon(ask)
        assert answers == [("b", 5.0)]


async def test_a_group_restart_counts_as_one() -> None:
    events: Events = []
    async with open_tree(
        "stage", strategy="one_for_all", intensity=Intensity(1, within=10), children=specs(events, "abc")
    ) as root:
        root.lookup("b").tell(Boom())
        await wait_all_tasks_blocked()
        assert [ref.incarnation for ref in root.which_children()] == [2, 2, 2]


async def test_the_next_failure_past_the_intensity_gives_up() -> None:
    events: Events = []
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises when it is left
        async with open_supervisor(
            "stage", strategy="one_for_all", intensity=Intensity(1, within=10), children=specs(events, "abc")
        ) as root:
            root.lookup("b").tell(Boom())
            await wait_all_tasks_blocked()
            root.lookup("c").tell(Boom("twice"))
            await trio.sleep_forever()
    (error,) = caught.value.exceptions
    assert isinstance(error, RestartIntensityExceeded)
    assert isinstance(error.__cause__, Boom)
    assert error.child == "/stage/c"


@pytest.mark.parametrize(("strategy", "again"), [("one_for_all", "a b c a b c"), ("rest_for_one", "a b c b c")])
async def test_a_failure_while_starting_counts_and_begins_again(strategy: Strategy, again: str) -> None:
    events: Events = []
    failures: dict[str, int] = {}
    children = [ChildSpec(name, Child, [events], kwargs={"failures": failures}) for name in "abc"]
    async with open_tree("stage", strategy=strategy, children=children, intensity=Intensity(2, within=10)) as root:
        events.clear()
        failures["b"] = 1
        root.lookup("a").tell(Boom())
        await wait_all_tasks_blocked()
        starts = [event.split()[1] for event in events if event.startswith("start")]
        # The third had not been started when the second failed.
        assert starts == again.replace(" c", "", 1).split()
        assert [ref.lifecycle for ref in root.which_children()] == ["ready"] * 3


async def test_ends_while_a_group_is_stopped_are_neither_judged_nor_counted() -> None:
    events: Events = []
    children = [
        ChildSpec("a", Child, [events]),
        ChildSpec("b", Child, [events]),
        ChildSpec("c", Child, [events], kwargs={"lingers": 5.0}, shutdown=10.0),
    ]
    async with open_tree("stage", strategy="one_for_all", children=children, intensity=Intensity(1, within=60)) as root:
        root.lookup("a").tell(Boom())
        await trio.sleep(1)  # c is being stopped, b has not been
        root.lookup("b").tell(Boom())
        await trio.sleep(10)
        assert [ref.incarnation for ref in root.which_children()] == [2, 2, 2]


async def test_a_straggler_holds_the_group_and_administration_still_answers() -> None:
    events: Events = []
    children = [
        ChildSpec("a", Child, [events]),
        ChildSpec("b", Child, [events]),
        ChildSpec("c", Child, [events], kwargs={"lingers": 50.0}, shutdown=60.0),
    ]
    async with open_tree("stage", strategy="one_for_all", children=children) as root:
        root.lookup("a").tell(Boom())
        await trio.sleep(1)
        assert root.count_children() == {"specs": 3, "active": 2, "supervisors": 0, "workers": 3}
        assert [info.lifecycle for info in root.tree().children] == ["restarting", "ready", "ready"]
        await root.terminate_child("b")
        assert root.which_child("b").lifecycle == "parked"
        await root.terminate_child("a")
        await trio.sleep(60)
        assert [info.lifecycle for info in root.tree().children] == ["parked", "parked", "ready"]
        root.delete_child("a")
        assert [ref.name for ref in root.which_children()] == ["b", "c"]


async def test_parked_ones_are_started_by_a_new_group_restart_and_not_by_the_retry_of_one() -> None:
    events: Events = []
    failures: dict[str, int] = {}
    children = [ChildSpec(name, Child, [events], kwargs={"failures": failures}, restart="transient") for name in "abc"]
    async with open_tree("stage", strategy="one_for_all", children=children, intensity=Intensity(9)) as root:
        await root.terminate_child("b")
        failures["a"] = 1
        root.lookup("c").tell(Boom())
        await wait_all_tasks_blocked()
        assert [info.lifecycle for info in root.tree().children] == ["ready"] * 3
        failures["a"] = 1
        events.clear()
        root.lookup("c").tell(Boom())
        await root.terminate_child("b")  # while its group restarts: it is taken out, and stays out
        await wait_all_tasks_blocked()
        assert [info.lifecycle for info in root.tree().children] == ["ready", "parked", "ready"]


async def test_only_an_end_that_leads_to_a_restart_triggers_a_group() -> None:
    events: Events = []
    children = [*specs(events, "a"), *specs(events, "b", restart="transient"), *specs(events, "c", restart="temporary")]
    async with open_tree("stage", strategy="one_for_all", children=children) as root:
        events.clear()
        root.lookup("b").tell("finish")
        root.lookup("c").tell(Boom())
        await wait_all_tasks_blocked()
        assert taken(events, "start") == ""
        assert [(info.name, info.lifecycle) for info in root.tree().children] == [("a", "ready"), ("b", "parked")]


async def test_a_temporary_member_that_is_declared_is_stopped_and_forgotten_and_one_started_at_run_time_goes_on() -> (
    None
):
    events: Events = []
    children = [*specs(events, "a"), *specs(events, "b", restart="temporary")]
    async with open_tree("stage", strategy="one_for_all", children=children) as root:
        c = root.start_soon(Child, events, name="c")
        await c.wait_ready()
        root.lookup("a").tell(Boom())
        await wait_all_tasks_blocked()
        assert [(info.name, info.incarnation) for info in root.tree().children] == [("a", 2), ("c", 1)]


async def test_permanent_children_started_at_run_time_take_part_in_their_place() -> None:
    events: Events = []
    async with open_tree("stage", strategy="rest_for_one", children=specs(events, "ab")) as root:
        for name in "cd":
            await root.start(Child, events, name=name, restart="permanent")
        events.clear()
        root.lookup("c").tell(Boom())
        await wait_all_tasks_blocked()
        assert taken(events, "stop", "start") == "stop c stop d start c start d"


async def test_a_group_waits_for_the_backoff_of_its_offender_after_the_last_has_ended() -> None:
    events: Events = []
    children = [
        *specs(events, "a", backoff=Backoff(4.0, 10.0)),
        ChildSpec("b", Child, [events], kwargs={"lingers": 2.0}),
    ]
    async with open_tree("stage", strategy="one_for_all", children=children) as root:
        root.lookup("a").tell(Boom())
        await trio.sleep(3)
        assert [info.lifecycle for info in root.tree().children] == ["ready", "ready"]
        root.lookup("a").tell(Boom())
        events.clear()
        begin = trio.current_time()
        await trio.sleep(5)
        assert [info.lifecycle for info in root.tree().children] == ["restarting", "restarting"]
        assert root.which_child("b").next_retry == begin + 6.0
        await trio.sleep(1.5)
        assert [info.incarnation for info in root.tree().children] == [3, 3]


async def test_a_failure_before_the_group_takes_it_in() -> None:
    events: Events = []
    children = [
        *specs(events, "ab"),
        ChildSpec("c", Child, [events], kwargs={"lingers": 5.0}, shutdown=10.0),
    ]
    async with open_tree(
        "stage", strategy="rest_for_one", children=children, intensity=Intensity(2, within=60)
    ) as root:
        root.lookup("b").tell(Boom())
        await trio.sleep(1)
        events.clear()
        root.lookup("a").tell(Boom())
        await trio.sleep(10)
        assert taken(events, "start") == "start a start b start c"
        assert [ref.incarnation for ref in root.which_children()] == [2, 2, 2]


async def test_a_crash_while_the_supervisor_starts_restarts_the_group_and_the_start_goes_on() -> None:
    events: Events = []

    async def crash_once(ctx: Context) -> None:
        events.append("start x")
        if ctx.ref.incarnation == 1:
            await trio.sleep(1)
            raise Boom
        await trio.sleep_forever()

    children: list[Any] = [
        ChildSpec("x", crash_once),
        ChildSpec("b", Child, [events], kwargs={"slow": 3.0}),
        *specs(events, "c"),
    ]
    async with open_tree("stage", strategy="one_for_all", children=children) as root:
        assert taken(events, "start") == "start x start b start x start b start c"
        assert [ref.lifecycle for ref in root.which_children()] == ["ready"] * 3


class Asks(Actor[Any]):
    """Ask another in its own turn."""

    def __init__(self, other: ActorRef[Any]) -> None:
        self._other = other

    async def receive(self, message: Any, ctx: Context) -> None:
        await self._other.ask(Who(), timeout=60)


class CrashesLate(Actor[Any]):
    """Crash a second after it was told to; answer all else."""

    async def receive(self, message: Any, ctx: Context) -> str:
        if message == "crash":
            await trio.sleep(1)
            raise Boom
        return "here"


async def test_a_member_whose_turn_waits_for_another_holds_nobody_up() -> None:
    async with open_tree("stage", strategy="rest_for_one") as root:
        refs: list[Any] = [await root.start(CrashesLate, name="store", restart="permanent")]
        refs[0].tell("crash")
        restarts: list[tuple[str, Any]] = [("a", "temporary"), ("b", "permanent"), ("c", "permanent")]
        for name, restart in restarts:
            refs.append(await root.start(Asks, refs[-1], name=name, restart=restart))
            refs[-1].tell("x")  # c waits for b, which waits for a, which is no member, and waits for the store
        root.expect_dead_letters("caller gone", 2)
        await trio.sleep(1.5)
        assert [info.incarnation for info in root.tree().children] == [2, 1, 2, 2]
        assert [info.lifecycle for info in root.tree().children] == ["ready"] * 4
