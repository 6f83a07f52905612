"""Parts: what a step has done, in terms that hold wherever in a schedule it comes.

The tasks of the pool are interchangeable: which of them serves an actor is nobody's business. So a part does not name them. It says "me", the one
that has a slot in its hands ("@" and the slot), the one that parked last ("parked 0"), or the next one to be made ("new 0").
"""

from collections.abc import Hashable
from typing import Any, Final

import attrs

#: What a part comes to that goes on to the run queue, and the kind of its choice there.
TAKE: Final = "take"
#: How a part names the task whose step it is.
ME: Final = "me"
#: Where a task of the pool is that has no actor in its hands.
NEW, PARKED, BREATHING, TAKING, GONE = "new", "parked", "breathing", "taking", "gone"
#: The resources of a tree whose state is known by value; a task's own is known by its label.
NURSERY: Final = "nursery"
LOT: Final = "lot "


@attrs.define
class Part:
    """Hold one step of a task, or the part of it from one choice of its own to the next.

    Attributes:
        entity: whose it is: the label of a task, "@" and the slot that a task of the pool holds, where it is if it holds none; "time" or "begin".
        choice: what was chosen at its begin, within the step; None at the begin of a step.
        is_open: it may have touched anything.
        cancels: it is open, and has cancelled something.
        wakes: it is open, and has woken, or would have woken, who waits for something.
        needs: what its course depends on; each is versioned by what touched it last.
        touched: of these, what it has touched.
        values: of what it has touched, what has come of it, where that is all that there is to know.
        free: whether nobody drained the run queue as it began; None if that is no matter.
        empty: whether the run queue was empty as it began; None likewise.
        idle: whether a task of the pool was parked as it began; None likewise.
        gone: what it took out of the run queue, besides what was chosen for it.
        appended: what it has put at the end of the run queue.
        is_free: whether nobody drains the run queue when it is over; None if that is as before.
        is_closing: the pool is being closed when it is over.
        unparked: which tasks of the pool are no longer parked.
        role: where its own task is, of the pool's, without an actor in its hands; "" if it has one, or is no task of the pool.
        holds: the slot that its task has in its hands, of the pool's tasks.
        spawned: how many tasks it has begun.
        names: one of these is no task of the pool.
        then: what choice it comes to; None if it is the end of the step.
        woken: which tasks can go on then that could not before, its own among them.
    """

    entity: str
    choice: Any
    is_open: bool = False
    cancels: bool = False
    wakes: bool = False
    needs: frozenset[str] = frozenset()
    touched: frozenset[str] = frozenset()
    values: dict[str, Hashable] = attrs.field(factory=dict[str, Hashable])
    free: bool | None = None
    empty: bool | None = None
    idle: bool | None = None
    gone: tuple[str, ...] = ()
    appended: tuple[str, ...] = ()
    is_free: bool | None = None
    is_closing: bool = False
    unparked: tuple[str, ...] = ()
    role: str = ""
    holds: str = ""
    spawned: int = 0
    names: bool = False
    then: Any = None
    woken: tuple[str, ...] = ()
