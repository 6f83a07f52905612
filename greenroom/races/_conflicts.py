"""Conflicts: how often somebody touches what another touches, as far as one run of the default schedule tells.

It need not hold of each schedule: it is used to draw schedules, and says nothing of what they show.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import attrs

from ._decider import Follow
from ._footprints import Footprints
from ._part import TAKE, Part
from ._run import Scenario, run_once
from ._stepper import Stepper
from ._terms import Terms

#: What a part of a step touches; None: it may be anything.
Touched = frozenset[str] | None


class Conflicts:
    """Say how likely two conflict.

    Args:
        touched: what each part of their steps touches, by the labels that choices have: of tasks, and the paths of actors that wait for a task of
            the pool.
    """

    def __init__(self, touched: Mapping[str, Sequence[Touched]]) -> None:
        self._touched = touched
        self._chances: dict[tuple[str, str], float] = {}

    def chance(self, one: str, other: str) -> float:
        """Return in how many of all pairs of their parts both touch the same, from 0 to 1; whoever is not known may touch anything."""
        chance = self._chances.get((one, other))
        if chance is None:
            mine, others = self._touched.get(one, (None,)), self._touched.get(other, (None,))
            pairs = [this is None or that is None or not this.isdisjoint(that) for this, that in product(mine, others)]
            chance = self._chances[one, other] = sum(pairs) / len(pairs)
        return chance


def conflicts_of(scenario: Scenario, args: Sequence[Any], terms: Terms) -> Conflicts:
    """Run a scenario once, under the default schedule, and watch it. Not within Trio."""
    watched: list[Footprints] = []

    def listen(stepper: Stepper) -> Footprints:
        watched.append(Footprints(stepper))
        return watched[-1]

    run_once(scenario, args, Follow({}), attrs.evolve(terms, takes_notes=False, listen=listen))
    (seen,) = watched
    return Conflicts({} if seen.is_lost else touched_by(seen.labels, seen.parts))


def touched_by(labels: Sequence[str], parts: Sequence[Part]) -> dict[str, list[Touched]]:
    """Return what each touches; an actor's parts are those of the tasks that have it in their hands."""
    touched: dict[str, list[Touched]] = {}
    for label, part in zip(labels, parts, strict=True):
        for name in {label, *map(_path, _slots(part))}:
            touched.setdefault(name, []).append(None if part.is_open else part.touched | part.needs)
    return touched


def _slots(part: Part) -> set[str]:
    """Return the actors that a part's task has in its hands as it begins, and as it ends."""
    begun = part.entity[1:] if part.entity[0] == "@" else ""
    taken = part.choice[1] if part.choice is not None and part.choice[0] == TAKE else ""
    return {slot for slot in (begun, taken, part.holds) if slot}


def _path(slot: str) -> str:
    """Return the path that a slot's name ends with."""
    return slot.split(" ", 2)[2]
