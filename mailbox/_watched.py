"""Watching a mailbox: hearing that mail comes, without taking any."""

from collections.abc import Generator
from contextlib import contextmanager

from ._door import Door, Watcher
from ._mailbox import Mailbox


@contextmanager
def watched(box: Mailbox, watcher: Watcher) -> Generator[None]:
    """Have each mail that comes meanwhile told in its step.

    The mailbox leaves the fast mode for that, and gets a door if it has none: so mail does not come in past it.
    """
    if box.fast:
        box.seal()
    rare = box.own_rare()
    door = rare.door = rare.door or Door(coalesces=False)
    door.watchers = {**(door.watchers or {}), watcher: None}
    try:
        yield
    finally:
        del door.watchers[watcher]
        if not door.watchers and rare.spec.is_plain:
            rare.door = None
