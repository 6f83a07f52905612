"""Elixir's Supervisor: the rules of its documentation and its tests that are not OTP's own cases."""

from typing import Any

import pytest
import trio

from greenroom import AlreadyRunning, ChildSpec, Intensity, InvalidSpec, Shutdown, StartupFailed, open_supervisor
from greenroom.testing import Tree, open_tree

from .cast import Boom, Incarnation, Player, Stage, counts, names, settle

NO_MEANING = {
    "child_spec/1 and child_spec/2": "specifications are data; nothing makes them of a module",
    "init/2 with old and new child specs": "there is one form of specification",
    "start_link with :via, :global and local names": "a supervisor is found by its handle or its path; other names are the registry's",
    "the :name option must be an atom or a tuple": "as above; what a name may be is held by child_specs",
}


def test_the_defaults_are_three_restarts_in_five_seconds() -> None:
    """Source: Elixir Supervisor, init/2 — max_restarts is 3 and max_seconds 5 unless said otherwise."""
    assert Intensity() == Intensity(max_restarts=3, within=5.0)


async def test_the_strategy_need_not_be_said() -> None:
    """Source: Elixir Supervisor, init/2 expected :strategy option to be given — a supervisor needs a strategy.

    Departs: without a word it is one_for_one.
    """
    async with open_tree(children=[ChildSpec("a", Player), ChildSpec("b", Player)]) as root:
        ref = root.lookup("a")
        ref.tell(Boom())
        await settle()
        assert (ref.incarnation, root.lookup("b").incarnation) == (2, 1)


async def test_declared_children_are_there_when_the_supervisor_is(stage: Stage) -> None:
    """Source: Elixir Supervisor, start_link/2 — the children are started before it returns, and found by their names, also after a restart."""
    stage.plan("a", 1.0)
    async with open_tree(children=[ChildSpec("a", Player, (stage,))]) as root:
        assert trio.current_time() == 1.0
        assert await root.lookup("a").ask(Incarnation()) == 1
        root.lookup("a").tell("leave")
        await settle()
        assert await root.lookup("a").ask(Incarnation()) == 2


async def test_a_child_that_fails_to_start_stops_those_before_it_in_reverse_order(stage: Stage) -> None:
    """Source: Elixir Supervisor, start and shutdown — if a child fails to start, those that were started are stopped again, the last one first.

    Departs: whatever its restart type, also temporary; the error names the child and who was stopped again.
    """
    stage.plan("c", Boom("no"))
    children = [ChildSpec(name, Player, (stage,), restart="temporary") for name in ("a", "b", "c", "d")]
    with pytest.raises(StartupFailed, match=r"/test/c.*Boom: no; stopped again: /test/b, /test/a"):
        async with open_supervisor("test", children=children):
            raise AssertionError
    assert stage.said("starts") == ["a", "b", "c"]


async def test_the_life_of_a_child(tree: Tree, stage: Stage) -> None:
    """Source: Elixir Supervisor, child life-cycle — started, listed, counted, not deleted while it runs, terminated, restarted, terminated and
    deleted.
    """
    assert (names(tree), counts(tree)) == ([], (0, 0, 0, 0))
    ref = await tree.start(Player, stage, name="stack", restart="permanent")
    assert await ref.ask(Incarnation()) == 1
    assert (names(tree), counts(tree)) == (["stack"], (1, 1, 0, 1))
    with pytest.raises(AlreadyRunning):
        tree.delete_child("stack")
    await tree.terminate_child("stack")
    assert await (await tree.restart_child("stack")).ask(Incarnation()) == 2
    await tree.terminate_child("stack")
    tree.delete_child("stack")
    assert names(tree) == []


async def test_a_start_with_what_is_no_specification_changes_nothing(tree: Tree) -> None:
    """Source: Elixir Supervisor, start_child/2 with invalid child spec — each is refused with what is wrong."""
    for wrong in ({"name": 1}, {"name": "a", "restart": 2}, {"name": "a", "shutdown": "soon"}, {"nome": "a"}):
        options: dict[str, Any] = wrong
        with pytest.raises(InvalidSpec):
            tree.start_soon(Player, **options)
    with pytest.raises(InvalidSpec):
        tree.start_soon(Player, 1, 2, 3, 4)  # type: ignore[call-arg,arg-type]
    assert names(tree) == []


async def test_stop_ends_the_children_in_reverse_order_and_returns_when_they_have_ended(stage: Stage) -> None:
    """Source: Elixir Supervisor, stop/3 — it stops the supervisor and its children, the last one first, and waits for it."""
    for name in ("a", "b"):
        stage.closing[name] = 1.0
    async with open_tree(children=[ChildSpec(name, Player, (stage,)) for name in ("a", "b")]) as root:
        root.request_stop()
        assert isinstance(await root.wait_stopped(), Shutdown)
        assert trio.current_time() == 2.0
    assert stage.said("has closed") == ["b", "a"]
