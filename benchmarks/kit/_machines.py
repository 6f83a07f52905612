"""Concurrent state machines: how many of the programs and schedules that Hypothesis draws go another way than all before."""

from contextlib import suppress
from typing import Any

import attrs
import trio
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from greenroom import Actor, Context, GreenroomError, Intensity, Request, Supervisor, open_supervisor, races
from greenroom.races._machine_examples import examples_of, run_examples

from ._row import Effort, Row

CLIENTS, NAMES = st.sampled_from(["ann", "bob", "cid"]), st.sampled_from("ab")
SHARE, STEPS = 0.95, 15


@attrs.frozen
class Echo(Request[int]):
    """Ask for the number itself."""

    number: int


class Echoes(Actor[Any]):
    """Answer, or crash."""

    async def receive(self, message: Any, ctx: Context) -> int:
        """Take a step, and do as the message says."""
        await trio.lowlevel.checkpoint()
        if isinstance(message, Echo):
            return message.number
        raise ValueError(message)


class Stage(races.StateMachine):
    """Have clients start, ask, crash, end and start again the children of a supervisor, all at the same time."""

    root: Supervisor

    @races.initialize()
    async def opens(self) -> None:
        """Open the tree."""
        often = Intensity(STEPS, 5)  # as often as there are rules to crash anybody: that it gives up is no race
        self.root = await self.enter(open_supervisor("stage", intensity=often))

    @races.rule(client=CLIENTS, name=NAMES)
    async def starts(self, client: str, name: str) -> None:
        """Start a child."""

        async def start() -> None:
            with suppress(GreenroomError):
                self.root.start_soon(Echoes, name=name, restart="permanent")

        self.start(client, start)

    @races.rule(client=CLIENTS, name=NAMES, number=st.integers(0, 9))
    async def asks(self, client: str, name: str, number: int) -> None:
        """Ask one, and see that the answer is its own."""

        async def ask() -> None:
            with suppress(GreenroomError):
                assert await self.root.lookup(name).ask(Echo(number), timeout=5) == number

        self.start(client, ask)

    @races.rule(client=CLIENTS, name=NAMES, how=st.sampled_from(["crash", "terminate", "restart", "delete"]))
    async def administers(self, client: str, name: str, how: str) -> None:
        """End one, or start it again."""

        async def act() -> None:
            with suppress(GreenroomError):
                match how:
                    case "crash":
                        self.root.lookup(name).tell("crash")
                    case "terminate":
                        await self.root.terminate_child(name)
                    case "restart":
                        await self.root.restart_child(name)
                    case _:
                        self.root.delete_child(name)

        self.start(client, act)


def measure(effort: Effort) -> list[Row]:
    """Draw programs, and count those that went another way than all before."""
    seen: list[str] = []

    def hears(result: races.Result, _lines: list[str]) -> None:
        seen.append(result.fingerprint)

    options = settings(
        max_examples=10 * effort.sweeps,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    run_examples(examples_of(Stage, options, hears))
    share = len(set(seen)) / len(seen)
    text = f"{share:.1%} of {len(seen):,} examples of up to {STEPS} steps"
    return [Row("state machine", f"at least {SHARE:.0%} distinct traces", text, share / SHARE, {"examples": len(seen)})]
