"""Specifications with values that cannot be shown: they are refused like any other, by an error that says which they are."""

from typing import Any

import pytest

from greenroom import (
    Backoff,
    ChildSpec,
    Intensity,
    InvalidSpec,
    Limits,
    MailboxSpec,
    SupervisorSpec,
    check_specs,
    open_supervisor,
)

from .failing import Plain


class Unshowable:
    def __repr__(self) -> str:
        raise RuntimeError("never")


class Endless:
    def __repr__(self) -> str:
        return repr(self)


HUGE = -(10**5_000)
UNSHOWN = "<Unshowable, whose repr raises RuntimeError>"
CHILDREN: list[tuple[Any, str]] = [
    (3, "children=3"),
    (None, "children=None"),
    ("abc", "children='abc'"),
    ({"a": 1}, "children={'a': 1}"),
    (2.5, "children=2.5"),
    (True, "children=True"),
    (b"x", "children=b'x'"),
    (ChildSpec, "children=<class"),
    (Unshowable(), f"children={UNSHOWN}"),
    (HUGE, "children=<int, whose repr raises ValueError>"),
    ([], "0 children"),
    (iter([ChildSpec("a", Plain)]), "1 children"),
]


@pytest.mark.parametrize(("children", "text"), CHILDREN, ids=[str(at) for at in range(len(CHILDREN))])
def test_the_repr_of_a_supervisors_specification_never_raises(children: Any, text: str) -> None:
    assert text in repr(SupervisorSpec("t", children))


def test_a_specification_in_the_wrong_place_is_told_even_if_it_is_wrong_itself() -> None:
    wrong: Any = [[SupervisorSpec("t", 3)], SupervisorSpec(SupervisorSpec("u", 3), [])]  # type: ignore[arg-type]
    with pytest.raises(InvalidSpec) as caught:
        check_specs(wrong)
    first, second = str(caught.value).split("\n")
    assert first.startswith("children[0]: [SupervisorSpec('t', strategy='one_for_one', children=3)] is no ChildSpec")
    assert "children[1] (SupervisorSpec('u', strategy='one_for_one', children=3)): name: " in second


WRONG: list[Any] = [
    lambda bad: check_specs([ChildSpec(bad, Plain)]),
    lambda bad: check_specs([ChildSpec("a", bad)]),
    lambda bad: check_specs([ChildSpec("a", Plain, bad)]),
    lambda bad: check_specs([ChildSpec("a", Plain, kwargs=bad)]),
    lambda bad: check_specs([ChildSpec("a", Plain, restart=bad)]),
    lambda bad: check_specs([ChildSpec("a", Plain, startup=bad)]),
    lambda bad: check_specs([ChildSpec("a", Plain, on_error=bad)]),
    lambda bad: check_specs([ChildSpec("a", Plain, on_error=[(bad, bad)])]),
    lambda bad: check_specs([SupervisorSpec("t", bad, strategy=bad)]),
    lambda bad: check_specs([], intensity=bad, max_children=bad, partitions=bad, with_arguments=bad),
    check_specs,
    lambda bad: check_specs([bad]),
    lambda bad: Intensity(bad, bad),
    lambda bad: Backoff(bad, bad, factor=bad, jitter=bad, reset_after=bad, max_attempts=bad),
    lambda bad: Limits(max_actors=bad),
    lambda bad: MailboxSpec(bad, bad, coalesce_key=bad),
]  # fmt: skip


@pytest.mark.parametrize("bad", [Unshowable(), Endless()], ids=["raises", "endless"])
@pytest.mark.parametrize("step", WRONG, ids=[str(at) for at in range(len(WRONG))])
def test_a_value_that_cannot_be_shown_is_refused_like_any_other(step: Any, bad: Any) -> None:
    with pytest.raises(InvalidSpec, match=f"<{type(bad).__name__}, whose repr raises "):
        step(bad)


def test_a_number_that_is_too_long_to_be_shown_is_refused_like_any_other() -> None:
    with pytest.raises(InvalidSpec, match="<int, whose repr raises ValueError> is not a whole number from 0"):
        Intensity(HUGE, 5)
    with pytest.raises(InvalidSpec, match="<int, whose repr raises ValueError> is not a finite number"):
        Intensity(3, -HUGE)


async def test_what_cannot_be_shown_opens_no_tree() -> None:
    name: Any = Unshowable()
    with pytest.raises(InvalidSpec, match=UNSHOWN):
        async with open_supervisor(name):
            raise AssertionError("never")
