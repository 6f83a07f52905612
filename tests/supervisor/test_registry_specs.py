"""Keys in specifications: of the slot, over restarts and rest, and while it is parked."""

from enum import Enum
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    Agent,
    ChildrenFailed,
    ChildSpec,
    Context,
    Intensity,
    InvalidSpec,
    KeyInUse,
    LimitReached,
    Limits,
    NameInUse,
    Registration,
    RegistryKey,
    StartupFailed,
    Supervisor,
    SupervisorSpec,
    Turn,
    check_specs,
    open_supervisor,
)
from greenroom.testing import open_tree


class Quiet(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Exception):
            raise message


class Sleepy(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        pass


class Fails(Quiet):
    async def startup(self, ctx: Context) -> None:
        raise OSError("no")


def keys(root: Supervisor) -> list[Any]:
    return [each.key for each in root.registry.select(lambda _: True)]


async def test_a_key_of_a_specification_is_there_from_the_registration_on_before_anything_has_run() -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(
            Quiet, keys=["db", RegistryKey(("room", 3), "value"), RegistryKey("role", 1, duplicate=True)]
        )
        assert ref.lifecycle == "initializing"
        assert root.registry.lookup("db") == [Registration("db", ref, None, duplicate=False, of_slot=True)]
        assert root.registry.values(("room", 3), ref) == ["value"]
        assert root.registry.lookup("role") == [Registration("role", ref, 1, duplicate=True, of_slot=True)]
        assert root.registry.keys(ref) == ["db", ("room", 3), "role"]


async def test_declared_children_hold_their_keys_and_one_that_is_queued_does_too() -> None:
    seen: list[Any] = []

    class Looks(Quiet):
        async def startup(self, ctx: Context) -> None:
            seen.append([ctx.registry.whereis(key) for key in ("a", "b")])

    specs = [ChildSpec("a", Looks, keys=["a"]), ChildSpec("b", Looks, keys=["b"])]
    async with open_tree("stage", children=specs) as root:
        assert seen == [[root.lookup("a"), root.lookup("b")]] * 2


async def test_a_key_stays_over_restarts_with_its_value_and_its_owner_cannot_lose_it() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet, restart="permanent", keys=[RegistryKey("db", 1)])
        root.registry.update_value("db", ref, lambda n: n + 1)
        assert root.registry.unregister("db", ref) == 0
        ref.tell(OSError())
        await trio.testing.wait_all_tasks_blocked()
        assert ref.incarnation == 2
        assert root.registry.values("db", ref) == [2]
        root.reports.drain()


async def test_a_key_stays_over_rest_and_does_not_keep_its_owner_from_it() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Sleepy, keys=["agent"])
        ref.rest()
        await trio.testing.wait_all_tasks_blocked()
        assert ref.lifecycle == "resting"
        assert root.registry.whereis("agent") is ref
        root.registry.lookup("agent")[0].ref.tell("wakes it")
        await ref.wait_ready()
        assert (ref.incarnation, root.registry.whereis("agent")) == (2, ref)


async def test_who_is_parked_keeps_its_keys_as_it_keeps_its_name_until_it_is_deleted() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet, name="a", restart="permanent", keys=["db"])
        root.registry.register("run time", ref)
        await root.terminate_child("a")
        assert (ref.lifecycle, keys(root)) == ("parked", ["db"])
        with pytest.raises(KeyInUse, match="parked"):
            root.start_soon(Quiet, keys=["db"])
        await root.restart_child("a")
        assert keys(root) == ["db"]
        await root.terminate_child("a")
        root.delete_child("a")
        assert keys(root) == []
        await root.start(Quiet, keys=["db"])


@pytest.mark.parametrize("end", ["stop", "drain", "kill"])
async def test_the_keys_go_when_the_slot_has_ended_for_good_in_its_last_step(end: str) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet, keys=["db"])
        await getattr(ref, end)()
        assert root.registry.whereis("db") is None
        assert (await root.start(Quiet, keys=["db"])).is_alive


async def test_the_keys_of_a_child_whose_startup_fails_are_free_when_the_failure_is_seen() -> None:
    async with open_tree("stage") as root:
        for _ in range(2):
            with pytest.raises(StartupFailed):
                await root.start(Fails, keys=["db"])
            assert keys(root) == []
        root.start_soon(Fails, keys=["db"])
        async for _ in root.reports:
            assert keys(root) == []
            break


async def test_the_keys_of_a_whole_family_go_with_it() -> None:
    class Parent(Quiet):
        async def startup(self, ctx: Context) -> None:
            for number in range(3):
                await ctx.start(Quiet, restart="permanent", name=f"c{number}", keys=[("child", number)])
            await ctx.children()[0].stop()

    async with open_tree("stage") as root:
        ref = await root.start(Parent, keys=["parent"])
        assert len(keys(root)) == 4
        await ref.stop()
        assert keys(root) == []


async def test_a_key_in_use_refuses_the_start_with_its_holder_and_nothing_is_changed() -> None:
    async with open_tree("stage", limits=Limits(max_actors=4)) as root:
        holder = await root.start(Quiet, name="holder", keys=["db"])
        before = root.snapshot(), keys(root), root._slot.runtime.next_uid
        for wanted in (["free", "db"], [RegistryKey("db", duplicate=True)]):
            with pytest.raises(KeyInUse) as caught:
                root.start_soon(Quiet, name="second", keys=wanted)
            assert (caught.value.path, caught.value.holder) == ("/stage/second", holder)
            with pytest.raises(KeyInUse):
                await root.start(Quiet, name="second", keys=wanted)
        assert [info.path for info in root.snapshot().walk()] == [info.path for info in before[0].walk()]
        assert (keys(root), root._slot.runtime.next_uid) == before[1:]
        with pytest.raises(NameInUse):
            root.start_soon(Quiet, name="holder", keys=["free"])
        root.start_soon(Quiet)
        root.start_soon(Quiet)
        with pytest.raises(LimitReached):
            root.start_soon(Quiet, keys=["free"])
        assert keys(root) == ["db"]


async def test_a_declared_child_whose_key_is_taken_is_a_failure_to_start_that_names_the_holder() -> None:
    class Takes(Quiet):
        def __init__(self) -> None:
            taken.append(True)

    taken: list[bool] = []
    watched: list[Any] = []

    def on_open(root: Supervisor) -> None:
        watched.append(root)
        root.registry.register("db", root.ref)

    with pytest.raises(StartupFailed, match="the key 'db' is in use by /stage"):
        async with open_supervisor("stage", children=[ChildSpec("a", Takes, keys=["db"])], on_open=on_open):
            pass
    assert taken == []
    assert watched[0].registry.count() == 0


async def test_an_inline_child_that_fails_gives_back_the_keys_of_all_that_were_registered_with_it() -> None:
    watched: list[Supervisor] = []
    specs = [ChildSpec("a", Quiet, keys=["a"]), ChildSpec("b", Fails, keys=["b"]), ChildSpec("c", Quiet, keys=["c"])]
    with pytest.raises(StartupFailed) as caught:
        async with open_supervisor("stage", children=specs, on_open=watched.append):
            pass
    assert isinstance(caught.value.error, ChildrenFailed)
    assert watched[0].registry.count() == 0


# -- checked as a whole, before anything starts


class Colour(Enum):
    RED = 1


WHAT_TO_GIVE = (
    "give a str, an int, a float, a bool, bytes, None, a member of an enum, "
    "or a tuple of these (subclasses compare by their own code, so they are none)"
)


async def test_all_that_is_wrong_with_the_keys_of_a_set_is_said_at_once() -> None:
    specs = [
        ChildSpec("a", Quiet, keys=["x", Colour.RED]),
        ChildSpec("b", Quiet, keys=["x", "x"]),
        ChildSpec("c", Quiet, keys=[RegistryKey("x", duplicate=True), [1]]),
        ChildSpec("d", Quiet, keys=("room", 3)),
        ChildSpec("e", Quiet, keys=[RegistryKey("x", duplicate=True), Colour.RED]),
    ]
    with pytest.raises(InvalidSpec) as caught:
        async with open_supervisor("stage", children=specs):
            pass
    assert str(caught.value).splitlines() == [
        "children[1] ('b'): keys[1]: 'x' is given twice",
        f"children[2] ('c'): keys[1] is of type list, which is no key; {WHAT_TO_GIVE}",
        "children[3] ('d'): keys: ('room', 3) is no list of keys; a single one stands in a list, too",
        "children[4] ('e'): keys: 'x' is wanted by children[0] ('a'), too; that takes duplicate=True in both",
        "children[4] ('e'): keys: <Colour.RED: 1> is wanted by children[0] ('a'), too; that takes duplicate=True in both",
    ]


async def test_keys_of_several_may_stand_in_several_specifications() -> None:
    specs = [ChildSpec(name, Quiet, keys=[RegistryKey("role", name, duplicate=True), name]) for name in ("a", "b")]
    async with open_tree("stage", children=specs) as root:
        assert [each.value for each in root.registry.lookup("role")] == ["a", "b"]


BAD: list[Any] = [
    "db",
    b"db",
    7,
    None,
    ("a", "b"),
    {"a"},
    {"a": 1},
    [[]],
    [{}],
    [object()],
    [float("nan")],
    [1, 1],
    iter(["a"]),
    [("a", [])],
]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: repr(bad)[:12])
async def test_p5_wrong_keys_are_refused_by_name_and_leave_no_trace(bad: Any) -> None:
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec, match="keys"):
            root.start_soon(Quiet, keys=bad)
        with pytest.raises(InvalidSpec, match="keys"):
            await root.start(Quiet, keys=bad)
        with pytest.raises(InvalidSpec, match="keys"):
            await root.registry.lookup_or_start("k", Quiet, parent=root, keys=bad)
        assert (keys(root), root.which_children()) == ([], [])
    with pytest.raises(InvalidSpec, match="keys"):
        async with open_supervisor("stage", children=[ChildSpec("a", Quiet, keys=bad)]):
            pass


@pytest.mark.parametrize(
    "bad",
    [[], {}, object(), float("nan"), (1, []), 1j, set(), len, bytearray(), range(2)],
    ids=lambda bad: repr(bad)[:12],
)
def test_a_key_with_a_value_is_checked_where_it_is_made(bad: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="key is"):
        RegistryKey(bad)
    with pytest.raises(TypeError, match="duplicate"):
        RegistryKey("x", duplicate=bad)


async def test_the_list_that_was_given_is_not_looked_at_again() -> None:
    given: list[Any] = ["a"]
    spec = ChildSpec("one", Quiet, keys=given)
    given.append([])
    async with open_tree("stage", children=[spec]) as root:
        given[:] = ["b"]
        root.start_soon(Quiet, keys=given)
        given.clear()
        assert keys(root) == ["a", "b"]


# -- supervisors below supervisors


def team(*specs: Any, **options: Any) -> SupervisorSpec:
    return SupervisorSpec("team", list(specs), **options)


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
            "keys": "a key of its new specification is in use by /stage/other"
        }
        assert ref.lifecycle == "ready"


async def test_the_specification_of_a_child_with_keys_can_be_given_back() -> None:
    async with open_tree("stage") as root:
        await root.start(Quiet, name="a", restart="permanent", keys=["k", RegistryKey("v", 1)])
        spec = root.child_spec("a")
        check_specs([spec])
        assert spec.keys == [RegistryKey("k"), RegistryKey("v", 1)]


# -- keys of supervisors


async def test_a_supervisor_is_found_by_its_key_from_its_registration_on() -> None:
    seen: list[Any] = []

    class Looks(Quiet):
        async def startup(self, ctx: Context) -> None:
            seen.append(ctx.registry.whereis("team"))

    spec = team(ChildSpec("a", Looks), keys=["team", RegistryKey("role", 1, duplicate=True)])
    async with open_tree("stage", children=[spec]) as root:
        ref = root.lookup("team")
        assert seen == [ref]
        assert root.registry.lookup("role") == [Registration("role", ref, 1, duplicate=True, of_slot=True)]
        late = root.start_supervisor("late", [ChildSpec("a", Quiet)], keys=["late"], restart="temporary")
        assert root.registry.whereis("late") is late.ref
        found = root.registry.whereis("late")
        assert found is not None
        await found.wait_ready()
        await root.lookup_supervisor(found.path).start(Quiet, name="b")
        await late.ref.stop()
        assert root.registry.whereis("late") is None


@pytest.mark.parametrize("how", ["crash", "escalation", "group"])
async def test_a_restart_neither_loses_nor_doubles_the_key_of_a_supervisor(how: str) -> None:
    inner = SupervisorSpec("inner", [ChildSpec("a", Quiet, keys=["a"])], keys=["inner"], intensity=Intensity(0))
    specs = [team(inner, keys=[RegistryKey("team", 1)], strategy="one_for_all"), ChildSpec("x", Quiet)]
    async with open_tree("stage", children=specs, strategy="one_for_all") as root:
        before = root.registry.select(lambda _: True)
        async with root.registry.subscribe() as feed:
            assert len((await anext(feed)).entries) == 3  # type: ignore[union-attr]
            if how == "crash":
                root.lookup("team").crash(OSError())
            elif how == "escalation":
                root.lookup("team/inner/a").tell(OSError())
            else:
                root.lookup("x").tell(OSError())
            await trio.testing.wait_all_tasks_blocked()
            assert root.lookup("team/inner").incarnation == 2
            assert root.registry.select(lambda _: True) == before
            with trio.move_on_after(1) as scope:
                await anext(feed)
            assert scope.cancelled_caught  # nobody has seen it gone for a moment
        root.reports.drain()


async def test_a_parked_supervisor_keeps_its_key_and_its_children_lose_theirs() -> None:
    async with open_tree("stage", children=[team(ChildSpec("a", Quiet, keys=["a"]), keys=["team"])]) as root:
        await root.terminate_child("team")
        assert keys(root) == ["team"]
        await root.restart_child("team")
        assert sorted(keys(root)) == ["a", "team"]
        await root.terminate_child("team")
        root.delete_child("team")
        assert keys(root) == []


async def test_the_keys_of_a_supervisor_that_fails_to_start_are_free_when_that_is_seen() -> None:
    async with open_tree("stage") as root:
        for _ in range(2):
            started = root.start_supervisor("team", [ChildSpec("a", Fails)], keys=["team"], restart="temporary")
            await started.wait_stopped()
            assert keys(root) == []
        root.reports.drain()


async def test_a_supervisor_whose_key_is_in_use_is_not_started_and_nothing_is_changed() -> None:
    async with open_tree("stage") as root:
        holder = await root.start(Quiet, keys=["taken"])
        alive = root._slot.runtime.alive
        with pytest.raises(KeyInUse) as caught:
            root.start_supervisor("team", [ChildSpec("a", Quiet, keys=["a"])], keys=["free", "taken"])
        assert (caught.value.path, caught.value.holder) == ("/stage/team", holder)
        assert (keys(root), root._slot.runtime.alive, root.which_children()) == (["taken"], alive, [holder])


async def test_a_supervisor_and_its_children_cannot_each_have_one_key() -> None:
    wanted = "is wanted by {}, too; that takes duplicate=True in both"
    with pytest.raises(InvalidSpec) as caught:
        check_specs([team(ChildSpec("a", Quiet, keys=["x"]), keys=["x"])])
    where = "children[0] ('team')"
    assert str(caught.value) == f"{where}.children[0] ('a'): keys: 'x' {wanted.format(where)}"
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec) as caught:
            root.start_supervisor("team", [ChildSpec("a", Quiet, keys=["x"])], keys=["x"])
        assert str(caught.value) == f"children[0] ('a'): keys: 'x' {wanted.format('the supervisor itself')}"
        assert (keys(root), root.which_children()) == ([], [])


def test_the_copies_of_a_supervisor_cannot_each_have_one_key_nor_can_those_below_them() -> None:
    pool = SupervisorSpec("pool", [ChildSpec("w", Quiet, keys=["x"])])
    with pytest.raises(InvalidSpec, match=r"\('w'\) of the other copy: keys: 'x' is wanted by .* of the one copy, too"):
        check_specs([team(pool, partitions=2)])
    with pytest.raises(InvalidSpec, match=r"partition 1: keys: 'x' is wanted by .*partition 0, too"):
        check_specs([team(SupervisorSpec("pool", keys=["x"]), partitions=2)])
    check_specs([team(pool, partitions=1)])
    several = SupervisorSpec("pool", [ChildSpec("w", Quiet, keys=[RegistryKey("x", duplicate=True)])])
    check_specs([team(several, partitions=2)])


async def test_the_keys_of_a_supervisors_new_specification_count_from_its_next_start_on() -> None:
    async with open_tree("stage", children=[team(keys=["old"])]) as root:
        root.update_specs([team(keys=["new"])])
        assert keys(root) == ["old"]
        root.lookup("team").crash(OSError())
        await trio.testing.wait_all_tasks_blocked()
        assert keys(root) == ["new"]
        assert root.registry.whereis("new") is root.lookup("team")
        root.reports.drain()


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: repr(bad)[:12])
async def test_wrong_keys_of_a_supervisor_are_refused_by_name_and_leave_no_trace(bad: Any) -> None:
    with pytest.raises(InvalidSpec, match=r"^children\[0\] \('team'\): keys"):
        check_specs([team(ChildSpec("a", Quiet), keys=bad)])
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec, match="keys"):
            root.start_supervisor("team", [ChildSpec("a", Quiet)], keys=bad)
        assert (keys(root), root.which_children()) == ([], [])


async def test_the_specification_of_a_supervisor_with_keys_can_be_given_back() -> None:
    async with open_tree("stage") as root:
        root.start_supervisor("team", keys=[RegistryKey("team", 1), "second"])
        spec = root.child_spec("team")
        assert isinstance(spec, SupervisorSpec)
        assert spec.keys == [RegistryKey("team", 1), RegistryKey("second")]
        check_specs([spec])
