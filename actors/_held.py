"""Held: nurseries that an actor left open, in a task that it shares with others or after a message of its own.

Trio has no public way to close a nursery that somebody else has opened, and a task that ends with one open tears its whole tree down. So two
private names of Trio are used here, and nowhere else; in a Trio without them nothing is found, and Trio itself complains later.
"""

from collections.abc import Sequence
from typing import Any

import trio


def nurseries_of(task: "trio.lowlevel.Task") -> "Sequence[trio.Nursery]":
    """Return the live list of the nurseries that are open in a task: looking at it again costs nothing."""
    held: Sequence[trio.Nursery] = getattr(task, "_child_nurseries", ())
    return held


async def close_nurseries(held: "Sequence[trio.Nursery]", kept: int = 0) -> Exception | None:
    """Cancel and close what is open, innermost first, but for the outermost ones that are kept; returns what their tasks raised at last.

    Checkpoint: always. Cancellation: shielded, as the end of any nursery.
    """
    left: Exception | None = None
    while len(held) > kept:
        nursery: Any = held[-1]
        nursery.cancel_scope.cancel()
        error: BaseException | None = await nursery._nested_child_finished(None)  # noqa: SLF001 -- see the module's essay
        try:
            if nursery.cancel_scope.__exit__(type(error), error, None):
                error = None
        except BaseException as filtered:  # noqa: BLE001 -- without the nursery's own cancellations
            error = filtered
        if error is not None and not isinstance(error, Exception):
            raise error
        left = error or left
    return left
