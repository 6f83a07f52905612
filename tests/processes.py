"""The processes below this one, to see that a test leaves none."""

import ctypes
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import attrs

PR_SET_CHILD_SUBREAPER: Final = 36


@attrs.frozen
class Process:
    """Tell of a process: how it is ("Z" is dead, and nobody has waited for it), what it belongs to, and its command line."""

    state: str
    group: int
    session: int
    line: str


def adopt_orphans() -> None:
    """Let orphans come to this process instead of to process 1, so that they cannot hide."""
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def descendants() -> dict[int, Process]:
    """Every process below this one, the dead that nobody has waited for included."""
    found: dict[int, Process] = {}
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                state, parent, group, session = (entry / "stat").read_bytes().rpartition(b")")[2].split()[:4]
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                parents[int(entry.name)] = int(parent)
                found[int(entry.name)] = Process(state.decode(), int(group), int(session), line)
    below = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return {pid: found[pid] for pid in below - {os.getpid()}}


def put_an_end_to(pids: Iterable[int]) -> None:
    """Kill those that are there, and wait for those that are ours to wait for."""
    for pid in pids:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
