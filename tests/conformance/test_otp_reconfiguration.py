"""OTP's supervisor_SUITE: a supervisor whose flags and children change while it runs."""

from typing import Any

import pytest
import trio

from greenroom import ChildSpec, Escalated, Intensity, InvalidSpec, Supervisor
from greenroom.testing import Tree

from .cast import Player, Stage, crash, incarnations, lives, names

NO_MEANING: dict[str, str] = {}


async def open_team(tree: Tree, *children: ChildSpec, **options: Any) -> Supervisor:
    team = tree.start_supervisor("team", children, restart="temporary", **options)
    await team.wait_ready()
    return team


async def test_new_flags_hold_from_then_on(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, code_change; code_change_map — the flags are replaced while the children go on."""
    team = await open_team(tree, intensity=Intensity(0, within=1.0))
    team.update_specs([], intensity=Intensity(1, within=3.0))
    ref = await team.start(Player, stage, name="child1", restart="permanent")
    await crash(ref)
    assert lives(team) == {"child1": "ready"}
    await crash(ref)
    assert isinstance(await team.wait_stopped(), Escalated)


async def test_a_new_intensity_counts_what_has_failed_before_too(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, code_change; code_change_map — the restarts so far are kept, and measured by the new intensity."""
    team = await open_team(tree, ChildSpec("child1", Player, (stage,)), intensity=Intensity(1, within=9.0))
    await crash(team.lookup("child1"))
    team.update_specs([ChildSpec("child1", Player, (stage,))], intensity=Intensity(2, within=9.0))
    await crash(team.lookup("child1"))
    assert incarnations(team) == {"child1": 3}
    await crash(team.lookup("child1"))
    assert isinstance(await team.wait_stopped(), Escalated)


async def test_a_new_strategy_holds_from_then_on(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, code_change; code_change_map — the strategy is one of the flags."""
    children = [ChildSpec(f"child{n}", Player, (stage,)) for n in (1, 2)]
    team = await open_team(tree, *children)
    await crash(team.lookup("child1"))
    team.update_specs(children, strategy="one_for_all")
    await crash(team.lookup("child1"))
    assert incarnations(team) == {"child1": 3, "child2": 2}


async def test_new_children_are_listed_and_not_started(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, code_change; code_change_map — children that are added are there, and start when somebody restarts them."""
    team = await open_team(tree)
    team.update_specs([ChildSpec(f"child{n}", Player, (stage,)) for n in (1, 2)])
    assert lives(team) == {"child1": "parked", "child2": "parked"}
    assert stage.log == []
    for name in ("child1", "child2"):
        await team.restart_child(name)
    assert lives(team) == {"child1": "ready", "child2": "ready"}
    assert names(team) == ["child1", "child2"]


async def test_children_that_are_left_out_go_on_and_others_change_with_their_next_start(
    tree: Tree, stage: Stage
) -> None:
    """Source: OTP supervisor_SUITE, code_change; code_change_map — a changed specification is read from then on; a child that is left out is not
    deleted.

    Departs: a changed specification is effective at the child's next start; those left out stand behind the new order, as OTP's do.
    """
    old = [ChildSpec(f"child{n}", Player, (stage,), shutdown=2.0) for n in (1, 2)]
    team = await open_team(tree, *old)
    changed = [ChildSpec("child1", Player, (stage,), shutdown=1.0), ChildSpec("child3", Player, (stage,))]
    team.update_specs(changed)
    assert names(team) == ["child1", "child3", "child2"]
    assert lives(team) == {"child1": "ready", "child3": "parked", "child2": "ready"}
    assert incarnations(team)["child1"] == 1
    assert [team.child_spec(name).shutdown for name in names(team)] == [1.0, 5.0, 2.0]
    stage.closing["child1"] = 100.0
    for seconds in (2.0, 1.0):
        before = trio.current_time()
        await team.terminate_child("child1")
        assert trio.current_time() == before + seconds
        await team.restart_child("child1")


@pytest.mark.parametrize(
    ("specs", "flags"),
    [
        (["faulty"], {}),
        ([ChildSpec("child2", Player, restart="prmanent")], {}),  # type: ignore[arg-type]
        ([ChildSpec("child2", Player), ChildSpec("child2", Player)], {}),
        ([ChildSpec("child2", Player)], {"intensity": "faulty_intensity"}),
        ([ChildSpec("child2", Player)], {"strategy": "faulty_flags"}),
        ([ChildSpec("child2", Player)], {"auto_shutdown": "sometimes"}),
        (5, {}),
    ],
)
async def test_a_faulty_change_changes_nothing(tree: Tree, stage: Stage, specs: Any, flags: dict[str, Any]) -> None:
    """Source: OTP supervisor_SUITE, code_change; code_change_map — a faulty specification or flag is refused, and the supervisor is as it was."""
    team = await open_team(tree, ChildSpec("child1", Player, (stage,)), intensity=Intensity(1, within=1.0))
    before = team.snapshot()
    with pytest.raises(InvalidSpec):
        team.update_specs(specs, **flags)
    assert (team.snapshot(), names(team)) == (before, ["child1"])
    await crash(team.lookup("child1"))
    assert incarnations(team) == {"child1": 2}


async def test_without_a_word_the_flags_stay(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, code_change; code_change_map — a change that says nothing (`ignore`) changes nothing."""
    children = [ChildSpec(f"child{n}", Player, (stage,)) for n in (1, 2)]
    team = await open_team(tree, *children, strategy="one_for_all", intensity=Intensity(2, within=9.0))
    team.update_specs(children)
    await crash(team.lookup("child2"), team.lookup("child1"))
    assert incarnations(team) == {"child1": 3, "child2": 3}
    await crash(team.lookup("child2"))
    assert isinstance(await team.wait_stopped(), Escalated)
