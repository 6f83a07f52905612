"""Frames: what one look has found, as plain data; one line of JSON on the socket."""

from typing import Final

import attrs

#: The protocol, and its version: another one may be refused.
PROTOCOL: Final = "greenroom-inspector/1"
#: Bytes of a frame, at most; what does not fit is counted, and not shown.
MOST_BYTES: Final = 256 * 1024
#: Rows that may be asked for.
MOST_ROWS: Final = 500
#: Characters of one error, warning or other text, and of one stack; the rest is cut off.
MOST_TEXT: Final = 400
MOST_STACK: Final = 4_000


@attrs.frozen(kw_only=True)
class Restarts:
    """Say how many restarts count at this moment.

    Attributes:
        count: how many. most: how many are borne; None: any number.
        within: seconds of the window; None: these are attempts in a row, as a backoff counts them.
    """

    count: int
    most: int | None
    within: float | None


@attrs.frozen(kw_only=True)
class Row:
    """Show one actor.

    Attributes:
        path, name, uid, kind, incarnation: which one it is, as in an `ActorInfo`.
        state: its lifecycle, or "running" if it is ready and has something in hand.
        restarts: how often it was restarted.
        recent: its own restarts that count against the limit by which it is judged; None of the root.
        recent_below: those of all its children; None if it has had none.
        queued: mails that wait.
        oldest_mail: seconds that the oldest of them has waited at least, to one look of the inspector; None if none waits.
        in_hand: seconds for which it has had the same message, turn or function in hand at least; None if it has nothing in hand.
        in_state: seconds for which it has been in a passing state (starting, stopping, …); None in others.
        stale: it is overdue: in a passing state for longer than `Limits.stale_after`.
        last_error: what its last turn or incarnation failed of; "" if it did not fail.
        waiting_for: what its start waits for, or whose answers or ends its turn does.
        warnings: of optional services and watchdogs, as text.
        stack: where it is, of one that is stuck or was asked for; "" of others.
        children: how many it has. hidden: how many of them have no row of their own.
    """

    path: str
    name: str
    uid: int
    kind: str
    incarnation: int
    state: str
    restarts: int
    recent: Restarts | None
    recent_below: Restarts | None
    queued: int
    oldest_mail: float | None
    in_hand: float | None
    in_state: float | None
    stale: bool
    last_error: str
    waiting_for: list[str]
    warnings: list[str]
    stack: str
    children: int
    hidden: int


@attrs.frozen(kw_only=True)
class Ended:
    """Show one that is no longer there.

    Attributes:
        path, uid, incarnation: which one it was.
        reason: why it ended. failed: whether that is a failure.
        ago: seconds since then.
    """

    path: str
    uid: int
    incarnation: int
    reason: str
    failed: bool
    ago: float


@attrs.frozen(kw_only=True)
class Frame:
    """Show a tree.

    Attributes:
        protocol: which one this is.
        program: the path of the tree. pid: of the program.
        number: of this look, growing with each.
        actors: how many there are. matching: how many of them were searched for.
        states: state -> how many are in it. queued: mails that wait in all of them. stale: how many are overdue.
        cost: seconds of processor time that the look has taken.
        rows: parents before children, in the order of the tree. Where there is not room for all, those that are worth most: stale ones, then those
            that restart, are stuck, start or stop, have mail, have failed, were restarted; and who is above them.
        ended: the last ones that have ended, the latest last.
    """

    protocol: str
    program: str
    pid: int
    number: int
    actors: int
    matching: int
    states: dict[str, int]
    queued: int
    stale: int
    cost: float
    ended: list[Ended]
    rows: list[Row]
