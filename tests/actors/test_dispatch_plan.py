"""Section 7: which calls run together."""

from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenroom import Traits
from greenroom.actors import APPROVALS, Approval, plan_batches

FLAGS = ("blocked", "needs_approval", "interactive", "read_only", "parallel_safe", "detached")
ALL = [Traits(**dict(zip(FLAGS, values, strict=True))) for values in product((False, True), repeat=6)]

SEARCH = Traits(needs_approval=False, read_only=True, parallel_safe=True)
START = Traits(needs_approval=False, detached=True)
GATED_START = Traits(detached=True)


def model(traits: list[Traits], approval: Approval) -> list[list[int]]:
    """The ten lines: a call joins the batch before it if both may be with others."""

    def joins(t: Traits) -> bool:
        approved = not t.needs_approval or approval == "auto"
        harmless = (t.read_only and t.parallel_safe) or t.detached
        return not t.blocked and approved and not t.interactive and harmless and not t.cancels

    batches: list[list[int]] = []
    for at, each in enumerate(traits):
        if batches and joins(each) and joins(traits[at - 1]):
            batches[-1].append(at)
        else:
            batches.append([at])
    return batches


def lists(traits: list[Traits], approval: Approval) -> list[list[int]]:
    return [list(batch) for batch in plan_batches(traits, approval)]


@pytest.mark.parametrize("approval", APPROVALS)
@pytest.mark.parametrize("traits", ALL, ids=lambda t: "-".join(flag for flag in FLAGS if getattr(t, flag)) or "none")
def test_each_combination_of_flags_is_batched_as_the_text_says(traits: Traits, approval: Approval) -> None:
    for around in ([traits] * 3, [SEARCH, traits, SEARCH], [START, traits, START]):
        assert lists(around, approval) == model(around, approval)
    # And the text itself, once more, without the model.
    together = lists([traits, traits], approval) == [[0, 1]]
    assert together == (
        not traits.blocked
        and (approval == "auto" or not traits.needs_approval)
        and not traits.interactive
        and ((traits.read_only and traits.parallel_safe) or traits.detached)
    )


@given(st.lists(st.builds(Traits, **{flag: st.booleans() for flag in (*FLAGS, "cancels")}), max_size=12), st.data())
def test_order_is_kept_and_the_batches_partition_the_input(traits: list[Traits], data: Any) -> None:
    approval = data.draw(st.sampled_from(APPROVALS))
    batches = lists(traits, approval)
    assert [at for batch in batches for at in batch] == list(range(len(traits)))
    assert all(batches)
    assert batches == model(traits, approval)


@pytest.mark.parametrize("approval", APPROVALS)
def test_four_starts_are_one_batch(approval: Approval) -> None:
    assert lists([START] * 4, approval) == [[0, 1, 2, 3]]


@pytest.mark.parametrize("approval", APPROVALS)
def test_a_search_a_start_and_a_search_are_one_batch(approval: Approval) -> None:
    assert lists([SEARCH, START, SEARCH], approval) == [[0, 1, 2]]


def test_a_start_that_needs_approval_is_alone_unless_approval_is_automatic() -> None:
    calls = [START, GATED_START, GATED_START, START]
    assert lists(calls, "ask") == [[0], [1], [2], [3]]
    assert lists(calls, "deny") == [[0], [1], [2], [3]]
    assert lists(calls, "auto") == [[0, 1, 2, 3]]


@pytest.mark.parametrize("approval", APPROVALS)
@pytest.mark.parametrize("flags", ALL, ids=str)
def test_a_cancellation_is_alone_whatever_else_is_said_of_it(flags: Traits, approval: Approval) -> None:
    cancel = Traits(**{flag: getattr(flags, flag) for flag in FLAGS}, cancels=True)
    assert lists([START, cancel, cancel, SEARCH], approval) == [[0], [1], [2], [3]]


def test_a_read_only_call_that_is_not_parallel_safe_is_alone_and_so_is_the_reverse() -> None:
    for alone in (Traits(needs_approval=False, read_only=True), Traits(needs_approval=False, parallel_safe=True)):
        assert lists([SEARCH, alone, SEARCH], "ask") == [[0], [1], [2]]


def test_nothing_is_no_batch() -> None:
    assert plan_batches([], "ask") == []


def test_traits_allow_nothing_and_need_approval_unless_something_else_is_said() -> None:
    assert Traits() == Traits(
        blocked=False, needs_approval=True, interactive=False, read_only=False, parallel_safe=False, detached=False
    )
    assert lists([Traits(), Traits()], "ask") == [[0], [1]]
    with pytest.raises(AttributeError):
        Traits().read_only = True  # type: ignore[misc]


@pytest.mark.parametrize("flag", [*FLAGS, "cancels"])
@pytest.mark.parametrize("value", ["no", 1, None, 0])
def test_a_flag_is_true_or_false_and_nothing_like_it(flag: str, value: Any) -> None:
    with pytest.raises(TypeError, match=f"Traits: {flag} is {value!r}; give True or False"):
        Traits(**{flag: value})


def test_the_modes_are_the_ones_that_their_type_says() -> None:
    assert get_args(Approval) == APPROVALS
