"""Keys in specifications: of the slot, over restarts and rest, and while it is parked."""

from enum import Enum
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Agent,
    ChildrenFailed,
    ChildSpec,
    Context,
    InvalidSpec,
    KeyInUse,
    LimitReached,
    Limits,
    NameInUse,
    Registration,
    RegistryKey,
    StartupFailed,
    Supervisor,
    Turn,
    open_supervisor,
)
from greenroom.testing import open_tree

from .keyed import Quiet, keys


class Sleepy(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        pass


class Fails(Quiet):
    async def startup(self, ctx: Context) -> None:
        raise OSError("no")


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
