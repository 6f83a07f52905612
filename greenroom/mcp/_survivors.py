"""Who still runs in a server's session: what has to be ended after the server itself.

A server is started as the leader of a session of its own, so whatever it starts is in that session too, unless it takes pains
to leave it (a daemon; it is then nobody's child, and not ours to end). Linux lists the session's processes in /proc, and has a
descriptor per process that becomes readable when it ends; elsewhere only its process group can be asked, again and again.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

import trio

_PROC = Path("/proc")
_POLL_SECONDS = 0.01


def survivors(leader: int) -> list[int]:
    """List the live processes of the session, and of the group, that `leader` was started to lead; zombies are dead.

    Args:
        leader: the process id. Where it can be so, the leader has not been waited for yet, and nobody else can have its id.

    Returns:
        Their ids. Where /proc cannot tell, the leader's id stands for all of its group.
    """
    return [pid for pid, _group in _members(leader)]


def signal_survivors(leader: int, signum: signal.Signals) -> None:
    """Send a signal to all of them; those that are gone, or belong to another user, are passed over."""
    with suppress(ProcessLookupError, PermissionError):
        # First the whole group in one step, so that one that forks meanwhile cannot slip through.
        os.killpg(leader, signum)
    for pid, group in _members(leader):
        # Not twice to anybody: many a server takes the second SIGTERM as leave to drop everything.
        if group != leader:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signum)


async def survivors_gone(leader: int) -> None:
    """Wait until nobody of the session is left.

    Checkpoint: only when it waits.
    Cancellation: nothing is left behind.
    """
    while pids := survivors(leader):
        for pid in pids:
            await _ends_or_a_moment(pid)


async def exit_code(process: trio.Process) -> int | None:
    """Wait until a child has ended, if possible without reaping it: until then nobody else gets its id, nor its group's.

    Returns:
        Its exit code, negative for a signal; None when somebody else has reaped it (SIGCHLD is ignored, say).

    Checkpoint: always.
    Cancellation: nothing is left behind.
    """
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        # No Linux, or an old one. The child is reaped here, and for the moments until its group is ended, its id is free;
        # but ids are given out in turn.
        return await process.wait()
    try:
        await trio.lowlevel.wait_readable(descriptor)
    finally:
        os.close(descriptor)
    try:
        # It has ended, so this does not block.
        ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)  # noqa: ASYNC222 - WNOHANG
    except ChildProcessError:
        return None
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


async def _ends_or_a_moment(pid: int) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        await trio.lowlevel.checkpoint()
    except (AttributeError, OSError):
        await trio.sleep(_POLL_SECONDS)
    else:
        try:
            await trio.lowlevel.wait_readable(descriptor)
        finally:
            os.close(descriptor)


def _members(leader: int) -> list[tuple[int, int]]:
    """List the live processes of the session or group that `leader` leads, each with its group."""
    entries = [name for name in _listing() if name.isdigit()]
    if not entries:
        return [(leader, leader)] if _group_answers(leader) else []
    found: list[tuple[int, int]] = []
    for name in entries:
        try:
            stat = (_PROC / name / "stat").read_bytes()
        except OSError:
            continue
        # "pid (comm) state ppid pgrp session …"; comm may hold anything, so count from its last parenthesis.
        state, _parent, group, session = stat.rpartition(b")")[2].split()[:4]
        if leader in {int(group), int(session)} and state not in {b"Z", b"X"}:
            found.append((int(name), int(group)))
    return found


def _listing() -> list[str]:
    try:
        return [entry.name for entry in _PROC.iterdir()]
    except OSError:
        return []


def _group_answers(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Says nothing: zombies on macOS, or a member that became another user. The wait for them is bounded.
        return True
    return True
