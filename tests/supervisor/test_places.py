"""Places: which child comes before which, and which of them survive their supervisor's restart. Facts that a reference interpreter has brought up."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Backoff, ChildSpec, Ignore, Intensity, LimitReached, Limits, SupervisorSpec
from greenroom.testing import open_tree

from .children import Boom, Child, Events, Who, specs, taken


def seen(team: Any) -> list[tuple[str, str, int]]:
    """Return what there is of each child."""
    return [(info.name, info.lifecycle, info.incarnation) for info in team.tree().children]


async def test_a_declared_child_that_was_forgotten_has_its_old_place_after_a_restart_of_its_supervisor() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", [*specs(events, "a", restart="temporary"), *specs(events, "b")])
        await team.wait_ready()
        root.lookup("team/a").tell(Boom())
        await wait_all_tasks_blocked()
        events.clear()
        team.ref.crash(Boom())
        await wait_all_tasks_blocked()
        assert seen(team) == [("a", "ready", 1), ("b", "ready", 2)]
        assert taken(events, "start") == "start a start b"
        await team.ref.stop()
        assert [event for event in events if event.startswith("stop")] == ["stop a", "stop b"]  # temporary ones first


async def test_a_child_started_at_run_time_under_a_declared_name_ends_with_its_supervisors_incarnation() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", specs(events, "a", restart="temporary"))
        await team.wait_ready()
        await root.lookup("team/a").stop()
        late = team.start_soon(Child, events, name="a", restart="permanent")
        await late.wait_ready()
        team.ref.crash(Boom())
        await wait_all_tasks_blocked()
        assert late.lifecycle == "stopped"
        assert root.lookup("team/a").uid != late.uid
        assert seen(team) == [("a", "ready", 1)]


class Idler(Child):
    """Find nothing to do, or come to its end as it starts, so often."""

    async def startup(self, ctx: Any) -> None:
        await super().startup(ctx)
        if self._failures.get("ignore", 0) > 0:
            self._failures["ignore"] -= 1
            raise Ignore
        if self._failures.get("finish", 0) > 0:
            self._failures["finish"] -= 1
            ctx.stop("done")


@pytest.mark.parametrize("how", ["ignore", "stop"])
async def test_a_child_that_was_parked_while_its_supervisor_started_takes_part_in_the_next_group_restart(
    how: str,
) -> None:
    events: Events = []
    idle = {"ignore": int(how == "ignore")}
    children = [
        *specs(events, "a"),
        ChildSpec("b", Idler, [events], kwargs={"failures": idle, "slow": 1.0}),
        *specs(events, "c"),
    ]
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", children, strategy="one_for_all")
        await wait_all_tasks_blocked()
        if how == "stop":
            root.lookup("team/b").request_stop()
        await team.wait_ready()
        assert seen(team) == [("a", "ready", 1), ("b", "parked", 1), ("c", "ready", 1)]
        root.lookup("team/a").tell(Boom())
        await trio.sleep(2)
        assert seen(team) == [("a", "ready", 2), ("b", "ready", 2), ("c", "ready", 2)]


async def test_a_declared_child_keeps_its_place_though_its_startup_fails_while_its_supervisor_fails_to_start() -> None:
    events: Events = []
    failures = {"b": 1, "d": 1}
    children = [
        ChildSpec("b", Child, [events], kwargs={"slow": 1.0, "failures": failures}, startup="deferred"),
        ChildSpec("c", Child, [events], kwargs={"lingers": 3.0}, startup="deferred", restart="temporary"),
        ChildSpec("d", Child, [events], kwargs={"slow": 2.0, "failures": failures}),
    ]
    async with open_tree("stage") as root:
        root.start_supervisor("team", children, intensity=Intensity(0))
        d = root.lookup("team/d")
        d.tell("waits")
        await trio.sleep(10)
        assert failures == {"b": 0, "d": 0}
        assert (d.lifecycle, d.incarnation) == ("ready", 2)
        assert root.lookup("team/d").uid == d.uid


async def test_nobody_is_started_any_more_by_a_supervisor_that_is_about_to_end() -> None:
    events: Events = []
    idle: dict[str, int] = {}
    children = [
        ChildSpec("a", Idler, [events], kwargs={"failures": idle}, restart="transient", significant=True),
        *specs(events, "b"),
    ]
    async with open_tree("stage", intensity=Intensity(9)) as root:
        options: Any = {"strategy": "one_for_all", "auto_shutdown": "any_significant", "restart": "temporary"}
        for number in range(20):  # which task goes first is chance
            team = root.start_supervisor(f"team{number}", children, **options)
            await team.wait_ready()
            events.clear()
            idle["finish"] = 1
            root.lookup(f"team{number}/a").tell(Boom())
            await wait_all_tasks_blocked()
            assert team.ref.lifecycle == "stopped"
            assert taken(events, "start") == "start a"


async def test_an_inline_child_that_is_stopped_while_it_starts_holds_the_next_one_until_it_has_ended() -> None:
    events: Events = []
    children = [
        *specs(events, "a"),
        ChildSpec("b", Child, [events], kwargs={"slow": 9.0, "lingers": 2.0}),
        *specs(events, "c"),
    ]
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", children)
        await trio.sleep(1)
        root.lookup("team/b").request_stop()
        await trio.sleep(1)
        root.lookup("team/a").tell(Boom())  # somebody else's restart is no reason to go on
        await wait_all_tasks_blocked()
        assert seen(team) == [("a", "ready", 2), ("b", "stopping", 1), ("c", "queued", 1)]
        await trio.sleep(2)
        assert seen(team) == [("a", "ready", 2), ("b", "parked", 1), ("c", "ready", 1)]


async def test_a_group_whose_first_member_has_been_deleted_is_taken_in_by_the_next_one() -> None:
    events: Events = []
    slow_end = ChildSpec("c", Child, [events], kwargs={"lingers": 5.0}, shutdown=None)
    async with open_tree("stage", strategy="rest_for_one", children=[*specs(events, "ab"), slow_end]) as root:
        root.lookup("b").tell(Boom())
        await trio.sleep(1)
        await root.terminate_child("b")
        root.delete_child("b")
        late = await root.start(Child, events, name="late", restart="permanent")
        late.tell(Boom())
        await trio.sleep(10)
        assert seen(root) == [("a", "ready", 1), ("c", "ready", 2), ("late", "ready", 2)]


async def test_a_failure_after_a_group_that_is_being_started_does_not_forget_who_has_not_been() -> None:
    events: Events = []
    slow = ChildSpec("a", Child, [events], kwargs={"slow": 5.0})
    async with open_tree("stage", strategy="rest_for_one", children=[slow, *specs(events, "bc")]) as root:
        root.lookup("a").tell(Boom())
        await trio.sleep(1)
        late = await root.start(Child, events, name="late", restart="permanent")
        events.clear()
        late.tell(Boom())
        await trio.sleep(1)
        assert taken(events, "start") == ""  # each after the inline ones before it are ready
        await trio.sleep(9)
        assert taken(events, "start") == "start b start c start late"
        assert seen(root) == [("a", "ready", 2), ("b", "ready", 2), ("c", "ready", 2), ("late", "ready", 2)]


async def test_who_is_parked_by_an_update_counts_among_the_actors_when_it_is_started() -> None:
    events: Events = []
    async with open_tree("stage", children=specs(events, "ab"), limits=Limits(max_actors=3)) as root:
        root.update_specs(specs(events, "bac"))
        with pytest.raises(LimitReached):
            await root.restart_child("c")
        assert [info.name for info in root.tree().children] == ["b", "a", "c"]


async def test_children_below_a_supervisor_start_from_its_new_specification() -> None:
    events: Events = []
    async with open_tree("stage", children=[SupervisorSpec("team", specs(events, "ab"))]) as root:
        a = root.lookup("team/a")
        new = [ChildSpec("c", Child, [events]), ChildSpec("a", Other, [events])]
        root.update_specs([SupervisorSpec("team", new)])
        assert await a.ask(Who(), timeout=1) == "a"
        root.lookup("team").crash(Boom())
        await wait_all_tasks_blocked()
        team = root.lookup_supervisor("team")
        assert seen(team) == [("c", "ready", 1), ("a", "ready", 2)]
        assert await a.ask(Who(), timeout=1) == "other"
        root.update_specs([SupervisorSpec("team", [SupervisorSpec("a", specs(events, "x"))])])
        root.lookup("team").crash(Boom())
        await wait_all_tasks_blocked()
        assert seen(team) == [("a", "ready", 1)]
        assert a.lifecycle == "stopped"
        assert root.lookup("team/a/x").lifecycle == "ready"


class Other(Child):
    def receive(self, message: Any, ctx: Any) -> Any:
        return "other"


async def test_a_declared_child_of_another_specification_is_not_what_a_run_time_child_of_its_name_becomes() -> None:
    events: Events = []
    async with open_tree("stage", children=specs(events, "a", restart="temporary")) as root:
        root.update_specs([ChildSpec("a", Other, [events], restart="temporary")])
        await root.lookup("a").stop()
        late = await root.start(Child, events, name="a", restart="permanent")
        late.tell(Boom())
        await wait_all_tasks_blocked()
        assert await late.ask(Who(), timeout=1) == "a"


async def test_a_child_that_is_told_to_stop_while_its_supervisor_begins_is_ended_once() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        for number in range(20):  # which of the two goes first is chance
            team = root.start_supervisor(f"team{number}", specs(events, "ab"))
            a = root.lookup(f"team{number}/a")
            a.request_stop()
            team.update_specs(specs(events, "b"))
            await wait_all_tasks_blocked()
            assert seen(team)[0] == ("b", "ready", 1)
            assert a.lifecycle in ("parked", "stopped")


async def test_a_kept_child_that_is_told_to_stop_ends_once_with_the_place_of_its_supervisor() -> None:
    events: Events = []
    inner = SupervisorSpec("inner", specs(events, "a"))
    async with open_tree("stage") as root:
        slow = ChildSpec("slow", Child, [events], kwargs={"lingers": 2.0})
        top = root.start_supervisor("top", [slow, inner], restart="permanent")
        await top.wait_ready()
        a = root.lookup("top/inner/a")
        top.ref.crash(Boom())
        await wait_all_tasks_blocked()
        assert a.lifecycle == "restarting"
        a.request_stop()
        top.ref.request_stop()
        await trio.sleep(5)
        assert a.lifecycle == "stopped"
        assert top.ref.lifecycle == "parked"


async def test_a_kept_child_may_be_stopped_in_the_step_in_which_its_supervisor_is_forgotten() -> None:
    events: Events = []
    inner = SupervisorSpec("inner", specs(events, "a"))
    async with open_tree("stage") as root:
        top = root.start_supervisor("top", [inner], backoff=Backoff(5.0, 5.0))
        await top.wait_ready()
        for _ in range(2):
            top.ref.crash(Boom())
            await wait_all_tasks_blocked()
        a, below = root.lookup("top/inner/a"), root.lookup("top/inner")
        assert (a.lifecycle, top.ref.lifecycle) == ("restarting", "restarting")
        top.ref.request_stop()
        a.request_stop()
        await wait_all_tasks_blocked()
        assert (a.lifecycle, below.lifecycle) == ("stopped", "stopped")


@pytest.mark.parametrize(
    "how",
    ["it crashes", "it goes with its group", "its supervisor does", "its supervisor crashes", "it fails to start"],
)
async def test_the_children_of_a_temporary_supervisor_keep_their_places_if_and_only_if_it_keeps_its_own(
    how: str,
) -> None:
    events: Events = []
    failures: dict[str, int] = {}
    own = [*specs(events, "a"), ChildSpec("b", Child, [events], kwargs={"failures": failures})]
    inner = [SupervisorSpec("t", own, restart="temporary"), *specs(events, "x")]
    team = SupervisorSpec("team", inner, strategy="one_for_all")
    children = [team, *specs(events, "y")]
    if how == "it fails to start":
        failures["b"] = 1
    async with open_tree("stage") as root:
        root.start_supervisor("top", children, strategy="one_for_all")
        before = [root.lookup(path) for path in ("top/team/t", "top/team/t/a", "top/team/t/b")]
        await wait_all_tasks_blocked()
        t, a, _ = before
        if how == "it crashes":
            t.crash(Boom())
        elif how == "it goes with its group":
            root.lookup("top/team/x").tell(Boom())
        elif how == "its supervisor does":
            root.lookup("top/y").tell(Boom())
        elif how == "its supervisor crashes":
            root.lookup("top/team").crash(Boom())
        is_kept = not how.startswith(("it crashes", "it goes"))
        if is_kept:
            assert await a.ask(Who(), timeout=1) == "a"
        await wait_all_tasks_blocked()
        if not is_kept:
            assert [ref.lifecycle for ref in before] == ["stopped"] * 3
            assert [info.name for info in root.lookup_supervisor("top/team").tree().children] == ["x"]
        else:
            assert [root.lookup(ref.path) for ref in before] == before
            assert [(ref.lifecycle, ref.incarnation) for ref in before] == [("ready", 2)] * 3
            assert root.dead_letters.lost_mail == 0
        root.reports.drain()


async def test_a_parked_supervisor_keeps_its_place_over_a_restart_of_its_own_supervisor() -> None:
    events: Events = []
    spec = SupervisorSpec("team", [SupervisorSpec("inner", specs(events, "a"), keys=["inner"])])
    async with open_tree("stage", children=[spec]) as root:
        team = root.lookup_supervisor("team")
        inner = root.lookup("team/inner")
        await team.terminate_child("inner")
        async with root.registry.subscribe() as feed:
            await anext(feed)
            team.ref.crash(Boom())
            await wait_all_tasks_blocked()
            assert root.lookup("team/inner") is inner
            assert (inner.lifecycle, inner.incarnation) == ("ready", 2)
            assert root.registry.whereis("inner") is inner
            with trio.move_on_after(1) as scope:
                await anext(feed)
            assert scope.cancelled_caught
        team.update_specs([SupervisorSpec("inner"), SupervisorSpec("new", specs(events, "b"))])
        new = root.lookup("team/new")
        assert new.lifecycle == "parked"
        team.ref.crash(Boom())
        await wait_all_tasks_blocked()
        assert root.lookup("team/new") is new
        assert root.lookup("team/new/b").lifecycle == "ready"
        root.reports.drain()
