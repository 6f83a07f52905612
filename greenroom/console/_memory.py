"""What has been seen of a tree: its actors as they are, and those that have gone, with why."""

from collections.abc import Iterator

import attrs
import trio

from .. import ActorInfo, ActorRef, Completed, Errored, Interrupted, Killed, Running, Supervisor
from ..actors import ExitReason, is_failure, text_of

# Of the children of one parent that have gone, the last ones are shown.
GONE_KEPT = 8


@attrs.define(eq=False)
class Seen:
    """Remember one actor.

    Attributes:
        info: as it was last seen.
        ref: tells how it ended when it is no longer in the tree.
        is_gone: it is no longer in the tree.
        children: by name, in the order in which they were first seen.
    """

    info: ActorInfo
    ref: ActorRef[object]
    is_gone: bool = False
    children: dict[str, "Seen"] = attrs.field(factory=dict[str, "Seen"])

    @property
    def reason(self) -> ExitReason | None:
        """Why it ended, once it has."""
        return self.ref.exit_reason

    @property
    def has_failed(self) -> bool:
        """True if it ended by a failure, or its last turn did."""
        reason = self.reason
        return isinstance(self.info.status, Errored) if reason is None else is_failure(reason)

    def state(self) -> str:
        """Say in one word how it is."""
        reason = self.reason
        if reason is not None:
            return "killed" if isinstance(reason, Killed) else "failed" if is_failure(reason) else "ended"
        info = self.info
        return "running" if info.lifecycle == "ready" and isinstance(info.status, Running) else info.lifecycle

    def detail(self, now: float | None = None) -> str:
        """Say what is worth knowing besides; with the time, also how long it still waits for its next attempt."""
        reason, info = self.reason, self.info
        if reason is not None:
            return text_of(reason)
        said: list[str] = []
        if info.strategy is not None and info.strategy != "one_for_one":
            said.append(info.strategy)
        if info.stale:
            said.append("STALE")
        if info.next_retry is not None:
            left = "" if now is None else f": {max(0.0, info.next_retry - now):.1f} s"
            said.append(f"waits for its backoff{left}")
        if info.waiting_for:
            said.append(f"waits for {', '.join(info.waiting_for)}")
        if info.lifecycle in ("ready", "resting"):
            match info.status:
                case Errored(cause=cause):
                    said.append(f"its last turn failed: {cause}")
                case Completed():
                    said.append("its last turn is completed")
                case Interrupted():
                    said.append("its last turn was interrupted")
                case _:
                    pass
        if info.last_exit and info.restarts:
            said.append(f"ended before: {info.last_exit}")
        said += [f"{name}: {text}" for name, text in info.warnings.items()]
        return "; ".join(said)

    def walk(self) -> Iterator["Seen"]:
        """Iterate over it and all below, parents first."""
        return (seen for _, seen in self.walk_lines())

    def walk_lines(self, *, ascii_only: bool = False) -> Iterator[tuple[str, "Seen"]]:
        """Iterate over the same, each with the branches that lead to it in a drawn tree."""
        branch, last, pass_by = ("|- ", "`- ", "|  ") if ascii_only else ("├─ ", "└─ ", "│  ")
        open_: list[tuple[str, str, Seen]] = [("", "", self)]
        while open_:
            guide, below, seen = open_.pop()
            yield guide, seen
            children = list(seen.children.values())
            for child in reversed(children):
                is_last = child is children[-1]
                open_.append((below + (last if is_last else branch), below + ("   " if is_last else pass_by), child))


class Memory:
    """Follow a tree from snapshot to snapshot."""

    def __init__(self, root: Supervisor) -> None:
        self._root = root
        info = root.snapshot()
        self.top = Seen(info, root.ref)
        #: when it last took something in, on Trio's clock.
        self.now = trio.current_time()

    def look(self) -> None:
        """Take in what is so at this moment."""
        self.update(self._root.snapshot())

    def update(self, info: ActorInfo) -> None:
        """Take in what is now so. Call it in the same step in which the snapshot was taken: who is in it can then be looked up."""
        self.top.info = info
        self.now = trio.current_time()
        open_ = [(self.top, info)]
        while open_:
            seen, now = open_.pop()
            open_ += self._update_children(seen, now)

    def _update_children(self, seen: Seen, now: ActorInfo) -> list[tuple[Seen, ActorInfo]]:
        present = {child.name for child in now.children}
        gone = [name for name in seen.children if name not in present]
        for name in gone:
            for each in seen.children[name].walk():
                each.is_gone = True
        for name in gone[:-GONE_KEPT]:
            del seen.children[name]
        below: list[tuple[Seen, ActorInfo]] = []
        for info in now.children:
            child = seen.children.get(info.name)
            if child is None or child.info.uid != info.uid:
                seen.children.pop(info.name, None)
                child = seen.children[info.name] = Seen(info, self._root.lookup(info.path))
            child.info = info
            below.append((child, info))
        return below
