"""The plan of a dispatch: which calls run together, and which alone. Pure: it knows neither tools nor Trio.

Why not simply run all at once what says that it is safe? Because a list of calls is also an order: what comes after a write may read what it
wrote. So only neighbours run together, and whatever is not known to be harmless stands alone, between what came before it and what comes after.
"""

from collections.abc import Sequence
from typing import Final, Literal

import attrs

Approval = Literal["ask", "auto", "deny"]
"""What a call that needs approval needs: "ask" somebody's consent; "auto" nothing; "deny": it is not made."""

APPROVALS: Final[tuple[Approval, ...]] = ("ask", "auto", "deny")


@attrs.frozen(kw_only=True)
class Traits:
    """Say what one call is, for who decides how and whether to make it. What is not said is not allowed, and needs approval.

    Args:
        blocked: it must not be made at all.
        needs_approval: somebody has to consent first, unless the tree's mode says otherwise.
        interactive: it talks to a user, who can follow one conversation at a time.
        read_only: it changes nothing that anybody could notice.
        parallel_safe: it may run at the same time as others that are.
        detached: it only sets something going, such as the start of a child, and does not wait for it.
        cancels: it ends the work of others; never in a batch with anything, whatever else is said.

    Raises:
        TypeError: a flag is neither True nor False.
    """

    blocked: bool = False
    needs_approval: bool = True
    interactive: bool = False
    read_only: bool = False
    parallel_safe: bool = False
    detached: bool = False
    cancels: bool = False

    def __attrs_post_init__(self) -> None:
        """Check the flags: "no" would be true."""
        for field in attrs.fields(type(self)):
            value: object = getattr(self, field.name)
            if type(value) is not bool:
                raise TypeError(f"Traits: {field.name} is {value!r}; give True or False")


def may_join(traits: Traits, approval: Approval) -> bool:
    """Return whether a call may be in a batch with others. Plain function."""
    if traits.blocked or traits.interactive or traits.cancels:
        return False
    if traits.needs_approval and approval != "auto":
        return False
    return traits.detached or (traits.read_only and traits.parallel_safe)


def plan_batches(traits: Sequence[Traits], approval: Approval) -> list[range]:
    """Return which calls go together, as ranges of positions that partition the input in its order. Plain function.

    A batch of more than one runs in parallel; neighbours that may join are always in the same one.
    """
    batches: list[range] = []
    is_open = False
    for at, each in enumerate(traits):
        joins = may_join(each, approval)
        if joins and is_open:
            batches[-1] = range(batches[-1].start, at + 1)
        else:
            batches.append(range(at, at + 1))
        is_open = joins
    return batches
