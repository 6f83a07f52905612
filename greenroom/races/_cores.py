"""Searching on several cores: processes that share one plan, each taking every so-many-th schedule of it."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from math import inf
from typing import Any, Final, Self

import attrs

from ._leaving import leaves
from ._run import Scenario, Terms
from ._survey import Tally


@attrs.frozen(order=True)
class Told:
    """Hold what a process tells of the first schedule that failed for it, or left the search.

    Attributes:
        number: of the schedule.
        process: its number.
        deviations: in which it differs from the default.
        by: what decided in it.
        left_by: what it left the search by, as text: the exception itself may be none that another process can be given.
    """

    number: int
    process: int = attrs.field(order=False)
    deviations: dict[int, int] = attrs.field(factory=dict[int, int], order=False)
    by: str = attrs.field(default="", order=False)
    left_by: str = attrs.field(default="", order=False)


#: More processes than this are a slip of the keyboard.
WORKERS: Final = 1_000


def check_workers(workers: Any) -> None:
    """Refuse a number of processes that there cannot be.

    Raises:
        ValueError: no number from 1 to `WORKERS`, or more than one where processes cannot be forked.
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise ValueError(f"workers is {workers!r}; give a number from 1")
    if workers > WORKERS:
        raise ValueError(f"workers is {workers!r}; give {WORKERS} at most")
    if workers > 1 and not hasattr(os, "fork"):
        raise ValueError("workers: this system cannot fork processes; give 1")


class Turn:
    """Say which schedules are one process's, and when there is no use in going on.

    Args:
        number: of the process, from 0.
        of: how many there are.
        lowest: shared by all: the lowest number of a schedule that has failed.
    """

    def __init__(self, number: int, of: int, lowest: Any) -> None:
        self._number, self._of, self._lowest = number, of, lowest
        #: what this process has tried.
        self.tally = Tally()
        #: the last schedule that it took.
        self.at = 0

    @property
    def is_first(self) -> bool:
        """True for the process that others are one of many beside: it says how far the search is."""
        return self._number == 0

    def takes(self, schedule: int) -> bool:
        """Return whether it is this one's. The first is everybody's: from it follows what else there is."""
        is_own = schedule == 1 or schedule % self._of == self._number
        if is_own:
            self.at = schedule
        return is_own

    def is_beaten(self, schedule: int) -> bool:
        """Return whether another process has found an earlier one."""
        return bool(self._lowest.value < schedule)

    @classmethod
    def again(cls, told: Told, of: int) -> Self:
        """Return the same process's turn once more, up to what came of it."""
        return cls(told.process, of, multiprocessing.Value("d", told.number))

    def report(self, schedule: int) -> None:
        """Tell the others of a failure, or that the search is left."""
        with self._lowest.get_lock():
            self._lowest.value = min(self._lowest.value, schedule)


def search_on_cores(  # noqa: PLR0917 -- what a search has been told
    workers: int, run: Any, plan: Any, scenario: Scenario, args: Sequence[Any], terms: Terms, tally: Tally
) -> Told | None:
    """Run `run(plan(turn), scenario, args, terms)` in so many processes; return what came of the lowest number, and add up what was tried."""
    context: Any = multiprocessing.get_context("fork")
    lowest = context.Value("d", inf)
    pipes: list[Any] = []
    processes: list[Any] = []

    def work(number: int, pipe: Any) -> None:
        # Ctrl-C is for the one who asked, who then ends all, whatever the program does when it is to end.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        turn = Turn(number, workers, lowest)
        told: Told | None = None
        error: BaseException | None = None
        try:
            first = run(plan(turn), scenario, args, terms)
            if first is not None:
                turn.report(first.number)
                told = Told(first.number, number, dict(first.result.schedule.deviations), first.by)
        except BaseException as raised:
            text = f"{type(raised).__name__}: {raised}"
            if leaves(raised) is not None:
                turn.report(turn.at)
                told = Told(turn.at, number, left_by=text)
            elif isinstance(raised, Exception):
                error = RuntimeError(text)
            else:
                raise
        turn.tally.default = None  # it may hold anything of the scenario's
        pipe.send((told, turn.tally, error))
        pipe.close()

    for number in range(workers):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(number, theirs), daemon=True)
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    found: list[Told] = []
    try:
        for number, pipe in enumerate(pipes):
            try:
                told, tried, error = pipe.recv()
            except EOFError:
                raise RuntimeError(
                    f"search: process {number} ended without a word; the scenario may have ended it"
                ) from None
            if error is not None:
                raise error
            tally.merge(tried)
            if told is not None:
                found.append(told)
    finally:
        for process in processes:
            process.terminate()
            process.join()
    return min(found, default=None)
