"""The reaper's rounds: when it looks, and what it is set for."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from math import inf
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import ActorRef, StartupFailed, open_supervisor

from .slow import FOR_EVER, Plain, Starts, limits, next_round, reports


async def run_at(when: float, call: Callable[[], Awaitable[Any]]) -> None:
    await trio.sleep_until(when)
    await call()


async def test_rounds_are_whole_multiples_of_reap_every_from_the_opening() -> None:
    await trio.sleep(0.3)
    ends: dict[str, float] = {}

    async def note_end(ref: ActorRef[Any]) -> None:
        await ref.wait_stopped()
        ends[ref.name] = round(trio.current_time() - 0.3, 6)

    async with open_supervisor("stage", limits=limits(2.0, reap_every=0.75)) as root, trio.open_nursery() as nursery:
        for name, after in (("a", 0.0), ("b", 0.2), ("c", 0.2), ("d", 0.1)):
            await trio.sleep(after)
            nursery.start_soon(note_end, root.start_soon(Starts, name=name))
        await trio.sleep(4)
        reports(root)
    # Overdue at 2, 2.2, 2.4 and 2.5: the first two in the third round, the others in the next.
    assert ends == {"a": 2.25, "b": 2.25, "c": 3.0, "d": 3.0}


async def test_what_is_due_at_a_round_is_not_overdue_before_the_next() -> None:
    async with open_supervisor("stage", limits=limits(1.0)) as root:
        ref = root.start_soon(Starts)
        assert next_round(root) == 2.0
        await trio.sleep(1.0)
        assert not root.snapshot().children[0].stale
        await trio.sleep(0.5)
        assert root.snapshot().children[0].stale
        assert ref.lifecycle == "initializing"
        await trio.sleep(0.5)
        await wait_all_tasks_blocked()
        assert ref.lifecycle == "failed"
        reports(root)


@pytest.mark.parametrize("every", [0.1, 0.3, 0.7, 1 / 3])
@pytest.mark.parametrize("stale_after", [0.1, 0.3, 0.7, 1.1])
async def test_each_round_finds_what_it_was_set_for_however_numbers_are_rounded(
    every: float, stale_after: float
) -> None:
    await trio.sleep(0.1)
    async with open_supervisor("stage", limits=limits(stale_after, reap_every=every)) as root:
        for _ in range(20):
            begun = trio.current_time()
            with suppress(StartupFailed):
                await root.start(Starts)
            assert stale_after < trio.current_time() - begun <= stale_after + every + 1e-6
            await trio.sleep(0.1)


async def test_the_timer_stands_only_while_something_can_become_overdue() -> None:
    async with open_supervisor("stage", limits=limits(retention=0)) as root:
        assert next_round(root) == inf
        ref = root.start_soon(Starts, 2.0, 2.0)
        assert next_round(root) == 11.0
        await ref.wait_ready()
        assert next_round(root) == inf
        ref.tell(2.0)
        await trio.sleep(1)
        ref.request_stop()
        assert next_round(root) == 14.0
        await ref.wait_stopped()
        assert next_round(root) == inf
        for _ in range(3):
            root.start_soon(Plain).request_stop()
        await wait_all_tasks_blocked()
        assert next_round(root) == inf
        assert len(root._slot.runtime.reaper._watched) == 0
        reports(root)


async def test_an_idle_tree_with_an_armed_reaper_wakes_once() -> None:
    rounds: list[float] = []
    async with open_supervisor("stage", limits=limits()) as root:
        reaper: Any = root._slot.runtime.reaper
        usual = reaper._round
        reaper._round = lambda: (rounds.append(trio.current_time()), usual())
        root.start_soon(Starts)
        root.start_soon(Starts)
        await trio.sleep(10_000)
        # Then the records of both are forgotten.
        assert rounds == [11.0, 3612.0]
        reports(root)


async def test_without_a_reaper_what_is_overdue_is_shown_and_goes_on() -> None:
    async with open_supervisor("stage", limits=limits(reap_every=None)) as root:
        ref = root.start_soon(Starts, 100.0, startup_timeout=None)
        await trio.sleep(50)
        assert root.snapshot().children[0].stale
        await ref.wait_ready()
        assert trio.current_time() == 100.0
        assert ref.crash(OSError("x"))
        await ref.wait_stopped()
        assert next_round(root) == inf
        await trio.sleep(80_000)
        reports(root)
        assert root.ended == ()  # old, though nobody has forgotten it


async def ends_of(reads: int) -> dict[str, tuple[float, str]]:
    """Return when and how the children of a tree ended, while somebody reads so often."""
    ends: dict[str, tuple[float, str]] = {}
    begun = trio.current_time()

    async def note_end(ref: ActorRef[Any]) -> None:
        ends[ref.name] = (-1.0, "lives")
        reason = await ref.wait_stopped()
        ends[ref.name] = (round(trio.current_time() - begun, 6), str(reason))

    async with open_supervisor("stage", limits=limits(3.0, max_concurrent_startups=2)) as root:
        async with trio.open_nursery() as nursery:
            for number, (seconds, hook) in enumerate(
                [(FOR_EVER, 0.0), (1.0, FOR_EVER), (2.5, 0.0), (9.0, 0.0), (0.0, 9.0)]
            ):
                ref = root.start_soon(Starts, seconds, hook, name=f"c{number}", shutdown=None)
                nursery.start_soon(note_end, ref)
                nursery.start_soon(run_at, begun + 6.5, ref.stop)
            for _ in range(reads):
                await trio.sleep(20 / reads)
                root.snapshot()
                root.count_children()
                assert all(ref.status for ref in root.which_children())
            await trio.sleep(80_000)
        reports(root)
    return ends


async def test_the_reaper_reaps_at_the_same_times_with_no_reader_and_with_10000_reads() -> None:
    alone = await ends_of(0)
    assert await ends_of(10_000) == alone
    assert {when for when, _ in alone.values()} == {4.0, 6.5, 10.0}, alone
