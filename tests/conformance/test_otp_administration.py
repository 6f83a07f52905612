"""OTP's supervisor_SUITE: starting, terminating, restarting, deleting, listing and counting children by hand."""

import gc
import weakref
from typing import Any

import pytest
import trio

from greenroom import AlreadyRunning, ChildNotFound, NameInUse, Shutdown
from greenroom.testing import Tree

from .cast import Boom, Player, Stage, counts, crash, lives, names, settle

NO_MEANING: dict[str, str] = {}


async def test_a_second_start_of_a_running_child_is_refused_with_the_one_there(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, child_adm — `start_child` under the name of a child that runs gives `already_started` with that child."""
    ref = await tree.start(Player, stage, name="child1", restart="permanent")
    assert counts(tree) == (1, 1, 0, 1)
    with pytest.raises(NameInUse) as caught:
        tree.start_soon(Player, stage, name="child1", restart="permanent")
    assert caught.value.holder is ref
    assert caught.value.status == "ready"
    assert (names(tree), stage.said("starts")) == (["child1"], ["child1"])


async def test_a_terminated_child_keeps_its_place_and_terminating_again_is_no_error(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, child_adm — `terminate_child` ends it for `shutdown` and leaves it listed; of one that has ended already it
    is `ok`.
    """
    ref = await tree.start(Player, stage, name="child1", restart="permanent")
    with pytest.raises(ChildNotFound):
        await tree.terminate_child("hej")
    await tree.terminate_child("child1")
    assert isinstance(await ref.wait_stopped(), Shutdown)
    assert lives(tree) == {"child1": "parked"}
    assert counts(tree) == (1, 0, 0, 1)
    await tree.terminate_child("child1")
    assert lives(tree) == {"child1": "parked"}


async def test_a_start_under_the_name_of_a_terminated_child_is_refused(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, child_adm — `start_child` under the name of a child that is there and does not run gives `already_present`."""
    await tree.start(Player, stage, name="child1", restart="permanent")
    await tree.terminate_child("child1")
    with pytest.raises(NameInUse) as caught:
        await tree.start(Player, stage, name="child1", restart="permanent")
    assert caught.value.status == "parked"
    assert stage.said("starts") == ["child1"]


async def test_a_terminated_child_can_be_restarted_and_a_running_one_cannot(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, child_adm — `restart_child` starts a terminated child again; it is refused of one that runs, and of none.

    Departs: the child keeps its ref, whose incarnation grows, where OTP's gets a new pid.
    """
    ref = await tree.start(Player, stage, name="child1", restart="permanent")
    await tree.terminate_child("child1")
    assert await tree.restart_child("child1") is ref
    assert (lives(tree), counts(tree), ref.incarnation) == ({"child1": "ready"}, (1, 1, 0, 1), 2)
    with pytest.raises(AlreadyRunning):
        await tree.restart_child("child1")
    with pytest.raises(ChildNotFound):
        await tree.restart_child("child2")
    assert ref.incarnation == 2


async def test_only_a_terminated_child_can_be_deleted(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, child_adm — `delete_child` is refused while the child runs; after it there is nothing of the child, and its
    name is free.
    """
    await tree.start(Player, stage, name="child1", restart="permanent")
    with pytest.raises(AlreadyRunning):
        tree.delete_child("child1")
    with pytest.raises(ChildNotFound):
        tree.delete_child("hej")
    await tree.terminate_child("child1")
    tree.delete_child("child1")
    assert (names(tree), counts(tree)) == ([], (0, 0, 0, 0))
    with pytest.raises(ChildNotFound):
        await tree.restart_child("child1")
    again = await tree.start(Player, stage, name="child1", restart="permanent")
    assert (lives(tree), again.incarnation) == ({"child1": "ready"}, 1)


async def test_counting_counts_what_is_there_and_nothing_twice(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, count_children — a thousand children are counted and listed as a thousand, and as none when they are gone.

    Departs: without a template there are as many specs as children.
    """
    for start in (0, 100):
        refs = [tree.start_soon(Player, stage, name=f"w{n}") for n in range(start, start + 100)]
        await refs[-1].wait_ready()
        assert counts(tree) == (start + 100, start + 100, 0, start + 100)
        assert len(tree.which_children()) == start + 100
        assert names(tree) == [f"w{n}" for n in range(start + 100)]
    for ref in tree.which_children():
        await ref.kill()
    assert (counts(tree), names(tree)) == ((0, 0, 0, 0), [])


async def test_children_are_listed_as_they_come_and_go(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, which_children — listing, and looking for one by its name, show who is there, running or not.

    Departs: the list is in the order of the starts; OTP's is in the opposite one.
    """
    assert names(tree) == []
    with pytest.raises(ChildNotFound):
        tree.which_child("childx")
    child1 = await tree.start(Player, stage, name="child1", restart="permanent")
    child2 = await tree.start(Player, stage, name="child2", restart="permanent")
    assert tree.which_children() == [child1, child2]
    found = tree.which_child("child1")
    assert (found.path, found.uid, found.lifecycle, found.kind) == (child1.path, child1.uid, "ready", "actor")
    await tree.terminate_child("child1")
    assert tree.which_children() == [child1, child2]
    assert (tree.which_child("child1").lifecycle, tree.which_child("child2").lifecycle) == ("parked", "ready")
    assert lives(tree) == {"child1": "parked", "child2": "ready"}
    tree.delete_child("child1")
    assert tree.which_children() == [child2]
    with pytest.raises(ChildNotFound):
        tree.which_child("child1")


class Large:
    """Stand for a large argument; its end can be seen."""


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
async def test_of_a_temporary_child_alone_the_arguments_are_not_kept(tree: Tree, stage: Stage, restart: Any) -> None:
    """Source: OTP supervisor_SUITE, do_not_save_start_parameters_for_temporary_children; simple_one_for_one_corruption — a temporary child's are
    not kept.

    Departs: those of a temporary agent are, as it may rest and be woken with them.
    """
    large = Large()
    gone = weakref.ref(large)
    # What a starter has in its hands is not for this test to see: the start is over when the child runs.
    ref = await tree.start(lambda _: Player(stage), large, name="child1", restart=restart)
    del large
    gc.collect()
    assert (gone() is None) is (restart == "temporary")
    await tree.terminate_child("child1")
    if restart != "temporary":
        assert gone() is not None
        tree.delete_child("child1")
    await settle()
    gc.collect()
    assert gone() is None
    assert not ref.is_alive


ENDS: dict[str, Any] = {"kill": None, "normal": "leave", "abnormal": Boom(), "supervisor": None}


async def end(tree: Tree, name: str, how: str) -> None:
    if how == "supervisor":
        await tree.terminate_child(name)
    elif how == "kill":
        tree.lookup(name).crash(Boom("killed"))
    else:
        tree.lookup(name).tell(ENDS[how])
    await settle()


@pytest.mark.parametrize("how", ENDS)
async def test_only_the_specification_of_a_temporary_child_goes_with_its_end(
    tree: Tree, stage: Stage, how: str
) -> None:
    """Source: OTP supervisor_SUITE, do_not_save_child_specs_for_temporary_children — however it ends, a temporary child's name is free, and
    others' are not.
    """
    for restart in ("permanent", "transient", "temporary"):
        await tree.start(Player, stage, name=restart, restart=restart)
        await end(tree, restart, how)
    assert names(tree) == ["permanent", "transient"]
    await tree.start(Player, stage, name="temporary")
    for name in ("permanent", "transient"):
        with pytest.raises(NameInUse):
            tree.start_soon(Player, stage, name=name)
    parked = {"supervisor": {"permanent", "transient"}, "normal": {"transient"}}.get(how, set())
    assert {name for name, life in lives(tree).items() if life == "parked"} == parked
    for name in sorted(parked):
        await tree.restart_child(name)
    assert set(lives(tree).values()) == {"ready"}


async def test_administration_is_no_failure_and_counts_as_no_restart(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, child_adm — terminating and restarting by hand are in no intensity."""
    ref = await tree.start(Player, stage, name="child1", restart="permanent")
    for _ in range(10):
        await tree.terminate_child("child1")
        await tree.restart_child("child1")
    await crash(ref, ref, ref)
    assert (ref.lifecycle, ref.incarnation, trio.current_time()) == ("ready", 14, 0.0)
