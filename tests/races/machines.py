"""Machines with a bug each, of the kinds that the catalogue has, and what runs them."""

import re
import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any

import trio
from hypothesis import Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, invariant

from greenroom import races
from greenroom.races import RaceFound, Result, SequentialModel, StateMachine
from greenroom.races._machine_examples import Hears, examples_of, run_examples

CLIENTS = st.sampled_from(["ann", "bob", "cid"])
#: To find one of these bugs, and to shrink it.
FINDS = settings(
    max_examples=200,
    stateful_step_count=8,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate, Phase.shrink],
    report_multiple_bugs=False,
)
#: To run examples, and no more than that.
RUNS = settings(FINDS, phases=[Phase.generate])


class Stock(SequentialModel):
    """Be something that there is once, and is sold."""

    initial = 1

    def apply(self, state: Any, name: str, args: tuple[Any, ...]) -> tuple[Any, Any]:
        """Sell, or say how many there are."""
        if name == "look":
            return state, state
        return (True, state - args[0]) if state >= args[0] else (False, state)


class CheckThenInsert(StateMachine, model=Stock):
    """Sell what is there, and look a step before."""

    is_fixed = False

    @races.initialize()
    def opens(self) -> None:
        self.left = 1

    async def sell(self, number: int) -> bool:
        if self.left < number:
            return False
        if self.is_fixed:
            self.left -= number
        await trio.lowlevel.checkpoint()
        if not self.is_fixed:
            self.left -= number
        return True

    def look(self) -> int:
        return self.left

    @races.rule(client=CLIENTS, number=st.integers(1, 2))
    def sells(self, client: str, number: int) -> None:
        self.start(client, self.sell, number)

    @races.rule(client=CLIENTS)
    def looks(self, client: str) -> None:
        self.start(client, self.look)


class CheckThenInsertFixed(CheckThenInsert):
    """Sell what is there."""

    is_fixed = True


class ReadModifyWrite(StateMachine):
    """Add to a total that was read a step before; the rules themselves wait for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.total = self.due = 0

    async def add(self, number: int) -> None:
        seen = self.total
        await trio.lowlevel.checkpoint()
        self.total = seen + number

    @races.rule(client=CLIENTS, number=st.integers(1, 5))
    def adds(self, client: str, number: int) -> None:
        self.due += number
        self.start(client, self.add, number)

    @races.rule()
    async def idles(self) -> None:
        await trio.lowlevel.checkpoint()

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.total == self.due


class LockOrder(StateMachine):
    """Take two locks, whichever first."""

    def __init__(self) -> None:
        super().__init__()
        self.locks = [trio.Lock(), trio.Lock()]

    async def take(self, first: int) -> None:
        async with self.locks[first]:
            await trio.lowlevel.checkpoint()
            async with self.locks[1 - first]:
                pass

    @races.rule(client=CLIENTS, first=st.integers(0, 1))
    def takes(self, client: str, first: int) -> None:
        self.start(client, self.take, first)


class LostWakeup(StateMachine):
    """Wait for a letter that may have come between the look and the wait."""

    waits: Bundle[Any] = Bundle("waits")

    def __init__(self) -> None:
        super().__init__()
        self.letters = 0
        self.lot = trio.lowlevel.ParkingLot()

    async def wait(self) -> None:
        if not self.letters:
            await trio.lowlevel.checkpoint()
            await self.lot.park()

    def put(self) -> None:
        self.letters += 1
        self.lot.unpark_all()

    @races.rule(target=waits, client=CLIENTS)
    def waits_for_one(self, client: str) -> Any:
        return self.start(client, self.wait)

    @races.rule(wait=consumes(waits))
    def gives_up(self, wait: Any) -> None:
        wait.cancel()

    async def finish(self) -> None:
        await trio.lowlevel.checkpoint()
        self.put()


def run(
    machine: type[StateMachine], options: settings = RUNS, hears: Hears | None = None, seed_of: int | None = None
) -> None:
    """Run the examples of a machine."""
    examples = examples_of(machine, options, hears)
    run_examples(examples if seed_of is None else seed(seed_of)(examples))


@cache
def failure_in(machine: type[StateMachine], options: settings = FINDS) -> RaceFound:
    """Return the failure of a machine; it is looked for once."""
    try:
        run(machine, options)
    except RaceFound as error:
        return error
    raise AssertionError(f"nothing was found in {machine.__name__}")


def found_in(machine: type[StateMachine], options: settings = FINDS) -> str:
    """Return what is told of the failure of a machine."""
    return str(failure_in(machine, options))


def steps_of(text: str) -> list[str]:
    """Return the steps of the program that is told."""
    return re.findall(r"^ {12}(.*state\..*)$", text.partition("its schedule:")[0], re.MULTILINE)


def token_of(text: str) -> str:
    """Return the token that is told."""
    return text.partition("to see it again: races.run(program, schedule='")[2].partition("'")[0]


def run_told(text: str, *machines: type[StateMachine], schedule: str | None = None) -> Result:
    """Run the program that is told, as it stands there, under the schedule that is told."""
    told = re.search(r"^the program, \d+ steps?:\n(.*?)^its schedule:", text, re.MULTILINE | re.DOTALL)
    assert told is not None, text
    names: dict[str, Any] = {"races": races, **{machine.__name__: machine for machine in machines}}
    exec(textwrap.dedent(told[1]), names)  # noqa: S102 -- it is what a user would paste
    scenario: Callable[..., Any] = names["program"]
    return races.run(scenario, schedule=token_of(text) if schedule is None else schedule)
