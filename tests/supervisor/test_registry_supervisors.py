"""Keys of supervisors: they are found by them as their children are, and keep them over a restart."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    ChildSpec,
    Context,
    Intensity,
    InvalidSpec,
    KeyInUse,
    Registration,
    RegistryKey,
    SupervisorSpec,
    check_specs,
)
from greenroom.testing import open_tree

from .keyed import BAD_KEYS, Fails, Quiet, keys, team


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


@pytest.mark.parametrize("bad", BAD_KEYS, ids=lambda bad: repr(bad)[:12])
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
