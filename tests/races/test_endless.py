"""What never ends, ends: with a verdict, who it was, and where in the code."""

import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
import trio

from greenroom import races
from greenroom.races import Sim, _watcher

Backend = Literal["hook", "gate"]
Scenario = Callable[[Sim], Awaitable[None]]
BACKENDS: tuple[Backend, ...] = ("hook", "gate")
checkpoint = trio.lowlevel.checkpoint
sleep = partial(time.sleep, 1e6)


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    _watcher.watcher.end()
    monkeypatch.setattr(_watcher, "STEP_PATIENCE", 0.3)
    yield
    _watcher.watcher.end()


async def loops(sim: Sim) -> None:
    async def spin() -> None:
        await checkpoint()
        while True:
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(spin)
        nursery.start_soon(checkpoint)


async def sleeps(sim: Sim) -> None:
    await checkpoint()
    sleep()


async def gets(sim: Sim) -> None:
    queue.Queue[int]().get()


async def gets_simply(sim: Sim) -> None:
    queue.SimpleQueue[int]().get()


async def waits(sim: Sim) -> None:
    threading.Event().wait()


async def catches_all_in_a_step(sim: Sim) -> None:
    while True:
        with suppress(BaseException):
            sleep()


async def catches_all_around_a_loop(sim: Sim) -> None:
    while True:
        try:
            while True:
                pass
        except BaseException:  # noqa: BLE001, S112 -- the worst that there is
            continue


BLOCKED = [loops, sleeps, gets, gets_simply, waits, catches_all_in_a_step, catches_all_around_a_loop]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", BLOCKED)
def test_a_step_that_does_not_end_hangs_and_says_where(scenario: Scenario, backend: Backend) -> None:
    before = signal.getsignal(signal.SIGINT), sys.gettrace(), sys.getprofile()
    result = races.run(scenario, backend=backend)
    assert result.verdict == "hung"
    assert type(result.error) is races.StepEndless
    text = str(result.error)
    name = "1:spin" if scenario is loops else f"0:{scenario.__name__}"
    assert text.startswith(
        f"task {name} has come to no checkpoint for 0.3 seconds: a loop without one, or a call that blocks, at "
    )
    assert f"at test_endless.py:{_line_of(text)} in {name[2:]}" in text
    assert races.run(ends).verdict == "passed"
    assert (signal.getsignal(signal.SIGINT), sys.gettrace(), sys.getprofile()) == before


def _line_of(text: str) -> int:
    line = int(text.rsplit(".py:", 1)[1].split(maxsplit=1)[0])
    code = Path(__file__).read_text(encoding="utf-8").splitlines()[line - 1].strip()
    assert code in ("while True:", "pass", "sleep()", "queue.Queue[int]().get()", "queue.SimpleQueue[int]().get()",
                    "threading.Event().wait()"), code  # fmt: skip
    return line


async def ends(sim: Sim) -> None:
    await checkpoint()


@pytest.mark.parametrize("backend", BACKENDS)
def test_in_another_thread_a_loop_is_ended_too(backend: Backend) -> None:
    results: list[races.Result] = []
    thread = threading.Thread(target=lambda: results.append(races.run(loops, backend=backend)))
    thread.start()
    thread.join()
    assert results[0].verdict == "hung"
    assert "task 1:spin has come to no checkpoint" in str(results[0].error)


def test_in_another_thread_a_call_that_blocks_is_told_on_stderr(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    release, told = threading.Event(), threading.Event()
    write = sys.stderr.write

    def write_and_tell(text: str) -> int:
        count = write(text)
        told.set()
        return count

    async def blocks(sim: Sim) -> None:
        release.wait()

    monkeypatch.setattr(sys.stderr, "write", write_and_tell)
    results: list[races.Result] = []
    thread = threading.Thread(target=lambda: results.append(races.run(blocks)))
    thread.start()
    told.wait(20)
    release.set()
    thread.join()
    err = capfd.readouterr().err
    assert err.startswith("greenroom.races: task 0:blocks has come to no checkpoint for 0.3 seconds")
    assert err.count("\n") == 1
    assert results[0].verdict == "hung"


def test_what_blocks_inline_names_the_function_and_the_way_out() -> None:
    async def scenario(sim: Sim) -> None:
        await trio.to_thread.run_sync(threading.Event().wait)

    text = str(races.run(scenario).error)
    assert text.endswith(
        "Event.wait was given to a thread and runs inline; if it has to wait for the loop, give threads='real'"
    )
    assert "at test_endless.py:" in text


def test_a_search_tells_it_at_once_without_shrinking() -> None:
    begun = time.monotonic()
    found = races.search(loops, schedules=100)
    assert found is not None
    assert (found.result.verdict, found.shrinking) == ("hung", 0)
    first, second, *_ = str(found).splitlines()
    assert first.startswith("hung: task 1:spin has come to no checkpoint")
    assert second.startswith("found in schedule 1 of 100")
    assert time.monotonic() - begun < 10
    assert races.run(loops, schedule=found.token).verdict == "hung"


def test_a_search_in_isolated_runs_and_on_two_cores_tells_it_too() -> None:
    for found in (races.search(loops, mode="isolated"), races.search(loops, workers=2)):
        assert found is not None
        assert found.result.verdict == "hung"


def test_a_sweep_ends_with_the_first_point_at_which_the_run_hangs() -> None:
    async def scenario(sim: Sim) -> None:
        with sim.scope("victim"):
            try:
                for _ in range(5):
                    await checkpoint()
            except trio.Cancelled:
                sleep()

    sweep = races.cancel_everywhere(scenario)
    assert list(sweep.failures) == [(0, 0)]
    assert sweep.failures[0, 0].verdict == "hung"


async def catches_cancellations(sim: Sim) -> None:
    while True:
        with suppress(trio.Cancelled):
            await checkpoint()


async def catches_them_in_children(sim: Sim) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(catches_cancellations, sim)
        nursery.start_soon(catches_cancellations, sim)


async def catches_them_behind_a_shield(sim: Sim) -> None:
    with trio.CancelScope(shield=True):
        await catches_them_in_children(sim)


async def catches_all(sim: Sim) -> None:
    while True:
        with suppress(BaseException):
            await checkpoint()


async def opens_shields_for_ever(sim: Sim) -> None:
    while True:
        with trio.CancelScope(shield=True):
            await checkpoint()


async def has_children_for_ever(sim: Sim) -> None:
    async def again() -> None:
        try:
            await checkpoint()
        finally:
            nursery.start_soon(again)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(again)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "scenario",
    [catches_cancellations, catches_them_in_children, catches_them_behind_a_shield, catches_all, opens_shields_for_ever,
     has_children_for_ever],
)  # fmt: skip
def test_what_goes_on_after_its_end_is_given_up(scenario: Scenario, backend: Backend) -> None:
    before = signal.getsignal(signal.SIGINT), sys.gettrace(), sys.getprofile()
    result = races.run(scenario, max_steps=100, backend=backend)
    assert (result.verdict, result.steps) == ("livelock", 100)
    text = str(result.error)
    assert (signal.getsignal(signal.SIGINT), sys.gettrace(), sys.getprofile()) == before
    assert text.startswith("after 100 steps it had not ended; give a larger max_steps if it should\n")
    assert " goes on at test_endless.py:" in text
    again = races.run(scenario, schedule=result.schedule.token, max_steps=100, backend=backend)
    assert again.fingerprint == result.fingerprint
    found = races.search(scenario, max_steps=100, backend=backend, schedules=10)
    assert found is not None
    assert found.result.verdict == "livelock"


async def sleeps_in_shields(sim: Sim) -> None:
    while True:
        try:
            with trio.CancelScope(shield=True):
                await trio.sleep_forever()
        except trio.Cancelled:
            pass


async def cannot_be_cancelled(sim: Sim) -> None:
    await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", [sleeps_in_shields, cannot_be_cancelled])
def test_what_waits_on_after_its_end_is_given_up(scenario: Scenario, backend: Backend) -> None:
    result = races.run(scenario, backend=backend)
    assert result.verdict == "deadlock"
    assert f"0:{scenario.__name__} waits at test_endless.py:" in str(result.error)


def test_what_was_given_up_leaves_nothing_to_be_heard_of() -> None:
    """Not even when the process ends."""
    code = (
        "import gc, trio\nfrom greenroom import races\n"
        "async def spin(sim):\n"
        "    while True:\n"
        "        try: await trio.lowlevel.checkpoint()\n"
        "        except BaseException: pass\n"
        "async def scenario(sim):\n"
        "    async with trio.open_nursery() as nursery:\n"
        "        nursery.start_soon(spin, sim)\n"
        "print(races.run(scenario, max_steps=50).verdict)\n"
        "gc.collect()\n"
    )
    ended = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("livelock\n", "")


def test_ctrl_c_in_a_loop_is_ctrl_c() -> None:
    async def scenario(sim: Sim) -> None:
        threading.Timer(0.05, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
        while True:
            pass

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        races.run(scenario)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_long_step_that_ends_within_its_patience_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four steps are looked at five times each; one that is looked at ten times has had its patience."""
    looks = threading.Semaphore(0)
    look = _watcher.Watch.look

    def counted(watch: _watcher.Watch, patience: float) -> None:
        look(watch, patience)
        looks.release()

    async def scenario(sim: Sim) -> None:
        for _ in range(4):
            while looks.acquire(blocking=False):
                pass  # those of the step before
            for _ in range(_watcher.LOOKS // 2):
                assert looks.acquire(timeout=20)
            await checkpoint()

    monkeypatch.setattr(_watcher.Watch, "look", counted)
    assert races.run(scenario).verdict == "passed"


def test_to_wait_for_the_outside_is_no_endless_step() -> None:
    async def scenario(sim: Sim) -> None:
        await trio.to_thread.run_sync(time.sleep, 0.8)

    assert races.run(scenario, threads="real").verdict == "passed"


FORKS = """
import os, sys, threading, time
from greenroom import races
from greenroom.races import _watcher

async def scenario(sim):
    pass

up, look = threading.Event(), _watcher.watcher._look

def looks(over, ended):
    up.set()
    look(over, ended)

_watcher.STEP_PATIENCE = 1e6  # its thread looks seldom, and does not end by itself
_watcher.watcher._look = looks
races.run(scenario)
up.wait(20)
before = set(sys._current_frames())
child = os.fork()
if child == 0:
    os._exit(7 if not _watcher.watcher.watches and len(sys._current_frames()) == 1 else 1)
_, status = os.waitpid(child, 0)
# Nobody can join a thread that is not of `threading`: when Python has forgotten it can only be polled.
until = time.monotonic() + 20
while len(before - set(sys._current_frames())) != 1 and time.monotonic() < until:
    os.sched_yield()
print(len(before), len(before - set(sys._current_frames())), os.waitstatus_to_exitcode(status))
"""


def test_forks_meet_no_thread_of_ours() -> None:
    """In a process of its own: one that has no other threads."""
    ended = subprocess.run([sys.executable, "-P", "-c", FORKS], capture_output=True, text=True, check=True, timeout=120)
    assert (ended.stdout, ended.stderr) == ("2 1 7\n", "")
