"""Levels: what a child leaves out comes from its supervisor, then the profile, then the base, then the default."""

import inspect
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import attrs
import pytest

from greenroom import (
    Agent,
    Backoff,
    ChildSpec,
    Context,
    Intensity,
    Limits,
    MailboxSpec,
    SupervisorSpec,
    Turn,
    open_supervisor,
)
from greenroom.treefile._absent import ABSENT, first_given
from greenroom.treefile._levels import DEFAULTS
from greenroom.treefile._plan import Plan, make_plan
from greenroom.treefile._problem import InvalidInput
from greenroom.treefile._reader import structure_tree
from greenroom.treefile._treefile import (
    BackoffTable,
    Child,
    IntensityTable,
    Level,
    LimitsTable,
    MailboxTable,
    Options,
    Supervisor,
    TreeFile,
)

#: For each option what may be given: the default, and something else for each level.
VALUES: dict[str, tuple[Any, ...]] = {
    "restart": ("permanent", "transient", "temporary"),
    "shutdown": (5.0, 1.0, "unlimited"),
    "startup": ("inline", "deferred"),
    "startup_timeout": (60.0, 1.0, "unlimited"),
    "redeliver": (0, 1, 2),
    "handler_timeout": ("unlimited", 2.5, 1.0),
    "on_overdue": ("warn", "cancel", "restart"),
    "rest_after": ("unlimited", 2.5, 1.0),
}
LEVELS = ("child", "defaults", "profile", "base")


class Idler(Agent[str]):
    """Be what has every option."""

    async def turn(self, turn: Turn[str], ctx: Context) -> None:
        """Do nothing."""


def plan(*, child: Any = None, profile: Any = None, **tree: Any) -> Plan:
    data: dict[str, Any] = {
        "name": "x",
        **tree,
        "profiles": {"p": profile or {}},
        "children": [{"name": "a", "factory": f"{__name__}:Idler", **(child or {})}],
    }
    return make_plan(structure_tree(data, "tree.toml"), Path("tree.toml"), "p", {})


def only_child(made: Plan) -> ChildSpec:
    (spec,) = made.children
    assert isinstance(spec, ChildSpec)
    return spec


def cases() -> Iterator[tuple[str, tuple[Any, ...]]]:
    for option, values in VALUES.items():
        for levels in product((ABSENT, *values[:2]), repeat=4):
            yield option, levels


def test_absent_given_and_given_as_the_default_are_told_apart_on_each_level() -> None:
    for option, levels in cases():
        tree = {level: {option: value} for level, value in zip(LEVELS, levels, strict=True) if value is not ABSENT}
        if option == "on_overdue":  # which counts with a time alone
            tree["base"] = {**tree.get("base", {}), "handler_timeout": 9}
        spec = only_child(plan(**tree))
        expected = next((value for value in levels if value is not ABSENT), DEFAULTS[option])
        assert getattr(spec, option) == (None if expected == "unlimited" else expected), (option, levels)


def test_rest_after_for_all_is_for_the_agents_among_them() -> None:
    factory = {"factory": "greenroom.races.catalogue._sharing:Account"}
    for level in LEVELS[1:]:
        tree: dict[str, Any] = {level: {"rest_after": 3.0}}
        assert only_child(plan(**tree)).rest_after == 3.0
        assert only_child(plan(child=factory, **tree)).rest_after is None
    with pytest.raises(InvalidInput, match="rest_after: only agents can be put to rest, and account is a plain actor"):
        plan(child={**factory, "rest_after": 3.0})


def test_what_is_done_about_the_overdue_is_for_those_that_have_a_time() -> None:
    for level in LEVELS[1:]:
        tree: dict[str, Any] = {level: {"on_overdue": "cancel"}}
        assert only_child(plan(**tree)).on_overdue == "warn"
        assert only_child(plan(child={"handler_timeout": 3}, **tree)).on_overdue == "cancel"
        assert only_child(plan(child={"handler_timeout": "unlimited"}, **tree)).on_overdue == "warn"
    for wrong in ({}, {"handler_timeout": "unlimited"}, {"factory": "nowhere:Nobody"}):
        with pytest.raises(InvalidInput) as caught:
            plan(child={"on_overdue": "cancel", **wrong}, base={"handler_timeout": "unlimited"})
        said = [str(problem) for problem in caught.value.problems]
        assert [each.split(": ")[0] for each in said] == [
            *(["children[0].factory"] if "factory" in wrong else []),
            "children[0].on_overdue",
        ]
        assert "'cancel' never happens without a handler_timeout" in said[-1]


def test_what_a_full_mailbox_does_is_for_those_that_have_a_capacity() -> None:
    for level in LEVELS[1:]:
        tree: dict[str, Any] = {level: {"mailbox": {"overflow": "wait"}}}
        never_full: list[dict[str, Any]] = [{}, {"mailbox": {}}, {"mailbox": {"capacity": "unlimited"}}]
        for child in never_full:
            assert only_child(plan(child=child, **tree)).mailbox == MailboxSpec()
        assert only_child(plan(child={"mailbox": {"capacity": 3}}, **tree)).mailbox == MailboxSpec(3, "wait")
    bounded: dict[str, Any] = {"mailbox": {"capacity": 2}}
    assert only_child(plan(child={"mailbox": {"overflow": "wait"}}, base=bounded)).mailbox == MailboxSpec(2, "wait")
    for wrong in ({}, {"capacity": "unlimited"}):
        with pytest.raises(InvalidInput) as caught:
            plan(child={"mailbox": {"overflow": "wait", **wrong}}, base={"mailbox": {"capacity": "unlimited"}})
        [problem] = caught.value.problems
        assert str(problem) == (
            'children[0].mailbox: MailboxSpec: overflow="wait" needs a capacity; a mailbox without one is never full'
        )


def test_max_live_is_read_and_checked() -> None:
    assert plan(limits={"max_live": 3}).limits.max_live == 3
    assert plan(limits={"max_live": "unlimited"}).limits.max_live is None
    wrong: list[Any] = [0, -1, 1.0, 2.5, True, "3", "all", [], {}, float("nan")]
    for value in wrong:
        with pytest.raises(InvalidInput, match=r"limits\.max_live: .* is wrong here; give a whole number from 1"):
            plan(limits={"max_live": value})


@pytest.mark.parametrize("level", LEVELS)
def test_no_bound_can_be_given_where_the_next_level_has_one(level: str) -> None:
    tree: dict[str, Any] = {each: {"shutdown": 1, "mailbox": {"capacity": 5}} for each in LEVELS[LEVELS.index(level) :]}
    tree[level] = {"shutdown": "unlimited", "mailbox": {"capacity": "unlimited"}}
    spec = only_child(plan(**tree))
    assert spec.shutdown is None
    assert spec.mailbox.capacity is None


def test_tables_are_taken_key_by_key() -> None:
    made = plan(
        child={"mailbox": {"capacity": 5}, "labels": {"role": "child", "own": 1}},
        defaults={"labels": {"role": "default", "team": "red"}},
        profile={"mailbox": {"capacity": 9, "overflow": "wait"}, "limits": {"stale_after": 1, "max_depth": 3}},
        base={"mailbox": {"overflow": "drop_oldest"}, "labels": {"floor": 2}, "intensity": {"within": 2}},
        limits={"max_depth": "unlimited", "max_actors": 8},
        intensity={"max_restarts": 7},
    )
    spec = only_child(made)
    assert spec.mailbox == MailboxSpec(5, "wait")
    assert spec.labels == {"role": "child", "own": 1, "team": "red", "floor": 2}
    assert made.limits == Limits(max_actors=8, max_depth=None, stale_after=1)
    assert made.intensity == Intensity(7, 2)


def test_the_trees_own_settings_go_before_the_profiles_and_those_before_the_bases() -> None:
    assert plan(unread="log", profile={"unread": "raise"}).unread == "log"
    assert plan(profile={"unread": "log"}, base={"unread": "raise"}).unread == "log"
    assert plan(base={"unread": "raise"}).unread == "raise"
    assert plan().unread == "log"
    assert plan(approval="ask", profile={"approval": "auto"}).approval == "ask"
    assert plan(profile={"approval": "auto"}, base={"approval": "deny"}).approval == "auto"
    assert plan(base={"approval": "deny"}).approval == "deny"
    assert plan().approval == "ask"


def test_a_profile_that_was_not_asked_for_gives_nothing() -> None:
    spec = only_child(plan(profile={"restart": "temporary"}))
    assert spec.restart == "temporary"
    tree = structure_tree(
        {
            "name": "x",
            "profiles": {"p": {"restart": "temporary"}},
            "children": [{"name": "a", "factory": "greenroom.races.catalogue._sharing:Account"}],
        },
        "",
    )
    assert make_plan(tree, Path("tree.toml"), None, {}).children[0].restart == "permanent"
    with pytest.raises(InvalidInput, match="--profile: there is no profile 'q'; there is p"):
        make_plan(tree, Path("tree.toml"), "q", {})


def test_the_defaults_are_the_runtimes_own() -> None:
    spec = only_child(plan())
    assert spec == ChildSpec("a", spec.factory)
    assert plan().limits == Limits()
    assert plan().intensity == Intensity()


def test_whatever_a_specification_takes_can_be_said_in_a_file() -> None:
    """A new field of the runtime's classes has to find its way into the format."""
    for spec, table, apart in (
        (ChildSpec, Child, {"keys"}),
        (SupervisorSpec, Supervisor, set[str]()),
        (Backoff, BackoffTable, set[str]()),
        (Limits, LimitsTable, set[str]()),
        (Intensity, IntensityTable, set[str]()),
        (MailboxSpec, MailboxTable, {"coalesce_key"}),
    ):
        names = {field.name for field in attrs.fields(spec)} - apart
        assert names <= {field.name for field in attrs.fields(table)}, spec
    flags = set(inspect.signature(open_supervisor).parameters) - {"max_children", "scheduling", "on_open"}
    assert flags <= {field.name for field in attrs.fields(TreeFile)}
    assert set(VALUES) | {"mailbox", "labels", "on_error", "significant", "backoff", "intensity"} == {
        field.name for field in attrs.fields(Options)
    }
    assert {field.name for field in attrs.fields(Options)} < {field.name for field in attrs.fields(Level)}


def test_the_first_that_is_given_wins() -> None:
    assert first_given(ABSENT, None, 3, default=4) is None
    assert first_given(ABSENT, ABSENT, default=4) == 4


def test_a_main_child_has_to_be_there_and_to_end() -> None:
    with pytest.raises(InvalidInput, match="main: there is no child 'b'; there is a"):
        plan(main="b")
    with pytest.raises(InvalidInput, match="main: 'a' is permanent, so it is restarted whenever it ends"):
        plan(main="a", profile={"restart": "permanent"}, base={"restart": "transient"})
    assert plan(main="a", profile={"restart": "transient"}).main == "a"


def test_an_empty_tree_and_a_name_given_twice_are_refused() -> None:
    child = {"name": "a", "factory": "greenroom.races.catalogue._sharing:Account"}
    for children, said in (
        ([], "children: there is none"),
        ([child, child], r"children\[1\].name: 'a' is the name of"),
    ):
        with pytest.raises(InvalidInput, match=said):
            make_plan(structure_tree({"name": "x", "children": children}, ""), Path("tree.toml"), None, {})
