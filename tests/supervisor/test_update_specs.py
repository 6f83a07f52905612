"""Specifications are replaced while the supervisor runs."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorStopped,
    Agent,
    Backoff,
    ChildSpec,
    Context,
    Intensity,
    InvalidSpec,
    Limits,
    MailboxSpec,
    RestartIntensityExceeded,
    SupervisorSpec,
    Turn,
)
from greenroom import open_supervisor as open_bare
from greenroom.testing import open_tree

from .children import Boom, Child, Events, Who, specs, taken


class Version(Actor[Any]):
    def __init__(self, number: int) -> None:
        self.number = number

    def receive(self, message: Any, ctx: Context) -> Any:
        if message == "crash":
            raise Boom
        return self.number


class Edition(Agent[Any]):
    def __init__(self, number: int) -> None:
        self.number = number

    async def turn(self, turn: Turn[Any], ctx: Context) -> int:
        return self.number


async def number(ref: Any) -> int:
    found: int = await ref.ask("?", timeout=5)
    return found


async def test_a_new_specification_counts_from_the_next_start_on() -> None:
    async with open_tree("stage", children=[ChildSpec("a", Version, [1])]) as root:
        a = root.lookup("a")
        root.update_specs([ChildSpec("a", Version, [2], mailbox=MailboxSpec(capacity=7))])
        assert await number(a) == 1
        a.tell("crash")
        a.tell("waits")
        assert await number(a) == 2
        assert a.incarnation == 2
        spec = root.child_spec("a")
        assert isinstance(spec, ChildSpec)
        assert spec.args == (2,)
        assert a._slot.box.spec.capacity == 7
        root.update_specs([ChildSpec("a", Version, [3])])
        await root.terminate_child("a")
        await root.restart_child("a")
        assert await number(a) == 3


@pytest.mark.parametrize("limits", [Limits(), Limits(max_live=1, max_concurrent_startups=1)], ids=["free", "limited"])
async def test_a_resting_agent_wakes_by_its_new_specification(limits: Limits) -> None:
    children = [ChildSpec("a", Edition, [1], keys=["old"])]
    async with open_tree("stage", limits=limits, children=children) as root:
        a = root.lookup("a")
        a.rest()
        root.update_specs(
            [ChildSpec("a", Edition, [2], keys=["new"], rest_after=30.0, mailbox=MailboxSpec(capacity=7))]
        )
        await wait_all_tasks_blocked()
        assert (a.lifecycle, root.registry.keys(a)) == ("resting", ["old"])  # nothing of it has started yet
        assert await number(a) == 2
        assert (a.incarnation, root.registry.keys(a), a._slot.box.spec.capacity) == (2, ["new"], 7)
        await trio.sleep(31)
        assert a.lifecycle == "resting"
        root.update_specs([ChildSpec("a", Edition, [3])])
        await a.wait_ready()
        assert await number(a) == 3


async def test_a_resting_agent_wakes_as_what_it_is_declared_to_be_by_then() -> None:
    async with open_tree("stage", limits=Limits(max_live=1), children=[ChildSpec("a", Edition, [1])]) as root:
        a = root.lookup("a")
        a.rest()
        await wait_all_tasks_blocked()
        a.tell("waits", trigger_turn=False)
        root.update_specs([ChildSpec("a", Version, [2])])
        assert await number(a) == 2
        assert (await root.start(Edition, 3)).lifecycle == "ready"  # the place of an agent is free again


async def test_the_specification_that_is_shown_is_the_one_that_the_next_start_goes_by_also_of_one_declared_no_longer() -> (
    None
):
    async with open_tree("stage", children=[ChildSpec("a", Version, [1])]) as root:
        root.update_specs([ChildSpec("a", Version, [2])])
        root.update_specs([])
        spec = root.child_spec("a")
        assert isinstance(spec, ChildSpec)
        assert spec.args == (2,)
        root.lookup("a").tell("crash")
        assert await number(root.lookup("a")) == 2
        assert root.child_spec("a").args == (2,)  # type: ignore[union-attr]


async def test_new_ones_are_parked_in_the_new_order_and_removed_ones_go_on() -> None:
    events: Events = []
    async with open_tree("stage", children=specs(events, "abc")) as root:
        root.update_specs([*specs(events, "d"), *specs(events, "ca"), SupervisorSpec("e", specs(events, "x"))])
        assert [(info.name, info.lifecycle) for info in root.tree().children] == [
            ("d", "parked"), ("c", "ready"), ("a", "ready"), ("e", "parked"), ("b", "ready"),
        ]  # fmt: skip
        assert (await root.restart_child("d")).incarnation == 2
        await root.restart_child("e")
        assert root.lookup("e/x").lifecycle == "ready"


async def test_a_restarted_supervisor_starts_from_the_new_set() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", specs(events, "ab"))
        await team.wait_ready()
        a, b = team.which_children()
        team.update_specs(specs(events, "bc"))
        assert [ref.name for ref in team.which_children()] == ["b", "c", "a"]
        events.clear()
        team.ref.crash(Boom())
        await wait_all_tasks_blocked()
        assert taken(events, "stop", "start") == "stop a stop b start b start c"
        assert (a.lifecycle, b.lifecycle) == ("stopped", "ready")


async def test_flags_count_at_once() -> None:
    events: Events = []
    async with open_tree("stage", children=specs(events, "ab")) as root:
        root.update_specs(specs(events, "ab"), strategy="one_for_all", intensity=Intensity(1))
        root.lookup("b").tell(Boom())
        await wait_all_tasks_blocked()
        assert [ref.incarnation for ref in root.which_children()] == [2, 2]
        root.update_specs(specs(events, "ab"), intensity=Intensity(9))
        root.lookup("b").tell(Boom())
        await wait_all_tasks_blocked()
        assert [ref.incarnation for ref in root.which_children()] == [3, 3]


@pytest.mark.parametrize(("then", "most"), [(Intensity(2, 100), 2), (Intensity(3, 100), 3)], ids=["equal", "wider"])
async def test_what_a_child_has_failed_counts_also_by_the_intensity_of_its_own_that_an_update_gives_it(
    then: Intensity, most: int
) -> None:
    def spec(own: Intensity) -> ChildSpec:
        return ChildSpec("a", Version, [1], intensity=own)

    restarts = 0
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_bare("stage", children=[spec(Intensity(2, 100))]) as root:
            for _ in range(6):
                root.lookup("a").tell("crash")
                await trio.sleep(1)
                restarts = root.which_child("a").restarts
                root.update_specs([spec(then)])
    assert caught.group_contains(RestartIntensityExceeded)
    assert restarts == most


async def test_an_update_while_a_group_restarts_counts_after_it() -> None:
    events: Events = []
    children = [ChildSpec("a", Version, [1]), ChildSpec("b", Child, [events], kwargs={"lingers": 3.0})]
    async with open_tree("stage", strategy="one_for_all", children=children) as root:
        root.lookup("a").tell("crash")
        await trio.sleep(1)
        root.update_specs([ChildSpec("a", Version, [2]), *specs(events, "bc")])
        assert [ref.name for ref in root.which_children()] == ["a", "b"]
        await trio.sleep(5)
        assert [info.lifecycle for info in root.tree().children] == ["ready", "ready", "parked"]
        assert await number(root.lookup("a")) == 1
        root.lookup("a").tell("crash")
        await wait_all_tasks_blocked()
        assert await number(root.lookup("a")) == 2


@pytest.mark.parametrize("when", ["during an attempt", "between two"])
async def test_an_update_while_a_supervisor_tries_again_to_start_leaves_nobody_hanging(when: str) -> None:
    events: Events = []
    failures = {"y": 2}
    slow = {"slow": 1.0, "failures": failures}
    async with open_tree("stage") as root:
        below = SupervisorSpec("below", specs(events, "x"))
        children = [*specs(events, "a"), below, ChildSpec("y", Child, [events], kwargs=slow), *specs(events, "b")]
        team = root.start_supervisor("team", children, start_retry=Backoff(10.0, 100.0))
        a, x, b = (root.lookup(f"team/{path}") for path in ("a", "below/x", "b"))
        await trio.sleep(1.5 if when == "during an attempt" else 3)
        team.update_specs([ChildSpec("y", Child, [events], kwargs=slow), *specs(events, "z")])
        async with trio.open_nursery() as nursery:
            if when == "between two":

                async def ask() -> None:
                    with pytest.raises(ActorStopped):
                        await a.ask(Who(), timeout=60)

                nursery.start_soon(ask)
            await team.wait_ready()
            assert [(info.name, info.lifecycle) for info in team.tree().children] == [("y", "ready"), ("z", "ready")]
        assert [each.lifecycle for each in (a, x, b)] == ["stopped"] * 3
        assert team.count_children() == {"specs": 2, "active": 2, "supervisors": 0, "workers": 2}


async def test_a_child_that_fails_again_and_again_is_mended_by_its_next_attempt() -> None:
    class Broken(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            raise Boom

    async with open_tree("stage") as root:
        team = root.start_supervisor("team", [ChildSpec("a", Broken, startup="deferred", backoff=Backoff(5.0, 60.0))])
        await trio.sleep(7)
        team.update_specs([ChildSpec("a", Version, [2])])
        await trio.sleep(60)
        assert await number(team.lookup("a")) == 2


async def test_a_faulty_set_changes_nothing() -> None:
    events: Events = []
    async with open_tree("stage", children=[*specs(events, "a"), SupervisorSpec("s")]) as root:
        before = root.tree()
        with pytest.raises(InvalidSpec) as caught:
            root.update_specs([ChildSpec("s", Child, [events]), SupervisorSpec("a"), ChildSpec("a", Child, [events])])
        assert "the name is used twice" in str(caught.value)
        with pytest.raises(InvalidSpec) as caught:
            root.update_specs([ChildSpec("s", Child, [events]), SupervisorSpec("a")], strategy="dynamic")
        assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["strategy", "s", "a", "children"]
        with pytest.raises(InvalidSpec) as caught:
            root.update_specs([ChildSpec("s", Child, [events]), SupervisorSpec("a")])
        assert str(caught.value).count("a supervisor cannot become a worker") == 2
        with pytest.raises(InvalidSpec, match="unknown option 'intensty'; did you mean 'intensity'"):
            root.update_specs([], intensty=Intensity())  # type: ignore[call-arg]
        assert root.tree().children == before.children


async def test_the_specification_of_a_child_started_at_run_time_is_what_it_comes_to() -> None:
    events: Events = []
    async with open_tree("stage") as root:
        root.start_soon(Child, events, name="a", restart="permanent", shutdown=2.0, labels={"role": "x"})
        assert root.child_spec("a") == ChildSpec(
            "a", Child, [events], restart="permanent", shutdown=2.0, labels={"role": "x"}, startup="deferred"
        )
        root.start_supervisor("s", specs(events, "x"), strategy="one_for_all")
        spec = root.child_spec("s")
        assert isinstance(spec, SupervisorSpec)
        assert (spec.strategy, [each.name for each in spec.children]) == ("one_for_all", ["x"])


async def test_the_specification_of_one_that_has_taken_the_name_of_a_declared_one_is_its_own() -> None:
    async with open_tree("stage") as root:
        declared = [ChildSpec("a", Version, [1]), ChildSpec("t", Version, [1], restart="temporary")]
        team = root.start_supervisor("team", declared)
        await team.wait_ready()
        await team.terminate_child("t")
        await team.terminate_child("a")
        assert team.child_spec("a") is declared[0]
        team.delete_child("a")
        for name in "at":
            ref = await team.start(Version, 2, name=name, restart="permanent")
            spec = team.child_spec(name)
            assert spec == ChildSpec(name, Version, [2], startup="deferred")
            ref.tell("crash")
            await wait_all_tasks_blocked()
            assert await number(ref) == 2
            assert team.child_spec(name) == spec
        team.ref.crash(Boom())
        await wait_all_tasks_blocked()
        assert (team.child_spec("a"), await number(team.lookup("a"))) == (declared[0], 1)
