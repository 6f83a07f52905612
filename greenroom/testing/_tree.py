"""A tree for tests: a supervisor that looks behind itself when it has ended."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trio

from ..actors import slot_of
from ..mailbox import DeadReason
from ..supervisor import Supervisor, open_supervisor
from ..supervisor._starter import Starter
from ._errors import CheckFailed, LeftBehind
from ._leftovers import Before, Leftover, find_leftovers
from ._letters import Letters
from ._probe import Probe

#: Times that other tasks may run before what they hold counts as left: who was woken by the tree's end has to run to see it.
PATIENCE = 20


class Tree(Supervisor):
    """Be the root of a tree under test: all that a `Supervisor` is, with probes, and with checks at its end."""

    def __init__(self, root: Supervisor, before: Before) -> None:
        slot = slot_of(root.ref)
        starter = slot.runtime.children
        assert isinstance(starter, Starter)
        super().__init__(slot, starter)
        self._before = before
        self._letters = Letters(root.dead_letters)
        self._probes = 0

    def probe(self, name: str | None = None) -> Probe:
        """Start a probe: an actor of this tree that records its mail, for the test to look at. Plain function.

        Args:
            name: its name in the tree; by default `probe-1`, `probe-2` and so on.

        Raises:
            NameInUse, LimitReached, ActorStopping, ActorStopped: as `start_soon`.
        """
        self._probes += 1
        return Probe.start(self, name or f"probe-{self._probes}")

    def expect_dead_letters(self, reason: DeadReason, count: int | None = None) -> None:
        """Say that there will be dead letters, by the tree's end. Plain function.

        Args:
            reason: "stopped", "drop_oldest" and so on.
            count: how many with this reason, over the whole test; said twice, they add up. None: any number, also none.

        Raises:
            ValueError: there is no such reason, or count is no whole number from 0.
        """
        self._letters.expect(reason, count)

    def ignore_dead_letters(self) -> None:
        """Let all dead letters of this tree pass. Plain function."""
        self._letters.ignore()

    def leftovers(self) -> list[Leftover]:
        """Return what there is of the tree right now; after its end nothing should be. Plain function.

        That is its tasks, slots, permits, workers and deadlines, who waits for it, and the processes and threads that the program has started
        since the tree was opened.
        """
        return find_leftovers(self._slot, self._before)

    async def check_nothing_left(self) -> None:
        """Check that nothing of the tree is left; for when it has ended.

        Checkpoint: always. Cancellation: is seen to afterwards.

        Raises:
            LeftBehind: something is, and was not cleaned up by letting other tasks run for a moment.
        """
        await trio.lowlevel.cancel_shielded_checkpoint()
        leftovers = self.leftovers()
        for _ in range(PATIENCE):
            if not leftovers:
                return
            await trio.lowlevel.cancel_shielded_checkpoint()
            leftovers = self.leftovers()
        raise LeftBehind(self.path, leftovers)

    def check_dead_letters(self) -> None:
        """Check that there were the dead letters that were expected, and no others. Plain function.

        What the runtime itself makes and may drop (ticks, `Down`s, late replies, asks whose asker has gone) counts only if something was said
        of that reason.

        Raises:
            DeadLettersOverlooked: with the reasons, and the first letters.
        """
        self._letters.check(self.path)


@asynccontextmanager
async def open_tree(
    name: str = "test", *, dead_letters: Mapping[DeadReason, int | None] | None = None, **options: Any
) -> AsyncGenerator[Tree]:
    """Open a tree whose end is checked: nothing of it is left, and no dead letter was overlooked.

    A block that raises leaves with what it raised; what the checks found then is a note on it, as far as it is sure (dead letters are not
    counted: the block did not get to its end).

    Args:
        name: of the root.
        dead_letters: reason -> how many to expect, None for any number; as `Tree.expect_dead_letters`.
        options: as `open_supervisor`.

    Checkpoint: always, on the way in and out. Cancellation: as `open_supervisor`.

    Raises:
        LeftBehind: a task, slot, permit, waiter, worker, deadline, key, place in a group, thread or child process is left, with its name.
        DeadLettersOverlooked: there were other dead letters than expected.
        Others as `open_supervisor`.
    """
    before = Before.now()
    tree: Tree | None = None
    try:
        async with open_supervisor(name, **options) as root:
            tree = Tree(root, before)
            for reason, count in (dead_letters or {}).items():
                tree.expect_dead_letters(reason, count)
            yield tree
    except Exception as error:
        if tree is not None:
            try:
                await tree.check_nothing_left()
            except CheckFailed as failed:
                error.add_note(str(failed))
        raise
    await tree.check_nothing_left()
    tree.check_dead_letters()
