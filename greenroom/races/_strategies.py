"""Strategies: in what order a search tries schedules."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, count, islice
from typing import Final, Literal

import attrs

from ._bounded import Bounded
from ._decider import Batches, Decider, Follow, Lottery, Priorities, Speeds, Walk

Strategy = Literal["portfolio", "bounded", "walk", "speeds", "pct", "pos", "batch"]


@attrs.define
class Learned:
    """Hold what is known of a scenario as a search goes on.

    Attributes:
        longest: how many choices the longest run so far had. Who waits for long is there to be chosen all the while: runs have more choices than the
            default when few go much, and it is there that priorities have to change.
        conflict: says of two labels how likely their steps touch the same, from 0 to 1; None if nobody has looked.
    """

    longest: int = 0
    conflict: Callable[[str, str], float] | None = None


Maker = Callable[[int, Learned], Decider]

#: What makes a decider of a seed and of what is known, by strategy.
MAKERS: Final[Mapping[str, tuple[Maker, ...]]] = {
    "bounded": (),
    "walk": (lambda seed, _: Walk(seed),),
    "speeds": (lambda seed, _: Speeds(seed),),
    "pct": tuple(lambda seed, learned, depth=depth: Priorities(seed, depth, learned.longest) for depth in (2, 3, 4)),  # type: ignore[misc]
    "pos": (lambda seed, learned: Lottery(seed, learned.conflict),),
    "batch": (lambda seed, _: Batches(seed),),
    # No strategy finds everything soon. Walks do well with most, and badly with none: they are half of all, and a quarter are walks at drawn speeds,
    # which find what one slow party lets happen. The lottery is one without new tickets: it does best where walks do worst, and needs no run that is
    # watched.
    "portfolio": (
        lambda seed, _: Walk(seed),
        lambda seed, _: Speeds(seed),
        lambda seed, _: Walk(seed),
        lambda seed, _: Lottery(seed),
        lambda seed, _: Walk(seed),
        lambda seed, _: Speeds(seed),
        lambda seed, _: Batches(seed),
        lambda seed, _: Walk(seed),
        lambda seed, learned: Priorities(seed, 3, learned.longest),
        lambda seed, _: Walk(seed),
        lambda seed, _: Speeds(seed),
        lambda seed, _: Walk(seed),
    ),
}
#: How many a portfolio draws, after the default, before each other schedule is one with a deviation; and how many what draws alone does before the
#: default, which hardly anybody who asks for it has not seen.
DRAWN_FIRST: Final = 8


def deciders_of(strategy: Strategy, bounded: Bounded, seed: int, learned: Learned) -> Iterator[Decider]:
    """Give out deciders in a strategy's order.

    Args:
        strategy: says which, and in what order.
        bounded: gives out deviations; it is told of each run that follows some before the next is taken.
        seed: of all that is drawn.
        learned: what is known of the scenario by then; it may be told more between two.
    """
    makers = MAKERS[strategy]
    if not makers:
        return map(Follow, bounded.up_to(None))
    deviating = map(Follow, bounded.up_to(1 if strategy == "portfolio" else 0))
    drawn = (
        make(number + offset, learned)
        for number in count(seed * 1_000_003, len(makers))
        for offset, make in enumerate(makers)
    )
    if strategy != "portfolio":
        return chain(islice(drawn, DRAWN_FIRST), deviating, drawn)
    mixed = (each for one in drawn for each in chain(islice(deviating, 1), (one,)))
    return chain(islice(deviating, 1), islice(drawn, DRAWN_FIRST), mixed)
