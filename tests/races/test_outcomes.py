"""The matrix of outcomes, explored: each pair of what may happen to an agent and to its tasks, in three ways.

Under many schedules; with one of the two who do it cancelled at every point; with a crash at every startup, every message and every shutdown hook.
"""

from functools import partial
from itertools import combinations_with_replacement
from typing import Any, Final

import pytest

from greenroom import races

from .background import meet
from .jobs import JOBS
from .outcomes import EVENTS, KINDS, PAIRS, Event, Pair, an_agent_meets
from .promise import BOUNDARIES

#: What the requirement names.
NAMED: Final = ("complete", "fail", "cancel", "interrupt", "stop", "reap", "parent ends")
#: An agent with a direct turn and a request; its background work, whose results are drained; the same with results by mail.
SUBJECTS: Final[dict[str, Any]] = {"agent": (an_agent_meets,), "work": (meet, "drain"), "work by mail": (meet, "mail")}
CELLS: Final = [(subject, pair) for subject in SUBJECTS for pair in PAIRS]
every_cell = pytest.mark.parametrize(
    ("subject", "pair"), CELLS, ids=[f"{subject}: {' and '.join(pair)}" for subject, pair in CELLS]
)


def of(subject: str, pair: Pair) -> tuple[Any, ...]:
    """Return a scenario and its arguments."""
    scenario, *options = SUBJECTS[subject]
    return scenario, pair, *options


@every_cell
def test_p23_whatever_meets_each_agent_and_each_task_has_one_outcome(subject: str, pair: Pair) -> None:
    found = races.search(*of(subject, pair), schedules=15)
    assert found is None, str(found)


@every_cell
def test_p23_so_it_has_if_one_who_ends_it_is_cancelled_at_any_point(subject: str, pair: Pair) -> None:
    one, other = pair
    turned: Pair = (other, one)
    for each in {pair, turned}:
        sweep = races.cancel_everywhere(*of(subject, each), schedules=1)
        assert sweep.points
        assert not sweep.failures, str(sweep)


@every_cell
def test_p23_so_it_has_wherever_somebody_crashes(subject: str, pair: Pair) -> None:
    points = 0
    for at in BOUNDARIES if subject == "agent" else BOUNDARIES[:2]:  # who has background work here has no shutdown hook
        sweep = races.crash_everywhere(*of(subject, pair), at=at, schedules=1)
        points += sweep.points
        assert not sweep.failures, str(sweep)
    assert points >= 3


# -- the matrix itself


def test_the_matrix_is_whole() -> None:
    """Each pair of the seven, for agents and for accepted tasks of each kind; here, and in a soak."""
    assert EVENTS == NAMED
    pairs = {frozenset(pair) for pair in PAIRS}
    assert pairs == {frozenset({one, other}) for one in NAMED for other in NAMED}
    assert len(PAIRS) == len(pairs) == len(list(combinations_with_replacement(NAMED, 2))) == 28
    assert {(subject, frozenset(pair)) for subject, pair in CELLS} == {(s, pair) for s in SUBJECTS for pair in pairs}
    names = {job.name for job in JOBS}
    assert {f"outcome {subject}" for subject in ("agent", "work")} <= names


@pytest.mark.parametrize("event", EVENTS)
def test_each_of_the_seven_does_what_its_name_says(event: Event) -> None:
    """Else the matrix would be whole and empty."""
    result = races.run(an_agent_meets, (event, event))
    assert {result.value} == KINDS[event], result.error
    becomes = {"complete": "completed", "interrupt": "completed", "fail": "failed"}
    for deliver in ("drain", "mail"):
        result = races.run(partial(meet, actions=(event, event), deliver=deliver))
        assert result.value == {becomes.get(event, "cancelled")}, result.error
