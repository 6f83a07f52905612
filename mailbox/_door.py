"""The door of a mailbox: whose it is, how much is in, and who waits to get something in."""

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import trio

from ._dead_letters import DeadLetters
from ._mail import Letter
from ._spec import Key


class Addressee(Protocol):
    """Own a mailbox: what dead letters need to know of it."""

    @property
    def path(self) -> str:
        """Where it is."""
        ...

    @property
    def uid(self) -> int:
        """Which one it is."""
        ...

    @property
    def dead_letters(self) -> DeadLetters:
        """Where its dead letters go."""
        ...


class WaitingSender:
    """Hold what a sender waits to hand in; `error` says why it never will be. Without a task, the mail itself is told."""

    __slots__ = ("envelope", "error", "task")

    def __init__(self, envelope: Letter, task: "trio.lowlevel.Task | None") -> None:
        self.envelope = envelope
        self.task = task
        self.error: Exception | None = None

    def get_in(self) -> None:
        """Tell that it is in. Plain."""
        if self.task is None:
            self.envelope.let_in()
        else:
            trio.lowlevel.reschedule(self.task)

    def refuse(self, error: Exception) -> None:
        """Tell that it never will be. Plain."""
        if self.task is None:
            self.envelope.refused(error)
        else:
            self.error = error
            trio.lowlevel.reschedule(self.task)


#: Hears that mail comes, before it is in; plain, quick, and reads nothing of the mailbox yet.
Watcher = Callable[[], None]


class Door:
    """Hold what only a mailbox with bounds or keys needs.

    Attributes:
        load: waiting mail that counts against the capacity.
        keyed: the waiting mail that a new one with its key would replace; None if the policy is not to coalesce.
        waiting: who waits for room, first come, first served.
        watchers: who wants to hear of each mail that comes to it.
    """

    __slots__ = ("keyed", "load", "waiting", "watchers")

    def __init__(self, *, coalesces: bool) -> None:
        self.load = 0
        self.keyed: dict[tuple[type[object], Key], Letter] | None = {} if coalesces else None
        self.waiting: deque[WaitingSender] = deque()
        self.watchers: dict[Watcher, None] | None = None

    def twin_of(self, key: Key) -> Letter | None:
        """Return the waiting mail with this key."""
        return None if self.keyed is None or key is None else self.keyed.get((type(key), key))

    def tell_watchers(self) -> None:
        """Tell that mail comes."""
        for watcher in self.watchers or ():
            watcher()

    def count_in(self, envelope: Letter, *, newest: bool = True) -> None:
        """Count a mail that has got in; a taken one that comes back is not the newest of its key."""
        self.load += 1
        key: Key = envelope.key
        if key is not None and self.keyed is not None:
            if newest:
                self.keyed[type(key), key] = envelope
            else:
                self.keyed.setdefault((type(key), key), envelope)

    def count_out(self, envelope: Letter) -> None:
        """Count a mail that has left."""
        self.load -= 1
        key: Key = envelope.key
        if self.keyed is not None and self.twin_of(key) is envelope:
            del self.keyed[type(key), key]

    async def wait(self, envelope: Letter) -> None:
        """Wait for room. Checkpoint: always. Cancellation: it has not got in. Raises what the mailbox was closed with."""
        waiting = self.waiting
        me = WaitingSender(envelope, trio.lowlevel.current_task())

        def abort(_raise_cancel: Any) -> trio.lowlevel.Abort:
            waiting.remove(me)
            return trio.lowlevel.Abort.SUCCEEDED

        waiting.append(me)
        await trio.lowlevel.wait_task_rescheduled(abort)
        if me.error is not None:
            raise me.error

    def queue(self, envelope: Letter) -> None:
        """Have a mail wait for room by itself."""
        self.waiting.append(WaitingSender(envelope, None))

    def refuse(self, error_for: "ErrorFor", incarnation: int | None) -> None:
        """Wake those who wait with an error each: all, or those whose mail is for one incarnation."""
        for sender in [*self.waiting]:
            if incarnation not in (None, sender.envelope.incarnation):
                continue
            self.waiting.remove(sender)
            sender.refuse(error_for(sender.envelope.message))

    def leave(self, envelope: Letter) -> None:
        """Let a mail wait no more, if it does."""
        for sender in self.waiting:
            if sender.envelope is envelope:
                self.waiting.remove(sender)
                return

    def forget_all(self) -> None:
        """Count nothing any more; who waits goes on waiting."""
        self.load = 0
        if self.keyed:
            self.keyed.clear()


class ErrorFor(Protocol):
    """Make the error that gives a refused message back."""

    def __call__(self, message: Any, /) -> Exception:
        """Return it."""
        ...
