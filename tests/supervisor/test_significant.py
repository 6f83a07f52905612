"""Significant children, automatic shutdown, dynamic supervisors, partitions and backoff."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    Backoff,
    ChildSpec,
    Context,
    Ignore,
    InvalidSpec,
    LimitReached,
    RestartIntensityExceeded,
    Shutdown,
    SupervisorSpec,
    check_specs,
    open_supervisor,
)
from greenroom.supervisor._partition import place_of
from greenroom.testing import open_tree

from .children import Boom, Child, Events, specs, taken


def significant(events: Events, names: str, **options: Any) -> list[ChildSpec]:
    return specs(events, names, **{"significant": True, "restart": "transient", **options})


async def test_any_significant_child_that_ends_by_itself_ends_its_supervisor_in_good_order() -> None:
    events: Events = []
    async with open_tree(
        "stage", auto_shutdown="any_significant", children=[*significant(events, "ab"), *specs(events, "c")]
    ) as root:
        root.lookup("b").tell("finish")
        await root.wait_stopped()
        assert isinstance(root.ref.exit_reason, Shutdown)
        assert taken(events, "stop") == "stop b stop c stop a"
        await trio.lowlevel.checkpoint()  # the body goes on


async def test_all_significant_children_have_to_end() -> None:
    events: Events = []
    async with open_tree("stage", auto_shutdown="all_significant", children=significant(events, "ab")) as root:
        root.lookup("b").tell("finish")
        await wait_all_tasks_blocked()
        assert root.ref.lifecycle == "ready"
        root.lookup("a").tell("finish")
        await root.wait_stopped()


@pytest.mark.parametrize("how", ["terminate", "crash", "crash temporary"])
async def test_an_end_by_others_and_one_that_leads_to_a_restart_do_not_count(how: str) -> None:
    events: Events = []
    restart = "temporary" if how == "crash temporary" else "transient"
    async with open_tree(
        "stage", auto_shutdown="any_significant", children=significant(events, "a", restart=restart)
    ) as root:
        if how == "terminate":
            await root.terminate_child("a")
        else:
            root.lookup("a").tell(Boom())
        await wait_all_tasks_blocked()
        assert root.ref.lifecycle == ("ready" if how != "crash temporary" else "stopped")


class Idle(Actor[Any]):
    """Find nothing to do, at first or whenever it is started again."""

    def __init__(self, starts: Iterator[bool]) -> None:
        self._starts = starts

    async def startup(self, ctx: Context) -> None:
        if not next(self._starts):
            raise Ignore

    def receive(self, message: Any, ctx: Context) -> None:
        raise message


@pytest.mark.parametrize("restart", ["transient", "temporary"])
@pytest.mark.parametrize("auto_shutdown", ["any_significant", "all_significant"])
async def test_a_significant_child_that_finds_nothing_to_do_neither_ends_its_supervisor_nor_is_waited_for(
    auto_shutdown: Any, restart: Any
) -> None:
    events: Events = []
    idle = ChildSpec("idle", Idle, [iter([False])], restart=restart, significant=True)
    again = ChildSpec("again", Idle, [iter([True, False])], restart="transient", significant=True)
    children = [idle, *([] if restart == "temporary" else [again]), *significant(events, "a")]
    async with open_tree("stage", auto_shutdown=auto_shutdown, children=children) as root:
        assert root.ref.lifecycle == "ready"
        if restart == "transient":
            root.lookup("again").tell(Boom())
            await wait_all_tasks_blocked()
            assert root.which_child("again").lifecycle == "parked"
            root.reports.drain()
        assert root.ref.lifecycle == "ready"
        root.lookup("a").tell("finish")
        await root.wait_stopped()


async def test_a_parked_significant_child_is_not_waited_for() -> None:
    events: Events = []
    async with open_tree("stage", auto_shutdown="all_significant", children=significant(events, "ab")) as root:
        await root.terminate_child("b")
        root.lookup("a").tell("finish")
        await root.wait_stopped()


async def test_automatic_shutdown_goes_up_only_through_significant_supervisors() -> None:
    events: Events = []
    for is_significant in (False, True):
        below = SupervisorSpec(
            "below",
            significant(events, "a"),
            auto_shutdown="any_significant",
            restart="transient",
            significant=is_significant,
        )
        async with open_tree("stage", auto_shutdown="any_significant", children=[below]) as root:
            root.lookup("below/a").tell("finish")
            await wait_all_tasks_blocked()
            assert root.ref.lifecycle == ("stopped" if is_significant else "ready")
            if not is_significant:
                assert root.which_child("below").lifecycle == "parked"


async def test_a_significant_end_while_the_supervisor_starts_takes_effect_when_it_has_started() -> None:
    events: Events = []
    children = [*significant(events, "a"), ChildSpec("b", Child, [events], kwargs={"slow": 5.0})]
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", children, auto_shutdown="any_significant", restart="temporary")
        root.lookup("team/a").tell("finish")
        await trio.sleep(1)
        assert team.ref.lifecycle == "initializing"
        await team.wait_stopped()
        assert taken(events, "ready", "stop") == "ready a stop a ready b stop b"


async def test_a_dynamic_supervisor_bears_its_number_of_children_and_ends_them_together() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        pool = root.start_supervisor("pool", strategy="dynamic", max_children=3)
        await pool.wait_ready()
        for index in range(3):
            await pool.start(partial(Child, lingers=5.0), events, name=f"w{index}", restart="permanent")
        with pytest.raises(LimitReached, match="max_children=3"):
            pool.start_soon(Child, events)
        pool.lookup("w1").tell(Boom())
        await trio.sleep(1)
        with pytest.raises(LimitReached):
            pool.start_soon(Child, events)
        await trio.sleep(9)
        begin = trio.current_time()
        await pool.ref.stop()
        assert trio.current_time() - begin == 5.0


async def test_backoff_delays_grow_to_the_maximum_and_are_reset_by_a_ready_time() -> None:
    events: Events = []
    async with open_tree("stage", children=specs(events, "a", backoff=Backoff(1.0, 3.0, reset_after=10.0))) as root:
        a = root.lookup("a")
        delays: list[float] = []
        for _ in range(5):
            before = trio.current_time()
            incarnation = a.incarnation
            a.tell(Boom())
            while a.incarnation == incarnation or a.lifecycle != "ready":
                await a._slot.changed()
            delays.append(trio.current_time() - before)
        assert delays == [0, 1, 2, 3, 3]
        await trio.sleep(10)
        a.tell(Boom())
        await wait_all_tasks_blocked()
        assert a.lifecycle == "ready"


async def test_a_backoff_that_is_used_up_gives_up() -> None:
    events: Events = []
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises when it is left
        async with open_supervisor(
            "stage", children=specs(events, "a", backoff=Backoff(1.0, 3.0, max_attempts=1))
        ) as root:
            root.lookup("a").tell(Boom())
            await wait_all_tasks_blocked()
            root.lookup("a").tell(Boom())
            await trio.sleep_forever()
    (error,) = caught.value.exceptions
    assert isinstance(error, RestartIntensityExceeded)
    assert "more than 1 attempts in a row" in str(error)


async def test_a_termination_calls_a_pending_retry_off_and_mail_is_returned() -> None:
    events: Events = []
    async with open_tree("stage", children=specs(events, "a", backoff=Backoff(5.0, 5.0))) as root:
        a = root.lookup("a")
        for _ in range(2):
            a.tell(Boom())
            await wait_all_tasks_blocked()
        assert a.lifecycle == "restarting"
        a.tell("waits")
        root.expect_dead_letters("stopped", 1)
        await root.terminate_child("a")
        await trio.sleep(20)
        assert a.lifecycle == "parked"
        await root.restart_child("a")
        assert a.lifecycle == "ready"


async def test_partitions_are_copies_and_a_key_always_finds_the_same() -> None:
    made: list[int] = []

    def make(events: Events, index: int) -> Child:
        made.append(index)
        return Child(events)

    events: Events = []
    spec = SupervisorSpec(
        "cache", [ChildSpec("part", make, [events])], partitions=4, with_arguments=lambda args, index: (*args, index)
    )
    async with open_tree("stage", children=[spec]) as root:
        cache = root.lookup_supervisor("cache")
        assert cache.partitions == 4
        assert [ref.name for ref in cache.which_children()] == ["part-0", "part-1", "part-2", "part-3"]
        assert made == [0, 1, 2, 3]
        assert cache.partition(6).name == "part-2"
        assert cache.partition("x") == cache.partition("x")
        assert place_of("x", 4) == 0 or place_of("x", 4) in range(4)
        with pytest.raises(InvalidSpec, match="cannot be a key"):
            cache.partition([1])
        with pytest.raises(InvalidSpec, match="has no partitions"):
            root.partition(1)


def same(args: tuple[Any, ...], index: int) -> tuple[Any, ...]:
    assert index >= 0
    return args


async def test_a_partition_can_be_a_supervisor() -> None:
    events: Events = []
    spec = SupervisorSpec("pools", [SupervisorSpec("pool", strategy="dynamic", max_children=2)], partitions=3)
    async with open_tree("stage", children=[spec]) as root:
        pools = root.lookup_supervisor("pools")
        pool = root.lookup_supervisor(pools.partition("user 7").path)
        await pool.start(Child, events, name="a")
        assert sum(info.name == "a" for info in root.tree().walk()) == 1
        assert pools.count_children() == {"specs": 3, "active": 3, "supervisors": 3, "workers": 0}
    with pytest.raises(InvalidSpec) as caught:
        check_specs([SupervisorSpec("p"), SupervisorSpec("q")], partitions=2)
    assert "exactly one" in str(caught.value)
    with pytest.raises(InvalidSpec, match="with_arguments: a supervisor takes none"):
        check_specs([SupervisorSpec("p")], partitions=2, with_arguments=same)


class Broken(Exception):
    def __str__(self) -> str:
        raise OSError


def test_what_with_arguments_raises_is_one_more_thing_that_is_wrong_with_the_set() -> None:
    error, other = ValueError("no\nluck"), Broken()

    def breaks(args: tuple[Any, ...], index: int) -> list[Any]:
        if index == 1:
            raise error
        return [*args]

    def breaks_too(args: tuple[Any, ...], index: int) -> Iterator[Any]:
        yield from (*args, index)
        raise other

    inner = SupervisorSpec("cache", [ChildSpec("part", Child, [[]])], partitions=3, with_arguments=breaks)
    with pytest.raises(InvalidSpec) as caught:
        check_specs([inner, ChildSpec("B", Child, [[]])])
    assert str(caught.value).splitlines() == [
        "children[1] ('B'): name: 'B' is no name; use 1 to 64 of the characters a-z, 0-9, _ and -",
        "children[0] ('cache').children[0] ('part'): partition 1: with_arguments raised ValueError: no luck",
    ]
    assert caught.value.__cause__ is error
    with pytest.raises(InvalidSpec) as caught:
        check_specs([ChildSpec("part", Child, [[]])], partitions=2, with_arguments=breaks_too)
    assert str(caught.value) == (
        "children[0] ('part'): partition 0: with_arguments raised Broken: (its text could not be made)"
    )
    assert caught.value.__cause__ is other
    both = SupervisorSpec("more", [ChildSpec("part", Child, [[]])], partitions=3, with_arguments=breaks_too)
    with pytest.raises(InvalidSpec) as caught:
        check_specs([inner, both])
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert caught.value.__cause__.exceptions == (error, other)


async def test_a_supervisor_whose_with_arguments_raises_leaves_nothing_behind() -> None:
    def breaks(args: tuple[Any, ...], index: int) -> list[Any]:
        raise KeyError(index, *args)

    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec, match="partition 0: with_arguments raised KeyError: \\(0, \\[\\]\\)"):
            root.start_supervisor("cache", [ChildSpec("part", Child, [[]])], partitions=2, with_arguments=breaks)
        assert root.which_children() == []


def test_a_set_may_be_given_as_an_iterator() -> None:
    check_specs(iter([ChildSpec("part", Child, [[]])]), partitions=2)
    with pytest.raises(InvalidSpec, match="two"):
        check_specs((ChildSpec("part", takes_two, [1]) for _ in "x"), partitions=2)


async def takes_two(ctx: Any, one: Any, two: Any) -> None:
    """Take what nobody gives."""


def test_keys_of_other_types_are_other_keys() -> None:
    places = {place_of(key, 1_000_003) for key in ("1", b"1", 1.0, True, ("1",), ("1", ""), (("1",),), None)}
    assert len(places) == 8
    assert place_of(-1, 4) == 3
