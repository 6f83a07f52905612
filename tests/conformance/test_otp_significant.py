"""OTP's supervisor_SUITE: significant children, whose end ends their supervisor."""

from typing import Any, Literal

import pytest
from attrs import evolve

from greenroom import (
    ChildSpec,
    Crashed,
    Escalated,
    Finished,
    Intensity,
    InvalidSpec,
    Shutdown,
    Supervisor,
    SupervisorSpec,
    open_supervisor,
)
from greenroom.testing import Tree

from .cast import Boom, Player, Stage, crash, incarnations, lives, names, settle

NO_MEANING: dict[str, str] = {}

Auto = Literal["never", "any_significant", "all_significant"]
ENDS = ["supervisor", "kill", "abnormal", "normal"]


async def open_team(tree: Tree, auto: Auto, *children: ChildSpec, **options: Any) -> Supervisor:
    team = tree.start_supervisor("team", children, auto_shutdown=auto, restart="temporary", **options)
    await team.wait_ready()
    return team


def spec(stage: Stage, name: str, restart: Any, *, significant: bool = True) -> ChildSpec:
    return ChildSpec(name, Player, (stage,), restart=restart, significant=significant)


async def end(team: Supervisor, name: str, how: str) -> None:
    """End a child as the suite does; others' kill is administrative here, so it is a crash from outside."""
    ref = team.lookup(name)
    match how:
        case "supervisor":
            await team.terminate_child(name)
        case "kill":
            ref.crash(Boom("killed"))
        case "abnormal":
            ref.tell(Boom())
        case _:
            ref.tell("leave")
    await settle()


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("auto", ["never", "any_significant", "all_significant"])
async def test_the_end_of_a_temporary_child_without_significance_ends_nobody(
    tree: Tree, stage: Stage, auto: Auto, how: str
) -> None:
    """Source: OTP supervisor_SUITE, nonsignificant_temporary — however it ends, and whatever the supervisor's auto_shutdown is."""
    team = await open_team(tree, auto, spec(stage, "child1", "temporary", significant=False))
    await end(team, "child1", how)
    assert (names(team), team.ref.lifecycle) == ([], "ready")


@pytest.mark.parametrize("how", ENDS)
@pytest.mark.parametrize("auto", ["never", "any_significant", "all_significant"])
async def test_the_end_of_a_transient_child_without_significance_ends_nobody(
    tree: Tree, stage: Stage, auto: Auto, how: str
) -> None:
    """Source: OTP supervisor_SUITE, nonsignificant_transient — it is restarted or not, as its type says, and the supervisor goes on."""
    team = await open_team(tree, auto, spec(stage, "child1", "transient", significant=False))
    await end(team, "child1", how)
    assert lives(team) == {"child1": "ready" if how in ("kill", "abnormal") else "parked"}
    assert team.ref.lifecycle == "ready"


@pytest.mark.parametrize("how", ["kill", "abnormal", "normal"])
async def test_any_own_end_of_a_significant_temporary_child_ends_the_supervisor(
    tree: Tree, stage: Stage, how: str
) -> None:
    """Source: OTP supervisor_SUITE, significant_temporary — under any_significant every end of it by itself ends the supervisor, for `shutdown`."""
    team = await open_team(
        tree,
        "any_significant",
        spec(stage, "child1", "temporary"),
        spec(stage, "child2", "temporary"),
        spec(stage, "child3", "temporary", significant=False),
    )
    refs = team.which_children()
    await end(team, "child1", how)
    assert isinstance(await team.wait_stopped(), Shutdown)
    assert [ref.is_alive for ref in refs] == [False] * 3
    assert [type(await ref.wait_stopped()) for ref in refs[1:]] == [Shutdown] * 2


@pytest.mark.parametrize("restart", ["temporary", "transient"])
@pytest.mark.parametrize("auto", ["any_significant", "all_significant"])
async def test_terminating_a_significant_child_ends_nobody_else(
    tree: Tree, stage: Stage, auto: Auto, restart: Any
) -> None:
    """Source: OTP supervisor_SUITE, significant_temporary; significant_transient — an end by the supervisor's own hand does not count."""
    team = await open_team(tree, auto, spec(stage, "child1", restart), spec(stage, "child2", restart))
    await team.terminate_child("child1")
    await settle()
    assert (team.ref.lifecycle, lives(team)["child2"]) == ("ready", "ready")


@pytest.mark.parametrize("restart", ["temporary", "transient"])
async def test_under_all_significant_the_last_of_them_ends_the_supervisor(
    tree: Tree, stage: Stage, restart: Any
) -> None:
    """Source: OTP supervisor_SUITE, significant_temporary; significant_transient — under all_significant it ends with the last of them, not with
    the first.
    """
    team = await open_team(
        tree,
        "all_significant",
        spec(stage, "child1", restart),
        spec(stage, "child2", restart),
        spec(stage, "child3", restart, significant=False),
    )
    child3 = team.lookup("child3")
    await end(team, "child1", "normal")
    assert (team.ref.lifecycle, lives(team)["child2"], lives(team)["child3"]) == ("ready", "ready", "ready")
    await end(team, "child2", "normal")
    assert isinstance(await team.wait_stopped(), Shutdown)
    assert isinstance(await child3.wait_stopped(), Shutdown)


async def test_a_significant_transient_child_that_fails_is_restarted_and_its_normal_end_ends_the_supervisor(
    tree: Tree, stage: Stage
) -> None:
    """Source: OTP supervisor_SUITE, significant_transient — under any_significant only an end that leads to no restart counts."""
    children = [spec(stage, "child1", "transient"), spec(stage, "child2", "transient")]
    team = await open_team(tree, "any_significant", *children)
    await end(team, "child1", "kill")
    await end(team, "child1", "abnormal")
    assert incarnations(team) == {"child1": 3, "child2": 1}
    await end(team, "child1", "normal")
    assert isinstance(await team.wait_stopped(), Shutdown)
    assert names(tree) == []


@pytest.mark.parametrize("auto", ["any_significant", "all_significant"])
async def test_a_dynamic_supervisor_has_no_automatic_shutdown(tree: Tree, auto: Auto) -> None:
    """Source: OTP supervisor_SUITE, significant_simple — auto_shutdown and simple_one_for_one exclude each other; `never` is allowed."""
    with pytest.raises(InvalidSpec, match="dynamic"):
        tree.start_supervisor("team", strategy="dynamic", auto_shutdown=auto)
    with pytest.raises(InvalidSpec, match="dynamic"):
        async with open_supervisor("test", strategy="dynamic", auto_shutdown=auto):
            raise AssertionError
    await tree.start_supervisor("team", strategy="dynamic", auto_shutdown="never").wait_ready()


@pytest.mark.parametrize(
    ("auto", "restart", "word"),
    [("never", "transient", "never"), ("never", "temporary", "never"), ("any_significant", "permanent", "permanent")],
)
async def test_what_can_never_end_the_supervisor_is_not_significant(
    tree: Tree, stage: Stage, auto: Auto, restart: Any, word: str
) -> None:
    """Source: OTP supervisor_SUITE, child_specs_map — significant with permanent, or with auto_shutdown never, is refused; at run time too."""
    with pytest.raises(InvalidSpec, match=word):
        async with open_supervisor("test", auto_shutdown=auto, children=[spec(stage, "child", restart)]):
            raise AssertionError
    team = await open_team(tree, auto)
    with pytest.raises(InvalidSpec, match=word):
        team.start_soon(Player, stage, restart=restart, significant=True)
    assert (names(team), stage.log) == ([], [])


async def test_auto_shutdown_is_one_of_three_words() -> None:
    """Source: OTP supervisor_SUITE, sup_flags — any other word is refused."""
    with pytest.raises(InvalidSpec, match="sometimes"):
        async with open_supervisor("test", auto_shutdown="sometimes"):  # type: ignore[arg-type]
            raise AssertionError


@pytest.mark.parametrize("auto", ["any_significant", "all_significant"])
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
async def test_the_restart_of_a_group_is_no_end_of_its_significant_children(
    tree: Tree, stage: Stage, strategy: Any, auto: Auto
) -> None:
    """Source: OTP supervisor_SUITE, significant_bystander — significant children that end as bystanders of another's restart do not count."""
    children = [
        spec(stage, "child1", "transient"),
        spec(stage, "child2", "transient", significant=False),
        spec(stage, "child3", "transient"),
    ]
    team = await open_team(tree, auto, *children, strategy=strategy)
    await end(team, "child2", "kill")
    assert team.ref.lifecycle == "ready"
    expected = {"one_for_one": [1, 2, 1], "one_for_all": [2, 2, 2], "rest_for_one": [1, 2, 2]}[strategy]
    assert list(incarnations(team).values()) == expected


@pytest.mark.parametrize("significant", [True, False])
async def test_an_automatic_shutdown_goes_up_as_far_as_supervisors_are_significant(
    tree: Tree, stage: Stage, significant: bool
) -> None:
    """Source: OTP supervisor_SUITE, significant_escalation — a supervisor that shut down by itself ends its own, if it is significant there; else
    not.
    """
    sup = SupervisorSpec(
        "sup1",
        [spec(stage, "child1", "transient")],
        auto_shutdown="any_significant",
        restart="transient",
        significant=significant,
    )
    team = tree.start_supervisor("team", [sup], auto_shutdown="any_significant", restart="temporary")
    await team.wait_ready()
    tree.lookup("team/sup1/child1").tell("leave")
    await settle()
    if significant:
        assert isinstance(await team.wait_stopped(), Shutdown)
        assert names(tree) == []
    else:
        assert (team.ref.lifecycle, lives(team)) == ("ready", {"sup1": "parked"})


async def test_giving_up_wins_over_an_automatic_shutdown(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, significant_bystander — a supervisor that gives up ends for that, whatever its significant children do
    meanwhile.
    """
    children = [spec(stage, "child1", "transient"), ChildSpec("child2", Player, (stage,))]
    team = await open_team(tree, "any_significant", *children, intensity=Intensity(0, within=1.0))
    child1 = team.lookup("child1")
    child1.tell((1.0, "leave"))
    await settle()
    team.lookup("child2").tell(Boom())
    assert isinstance(await team.wait_stopped(), Escalated)
    assert await child1.wait_stopped() == Finished()


async def test_an_automatic_shutdown_is_not_disturbed_by_what_crashes_meanwhile(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, significant_transient — the supervisor ends for `shutdown`, also if a child crashes while it stops."""
    children = [spec(stage, "child1", "transient"), ChildSpec("child2", Player, (stage,))]
    team = await open_team(tree, "any_significant", *children, intensity=Intensity(0, within=1.0))
    child2 = team.lookup("child2")
    child2.tell((1.0, Boom()))
    await settle()
    team.lookup("child1").tell("leave")
    assert isinstance(await team.wait_stopped(), Shutdown)
    assert isinstance(await child2.wait_stopped(), Crashed)


# -- flags and children that change


async def ends_of(team: Supervisor, *who: str) -> list[bool]:
    """Let children leave, one after the other; say after each whether the supervisor has ended."""
    said: list[bool] = []
    for name in who:
        team.lookup(name).tell("leave")
        await settle()
        said.append(not team.ref.is_alive)
    return said


@pytest.mark.parametrize(("auto", "ends"), [("any_significant", [True]), ("all_significant", [False, True])])
async def test_what_was_refused_under_never_is_taken_once_it_has_changed(
    tree: Tree, stage: Stage, auto: Auto, ends: list[bool]
) -> None:
    """Source: OTP supervisor_SUITE, significant_upgrade_never_any; significant_upgrade_never_all — the new auto_shutdown holds for children from
    then on.
    """
    team = await open_team(tree, "never")
    options: dict[str, Any] = {"restart": "transient", "significant": True}
    with pytest.raises(InvalidSpec):
        team.start_soon(Player, stage, name="child1", **options)
    team.update_specs([], auto_shutdown=auto)
    for name in ("child1", "child2"):
        await team.start(Player, stage, name=name, **options)
    assert await ends_of(team, *["child1", "child2"][: len(ends)]) == ends


@pytest.mark.parametrize("auto", ["any_significant", "all_significant"])
async def test_back_under_never_the_end_of_a_significant_child_ends_nobody(
    tree: Tree, stage: Stage, auto: Auto
) -> None:
    """Source: OTP supervisor_SUITE, significant_upgrade_any_never; significant_upgrade_all_never — nor can one be added; the child goes on, and
    can be restarted.
    """
    team = await open_team(tree, auto)
    options: dict[str, Any] = {"restart": "transient", "significant": True}
    await team.start(Player, stage, name="child1", **options)
    team.update_specs([], auto_shutdown="never")
    await settle()
    assert lives(team) == {"child1": "ready"}
    with pytest.raises(InvalidSpec):
        team.start_soon(Player, stage, name="child2", **options)
    assert await ends_of(team, "child1") == [False]
    await team.restart_child("child1")
    assert lives(team) == {"child1": "ready"}


@pytest.mark.parametrize(
    ("before", "after", "ends"),
    [("any_significant", "all_significant", [False, True]), ("all_significant", "any_significant", [True])],
)
async def test_any_and_all_can_be_exchanged(
    tree: Tree, stage: Stage, before: Auto, after: Auto, ends: list[bool]
) -> None:
    """Source: OTP supervisor_SUITE, significant_upgrade_any_all; significant_upgrade_all_any — for the children that are there already."""
    team = await open_team(tree, before)
    for name in ("child1", "child2"):
        await team.start(Player, stage, name=name, restart="transient", significant=True)
    team.update_specs([], auto_shutdown=after)
    await settle()
    assert set(lives(team).values()) == {"ready"}
    assert await ends_of(team, *["child1", "child2"][: len(ends)]) == ends


@pytest.mark.parametrize("restarted", [True, False])
@pytest.mark.parametrize("before", [True, False])
async def test_a_child_can_become_significant_and_cease_to_be(
    tree: Tree, stage: Stage, before: bool, restarted: bool
) -> None:
    """Source: OTP supervisor_SUITE, significant_upgrade_child — its significance is its specification's, which can be replaced.

    Departs: a specification that was replaced is effective at the child's next start, its significance too.
    """
    old = spec(stage, "child", "transient", significant=before)
    team = await open_team(tree, "any_significant", old)
    team.update_specs([evolve(old, significant=not before)])
    if restarted:
        await crash(team.lookup("child"))
    assert await ends_of(team, "child") == [before is not restarted]


async def test_under_never_a_child_can_not_become_significant(tree: Tree, stage: Stage) -> None:
    """Source: OTP supervisor_SUITE, significant_upgrade_child — it is refused, and nothing changes."""
    plain = spec(stage, "child", "transient", significant=False)
    team = await open_team(tree, "never", plain)
    with pytest.raises(InvalidSpec):
        team.update_specs([evolve(plain, significant=True)])
    assert (lives(team), team.child_spec("child")) == ({"child": "ready"}, plain)
    assert await ends_of(team, "child") == [False]
