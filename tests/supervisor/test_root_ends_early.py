"""A root whose automatic shutdown comes before its block has begun."""

from typing import Any

import pytest
import trio

from greenroom import ActorStopped, AutoShutdown, ChildSpec, Context, open_supervisor

from .children import Child, Events, taken


async def at_once(_: Context) -> int:
    return 3


async def later(_: Context) -> int:
    await trio.sleep(2)
    return 4


@pytest.mark.parametrize(
    ("kind", "last"), [("any_significant", "first"), ("all_significant", "second")], ids=["any", "all"]
)
async def test_the_block_does_not_begin_and_the_error_names_the_child_and_the_kind_of_shutdown(
    kind: AutoShutdown, last: str
) -> None:
    events: Events = []
    children: list[ChildSpec] = [
        ChildSpec("first", at_once, restart="transient", significant=True),
        ChildSpec("second", later, restart="temporary", significant=True),
        ChildSpec("slow", Child, [events], kwargs={"slow": 5.0}),
    ]
    began: list[Any] = []
    with pytest.raises(ActorStopped) as caught:
        async with open_supervisor("stage", children=children, auto_shutdown=kind):
            began.append(True)
    assert not began
    what = "any_significant: first finished" if last == "first" else "all_significant: second finished"
    assert str(caught.value) == (
        f"/stage: the tree ended before its block began: automatic shutdown, {what}; "
        "start who may end so early in the block, or not as significant"
    )
    assert taken(events, "start", "stop") == "start slow stop slow"
