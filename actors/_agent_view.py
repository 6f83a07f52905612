"""What an agent tool shows of actors, as plain data. It only reads: not even a ref is made for it."""

from collections.abc import Mapping
from typing import Any, Final

import trio

from ._brood import find_child, names_of
from ._reasons import Shutdown, text_of
from ._slot import Slot
from ._status import Completed, Errored, Idle, Interrupted, NotFound, PendingInit, Running, Status

#: Of one agent's; past that the one that was started first is no longer remembered.
MAX_REMEMBERED: Final = 1_000

WORDS: Final[Mapping[type, str]] = {
    PendingInit: "starting",
    Idle: "idle",
    Running: "running",
    Interrupted: "interrupted",
    Completed: "completed",
    Errored: "errored",
    Shutdown: "stopped",
    NotFound: "not found",
}


def children_of(slot: Slot) -> Mapping[str | int, Slot]:
    """Return the children by key; live, and empty for who has none."""
    family = None if slot.more is None else slot.more.family
    return {} if family is None else family.children


@trio.lowlevel.enable_ki_protection
def remember(parent: Slot, child: Slot) -> None:
    """Remember a child past its end, as a temporary one is forgotten then, and with it what came of it. Plain function."""
    more = parent.get_more()
    if more.helpers is None:
        more.helpers = {}
    more.helpers.pop(child.name, None)
    more.helpers[child.name] = child
    if len(more.helpers) > MAX_REMEMBERED:
        del more.helpers[next(iter(more.helpers))]


def known_to(slot: Slot) -> dict[str, Slot]:
    """Return the children by name, and before them those that an agent tool has started, and that have ended."""
    helpers = None if slot.more is None else slot.more.helpers
    return {**(helpers or {}), **{child.name: child for child in children_of(slot).values()}}


def find_below(top: Slot, agent: str) -> Slot | None:
    """Return who is meant by a name, or a path, below an actor; None if there is none. Nobody else can be reached."""
    at, parts = top, agent
    if agent.startswith("/"):
        inside = f"{top.path}/"
        if not agent.startswith(inside):
            return None
        parts = agent[len(inside) :]
    for part in parts.split("/"):
        helpers = None if at.more is None else at.more.helpers
        child = find_child(children_of(at), part) or (helpers or {}).get(part)
        if child is None:
            return None
        at = child
    return None if at is top else at


def show_status(slot: Slot, agent: str, status: Status | None = None) -> dict[str, Any]:
    """Return how an actor is, or was when it had this status, in a few words, and its result or error if it has one."""
    status = slot.own_status() if status is None else status
    shown: dict[str, Any] = {"agent": agent, "lifecycle": slot.life.value, "status": WORDS[type(status)]}
    if isinstance(status, Completed):
        shown["result"] = status.result
    elif isinstance(status, Errored):
        shown["error"] = status.cause
    return shown


def show_closely(slot: Slot, agent: str) -> dict[str, Any]:
    """Return all that a status tells, and more: numbers, warnings, why it ended last, who is below it."""
    more = slot.more
    last_exit = slot.last_exit
    return {
        **show_status(slot, agent),
        "path": slot.path,
        "uid": slot.uid,
        "incarnation": slot.incarnation,
        "age": slot.runtime.now() - slot.born,
        "queued": slot.box.waiting,
        "accepted": slot.box.seq,
        "turns": 0 if more is None else more.turns,
        "last_exit": "" if last_exit is None else text_of(last_exit),
        "warnings": {} if more is None or more.warnings is None else dict(more.warnings),
        "labels": dict(slot.policy.labels),
        "children": names_of(children_of(slot)),
    }


def show_missing(agent: str) -> dict[str, Any]:
    """Return what is known of who is not there: it has ended and is forgotten, or never was."""
    return {"agent": agent, "status": WORDS[NotFound]}
