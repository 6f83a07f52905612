"""How the block of a tree leaves: with its body, or by its tree's giving up."""

from typing import Any

import pytest
import trio
import trio.lowlevel

from greenroom import Intensity, RestartIntensityExceeded, Shutdown, open_supervisor
from greenroom.testing import open_tree

from .closes import Closes, OwnCloses, nothing_left

Log = list[Any]


async def test_p27_a_tree_that_gives_up_cancels_the_body_and_leaves_as_a_group_with_the_causal_chain() -> None:
    error = OSError("broken")
    reached: Log = []
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(1, 5.0)) as root:
            ref = await root.start(Closes, [], restart="permanent", name="a")
            ref.tell(error)
            ref.tell(error)
            try:
                await trio.sleep_forever()
            finally:
                reached.append(trio.current_time())
    assert reached == [0.0]
    [gave_up] = caught.value.exceptions
    assert isinstance(gave_up, RestartIntensityExceeded)
    assert (gave_up.path, gave_up.child, gave_up.max_restarts, gave_up.within) == ("/stage", "/stage/a", 1, 5.0)
    assert gave_up.__cause__ is error
    nothing_left(root)


async def test_p27_the_body_is_cancelled_when_the_tree_gives_up_not_when_it_has_ended() -> None:
    log: Log = []
    with pytest.raises(ExceptionGroup):  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(0, 5.0)) as root:
            await root.start(OwnCloses, log, 3.0)
            ref = await root.start(Closes, [], restart="permanent")
            ref.crash(OSError("x"))
            try:
                await trio.sleep_forever()
            finally:
                log.append("body")
    assert log[0] == "body" or log.index("body") < log.index(("/stage/own-closes-2 closed", 3.0))
    assert trio.current_time() == 3.0


async def test_p28_what_a_body_raises_while_the_tree_gives_up_is_in_the_group_too() -> None:
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(0, 5.0)) as root:
            ref = await root.start(Closes, [], restart="permanent")
            ref.crash(OSError("x"))
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError("body")
    assert [type(error) for error in caught.value.exceptions] == [RestartIntensityExceeded, KeyError]


async def test_p27_a_tree_that_ended_because_it_was_told_to_leaves_the_body_alone() -> None:
    async with open_tree("stage") as root:
        await root.start(Closes, [], 1.0)
        root.request_stop()
        assert await root.wait_stopped() == Shutdown()
        await trio.sleep(5)
    assert trio.current_time() == 6.0
