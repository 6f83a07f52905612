"""A deadlock says who waits for what, and names the circle."""

import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from greenroom import Actor, Context, Request, ask_many, open_supervisor, races
from greenroom.races import Sim

from .scenarios import lock_order


def test_locks_in_a_circle_are_named_with_who_holds_them() -> None:
    found = races.search(lock_order(reversed_in_one=True))
    assert found is not None
    text = str(found.result.error)
    assert "1:hold waits at scenarios.py:" in text
    assert "in hold for a lock (2:hold)" in text
    assert "in hold for a lock (1:hold)" in text
    assert "in a circle: 1:hold -> 2:hold -> 1:hold" in text


async def waits_for_many(sim: Sim) -> None:
    send, receive = trio.open_memory_channel[int](0)
    condition, semaphore, limiter = trio.Condition(), trio.Semaphore(0), trio.CapacityLimiter(1)

    async def conditioned() -> None:
        async with condition:
            await condition.wait()

    limiter.acquire_on_behalf_of_nowait("somebody")
    async with send, receive, trio.open_nursery() as nursery:
        nursery.start_soon(send.send, 1)
        nursery.start_soon(conditioned)
        nursery.start_soon(semaphore.acquire)
        nursery.start_soon(limiter.acquire)
        nursery.start_soon(trio.Event().wait)
        nursery.start_soon(trio.sleep_forever)


def test_what_each_task_waits_for_is_said() -> None:
    text = str(races.run(waits_for_many).error)
    for awaited in (
        "for room to send", "for a condition", "for a semaphore", "for a capacity limiter", "for an event", "for its children (1:",
    ):  # fmt: skip
        assert awaited in text, text
    assert "in a circle" not in text


async def in_contexts(sim: Sim) -> None:
    """Locks are taken in contexts that are made of async generators, and in one itself."""
    one, other, third = trio.Lock(), trio.Lock(), trio.Lock()

    @asynccontextmanager
    async def both(first: trio.Lock, second: trio.Lock) -> AsyncGenerator[None]:
        async with first:
            await trio.sleep(1)
            async with second:
                yield

    async def values(first: trio.Lock, second: trio.Lock) -> AsyncGenerator[int]:
        async with first:
            await trio.sleep(1)
            async with second:
                yield 1

    class Taken:
        def __await__(self) -> Generator[Any, Any, None]:
            return self.take().__await__()

        async def take(self) -> None:
            async with third:
                await trio.sleep(1)
                async with one:
                    pass

    async def enters() -> None:
        async with both(one, other):
            pass

    async def iterates() -> None:
        async for _ in values(other, third):
            pass

    async def waits() -> None:
        await Taken()

    async with trio.open_nursery() as nursery:
        for each in (enters, iterates, waits):
            nursery.start_soon(each)


def test_a_circle_goes_through_contexts_and_async_generators_too() -> None:
    text = str(races.run(in_contexts).error)
    assert "in a circle: 1:enters -> 2:iterates -> 3:waits -> 1:enters" in text
    for line in (
        " in both for a lock (2:iterates)",
        " in values for a lock (3:waits)",
        " in take for a lock (1:enters)",
    ):
        assert line in text


def test_what_says_nothing_of_itself_is_told_by_its_function() -> None:
    async def scenario(sim: Sim) -> None:
        async with open_supervisor("stage") as stage:
            stage.start_soon(Silent, name="silent")
            await trio.sleep_forever()

    text = str(races.run(scenario).error)
    assert "0:scenario waits at test_stuck.py:" in text
    assert "in scenario for what sleep_forever waits for" in text
    assert "for mail\n" in text
    assert "_yield" not in text


class Get(Request[int]):
    pass


class Silent(Actor[Get]):
    async def receive(self, message: Get, ctx: Context) -> int:
        await trio.Event().wait()
        return 1


class Answers(Actor[Get]):
    async def receive(self, message: Get, ctx: Context) -> int:
        return 1


def test_who_waits_for_an_actor_is_told_with_its_path() -> None:
    async def scenario(sim: Sim) -> None:
        async with open_supervisor("stage") as root:
            ref = root.start_soon(Silent, name="silent")
            await ref.ask(Get())

    result = races.run(scenario)
    assert result.verdict == "deadlock"
    assert "0:scenario waits at test_stuck.py:" in str(result.error)
    assert "for an answer of /stage/silent (" in str(result.error)


@pytest.mark.parametrize("count", [2, 5, 8])
def test_who_waits_for_many_actors_is_told_with_the_paths_of_those_that_have_not_answered(count: int) -> None:
    async def scenario(sim: Sim) -> None:
        async with open_supervisor("stage") as root:
            answers = root.start_soon(Answers, name="answers")
            silent = [root.start_soon(Silent, name=f"silent{number}") for number in range(count)]
            await ask_many((ref, Get()) for ref in (answers, *silent))

    result = races.run(scenario)
    assert result.verdict == "deadlock"
    named = ", ".join(f"/stage/silent{number}" for number in range(min(count, 5)))
    others = " and 3 others" if count == 8 else ""
    assert f"for answers of {named}{others} (" in str(result.error)


def test_what_is_imported_through_a_link_is_known_all_the_same(tmp_path: Path) -> None:
    import greenroom

    (tmp_path / "greenroom").symlink_to(Path(greenroom.__file__).parent)
    (tmp_path / "asks.py").write_text(ASKS, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-P", str(tmp_path / "asks.py")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "ask waits at asks.py:6 in ask for an answer of /stage/silent" in ended.stdout


ASKS = """\
import trio
from greenroom import open_supervisor, races

async def scenario(sim):
    async def ask(ref):
        await ref.ask("x")
    async with open_supervisor("stage") as root, trio.open_nursery() as nursery:
        nursery.start_soon(ask, root.start_soon(silent, name="silent"))
        await trio.sleep(1)

async def silent(ctx):
    await trio.sleep_forever()

print(races.run(scenario).error)
"""
