"""What the runtime lets a schedule choose, and where it lets an actor be crashed."""

from typing import Any

import pytest
import trio

from greenroom import Actor, AskTimeout, Context, Limits, Request, open_supervisor, races
from greenroom.mailbox import CHOICES
from greenroom.races import Schedule, Sim
from greenroom.races._decider import Follow
from greenroom.races._run import Stage, Terms

from .scenarios import Log


class Get(Request[int]):
    pass


class Slow(Actor[Any]):
    """Be slow in all that it does."""

    def __init__(self, begun: list[str]) -> None:
        self.begun = begun

    async def startup(self, ctx: Context) -> None:
        self.begun.append(ctx.ref.name)
        await trio.sleep(1)

    async def receive(self, message: Get, ctx: Context) -> int:
        await trio.sleep(100)
        return 1


async def mail_for_three(sim: Sim) -> list[int]:
    seen: list[int] = []
    async with open_supervisor("stage") as root:
        refs = [root.start_soon(Log, seen, name=name) for name in "abc"]
        await trio.sleep(1)
        for number, ref in enumerate(refs):
            ref.tell(number)
        await trio.sleep(1)
    return seen


async def three_timeouts_at_once(sim: Sim) -> list[int]:
    timed_out: list[int] = []

    async def ask(ref: Any, number: int) -> None:
        try:
            await ref.ask(Get(), timeout=5)
        except AskTimeout:
            timed_out.append(number)

    async with open_supervisor("stage") as root:
        refs = [root.start_soon(Slow, list[str](), name=name) for name in "abc"]
        async with trio.open_nursery() as nursery:
            for number, ref in enumerate(refs):
                nursery.start_soon(ask, ref, number)
        for ref in refs:
            await ref.kill()
    return timed_out


async def three_wait_for_a_permit(sim: Sim) -> list[int]:
    begun: list[str] = []
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        for name in ("first", "0", "1", "2"):
            root.start_soon(Slow, begun, name=name)
        await trio.sleep(10)
    return [int(name) for name in begun[1:]]


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [(mail_for_three, "run"), (three_timeouts_at_once, "deadline"), (three_wait_for_a_permit, "launch")],
)
def test_who_is_next_is_a_choice_by_default_of_who_came_first(scenario: Any, kind: str) -> None:
    by_default = races.run(scenario)
    assert (by_default.verdict, by_default.value) == ("passed", [0, 1, 2])
    orders: set[tuple[int, ...]] = set()
    for at, choice in enumerate(by_default.choices):
        if choice.kind == kind and len(choice.labels) == 3:
            for index in (1, 2):
                result = races.run(scenario, schedule=Schedule({at: index}))
                assert result.notes is not None
                orders.add(tuple(result.value))
                waited = f"{choice.labels[index]} goes before {choice.labels[0]}, which has waited longer"
                assert result.notes.departure == f"choice {at}: {waited}"
    assert orders >= {(1, 0, 2), (2, 0, 1)}


class Reminded(Actor[Any]):
    """Wait for three reminders at once, and call one off."""

    def receive(self, message: int, ctx: Context) -> None:
        if message == 0:
            timers = [ctx.send_after(5, number) for number in (1, 2, 3)]
            ctx.send_after(1, 9)
            timers[1].cancel()


async def two_reminders(sim: Sim) -> None:
    async with open_supervisor("stage") as root:
        root.start_soon(Reminded, mail=0)
        await trio.sleep(9)


def test_what_was_called_off_is_not_among_what_is_due() -> None:
    choices = races.run(two_reminders).choices
    assert [len(choice.labels) for choice in choices if choice.kind == "deadline"] == [2]


async def ends_well(sim: Sim) -> None:
    """Three messages, and an orderly end."""
    seen: list[int] = []
    async with open_supervisor("stage") as root:
        log = root.start_soon(Log, seen, name="log")
        for number in range(3):
            log.tell(number)
        await trio.sleep(1)
        await log.drain()
    assert seen == [0, 1, 2]


@pytest.mark.parametrize(("at", "points"), [("startup", 1), ("handler", 3)])
def test_an_actor_without_hooks_crashes_at_each_boundary_too(at: Any, points: int) -> None:
    sweep = races.crash_everywhere(ends_well, at=at)
    assert sweep.points == points
    assert set(sweep.failures) == {(0, point) for point in range(points)}


async def stops_with_mail(sim: Sim) -> None:
    async with open_supervisor("stage") as root:
        log = root.start_soon(Log, list[int]())
        await trio.sleep(1)
        log.tell(1)
        await log.stop()


async def crashes_with_mail(sim: Sim) -> None:
    async with open_supervisor("stage") as root:
        log = root.start_soon(Log, list[int]())
        await trio.sleep(1)
        log.tell(1)
        log.crash(ValueError("no more"))


async def drains_without_mail(sim: Sim) -> None:
    async with open_supervisor("stage") as root:
        log = root.start_soon(Log, list[int]())
        await trio.sleep(1)
        await log.drain()


@pytest.mark.parametrize("scenario", [stops_with_mail, crashes_with_mail, drains_without_mail])
def test_where_no_mail_is_going_to_be_handled_is_no_boundary(scenario: Any) -> None:
    with pytest.raises(ValueError, match="comes to no handler of an actor"):
        races.crash_everywhere(scenario)


def test_a_tree_that_is_opened_after_a_run_is_not_explored() -> None:
    stage = Stage(Terms())

    async def main() -> object:
        await stage.play(ends_well, (), Follow({}))
        return CHOICES.get()

    assert stage.run(main) is None
