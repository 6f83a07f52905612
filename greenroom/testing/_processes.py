"""Processes and threads of this program, to be compared before and after."""

import re
import threading
from pathlib import Path

import attrs

PROC = Path("/proc")
#: What an idle thread of Trio's cache is called; while it works it has the work's name.
IDLE_THREAD = re.compile(r"Trio thread \d+")


@attrs.frozen
class ChildProcess:
    """Name a process: its id, when it was started (ids are used again, pairs are not), and its command."""

    pid: int
    started: int
    command: str = attrs.field(eq=False)

    def __str__(self) -> str:
        """Show id and command."""
        return f"{self.pid}: {self.command}"


def child_processes() -> set[ChildProcess]:
    """Return the processes that this one and its children have started, zombies too; none where /proc does not list them."""
    found: set[ChildProcess] = set()
    open_: list[int | str] = ["self"]
    while open_:
        for pid in _children(open_.pop()):
            process = _look_at(pid)
            if process is not None and process not in found:
                found.add(process)
                open_.append(pid)
    return found


def working_threads() -> set[threading.Thread]:
    """Return the threads that run, without idle ones of Trio's cache."""
    return {thread for thread in threading.enumerate() if not IDLE_THREAD.fullmatch(thread.name)}


def _children(pid: int | str) -> list[int]:
    found: list[int] = []
    try:
        for task in (PROC / str(pid) / "task").iterdir():
            found += [int(child) for child in (task / "children").read_text(encoding="ascii").split()]
    except OSError:
        pass  # it has just ended, or there is no such list here
    return found


def _look_at(pid: int) -> ChildProcess | None:
    try:
        stat = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
        command = (PROC / str(pid) / "cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the name in parentheses, and may hold anything; after it state is the first, the start time the twentieth.
    head, _, tail = stat.rpartition(")")
    fields = tail.split()
    name = head.partition("(")[2]
    text = command.replace("\0", " ").strip() or f"[{name}]"
    return ChildProcess(pid, int(fields[19]), text + (" (ended, not waited for)" if fields[0] == "Z" else ""))
