"""Supervisors below supervisors: registered with all they declare, restarted with their children's places kept, and escalating."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRestarting,
    ActorStopped,
    Backoff,
    ChildrenFailed,
    ChildSpec,
    Context,
    Escalated,
    Intensity,
    InvalidSpec,
    LimitReached,
    Limits,
    NoSupervisor,
    RestartIntensityExceeded,
    Shutdown,
    StartupFailed,
    StartupInProgress,
    SupervisorSpec,
    open_supervisor,
)
from greenroom.testing import open_tree

from .children import Boom, Child, Events, Who, specs, taken


async def test_a_supervisor_is_registered_at_once_with_all_that_it_declares() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        inner = SupervisorSpec("inner", specs(events, "xy"))
        team = root.start_supervisor("team", [*specs(events, "a"), inner])
        assert [info.path for info in root.tree().walk()] == [
            "/stage", "/stage/team", "/stage/team/a", "/stage/team/inner", "/stage/team/inner/x", "/stage/team/inner/y",
        ]  # fmt: skip
        assert [info.kind for info in root.tree().walk()].count("supervisor") == 3
        with pytest.raises(StartupInProgress, match="is starting and takes no new children"):
            team.start_soon(Child, events, name="more")
        answer: list[Any] = []

        async def ask() -> None:
            answer.append(await root.lookup("team/inner/y").ask(Who(), timeout=5))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await team.wait_ready()
        assert taken(events, "start") == "start a start x start y"
        assert answer == ["y"]
        assert root.count_children() == {"specs": 1, "active": 1, "supervisors": 1, "workers": 0}
        assert root.lookup_supervisor("team/inner").which_children()[0].name == "x"
        with pytest.raises(NoSupervisor, match="/stage/team/a: is no supervisor"):
            root.lookup_supervisor("team/a")


async def test_a_refused_set_leaves_no_trace() -> None:
    events: Events = []
    async with open_tree("stage", limits=Limits(max_actors=4)) as root:
        with pytest.raises(LimitReached):
            root.start_supervisor("team", specs(events, "abc"))
        assert root.which_children() == []
        root.start_supervisor("team", specs(events, "ab"))
        assert len(list(root.tree().walk())) == 4
        with pytest.raises(InvalidSpec) as caught:
            root.start_supervisor(
                "other",
                [ChildSpec("a", Failing, [1]), SupervisorSpec("s", [ChildSpec("B", Child, [events])])],
            )
        assert str(caught.value).splitlines() == [
            (
                "children[0] ('a'): Failing(): takes 0 positional arguments, got 1; "
                "keyword arguments go in with functools.partial, or as kwargs of a ChildSpec"
            ),
            "children[1] ('s').children[0] ('B'): name: 'B' is no name; use 1 to 64 of the characters a-z, 0-9, _ and -",
        ]


async def test_a_restarted_supervisor_keeps_the_places_of_its_declared_children_and_ends_the_others() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", specs(events, "ab"))
        await team.wait_ready()
        late = await team.start(Child, events, name="late", restart="permanent")
        a, b = team.which_children()[:2]
        uids = a.uid, b.uid
        seen: list[str] = []

        async def ask() -> None:
            seen.append(await b.ask(Who(), timeout=60))

        async with trio.open_nursery() as nursery:
            events.clear()
            team.ref.crash(Boom())
            b.tell("waits")
            nursery.start_soon(ask)
        await wait_all_tasks_blocked()
        assert (a.uid, b.uid) == uids
        assert (a.incarnation, b.incarnation) == (2, 2)
        assert seen == ["b"]
        assert late.lifecycle == "stopped"
        assert [ref.name for ref in team.which_children()] == ["a", "b"]
        assert taken(events, "stop", "start") == "stop late stop b stop a start a start b"
        assert team.ref.incarnation == 2


async def test_parked_children_are_started_with_a_restarted_supervisor() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", specs(events, "ab"))
        await team.wait_ready()
        await team.terminate_child("b")
        team.ref.crash(Boom())
        await wait_all_tasks_blocked()
        assert [info.lifecycle for info in team.tree().children] == ["ready", "ready"]


async def test_what_was_kept_for_a_restart_that_does_not_come_ends_with_its_supervisor() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        slow = ChildSpec("slow", Child, [events], kwargs={"lingers": 2.0})
        inner = SupervisorSpec("inner", [slow, *specs(events, "ab")])
        outer = SupervisorSpec("outer", [inner])
        top = root.start_supervisor("top", [outer], restart="temporary", intensity=Intensity(0))
        await top.wait_ready()
        probe = root.probe()
        a, b = root.lookup("top/outer/inner/a"), root.lookup("top/outer/inner/b")
        probe.watch(a)
        root.expect_dead_letters("stopped", 1)
        await root.lookup_supervisor("top/outer/inner").terminate_child("b")
        root.lookup("top/outer").crash(Boom())
        await wait_all_tasks_blocked()
        assert a.lifecycle == "restarting"
        a.tell("never handled")
        assert (await probe.expect_down(a)).ref is a
        await wait_all_tasks_blocked()
        assert [ref.name for ref in root.which_children()] == ["probe-1"]
        assert a.lifecycle == b.lifecycle == "stopped"
        assert a.exit_reason == Shutdown("ended with its supervisor")


async def test_a_child_of_a_supervisor_that_restarts_takes_no_children_meanwhile() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", specs(events, "a", shutdown=9.0), backoff=Backoff(5.0, 9.0))
        await team.wait_ready()
        team.ref.crash(Boom())
        await wait_all_tasks_blocked()
        team.ref.crash(Boom())
        await wait_all_tasks_blocked()
        assert team.ref.lifecycle == "restarting"
        assert root.which_child("team").next_retry is not None
        with pytest.raises(ActorRestarting, match="is restarting and takes no new children"):
            team.start_soon(Child, events, name="b")
        assert [info.lifecycle for info in team.tree().children] == ["restarting"]
        await root.terminate_child("team")
        assert team.which_children() == []
        with pytest.raises(ActorStopped):
            team.start_soon(Child, events, name="b")


class Failing(Actor[Any]):
    async def startup(self, ctx: Context) -> None:
        raise Boom("no")


async def test_an_inline_supervisor_that_does_not_start_fails_the_one_above_with_all_causes() -> None:
    events: Events = []
    inner = SupervisorSpec("inner", [*specs(events, "b"), ChildSpec("bad", Failing)])
    with pytest.raises(StartupFailed) as caught:
        async with open_supervisor("stage", children=[*specs(events, "a"), inner, *specs(events, "z")]):
            raise AssertionError
    error = caught.value.error
    assert isinstance(error, ChildrenFailed)
    assert error.rolled_back == ("/stage/a",)
    below = error.__cause__
    assert isinstance(below, ChildrenFailed)
    assert below.rolled_back == ("/stage/inner/b",)
    assert isinstance(below.__cause__, Boom)
    assert taken(events, "start", "stop") == "start a start b stop b stop a"


async def test_escalation_goes_up_with_the_whole_chain_of_causes() -> None:
    reports: list[Any] = []
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises when it is left
        async with open_supervisor("stage", intensity=Intensity(0)) as root:
            events: Events = []
            inner = SupervisorSpec("inner", specs(events, "a"), intensity=Intensity(0))
            team = root.start_supervisor("team", [inner], intensity=Intensity(0))
            await team.wait_ready()
            root.lookup("team/inner/a").tell(Boom("deep"))
            await trio.sleep_forever()
    chain: list[BaseException | None] = list(caught.value.exceptions)
    while chain[-1] is not None:
        chain.append(chain[-1].__cause__)
    assert [str(getattr(error, "child", error)) for error in chain] == [
        "/stage/team", "/stage/team/inner", "/stage/team/inner/a", "deep", "None",
    ]  # fmt: skip
    assert all(isinstance(error, RestartIntensityExceeded) for error in chain[:3])
    assert reports == []


async def test_a_supervisor_that_gave_up_is_restarted_by_the_one_above() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", specs(events, "ab"), restart="transient", intensity=Intensity(0))
        await team.wait_ready()
        a = root.lookup("team/a")
        a.tell(Boom())
        await wait_all_tasks_blocked()
        assert team.ref.incarnation == 2
        assert (a.lifecycle, a.incarnation) == ("ready", 2)
        report: Any = root.reports.drain()[0]
        assert isinstance(report.reason, Escalated)


async def test_start_retry_tries_the_whole_start_again() -> None:
    events: Events = []
    failures = {"b": 2}
    children = [ChildSpec(name, Child, [events], kwargs={"failures": failures}) for name in "ab"]
    async with open_tree("stage", children=children, start_retry=Backoff(3.0, 10.0)) as root:
        assert taken(events, "start", "stop") == "start a start b stop b stop a " * 2 + "start a start b"
        assert trio.current_time() >= 3.0
        assert [ref.uid for ref in root.which_children()] == [2, 3]


async def test_start_retry_gives_up_after_its_attempts() -> None:
    events: Events = []
    children = [*specs(events, "a"), ChildSpec("bad", Failing)]
    with pytest.raises(StartupFailed, match="bad"):
        async with open_supervisor("stage", children=children, start_retry=Backoff(1.0, 1.0, max_attempts=2)):
            raise AssertionError
    assert taken(events, "start") == "start a start a start a"


async def test_a_tree_of_500_levels_starts_escalates_and_ends_without_recursion() -> None:
    events: Events = []
    spec: Any = SupervisorSpec("s", specs(events, "x"), intensity=Intensity(0))
    for _ in range(498):
        spec = SupervisorSpec("s", [spec], intensity=Intensity(0))
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises when it is left
        async with open_supervisor("stage", children=[spec], intensity=Intensity(0)) as root:
            assert sum(1 for _ in root.tree().walk()) == 501
            path = "/".join(["s"] * 499 + ["x"])
            root.lookup(path).tell(Boom("deep"))
            await trio.sleep_forever()
    error: BaseException | None = caught.value.exceptions[0]
    depth = 0
    while isinstance(error, RestartIntensityExceeded):
        depth += 1
        error = error.__cause__
    assert depth == 500
    assert isinstance(error, Boom)
    assert "gave up on" in repr(caught.value)


async def test_a_kept_child_shows_why_it_waits() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", [ChildSpec("a", Child, [events], kwargs={"slow": 1.0})])
        await team.wait_ready()
        team.ref.crash(Boom())
        await wait_all_tasks_blocked()
        await trio.sleep(0.5)
        info = root.tree().find("/stage/team/a")
        assert info is not None
        assert info.lifecycle == "initializing"
        assert info.incarnation == 2
        assert "shutdown" in info.last_exit
        await team.wait_ready()


async def test_a_declared_temporary_child_is_started_with_its_arguments_by_a_restarted_supervisor() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", specs(events, "a", restart="temporary"))
        await team.wait_ready()
        team.ref.crash(Boom())
        await wait_all_tasks_blocked()
        assert await root.lookup("team/a").ask(Who(), timeout=1) == "a"


async def test_what_a_supervisor_is_told_by_mistake_ends_nobody_and_who_asks_it_is_told_so() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", specs(events, "a"))
        await team.wait_ready()
        for ref in (root.ref, team.ref):
            ref.tell("lost")
            with pytest.raises(TypeError, match="is a supervisor and handles no mail"):
                await ref.ask(Who(), timeout=1)
        assert (team.ref.incarnation, root.lookup("team/a").incarnation) == (1, 1)
