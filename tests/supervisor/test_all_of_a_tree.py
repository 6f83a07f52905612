"""All that is wrong with what opens a tree, starts a supervisor or bounds something is told in one go; what can never mean anything is refused."""

from typing import Any

import pytest
import trio

from greenroom import (
    Backoff,
    ChildSpec,
    Intensity,
    InvalidSpec,
    Limits,
    MailboxSpec,
    Scheduling,
    SupervisorSpec,
    check_specs,
    open_supervisor,
)
from greenroom.testing import open_tree

from .failing import Plain, ask

VALUES: list[tuple[Any, dict[str, Any], list[str]]] = [
    (Intensity, {"max_restarts": -1, "within": 0}, ["Intensity.max_restarts: -1", "Intensity.within: 0"]),
    (Intensity, {"max_restarts": True, "within": "5"}, ["Intensity.max_restarts: True", "Intensity.within: '5'"]),
    (Limits, {"max_actors": 0, "stale_after": -1, "retention": "x"}, ["Limits.max_actors: 0", "Limits.stale_after: -1", "Limits.retention: 'x'"]),
    (Limits, {"max_live": 1.0, "min_wait": 5, "default_wait": 1}, ["Limits.max_live: 1.0", "Limits: min_wait 5"]),
    (Limits, {"min_wait": None, "default_wait": -1, "max_depth": -1}, ["Limits.min_wait: None", "Limits.default_wait: -1", "Limits.max_depth: -1"]),
    (Limits, {"reap_every": 0, "max_running_turns": "x"}, ["Limits.reap_every: 0", "Limits.max_running_turns: 'x'"]),
    (MailboxSpec, {"capacity": 0, "overflow": "x", "coalesce_key": 3},
     ["MailboxSpec.capacity: 0", "MailboxSpec.overflow: 'x'", "MailboxSpec.coalesce_key: 3"]),
    (MailboxSpec, {"capacity": True, "overflow": "coalesce"}, ["MailboxSpec.capacity: True", "go together"]),
    (MailboxSpec, {"overflow": "wait", "coalesce_key": "id"}, ["go together", "'id' is not callable"]),
    (Scheduling, {"per_activation": 0, "per_turn": "x", "time_slice": -1},
     ["Scheduling.per_activation: 0", "Scheduling.per_turn: 'x'", "Scheduling.time_slice: -1"]),
]  # fmt: skip


@pytest.mark.parametrize(("make", "given", "texts"), VALUES, ids=[str(at) for at in range(len(VALUES))])
def test_a_value_tells_all_that_is_wrong_with_it(make: Any, given: dict[str, Any], texts: list[str]) -> None:
    with pytest.raises(InvalidSpec) as caught:
        make(**given)
    assert [str(caught.value).count(text) for text in texts] == [1] * len(texts)


#: What a tree is opened with, each wrong, with what is told of it.
OPENED: dict[str, tuple[Any, str]] = {
    "name": ("X", "open_supervisor: name: 'X' is no name"),
    "unread": ("x", "open_supervisor: unread is 'x'; give 'log' or 'raise'"),
    "approval": (["ask"], "open_supervisor: approval is ['ask']; give 'ask', 'auto' or 'deny'"),
    "limits": (5, "open_supervisor: limits is 5; give Limits(...)"),
    "scheduling": ({}, "open_supervisor: scheduling is {}; give Scheduling(...)"),
    "on_open": (7, "open_supervisor: on_open is 7; give a function of the supervisor"),
    "strategy": ("x", "strategy: 'x' is not known"),
    "intensity": (3, "intensity: 3 is no Intensity"),
    "auto_shutdown": (None, "auto_shutdown: None is not known"),
    "start_retry": (1, "start_retry: 1 is no Backoff"),
    "max_children": (0, "max_children: 0 is not a whole number from 1"),
    "children": ([3, ChildSpec("a", Plain)], "children[0]: 3 is no ChildSpec"),
}


@pytest.mark.parametrize("key", OPENED)
async def test_any_two_wrong_arguments_of_a_tree_are_told_together(key: str) -> None:
    for other, (value, text) in OPENED.items():
        given: Any = {"name": "stage", key: OPENED[key][0], other: value}
        with pytest.raises(InvalidSpec) as caught:
            async with open_supervisor(**given):
                raise AssertionError("never")
        assert str(caught.value).count(text) == str(caught.value).count(OPENED[key][1]) == 1


async def test_all_that_is_wrong_with_a_tree_is_told_in_one_go() -> None:
    given: Any = {key: value for key, (value, _) in OPENED.items()}
    with pytest.raises(InvalidSpec) as caught:
        async with open_supervisor(**given):
            raise AssertionError("never")
    assert [str(caught.value).count(text) for _, text in OPENED.values()] == [1] * len(OPENED)
    assert "children[1] ('a'): Plain(log" in str(caught.value)


async def test_unknown_options_of_a_supervisor_hide_nothing_and_a_startup_is_told_where_it_belongs() -> None:
    given: Any = {"foo": 1, "partition": 2, "startup": "inline", "shutdown": -1, "strategy": "x"}
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec) as caught:
            root.start_supervisor("T", [ChildSpec("A", Plain)], **given)
        for text in (
            "unknown option 'foo'; there are strategy",
            "unknown option 'partition'; did you mean 'partitions'?",
            "startup: what is started at run time is always deferred",
            "name: 'T' is no name",
            "shutdown: -1",
            "strategy: 'x'",
            "children[0] ('A'): name: 'A' is no name",
            "children[0] ('A'): Plain(log",
        ):
            assert str(caught.value).count(text) == 1
        assert "functools" not in str(caught.value).split("children[0]")[0]
        assert root.which_children() == []


async def test_unknown_flags_of_an_update_hide_nothing() -> None:
    given: Any = {"foo": 1, "intensty": 2, "strategy": "x"}
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec) as caught:
            root.update_specs([ChildSpec("A", Plain)], **given)
        for text in ("unknown option 'foo'", "did you mean 'intensity'", "strategy: 'x'", "name: 'A'", "Plain(log"):
            assert str(caught.value).count(text) == 1


@pytest.mark.parametrize(("flags", "gives_up"), [({"intensity": None}, True), ({}, False)], ids=["None", "left out"])
async def test_an_update_to_an_intensity_of_none_is_one_to_the_default_as_everywhere_else(
    flags: dict[str, Any], gives_up: bool
) -> None:
    specs = [ChildSpec("a", Plain, [[]])]
    async with open_tree("stage") as root:
        team = root.start_supervisor("team", specs, intensity=Intensity(100, 5.0))
        await team.wait_ready()
        team.update_specs(specs, **flags)
        for _ in range(4):
            await ask(team.lookup("a"), ValueError("wrong"))
            await trio.sleep(0.1)
        assert root.which_child("team").restarts == int(gives_up)
        root.reports.drain()
        team.reports.drain()


@pytest.mark.parametrize("retry", [Backoff(1, 2), Backoff(1, 2, max_attempts=0)], ids=str)
async def test_a_retry_of_a_start_that_nothing_can_fail_is_refused(retry: Backoff) -> None:
    text = "start_retry: a dynamic supervisor declares no children"
    for step in (
        lambda: check_specs([], strategy="dynamic", start_retry=retry),
        lambda: check_specs([SupervisorSpec("t", strategy="dynamic", start_retry=retry)]),
    ):
        with pytest.raises(InvalidSpec, match=text):
            step()
    with pytest.raises(InvalidSpec, match=text):
        async with open_supervisor("stage", strategy="dynamic", start_retry=retry):
            raise AssertionError("never")
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec, match=text):
            root.start_supervisor("t", strategy="dynamic", start_retry=retry)


PARENTS: list[Any] = [3, None, "stage", [], {}, object(), Plain, 2.5, b"x", True]


@pytest.mark.parametrize("parent", PARENTS, ids=[str(at) for at in range(len(PARENTS))])
async def test_who_gives_no_parent_is_told_what_can_be_one(parent: Any) -> None:
    async with open_tree("stage") as root:
        with pytest.raises(TypeError) as caught:
            await root.registry.lookup_or_start("k", Plain, [], parent=parent)
        text = f"parent: {parent!r} is no ActorRef and has none; give a supervisor, a context, or a ref of this tree"
        assert str(caught.value) == text
