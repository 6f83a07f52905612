"""Schedules that Hypothesis draws, and shrinks together with the program's data."""

from typing import TYPE_CHECKING

from ._checks import check_count
from ._schedule import Fidelity, Schedule, Time

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

#: Choices among which deviations are drawn; longer runs follow the default from there on.
FIRST = 200
DEVIATIONS = 8


def schedules(
    *, time: Time = "exact", first: int = FIRST, deviations: int = DEVIATIONS, fidelity: Fidelity = "all"
) -> "SearchStrategy[Schedule]":
    """Return a Hypothesis strategy of schedules, to be given to `races.run(..., schedule=...)`.

        @given(ops=st.lists(op), schedule=races.schedules())
        def test_model(ops, schedule):
            races.check(scenario, ops, schedule=schedule)

    Where a run has fewer options than a drawn schedule wants, the number of the option counts round. Few deviations, early and to a near option,
    are what it shrinks to.

    Args:
        time: "choice" lets time pass before it must, too.
        first: how many choices of a run may deviate.
        deviations: how many of them do at most.
        fidelity: "trio" keeps to orders that the Trio of today may take.

    Raises:
        ValueError: a number below 1.
    """
    from hypothesis import strategies as st

    for name, value in (("first", first), ("deviations", deviations)):
        check_count(name, value)
    drawn = st.dictionaries(st.integers(0, first - 1), st.integers(1, 6), max_size=deviations)
    return drawn.map(lambda deviations: Schedule(deviations, time=time, fidelity=fidelity))
