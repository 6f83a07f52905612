"""Lookouts: who holds up all of Trio is named while it does."""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, Agent, Context, InvalidSpec, Request, Scheduling, Turn, open_supervisor, races
from greenroom.races import Sim

#: Seconds that stand for a long time.
LONG = 0.01
#: Seconds of real time after which a test gives up that waits for what should have been said.
PATIENCE = 30
OUTSIDE = "a task that is no actor's"


class Ears(logging.Handler):
    """Hear what is said in the log, from any thread, and let a test wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: list[logging.LogRecord] = []
        self._changed = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self._changed:
            self._heard.append(record)
            self._changed.notify_all()

    def of(self, who: str) -> list[logging.LogRecord]:
        """Return what was said of somebody's standing still here; on a busy machine it may have been slow elsewhere, too."""
        start = f"{who}: holds up all of Trio: its step has taken "
        return [
            each
            for each in self._heard
            if each.getMessage().startswith(start) and f"in {self.wait.__qualname__}" in vars(each)["stack"]
        ]

    def last(self) -> str | None:
        return self._heard[-1].getMessage() if self._heard else None

    def wait(self, who: str, count: int = 1) -> None:
        """Stand still, with all of Trio, until so much has been said."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.of(who)) >= count, PATIENCE)


def told_seconds(record: logging.LogRecord) -> float:
    return float(record.getMessage().partition("has taken ")[2].partition(" s")[0])


@pytest.fixture
def ears() -> Iterator[Ears]:
    ears = Ears()
    logger = logging.getLogger("greenroom")
    logger.addHandler(ears)
    yield ears
    logger.removeHandler(ears)


class Ask(Request[None]):
    """Ask for something that takes all the time there is."""


class Blocks(Actor[Ask]):
    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work

    def receive(self, message: Ask, ctx: Context) -> None:
        self.work()


class BlocksInOwnTask(Blocks):
    own_task = True


class BlocksAfterAWait(Actor[Ask]):
    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work

    async def receive(self, message: Ask, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()
        self.work()


class BlockingAgent(Agent[Ask]):
    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work

    async def turn(self, turn: Turn[Ask], ctx: Context) -> None:
        await trio.lowlevel.checkpoint()
        self.work()


async def a_function(ctx: Context, work: Callable[[], object]) -> None:
    async for _ in ctx:
        work()


@pytest.mark.parametrize("kind", [Blocks, BlocksInOwnTask, BlocksAfterAWait])
async def test_a_handler_that_does_not_come_to_an_end_is_named_while_it_goes_on(ears: Ears, kind: Any) -> None:
    async with open_supervisor("shop", scheduling=Scheduling(stall_after=LONG)) as root:
        root.start_soon(Blocks, print, name="other")
        blocks = root.start_soon(kind, lambda: ears.wait("/shop/clerk"), name="clerk")
        await blocks.ask(Ask())
        told = ears.of("/shop/clerk")[0]
        assert told.levelno == logging.WARNING
        assert (vars(told)["path"], vars(told)["incarnation"]) == ("/shop/clerk", 1)
        stack = vars(told)["stack"].splitlines()
        assert any(f"in {kind.__name__}.receive" in line or "in Blocks.receive" in line for line in stack)
        assert not any("unrolled_run" in line for line in stack)


async def test_an_agents_turn_is_named(ears: Ears) -> None:
    async with open_supervisor("shop", scheduling=Scheduling(stall_after=LONG)) as root:
        agent = root.start_soon(BlockingAgent, lambda: ears.wait("/shop/writer"), name="writer")
        await agent.ask(Ask())
    assert "in BlockingAgent.turn" in vars(ears.of("/shop/writer")[0])["stack"]


async def test_what_stands_still_outside_of_all_actors_is_told_with_where_it_is(ears: Ears) -> None:
    async with open_supervisor("shop", scheduling=Scheduling(stall_after=LONG)):
        await wait_all_tasks_blocked()
        ears.wait(OUTSIDE)
    told = ears.of(OUTSIDE)[0]
    assert "test_what_stands_still_outside" in vars(told)["stack"]
    assert "path" not in vars(told)


async def test_it_is_told_again_after_twice_as_long_and_when_it_has_gone_on(ears: Ears) -> None:
    async with open_supervisor("shop", scheduling=Scheduling(stall_after=LONG)) as root:
        blocks = root.start_soon(Blocks, lambda: ears.wait("/shop/clerk", 3), name="clerk")
        await blocks.ask(Ask())
    first, second, third = map(told_seconds, ears.of("/shop/clerk")[:3])
    assert second - first > 1.9 * LONG
    assert third - second > 3.9 * LONG
    assert str(ears.last()).startswith("/shop/clerk: has gone on, after ")


async def test_a_filter_that_raises_is_shown_and_ends_no_looking_out(
    ears: Ears, capsys: pytest.CaptureFixture[str]
) -> None:
    raised: list[bool] = []

    def once(_record: logging.LogRecord) -> bool:
        raised.append(not raised)
        if raised[-1]:
            raise ZeroDivisionError("a filter")
        return True

    logger = logging.getLogger("greenroom")
    logger.addFilter(once)
    try:
        async with open_supervisor("shop", scheduling=Scheduling(stall_after=LONG)) as root:
            await root.start_soon(Blocks, lambda: ears.wait("/shop/clerk"), name="clerk").ask(Ask())
    finally:
        logger.removeFilter(once)
    assert len(raised) > 1
    assert "ZeroDivisionError: a filter" in capsys.readouterr().err


class Shy(Blocks):
    """Tell nobody of what class it is, but its own thread."""

    home = threading.get_ident()

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        assert threading.get_ident() == self.home
        return type(self)


async def test_nothing_of_a_users_object_is_run_in_the_other_thread(
    ears: Ears, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_supervisor("shop", scheduling=Scheduling(stall_after=LONG)) as root:
        await root.start_soon(Shy, lambda: ears.wait("/shop/clerk"), name="clerk").ask(Ask())
    assert "Error" not in capsys.readouterr().err


async def test_a_tree_that_goes_on_is_not_told_of_and_leaves_no_thread(ears: Ears) -> None:
    before = threading.active_count()
    async with open_supervisor("shop", scheduling=Scheduling(stall_after=60)) as root:
        await wait_all_tasks_blocked()
        assert threading.active_count() == before + 1
        await root.start_soon(Blocks, lambda: None).ask(Ask())
    assert threading.active_count() == before
    assert ears.last() is None


async def test_without_it_there_is_no_thread() -> None:
    before = threading.active_count()
    async with open_supervisor("shop"):
        await wait_all_tasks_blocked()
        assert threading.active_count() == before


def test_where_schedules_are_explored_there_is_none() -> None:
    async def scenario(_sim: Sim) -> int:
        async with open_supervisor("shop", scheduling=Scheduling(stall_after=LONG)):
            await wait_all_tasks_blocked()
            return threading.active_count()

    assert races.check(scenario) == threading.active_count()


BREAKS_DOWN = """
import logging, threading, trio, trio.testing
from greenroom import Scheduling, open_supervisor

class Ear(logging.Handler):
    def emit(self, record):
        heard.set()

heard = threading.Event()
logging.getLogger("greenroom").addHandler(Ear())
kept = []  # the tasks: else they are closed as garbage

async def main():
    async with open_supervisor("shop", scheduling=Scheduling(stall_after=0.01)):
        await trio.testing.wait_all_tasks_blocked()
        kept.append(trio.lowlevel.current_root_task())
        with trio.CancelScope() as scope:
            scope.cancel()
            assert heard.wait(30)
            await trio.lowlevel.wait_task_rescheduled(lambda _: 1 / 0)

try:
    trio.run(main)
except trio.TrioInternalError:
    (lookout,) = (thread for thread in threading.enumerate() if thread.name == "greenroom lookout")
    lookout.join(30)
    print(lookout.is_alive())
"""


def test_where_trio_breaks_down_the_thread_ends_by_itself() -> None:
    ended = subprocess.run([sys.executable, "-c", BREAKS_DOWN], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "False\n", ended.stderr


@pytest.mark.parametrize("wrong", [0, -1, "5", True, float("nan"), float("inf"), [], b"1", 1j, object])
def test_what_is_no_time_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidSpec, match=r"^Scheduling\.stall_after: .* is not a number of seconds above 0, or None$"):
        Scheduling(stall_after=wrong)
