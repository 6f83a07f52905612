"""Leftovers: what there still is of a tree.

Trio itself sees to it that no task outlives its nursery. What it cannot see is what the runtime keeps beside: slots, permits, parked
workers, deadlines, entries in registers; tasks of others that wait for something that will never come; and what is outside of Trio: system
tasks, threads, processes. Each kind is looked at by itself, and each thing left has a name.
"""

from collections.abc import Iterator
from typing import Any, Literal

import attrs
import trio

from ..actors import Runtime, Slot, descendants
from ..actors._runner import RUNNERS, Runner
from ..supervisor import LaunchGate
from ._processes import ChildProcess, child_processes, working_threads
from ._tasks import all_tasks, below, place_of, system_tasks, wait_of

Kind = Literal["task", "slot", "permit", "waiter", "worker", "deadline", "registration", "process", "thread"]


@attrs.frozen
class Leftover:
    """Name one thing that is left."""

    kind: Kind
    what: str

    def __str__(self) -> str:
        """Show both."""
        return f"{self.kind}: {self.what}"


@attrs.frozen
class Before:
    """Hold what there was before the tree, and is not of it."""

    tasks: frozenset[trio.lowlevel.Task]
    processes: frozenset[ChildProcess]
    threads: frozenset[Any]

    @classmethod
    def now(cls) -> "Before":
        """Take note. Plain function, within a run of Trio."""
        return cls(frozenset(system_tasks()), frozenset(child_processes()), frozenset(working_threads()))


def find_leftovers(root: Slot, before: Before) -> list[Leftover]:
    """Return what there is of a tree right now, of the program's other tasks only who waits for it. Plain function; changes nothing."""
    runtime = root.runtime
    return [
        *_tasks(runtime, before),
        *_slots(root),
        *_permits(runtime),
        *_waiters(runtime),
        *_workers(runtime),
        *_deadlines(runtime),
        *_registrations(runtime),
        *(Leftover("process", str(process)) for process in child_processes() - before.processes),
        *(Leftover("thread", thread.name) for thread in working_threads() - before.threads),
    ]


def _tasks(runtime: Runtime, before: Before) -> Iterator[Leftover]:
    stage = runtime.nursery
    of_tree = list(below([] if stage is None else [stage]))
    for task in of_tree:
        runner = RUNNERS.get(task)
        work = "" if runner is None or runner.slot is None else f" for {runner.slot.path}"
        yield Leftover("task", f"{task.name!r}{work} at {place_of(task)}")
    for task in system_tasks() - before.tasks:
        yield Leftover("task", f"{task.name!r} (a system task) at {place_of(task)}")
    for task, runner in RUNNERS.items():
        if getattr(runner, "runtime", None) is runtime and task not in of_tree:
            yield Leftover("task", f"{task.name!r} has ended, and is still in the runtime's register of runners")


def _slots(root: Slot) -> Iterator[Leftover]:
    there = [slot for slot in (root, *descendants(root)) if not slot.has_ended]
    for slot in there:
        queued = f", {slot.box.waiting} mails queued" if slot.box.waiting else ""
        yield Leftover("slot", f"{slot.path} uid={slot.uid} {slot.life.value}{queued}")
    lost = root.runtime.alive - len(there)
    if lost > 0:
        yield Leftover("slot", f"{lost} more, counted as alive and not in the tree")


def _permits(runtime: Runtime) -> Iterator[Leftover]:
    gate = runtime.launcher
    assert isinstance(gate, LaunchGate)
    for slot in gate._holders:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        yield Leftover("permit", f"for the startup of {slot.path}")
    for slot in gate._waiting:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        yield Leftover("permit", f"{slot.path} waits for one")
    passivation = runtime.passivation
    for slot in [*passivation._live, *passivation._line, *passivation._idle]:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        yield Leftover("permit", f"a place among the live agents, of {slot.path}")


def _waiters(runtime: Runtime) -> Iterator[Leftover]:
    stage = runtime.nursery
    of_tree = set(below([] if stage is None else [stage]))
    me = trio.lowlevel.current_task()
    for task in all_tasks():
        if task is not me and task not in of_tree:
            wait = wait_of(task, runtime)
            if wait is not None:
                yield Leftover("waiter", f"{task.name!r} waits in {wait}, at {place_of(task)}")


def _workers(runtime: Runtime) -> Iterator[Leftover]:
    pool = runtime.pool
    for worker in pool.workers:
        state = "parked" if worker in pool.parked else "working"
        yield Leftover("worker", f"{_name(worker)}, {state}")
    for worker in pool.parked:
        if worker not in pool.workers:
            yield Leftover("worker", f"{_name(worker)}, parked and not in the pool")


def _name(runner: Runner) -> str:
    return "(has not begun)" if runner.task is None else repr(runner.task.name)


def _deadlines(runtime: Runtime) -> Iterator[Leftover]:
    heap = runtime.deadlines._heap  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    for when, _, deadline in sorted(heap):
        if deadline.action is not None:
            yield Leftover("deadline", f"{deadline.label or 'one'}, due at {when:g}")


def _registrations(runtime: Runtime) -> Iterator[Leftover]:
    for each in runtime.registry.select(lambda _: True):
        yield Leftover("registration", f"the key {each.key!r} of {each.ref.path}")
    for group in runtime.groups.which_groups():
        for ref in runtime.groups.members(group):
            yield Leftover("registration", f"a place of {ref.path} in the group {group!r}")
