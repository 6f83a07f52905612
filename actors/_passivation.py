"""Passivation: which agents are put to rest without being asked, and when.

Two things do that. An agent with `rest_after` rests when nothing has kept it for so long. And where `Limits.max_live` bounds how many agents have an
incarnation, the one that was used longest ago makes room for another. A place is given back only when the incarnation has ended, with its services;
who needs one waits in line for it, as `queued`: nothing of it runs. A start for which nobody can make room is refused; an agent that is woken by its
mail waits until somebody can, and so does one that its supervisor starts in its order.

An agent that waits in its own turn for others lends its place meanwhile, as it lends the permit of its turn: else agents that wait for those that
rest would hold all there are.
"""

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import trio

from ._errors import InvalidSpec, LimitReached
from ._resting import MAY_REST, obstacle, put_to_rest
from ._texts import format_seconds

if TYPE_CHECKING:
    from ._blueprint import Blueprint
    from ._deadlines import Deadline
    from ._runtime import Runtime
    from ._slot import Slot

#: Holders that an error names.
NAMED: Final = 10


class Passivation:
    """Put agents to rest in their time, and keep to `max_live`. All plain functions."""

    __slots__ = ("_idle", "_leaving", "_line", "_live", "_runtime", "limit")

    def __init__(self, runtime: "Runtime", limit: int | None) -> None:
        self._runtime = runtime
        #: how many agents may be live; None: any number.
        self.limit = limit
        #: agents whose tasks wait for mail, least recently used first -> when they are put to rest, if that is set.
        self._idle: dict[Slot, Deadline | None] = {}
        #: who has a place.
        self._live: dict[Slot, None] = {}
        #: who waits for one, first come, first served.
        self._line: dict[Slot, None] = {}
        #: who has one and is being put to rest.
        self._leaving: dict[Slot, None] = {}

    @property
    def live(self) -> int:
        """How many places are taken."""
        return len(self._live)

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._line)

    @property
    def leaving(self) -> int:
        """How many have a place and are being put to rest."""
        return len(self._leaving)

    # -- idleness

    def concerns(self, slot: "Slot") -> bool:
        """Return whether it may be put to rest without being asked."""
        return slot.blueprint.kind == "agent" and (self.limit is not None or slot.policy.rest_after is not None)

    @trio.lowlevel.enable_ki_protection
    def park(self, slot: "Slot") -> None:
        """Note that an agent's task has nothing to do; it may be put to rest in this very step."""
        self._idle[slot] = None
        self.recheck(slot)

    @trio.lowlevel.enable_ki_protection
    def unpark(self, slot: "Slot") -> None:
        """Note that it goes on."""
        deadline = self._idle.pop(slot, None)
        if deadline is not None:
            deadline.cancel()

    @trio.lowlevel.enable_ki_protection
    def recheck(self, slot: "Slot") -> None:
        """Look again at one that may have got rid of what kept it."""
        if slot not in self._idle or obstacle(slot) is not None:
            return
        seconds = slot.policy.rest_after
        if seconds is not None and self._idle[slot] is None:
            when = self._runtime.now() + seconds
            why = f"idle for {format_seconds(seconds)}"
            # A chore: nobody waits for a rest, and it must not hide that all others are stuck.
            self._idle[slot] = self._runtime.deadlines.add_chore(
                when, partial(self._due, slot, why), f"rest of {slot.name}"
            )
        self._make_room()

    @trio.lowlevel.enable_ki_protection
    def _due(self, slot: "Slot", why: str) -> None:
        if slot in self._idle:
            self._idle[slot] = None
            if obstacle(slot) is None:
                put_to_rest(slot, why)

    # -- places

    def check(self, path: str) -> None:
        """Raise LimitReached if nobody can make room for a start; nothing has been changed."""
        limit = self.limit
        if limit is None:
            return
        missing = self._missing() + 1
        if missing <= len(self._leaving) or (missing == len(self._leaving) + 1 and self._oldest() is not None):
            return
        raise LimitReached(path, "max_live", limit, tuple(holder.path for holder in [*self._live][:NAMED]))

    def admit(self, slot: "Slot") -> bool:
        """Give a place to one that is about to begin an incarnation; False if it has to wait for it, and is launched later."""
        limit = self.limit
        if limit is None or slot.blueprint.kind not in MAY_REST:
            return True
        if slot in self._live:  # it is restarted
            self._leaving.pop(slot, None)
            return True
        if len(self._live) < limit and not self._line:
            self._live[slot] = None
            return True
        self._line[slot] = None
        self._make_room()
        return False

    def is_waiting(self, slot: "Slot") -> bool:
        """Return whether it waits for a place."""
        return slot in self._line

    def withdraw(self, slot: "Slot") -> None:
        """Let it wait no longer."""
        self._line.pop(slot, None)

    def leaves(self, slot: "Slot") -> None:
        """Note that one is being put to rest, by whomever."""
        if slot in self._live:
            self._leaving[slot] = None

    @trio.lowlevel.enable_ki_protection
    def release(self, slot: "Slot") -> None:
        """Take a place back, if it had one, and launch who waits."""
        if self.limit is not None:
            self._leaving.pop(slot, None)
            self._line.pop(slot, None)
            if slot in self._live:
                del self._live[slot]
                self._grant()

    def _grant(self) -> None:
        assert self.limit is not None
        while self._line and len(self._live) < self.limit:
            slot = next(iter(self._line))
            del self._line[slot]
            self._live[slot] = None
            self._runtime.launch(slot)

    def _missing(self) -> int:
        """Count the places that would have to come back so that all had one who want one."""
        assert self.limit is not None
        return len(self._live) + len(self._line) - self.limit

    def _oldest(self) -> "Slot | None":
        """Return who was used longest ago of those that can be put to rest."""
        return next((slot for slot in self._idle if slot in self._live and obstacle(slot) is None), None)

    def _make_room(self) -> None:
        """Put as many to rest as have to, and can be."""
        while self.limit is not None and self._missing() > len(self._leaving):
            slot = self._oldest()
            if slot is None:
                return
            put_to_rest(slot, "to make room for another")

    @contextmanager
    def lent(self, slot: "Slot") -> Generator[None]:
        """Lend the place of an agent while its turn waits in its own task; past that there may be one too many, until somebody rests."""
        if not self._lend(slot):
            yield
            return
        try:
            yield
        finally:
            self._take_back(slot)

    @trio.lowlevel.enable_ki_protection
    def _lend(self, slot: "Slot") -> bool:
        if slot not in self._live:
            return False
        del self._live[slot]
        self._grant()
        return True

    @trio.lowlevel.enable_ki_protection
    def _take_back(self, slot: "Slot") -> None:
        self._live[slot] = None
        self._make_room()


def settle_kind(slot: "Slot") -> None:
    """Hear what a factory that did not say has made: what is no agent needs no place, and cannot be put to rest. Raises InvalidSpec."""
    if slot.blueprint.kind == "agent":
        return
    slot.runtime.passivation.release(slot)
    if slot.policy.rest_after is not None:
        raise InvalidSpec(no_agent(slot.blueprint))


def no_agent(blueprint: "Blueprint") -> str:
    """Say why `rest_after` cannot be given for what is no agent."""
    return f"rest_after: only agents can be put to rest, and {blueprint.prefix} is a plain {blueprint.kind}"
