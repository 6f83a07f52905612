"""The checks at the end of a tree: each finds what it is for, and names it."""

import inspect
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from math import inf
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, ChildSpec, Limits, Service, StartupFailed
from greenroom.actors import slot_of
from greenroom.actors._pool import Worker as PoolWorker
from greenroom.actors._runner import RUNNERS
from greenroom.testing import LeftBehind, Tree, open_tree, run

from .worker import Echo, Worker, in_tree

SLEEPER = (sys.executable, "-c", "import sys; sys.stdin.read()")


def start_sleeper() -> subprocess.Popen[bytes]:
    """Start a process that ends when nobody can write to it any more."""
    return subprocess.Popen(SLEEPER, stdin=subprocess.PIPE)


def kinds(tree: Tree) -> set[str]:
    return {leftover.kind for leftover in tree.leftovers()}


def named(tree: Tree, kind: str) -> str:
    """What is left of a kind, one a line."""
    return "\n".join(leftover.what for leftover in tree.leftovers() if leftover.kind == kind)


async def test_a_tree_in_order_passes_and_leaves_nothing() -> None:
    async with open_tree() as tree:
        worker = tree.start_soon(Worker, name="worker")
        worker.tell("hello")
        assert await worker.ask(Echo(), timeout=5)
    assert tree.leftovers() == []


def test_run_gives_an_hour_at_once_and_returns_the_result() -> None:
    async def main(number: int) -> int:
        async with open_tree():
            await trio.sleep(3600)
        return number

    assert run(main, 7) == 7


async def test_a_running_tree_names_its_tasks_slots_and_workers() -> None:
    async with open_tree("stage") as tree:
        worker = tree.start_soon(Worker, name="worker")
        worker.tell("wait")
        worker.tell("later")
        tree.ignore_dead_letters()
        await trio.testing.wait_all_tasks_blocked()
        tasks = named(tree, "task").splitlines()
        assert len(tasks) == 3  # the root's, the worker's, and the one that sees to deadlines
        (task,) = [task for task in tasks if " for /stage/worker at " in task]
        assert inspect.getfile(Worker) in task
        assert "in Worker.receive" in task
        slots = named(tree, "slot").splitlines()
        assert slots == ["/stage uid=1 ready", f"/stage/worker uid={worker.uid} ready, 1 mails queued"]
        assert "working" in named(tree, "worker")
        with pytest.raises(LeftBehind, match=r"/stage: left behind after the tree has ended:\n  task: ") as caught:
            await tree.check_nothing_left()
        assert "\n  slot: /stage/worker uid=" in str(caught.value)
        await worker.kill()


async def test_an_idle_worker_is_named_as_parked() -> None:
    async with open_tree() as tree:
        await tree.start(Worker)
        await trio.testing.wait_all_tasks_blocked()
        assert "'greenroom idle worker', parked" in named(tree, "worker")


async def test_a_permit_that_is_out_is_named_and_so_is_who_waits_for_one() -> None:
    @asynccontextmanager
    async def slow() -> AsyncGenerator[None]:
        await trio.sleep(inf)
        yield

    class Slow(Worker):
        def services(self) -> list[Service[None]]:
            return [Service("slow", connect=slow)]

    async with open_tree("stage", limits=Limits(max_concurrent_startups=1)) as tree:
        tree.start_soon(Slow, name="first")
        tree.start_soon(Slow, name="second")
        await trio.testing.wait_all_tasks_blocked()
        assert named(tree, "permit").splitlines() == [
            "for the startup of /stage/first",
            "/stage/second waits for one",
        ]


async def test_a_key_and_a_place_in_a_group_are_named_with_who_has_them(tree: Tree) -> None:
    worker = await tree.start(Worker, name="worker", keys=[("room", 3)])
    tree.groups.join("all", worker)
    assert named(tree, "registration").splitlines() == [
        f"the key ('room', 3) of {worker.path}",
        f"a place of {worker.path} in the group 'all'",
    ]


async def test_a_deadline_that_stands_is_named(tree: Tree) -> None:
    async with trio.open_nursery() as nursery:
        worker = await tree.start(Worker, name="worker")
        worker.tell("wait")
        nursery.start_soon(partial(worker.ask, Echo(), timeout=100))
        await trio.testing.wait_all_tasks_blocked()
        assert "ask of worker, due at" in named(tree, "deadline")
        nursery.cancel_scope.cancel()


async def test_a_deadline_that_was_called_off_is_not_named(tree: Tree) -> None:
    deadlines = slot_of(tree.ref).runtime.deadlines
    first = deadlines.add(1_000.0, lambda: None, "first")
    deadlines.add(2_000.0, lambda: None, "second").cancel()
    assert named(tree, "deadline") == "first, due at 1000"
    first.cancel()


async def test_who_waits_for_an_actor_of_the_tree_is_named_with_the_place_in_the_test(tree: Tree) -> None:
    async def ask_forever() -> None:
        await worker.ask(Echo())

    async with trio.open_nursery() as nursery:
        worker = await tree.start(Worker, name="worker")
        worker.tell("wait")
        nursery.start_soon(ask_forever)
        await trio.testing.wait_all_tasks_blocked()
        waiters = named(tree, "waiter")
        assert "ask_forever' waits in ActorRef.ask of /test/worker, at " in waiters
        assert __file__ in waiters
        nursery.cancel_scope.cancel()


async def test_a_waiter_that_nobody_will_wake_any_more_fails_the_tree() -> None:
    async def wait_too_long(tree: Tree) -> None:
        slot = slot_of(await tree.start(Worker, name="worker"))
        await slot.own_ref().stop()
        nursery.start_soon(slot.changed)

    async with trio.open_nursery() as nursery:
        with pytest.raises(LeftBehind, match=r"waiter: .*waits in Slot.changed of /stage/worker"):
            await in_tree(wait_too_long)
        nursery.cancel_scope.cancel()


async def test_who_is_woken_by_the_trees_end_itself_is_no_waiter() -> None:
    async with trio.open_nursery() as nursery, open_tree() as tree:
        worker = await tree.start(Worker)
        nursery.start_soon(worker.wait_stopped)
        await trio.testing.wait_all_tasks_blocked()
        assert "waiter" in kinds(tree)


async def test_a_system_task_that_an_actor_started_fails_the_tree() -> None:
    over = trio.Event()
    with pytest.raises(LeftBehind, match=r"task: .*a system task"):
        async with open_tree():
            trio.lowlevel.spawn_system_task(over.wait)
    over.set()


async def test_a_child_process_that_is_left_fails_the_tree_with_its_command() -> None:
    started: list[subprocess.Popen[bytes]] = []
    try:
        with pytest.raises(LeftBehind, match="process: ") as caught:
            async with open_tree():
                started.append(start_sleeper())
        assert f"{started[0].pid}: {sys.executable} -c import sys; sys.stdin.read()" in str(caught.value)
    finally:
        started[0].communicate()


async def test_a_child_process_that_was_there_before_is_not_the_trees() -> None:
    with start_sleeper() as process:
        async with open_tree():
            pass
        process.communicate()


async def test_a_thread_that_is_left_fails_the_tree_with_its_name() -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait, name="of-an-actor")
    try:
        with pytest.raises(LeftBehind, match="thread: of-an-actor"):
            async with open_tree():
                thread.start()
    finally:
        over.set()
        thread.join()


async def test_an_idle_thread_of_trios_cache_is_none_of_the_trees() -> None:
    async with open_tree():
        await trio.to_thread.run_sync(lambda: None)


def lose_a_slot(tree: Tree) -> None:
    slot_of(tree.ref).runtime.gone -= 2


def lose_a_permit(tree: Tree) -> None:
    gate: Any = slot_of(tree.ref).runtime.launcher
    gate._holders[slot_of(tree.which_children()[0])] = None


def lose_a_deadline(tree: Tree) -> None:
    slot_of(tree.ref).runtime.deadlines.add(5_000_000.0, lambda: None, "tick")


@pytest.mark.parametrize(
    ("lose", "line"),
    [
        (lose_a_slot, r"slot: 2 more, counted as alive and not in the tree"),
        (lose_a_permit, r"permit: for the startup of /stage/worker"),
        (lose_a_deadline, r"deadline: tick, due at 5e\+06"),
    ],
)
async def test_what_the_runtime_loses_fails_the_tree(lose: Callable[[Tree], None], line: str) -> None:
    async def body(tree: Tree) -> None:
        await tree.start(Worker, name="worker")
        lose(tree)

    with pytest.raises(LeftBehind, match=line):
        await in_tree(body)


async def test_a_worker_that_the_pool_forgets_to_end_is_named() -> None:
    async with open_tree() as tree:
        await tree.start(Worker)
    pool = slot_of(tree.ref).runtime.pool
    pool.parked[PoolWorker(pool)] = None
    with pytest.raises(LeftBehind, match="parked and not in the pool"):
        await tree.check_nothing_left()


async def test_a_runner_that_is_not_struck_off_is_named() -> None:
    async with open_tree() as tree:
        await tree.start(Worker)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever, name="forgotten")
        (task,) = nursery.child_tasks
        RUNNERS[task] = PoolWorker(slot_of(tree.ref).runtime.pool)
        try:
            with pytest.raises(LeftBehind, match="task: 'forgotten' has ended, and is still in the runtime's register"):
                await tree.check_nothing_left()
        finally:
            del RUNNERS[task]
        nursery.cancel_scope.cancel()


async def test_a_block_that_raises_keeps_its_error_and_gets_a_note_of_what_is_left() -> None:
    async def body(tree: Tree) -> None:
        tree.start_soon(Worker, name="worker", mail="lost").request_stop()
        lose_a_slot(tree)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine") as caught:
        await in_tree(body)
    assert str(caught.value) == "mine"
    (note,) = caught.value.__notes__
    assert "2 more, counted as alive" in note
    assert "dead letters" not in note


async def test_a_tree_that_does_not_open_raises_as_it_is() -> None:
    def broken() -> Actor[Any]:
        raise ValueError("no")

    with pytest.raises(StartupFailed):
        async with open_tree(children=[ChildSpec("broken", broken)]):
            raise AssertionError
