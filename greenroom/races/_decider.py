"""Deciders: who says what goes next, one for each way of exploring."""

from collections.abc import Callable, Mapping, Sequence
from math import exp
from random import Random
from typing import Final, Protocol

import attrs


@attrs.define(unsafe_hash=True)  # not frozen: one is made at each step, and frozen ones take three times as long
class Choice:
    """Hold one choice that a run came to.

    Attributes:
        kind: "task", or what the runtime chose among ("run", "deadline", …).
        labels: what there was to choose from.
        index: what was chosen.
    """

    kind: str
    labels: tuple[str, ...]
    index: int

    def __str__(self) -> str:
        """Give it as a line."""
        return f"{self.kind} {self.labels[self.index]} of {', '.join(self.labels)}"


#: The kind of a choice of whose step is next.
TASK: Final = "task"
#: The label of letting time pass, where that is a choice of this kind.
TIME: Final = "time"
#: The kind of a choice among data of the scenario.
DATA: Final = "data"
#: Choices after which a strategy of priorities or tickets lets the others go first now and then: busy waits would starve them.
FAIR_AFTER: Final = 1_000
#: Choices of a run, where none has been seen yet.
UNKNOWN: Final = 20
#: How much faster than the slowest the fastest may be, as a logarithm.
SPREAD: Final = 2.0


class Decider(Protocol):
    """Say what goes next."""

    def decide(self, at: int, kind: str, labels: Sequence[str]) -> int:
        """Return the index of what goes next, at the choice of this number; `labels` has two or more entries, oldest first.

        Data are drawn: an option of a scenario that comes again is another choice, with nobody's priority.
        """
        ...


class Follow:
    """Follow deviations, and the default elsewhere.

    Args:
        deviations: number of the choice -> index.
        round_: an index that is too high counts round, as in a schedule that was drawn and not taken from a run.
    """

    def __init__(self, deviations: Mapping[int, int], *, round_: bool = False) -> None:
        self.deviations = deviations
        self._round = round_
        #: the first deviation for which there was nothing to choose, as (choice, index, how many there were).
        self.misfit: tuple[int, int, int] | None = None

    def __str__(self) -> str:
        """Name the way of exploring."""
        return "deviations, the fewest first"

    def decide(self, at: int, kind: str, labels: Sequence[str]) -> int:
        """Return the deviation, if there is one here."""
        index = self.deviations.get(at, 0)
        if index >= len(labels):
            if self._round:
                return index % len(labels)
            if self.misfit is None:
                self.misfit = (at, index, len(labels))
            return 0
        return index


class Walk:
    """Choose at random, each with the same probability."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def __str__(self) -> str:
        """Name the way of exploring."""
        return "a random walk"

    def decide(self, at: int, kind: str, labels: Sequence[str]) -> int:
        """Draw."""
        return self._random.randrange(len(labels))


class Speeds:
    """Choose at random, each with a probability of its own that is drawn once for the run: some are fast, others slow.

    Where each is as probable as any other, one of them hardly ever takes ten steps while another takes one, and there are races that need just that.
    """

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._speeds: dict[str, float] = {}

    def __str__(self) -> str:
        """Name the way of exploring."""
        return "a walk at drawn speeds"

    def decide(self, at: int, kind: str, labels: Sequence[str]) -> int:
        """Draw, the fast ones more often."""
        random, speeds = self._random, self._speeds
        if kind == DATA:
            return random.randrange(len(labels))
        for label in labels:
            if label not in speeds:
                speeds[label] = exp(-random.uniform(0.0, SPREAD))
        return random.choices(range(len(labels)), [speeds[label] for label in labels])[0]


class Priorities:
    """Let the one with the highest priority go, and demote it a few times on the way (PCT, Burckhardt et al. 2010).

    A bug that needs `depth` steps in a certain order is found with a probability that can be computed. Past `FAIR_AFTER` choices it draws.
    """

    def __init__(self, seed: int, depth: int, length: int) -> None:
        self._random = Random(seed)
        self._priorities: dict[str, float] = {}
        # Depth 1 is the order of priorities alone; each more is a point at which the one that would go is demoted below all.
        reach = max(1, int((length or UNKNOWN) * self._random.uniform(0.4, 1.2)))
        self._demotions = {self._random.randrange(reach) for _ in range(depth - 1)}
        self._lowest = 0.0
        self._depth = depth

    def __str__(self) -> str:
        """Name the way of exploring."""
        return f"priorities (PCT) of depth {self._depth}"

    def decide(self, at: int, kind: str, labels: Sequence[str]) -> int:
        """Return the one of highest priority."""
        if at >= FAIR_AFTER or kind == DATA:
            return self._random.randrange(len(labels))
        for label in labels:
            if label not in self._priorities:
                self._priorities[label] = 1 + self._random.random()
        index = self._highest(labels)
        if at in self._demotions:
            self._lowest -= 1
            self._priorities[labels[index]] = self._lowest
            index = self._highest(labels)
        return index

    def _highest(self, labels: Sequence[str]) -> int:
        return max(range(len(labels)), key=lambda index: self._priorities[labels[index]])


class Lottery:
    """Give each that becomes ready a ticket for its next step, and let the highest go (partial order sampling, Yuan et al. 2018).

    Orders of steps that matter come up more evenly than by drawing at each step, which favours whoever has few steps left. Whoever conflicts with the
    one that goes gets a new ticket, as in the paper: else who holds a low one comes last of all that it meets. Past `FAIR_AFTER` choices it draws
    at each step all the same: who holds a low ticket waits without bound for one who always comes back.

    Args:
        seed: of the tickets.
        conflict: says of two labels how likely their steps touch the same, from 0 to 1; without it all keep their tickets until they go.
    """

    def __init__(self, seed: int, conflict: Callable[[str, str], float] | None = None) -> None:
        self._random = Random(seed)
        self._tickets: dict[str, float] = {}
        self._conflict = conflict

    def __str__(self) -> str:
        """Name the way of exploring."""
        return "a lottery (POS)"

    def decide(self, at: int, kind: str, labels: Sequence[str]) -> int:
        """Return the one with the highest ticket, and take back its ticket and those of all that it conflicts with."""
        if at >= FAIR_AFTER or kind == DATA:
            return self._random.randrange(len(labels))
        tickets, conflict = self._tickets, self._conflict
        for label in labels:
            if label not in tickets:
                tickets[label] = self._random.random()
        index = max(range(len(labels)), key=lambda index: tickets[labels[index]])
        chosen = labels[index]
        del tickets[chosen]
        if conflict is not None:
            draw = self._random.random
            self._tickets = {label: ticket for label, ticket in tickets.items() if draw() >= conflict(chosen, label)}
        return index


class Batches:
    """Let all that are ready go once, in a drawn order, before any goes again: what Trio does."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._batch: list[str] = []

    def __str__(self) -> str:
        """Name the way of exploring."""
        return "batches as Trio has them"

    def decide(self, at: int, kind: str, labels: Sequence[str]) -> int:
        """Return the next of the batch that is still there."""
        if kind == DATA:
            return self._random.randrange(len(labels))
        while True:
            while self._batch:
                label = self._batch.pop()
                if label in labels:
                    return labels.index(label)
            self._batch = list(labels)
            self._random.shuffle(self._batch)
