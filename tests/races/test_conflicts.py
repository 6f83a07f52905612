"""Conflicts: who touches what another touches, and what a lottery makes of it."""

from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, ActorRef, Context, open_supervisor, races
from greenroom.races import Sim
from greenroom.races._conflicts import Conflicts, conflicts_of
from greenroom.races._decider import Decider, Lottery, Walk
from greenroom.races._run import prepared, run_once
from greenroom.races._terms import Terms
from greenroom.races.catalogue import CATALOGUE

MAIL = 6


class Copyist(Actor[int]):
    """Note what comes, and tell a neighbour of it."""

    def __init__(self, desk: str, noted: list[str], neighbour: ActorRef[int] | None = None) -> None:
        self.desk, self.noted, self.neighbour = desk, noted, neighbour

    async def receive(self, message: int, ctx: Context) -> None:
        self.noted.append(self.desk)
        if self.neighbour is not None:
            self.neighbour.tell(message)


async def desks(sim: Sim, noted: list[str] | None = None) -> None:
    """Have one who has much to do, one who has little, and two of whom one mails the other."""
    noted = [] if noted is None else noted
    async with open_supervisor("hall") as root:
        busy = root.start_soon(Copyist, "busy", noted, name="busy")
        idle = root.start_soon(Copyist, "idle", noted, name="idle")
        second = root.start_soon(Copyist, "second", noted, name="second")
        first = root.start_soon(Copyist, "first", noted, second, name="first")
        await wait_all_tasks_blocked()
        for number in range(MAIL):
            busy.tell(number)
        first.tell(0)
        idle.tell(0)
        await wait_all_tasks_blocked()


@prepared()
def known(scenario: Any) -> Conflicts:
    return conflicts_of(scenario, (), Terms())


def test_actors_conflict_with_whom_they_mail_and_hardly_with_anybody_else() -> None:
    """All of them tell the one above when they have come to an end; so they meet there."""
    conflicts = known(desks)
    names = ("busy", "idle", "first", "second")
    chances = {(one, other): conflicts.chance(f"/hall/{one}", f"/hall/{other}") for one in names for other in names}
    assert all(chances[name, name] == 1 for name in names)
    assert chances["first", "second"] == chances["second", "first"] > 0.4
    others = [
        chance for (one, other), chance in chances.items() if one != other and {one, other} != {"first", "second"}
    ]
    assert 0 < max(others) < 0.15


def test_who_is_not_known_conflicts_with_all() -> None:
    conflicts = known(desks)
    assert conflicts.chance("/hall/busy", "/hall/somebody") == 1
    assert conflicts.chance("7:somebody", "/hall/busy") == 1


def test_a_part_that_may_have_touched_anything_conflicts_with_all() -> None:
    conflicts = Conflicts({"one": [None, frozenset("x")], "other": [frozenset("y")]})
    assert (conflicts.chance("one", "other"), conflicts.chance("other", "other")) == (0.5, 1)


async def two_halls(sim: Sim) -> None:
    for name in ("one", "other"):
        async with open_supervisor(name) as root:
            noted: list[str] = []
            root.start_soon(Copyist, name, noted, name="copyist").tell(1)
            await wait_all_tasks_blocked()


def test_where_footprints_tell_nothing_all_conflict() -> None:
    conflicts = known(two_halls)
    assert conflicts.chance("/one/copyist", "/other/copyist") == 1


def test_a_lottery_lets_one_with_little_to_do_come_last_more_often_than_a_walk() -> None:
    """It holds one ticket against six that have nothing to do with it; a walk lets it go with a half each time."""
    last = {Lottery: 0, Walk: 0}
    conflicts = known(desks)

    def come(decider: Decider) -> bool:
        noted: list[str] = []

        async def scenario(sim: Sim) -> None:
            await desks(sim, noted)

        assert not run_once(scenario, (), decider).failed
        mine = [desk for desk in noted if desk in {"busy", "idle"}]
        return mine[-1] == "idle"

    for seed in range(150):
        last[Lottery] += come(Lottery(seed, conflicts.chance))
        last[Walk] += come(Walk(seed))
    assert last[Lottery] > 2 * last[Walk] > 0


@pytest.mark.parametrize("name", ["woken_but_late", "double_start"])
def test_who_has_a_low_ticket_does_not_wait_for_all_that_it_meets(name: str) -> None:
    """Tickets that are kept need 160 schedules on average for each of these."""
    (bug,) = (each for each in CATALOGUE if each.name == name)
    needed: list[int] = []
    for seed in range(12):
        found = races.search(bug.broken, strategy="pos", seed=seed)
        assert found is not None
        needed.append(found.schedules)
    assert sum(needed) / len(needed) < 40


def test_a_scenario_is_watched_under_the_default_schedule_and_once() -> None:
    runs: list[int] = []

    async def counted(sim: Sim) -> None:
        runs.append(sim.choose(range(3)))

    assert races.survey(counted, schedules=1, strategy="walk").schedules == 1
    plain = len(runs)
    runs.clear()
    assert races.survey(counted, schedules=1, strategy="pos").schedules == 1
    assert (runs[0], len(runs)) == (0, plain + 1)
