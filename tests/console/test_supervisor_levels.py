"""Supervisors in tree files: which of several levels gives a setting."""

from typing import Any

import pytest

from greenroom import Backoff, ChildSpec, Intensity, SupervisorSpec

from .planned import ACTOR, actor, only_actor, plan, supervisor, wrong


def test_defaults_are_for_the_supervisors_own_children_and_reach_no_further_down() -> None:
    made = supervisor(
        plan(
            {
                "name": "s",
                "defaults": {"restart": "transient", "labels": {"own": 1}},
                "children": [ACTOR, {"name": "t", "children": [ACTOR]}],
            },
            defaults={"restart": "temporary", "shutdown": 1},
            base={"labels": {"floor": 2}, "shutdown": 9},
        )
    )
    assert made.restart == "temporary"
    first, below = made.children
    assert isinstance(first, ChildSpec)
    assert isinstance(below, SupervisorSpec)
    assert (first.restart, first.shutdown, first.labels) == ("transient", 9, {"own": 1, "floor": 2})
    assert (below.restart, below.labels) == ("transient", {"own": 1, "floor": 2})
    assert (only_actor(below).restart, only_actor(below).labels) == ("permanent", {"floor": 2})


@pytest.mark.parametrize("key", ["shutdown", "startup_timeout"])
def test_times_that_other_levels_give_are_not_for_supervisors(key: str) -> None:
    tree: dict[str, Any] = {"defaults": {key: 1}, "base": {key: 2}, "profile": {key: 3}}
    assert getattr(supervisor(plan({"name": "s", "children": [ACTOR]}, **tree)), key) is None
    assert getattr(supervisor(plan({"name": "s", key: 4, "children": [ACTOR]}, **tree)), key) == 4


def test_a_retry_of_the_start_that_another_level_gives_is_not_for_dynamic_supervisors() -> None:
    retry = {"initial": 1, "maximum": 2}
    dynamic = {"name": "s", "strategy": "dynamic"}
    for levels in ({"base": {"start_retry": retry}}, {"profile": {"start_retry": retry}}):
        assert supervisor(plan(dynamic, **levels)).start_retry is None
        assert supervisor(plan({"name": "s", "children": [ACTOR]}, **levels)).start_retry == Backoff(1, 2)
    (problem,) = wrong({**dynamic, "start_retry": retry})
    assert problem.startswith("children[0].start_retry: a dynamic supervisor declares no children")


#: Of each setting of a supervisor: a value for each of three levels, and what they come to.
FLAGS: dict[str, list[tuple[Any, Any]]] = {
    "strategy": [("one_for_all", "one_for_all"), ("one_for_one", "one_for_one"), ("rest_for_one", "rest_for_one")],
    "auto_shutdown": [
        ("any_significant", "any_significant"), ("never", "never"), ("all_significant", "all_significant")
    ],
    "start_retry": [
        ({"initial": 1, "maximum": 2}, Backoff(1, 2)), ("none", None), ({"initial": 3, "maximum": 4}, Backoff(3, 4))
    ],
    "intensity": [
        ({"max_restarts": 1, "within": 1}, Intensity(1, 1)),
        ({"max_restarts": 3, "within": 5}, Intensity()),
        ({"max_restarts": 0, "within": 9}, Intensity(0, 9)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("flag", FLAGS)
def test_the_first_of_supervisor_profile_and_base_that_gives_a_setting_wins(flag: str) -> None:
    """What is given as the default is given: it wins over the levels behind it."""
    for own, profile, base in ((0, 1, 2), (1, 0, 2), (None, 1, 0), (None, 2, 1), (None, None, 0), (None, 0, None)):
        first = next(index for index in (own, profile, base) if index is not None)
        levels = [{} if index is None else {flag: FLAGS[flag][index][0]} for index in (own, profile, base)]
        said, expected = {"children": [ACTOR]}, FLAGS[flag][first][1]
        root = plan(ACTOR, profile=levels[1], base=levels[2], **levels[0])
        assert getattr(root, flag) == expected, (own, profile, base)
        below = plan({"name": "s", **said, **levels[0]}, profile=levels[1], base=levels[2])
        assert getattr(supervisor(below), flag) == expected, (own, profile, base)


def test_a_supervisors_own_settings_are_not_those_of_the_one_above() -> None:
    made = plan({"name": "s", "children": [ACTOR]}, strategy="one_for_all", intensity={"max_restarts": 9})
    assert (made.strategy, made.intensity) == ("one_for_all", Intensity(9))
    assert (supervisor(made).strategy, supervisor(made).intensity) == ("one_for_one", Intensity())


def test_a_backoff_is_taken_key_by_key_until_a_level_says_none() -> None:
    base = {"backoff": {"initial": 1, "maximum": 9, "jitter": 0.5}}
    assert only_actor(plan(actor(backoff={"initial": 2}), base=base)).backoff == Backoff(2, 9, jitter=0.5)
    assert only_actor(plan(actor(backoff="none"), base=base)).backoff is None
    assert only_actor(plan(ACTOR, defaults={"backoff": "none"}, base=base)).backoff is None
    assert wrong(actor(backoff={"initial": 2}), defaults={"backoff": "none"}, base=base) == [
        "children[0].backoff.maximum: is needed, and no level gives it"
    ]


def test_the_intensity_of_a_child_is_its_own_or_its_supervisors_and_what_it_leaves_out_is_the_supervisors() -> None:
    tree: dict[str, Any] = {"intensity": {"within": 7}, "profile": {"intensity": {"max_restarts": 8}}}
    assert only_actor(plan(ACTOR, **tree)).intensity is None
    assert only_actor(plan(actor(intensity={"max_restarts": 1}), base={"intensity": {"within": 6}})).intensity == (
        Intensity(1, 6)
    )
    assert only_actor(plan(ACTOR, defaults={"intensity": {"within": 2}}, **tree)).intensity == Intensity(8, 2)


def test_of_backoff_and_intensity_the_nearer_one_counts() -> None:
    backoff: dict[str, Any] = {"backoff": {"initial": 1, "maximum": 2}}
    intensity: dict[str, Any] = {"intensity": {"max_restarts": 1}}
    spec = only_actor(plan(actor(**intensity), base=backoff))
    assert (spec.backoff, spec.intensity) == (None, Intensity(1))
    spec = only_actor(plan(actor(**backoff), defaults=intensity))
    assert (spec.backoff, spec.intensity) == (Backoff(1, 2), None)
    (problem,) = wrong(actor(**backoff, **intensity))
    assert problem.startswith("children[0].intensity: a child with a backoff is in no restart log")


def test_what_other_levels_say_of_restarts_is_not_for_temporary_children() -> None:
    both: list[dict[str, Any]] = [{"backoff": {"initial": 1, "maximum": 2}}, {"intensity": {"max_restarts": 1}}]
    for options in both:
        spec = only_actor(plan(actor(restart="temporary"), defaults=options))
        assert (spec.backoff, spec.intensity) == (None, None)
        (problem,) = wrong(actor(restart="temporary", **options))
        assert problem.startswith(f"children[0].{next(iter(options))}: a temporary child is never restarted")


def test_what_other_levels_say_of_significance_is_for_those_whose_end_can_be_significant() -> None:
    tree: dict[str, Any] = {"defaults": {"significant": True}}
    assert not only_actor(plan(ACTOR, auto_shutdown="any_significant", **tree)).significant
    assert not only_actor(plan(actor(restart="transient"), **tree)).significant
    assert only_actor(plan(actor(restart="transient"), auto_shutdown="any_significant", **tree)).significant
    assert not only_actor(
        plan(actor(restart="transient", significant=False), auto_shutdown="any_significant", **tree)
    ).significant
    for auto_shutdown, said in (("any_significant", "a permanent child"), ("never", "its supervisor has")):
        assert any(
            problem.startswith(f"children[0].significant: {said}")
            for problem in wrong(actor(significant=True), auto_shutdown=auto_shutdown)
        )


def test_an_automatic_shutdown_that_another_level_gives_is_not_for_dynamic_supervisors() -> None:
    made = plan({"name": "s", "strategy": "dynamic"}, base={"auto_shutdown": "any_significant"})
    assert (made.auto_shutdown, supervisor(made).auto_shutdown) == ("any_significant", "never")
    assert wrong({"name": "s", "strategy": "dynamic", "auto_shutdown": "any_significant"}) == [
        "children[0].auto_shutdown: a dynamic supervisor has no significant children"
    ]
