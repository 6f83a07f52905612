"""Keys in specifications of supervisors below supervisors."""

import pytest
import trio
import trio.testing

from greenroom import (
    ChildSpec,
    Intensity,
    InvalidSpec,
    KeyInUse,
    LimitReached,
    Limits,
    RegistryKey,
    check_specs,
)
from greenroom.testing import open_tree

from .keyed import Quiet, keys, team


async def test_two_of_a_nested_set_that_want_one_key_are_told_wherever_they_stand() -> None:
    specs = [
        ChildSpec("a", Quiet, keys=["x"]),
        team(ChildSpec("b", Quiet, keys=["y"]), ChildSpec("c", Quiet, keys=["x"])),
    ]
    with pytest.raises(InvalidSpec) as caught:
        check_specs(specs)
    assert str(caught.value) == (
        "children[1] ('team').children[1] ('c'): keys: 'x' is wanted by children[0] ('a'), too; that takes duplicate=True in both"
    )


async def test_the_copies_of_a_partition_cannot_each_have_one_key() -> None:
    with pytest.raises(InvalidSpec, match=r"partition 1: keys: 'x' is wanted by .*partition 0, too"):
        check_specs([team(ChildSpec("w", Quiet, keys=["x"]), partitions=3)])
    spec = team(ChildSpec("w", Quiet, keys=[RegistryKey("x", duplicate=True)]), partitions=3)
    async with open_tree("stage", children=[spec]) as root:
        assert [each.ref.name for each in root.registry.lookup("x")] == ["w-0", "w-1", "w-2"]


async def test_a_supervisor_that_cannot_have_a_key_of_its_children_is_not_started_and_gives_back_the_others() -> None:
    async with open_tree("stage", limits=Limits(max_actors=4)) as root:
        await root.start(Quiet, keys=["taken"])
        alive = root._slot.runtime.alive
        with pytest.raises(KeyInUse):
            root.start_supervisor("team", [ChildSpec("a", Quiet, keys=["a"]), ChildSpec("b", Quiet, keys=["taken"])])
        with pytest.raises(LimitReached):
            root.start_supervisor("team", [ChildSpec("a", Quiet, keys=["a"]), ChildSpec("b", Quiet, keys=["b"])])
        assert keys(root) == ["taken"]
        assert root._slot.runtime.alive == alive
        assert len(root.which_children()) == 1


async def test_a_group_restart_keeps_what_stands_in_the_specification_and_no_more() -> None:
    specs = [ChildSpec(name, Quiet, keys=[name]) for name in ("a", "b")]
    async with open_tree("stage", children=specs, strategy="one_for_all") as root:
        for name in ("a", "b"):
            root.registry.register(f"run time {name}", root.lookup(name))
            root.groups.join("group", root.lookup(name))
        root.lookup("a").tell(OSError())
        await trio.testing.wait_all_tasks_blocked()
        assert [root.lookup(name).incarnation for name in ("a", "b")] == [2, 2]
        assert (keys(root), root.groups.which_groups()) == (["a", "b"], [])
        root.reports.drain()


async def test_the_keys_of_declared_children_outlive_a_restart_of_their_supervisor_and_end_with_it() -> None:
    spec = team(ChildSpec("a", Quiet, keys=["a"]), intensity=Intensity(0, within=5.0))
    async with open_tree("stage", children=[spec]) as root:
        ref = root.lookup("team/a")
        root.registry.register("run time", ref)
        run_time = root.lookup_supervisor("team").start_soon(Quiet, keys=["of a run-time child"])
        ref.tell(OSError())
        await trio.testing.wait_all_tasks_blocked()
        assert root.lookup("team").incarnation == 2
        assert (keys(root), ref.lifecycle, run_time.lifecycle) == (["a"], "ready", "stopped")
        assert root.registry.whereis("a") is ref
        await root.terminate_child("team")
        assert keys(root) == []
        root.reports.drain()


async def test_the_keys_of_a_new_specification_count_from_the_next_start_on_and_what_stands_in_both_stays() -> None:
    specs = [ChildSpec("a", Quiet, keys=["old", RegistryKey("both", 1)])]
    async with open_tree("stage", children=specs) as root:
        ref = root.lookup("a")
        root.registry.update_value("both", ref, lambda n: n + 1)
        root.registry.register("run time", ref)
        async with root.registry.subscribe() as feed:
            root.update_specs([ChildSpec("a", Quiet, keys=["new", "both"]), ChildSpec("b", Quiet, keys=["parked"])])
            assert keys(root) == ["old", "both", "run time", "parked"]
            ref.tell(OSError())
            await trio.testing.wait_all_tasks_blocked()
            assert ref.incarnation == 2
            assert sorted(keys(root)) == ["both", "new", "parked"]
            assert root.registry.values("both", ref) == [2]
            told = [
                (type(each).__name__, getattr(each, "registration", None))
                for each in [await anext(feed) for _ in range(5)]
            ]
            assert [(name, what and what.key) for name, what in told] == [
                ("Listing", None), ("Registered", "parked"), ("Unregistered", "run time"), ("Unregistered", "old"), ("Registered", "new"),
            ]  # fmt: skip
        root.reports.drain()


async def test_a_new_specification_that_wants_anothers_key_is_refused_and_changes_nothing() -> None:
    specs = [ChildSpec("a", Quiet, keys=["a"]), ChildSpec("b", Quiet, keys=["b"])]
    async with open_tree("stage", children=specs) as root:
        with pytest.raises(InvalidSpec) as caught:
            root.update_specs(
                [ChildSpec("a", Quiet, keys=["b"]), ChildSpec("b", Quiet), ChildSpec("c", Quiet, keys=["a"])]
            )
        assert str(caught.value) == "a: keys: 'b' is in use by /stage/b\nc: keys: 'a' is in use by /stage/a"
        await root.terminate_child("a")
        await root.restart_child("a")
        assert keys(root) == ["a", "b"]
        assert len(root.which_children()) == 2


async def test_a_key_that_another_has_taken_before_the_next_start_is_left_to_it_and_that_is_said() -> None:
    async with open_tree("stage", children=[ChildSpec("a", Quiet)]) as root:
        ref, other = root.lookup("a"), await root.start(Quiet, name="other")
        root.update_specs([ChildSpec("a", Quiet, keys=["k"])])
        root.registry.register("k", other)
        await root.terminate_child("a")
        await root.restart_child("a")
        assert root.registry.whereis("k") is other
        assert root.snapshot().find("/stage/a").warnings == {
            "keys": "a key of its specification is in use by /stage/other"
        }
        assert ref.lifecycle == "ready"


async def test_the_specification_of_a_child_with_keys_can_be_given_back() -> None:
    async with open_tree("stage") as root:
        await root.start(Quiet, name="a", restart="permanent", keys=["k", RegistryKey("v", 1)])
        spec = root.child_spec("a")
        check_specs([spec])
        assert spec.keys == [RegistryKey("k"), RegistryKey("v", 1)]
