"""How an actor ended is remembered for a time, and forgotten with nobody looking."""

import gc
import weakref
from math import inf
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Completed, Context, Limits, Shutdown, StartupFailed, open_supervisor

from .slow import Answers, Plain, Starts, StartsAlone, next_round, reports


async def test_how_an_agent_ended_can_be_looked_up_for_an_hour() -> None:
    async with open_supervisor("stage") as root:
        agent = root.start_soon(Answers, name="agent", labels={"role": "critic"})
        await trio.sleep(5)
        await agent.run_turn("done")
        await agent.stop()
        [record] = root.ended
        assert (record.path, record.name, record.uid, record.incarnation) == ("/stage/agent", "agent", agent.uid, 1)
        assert (record.kind, record.lifecycle, record.labels) == ("agent", "stopped", {"role": "critic"})
        assert (record.status, record.last_turn) == (Shutdown(Shutdown().detail), Completed("done"))
        assert (record.reason, record.by) == (agent.exit_reason, "outside")
        assert (record.registered, record.ended) == (0.0, 5.0)
        await trio.sleep(3_600)
        assert root.ended == (record,)
        await trio.sleep(0.01)
        assert root.ended == ()


async def test_records_are_forgotten_with_nobody_looking() -> None:
    class Result:
        pass

    async def works(_ctx: Context) -> Result:
        return Result()

    async with open_supervisor("stage", limits=Limits(retention=7.0)) as root:
        ref: Any = root.start_soon(works)
        await ref.wait_stopped()
        [record] = root.ended
        assert isinstance(record.status, Completed)
        result = weakref.ref(record.status.result)
        del record, ref
        reports(root)
        await trio.sleep(7.5)
        gc.collect()
        assert result() is not None
        await trio.sleep(0.5)
        await wait_all_tasks_blocked()
        gc.collect()
        assert result() is None
        assert next_round(root) == inf


async def test_all_that_is_old_is_forgotten_in_one_round() -> None:
    async with open_supervisor("stage", limits=Limits(retention=7.0, reap_every=1_000.0)) as root:
        for _ in range(3):
            await root.start_soon(Answers).stop()
            await trio.sleep(1)
        await trio.sleep_until(1_000)
        await wait_all_tasks_blocked()
        assert len(root._slot.runtime.reaper.records) == 0
        reports(root)


async def test_which_ends_leave_a_record() -> None:
    async def function(_ctx: Context) -> str:
        return "result"

    async with open_supervisor("stage") as root:
        for name in ("plain", "failed"):
            await root.start(Plain, name=name)
        root.start_soon(function, name="function")
        await root.start(StartsAlone, 0.0, name="alone")
        await root.start(Answers, name="parked", restart="permanent")
        await root.lookup("plain").stop()
        root.lookup("failed").crash(OSError("no"))
        await root.lookup("alone").kill()
        await root.terminate_child("parked")
        with pytest.raises(StartupFailed):
            await root.start(Starts, name="awaited", startup_timeout=1.0)
        assert [record.name for record in root.ended] == ["function", "failed", "alone"]
        root.delete_child("parked")
        assert root.ended[-1].name == "parked"
        assert (root.ended[-1].by, root.ended[0].by) == ("outside", "itself")
        reports(root)


async def test_a_record_is_there_when_the_parent_hears_of_the_end() -> None:
    seen: list[Any] = []
    async with open_supervisor("stage") as root, trio.open_nursery() as nursery:

        async def read() -> None:
            report = await root.reports.receive()
            seen.append((report.path, [record.path for record in root.ended]))

        nursery.start_soon(read)
        root.start_soon(Answers, name="agent").request_stop()
    assert seen == [("/stage/agent", ["/stage/agent"])]


async def test_at_most_1000_records_are_kept_and_the_oldest_go_first() -> None:
    async def function(_ctx: Context) -> None:
        pass

    async with open_supervisor("stage", limits=Limits(retention=None)) as root:
        for number in range(1_005):
            root.start_soon(function, name=f"f{number}")
            if number == 4:
                await trio.sleep(1)  # those five end before the others
        await trio.sleep(80_000)
        assert {record.name for record in root.ended} == {f"f{number}" for number in range(5, 1_005)}
        assert next_round(root) == inf
        reports(root)


async def test_only_those_below_are_told_of_and_they_can_be_read_after_the_end() -> None:
    async def parent(ctx: Context) -> None:
        await (await ctx.start(Answers, name="child")).stop()
        await trio.sleep_forever()

    async with open_supervisor("stage") as root:
        ref = root.start_soon(parent, name="parent")
        await trio.sleep(1)
        assert [record.path for record in root.ended] == ["/stage/parent/child"]
        assert ref.is_alive
    assert [record.path for record in root.ended] == ["/stage/parent/child", "/stage/parent"]
    assert next_round(root) == inf


async def test_with_a_retention_of_0_nothing_is_kept() -> None:
    async with open_supervisor("stage", limits=Limits(retention=0)) as root:
        await root.start_soon(Answers).stop()
        assert root.ended == ()
        assert next_round(root) == inf
