"""Rest against a model of a dozen lines: random operations, one after the other, on an agent that may rest, and the same outcome of each."""

from typing import Any

import attrs
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from greenroom import (
    ActorRef,
    Agent,
    AlreadyRunning,
    Context,
    Intensity,
    NotIdle,
    Refused,
    StartupInProgress,
    Supervisor,
    Turn,
)
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked
REST_AFTER = 5


@attrs.define
class Model:
    """Be an agent as one would tell of it: where it is, in which incarnation, what waits, since when it is idle."""

    life: str = "ready"
    incarnation: int = 1
    waiting: list[int] = attrs.field(factory=list[int])
    #: (incarnation, messages) of each turn.
    turns: list[tuple[int, tuple[int, ...]]] = attrs.field(factory=list[tuple[int, tuple[int, ...]]])
    idle_since: float = 0.0
    #: when its timer is due.
    timer: float | None = None

    def work(self, now: float, *messages: int) -> None:
        self.life = "ready"
        self.turns.append((self.incarnation, (*self.waiting, *messages)))
        self.waiting = []
        self.idle_since = now

    def rest(self) -> str:
        if self.life != "ready":
            return self.life
        if self.timer is not None:
            return "timers"
        self.life = "resting"
        self.incarnation += 1
        return ""

    def advance(self, now: float) -> None:
        """Let time pass until now: a tick, and then maybe a rest."""
        if self.timer is not None and self.timer <= now and self.life == "ready":
            due, self.timer = self.timer, None
            self.work(due, -1)
        if self.life == "ready" and self.timer is None and now >= self.idle_since + REST_AFTER:
            self.rest()

    def end(self) -> None:
        self.life, self.waiting, self.timer = "parked", [], None


class Clerk(Agent[Any]):
    def __init__(self, turns: list[Any]) -> None:
        self.turns = turns

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        messages = tuple(mail.message for mail in turn.mail)
        self.turns.append((ctx.ref.incarnation, messages))
        if messages[-1] == 100:
            ctx.send_after(7, -1, key="only")


OPERATIONS = st.one_of(
    st.tuples(st.sampled_from(["tell", "tell", "queue", "rest", "rest", "turn", "ready", "crash", "stop", "restart", "timer"])),
    st.tuples(st.just("sleep"), st.sampled_from([1, 2, 6])),
)  # fmt: skip


class Program:
    """Carry out operations on an agent and on the model."""

    def __init__(self, root: Supervisor, ref: ActorRef[Any], turns: list[Any]) -> None:
        self.root, self.ref, self.turns = root, ref, turns
        self.model = Model(idle_since=trio.current_time())
        self.number = 0

    async def run(self, name: str, *data: Any) -> None:  # noqa: C901 -- one case for each operation
        model, ref, now = self.model, self.ref, trio.current_time()
        alive = model.life != "parked"
        self.number += 1
        match name:
            case "tell" | "timer":
                message = 100 if name == "timer" else self.number % 100
                assert ref.try_tell(message) == alive
                if alive:
                    model.work(now, message)
                    model.timer = now + 7 if name == "timer" else model.timer
            case "queue":
                assert ref.try_tell(self.number % 100, trigger_turn=False) == alive
                if alive:
                    model.waiting.append(self.number % 100)
            case "rest":
                state = ""
                try:
                    ref.rest()
                except NotIdle as error:
                    state = error.state
                assert state == model.rest()
            case "turn":
                try:
                    await ref.run_turn(self.number % 100)
                except StartupInProgress:
                    assert model.life == "resting"
                    model.life, model.idle_since = "ready", now
                except Refused:
                    assert model.life == "parked"
                else:
                    assert model.life == "ready"
                    waiting, model.waiting = model.waiting, []
                    model.work(now, self.number % 100)
                    model.waiting = waiting
            case "ready":
                try:
                    await ref.wait_ready()
                except Refused:
                    assert model.life == "parked"
                else:
                    model.idle_since = now if model.life == "resting" else model.idle_since
                    model.life = "ready"
            case "crash":
                assert ref.crash(OSError()) == (model.life == "ready")
                if model.life == "ready":
                    model.incarnation, model.idle_since, model.timer = model.incarnation + 1, now, None
            case "stop":
                await ref.stop()
                model.end()
            case "restart":
                try:
                    await self.root.restart_child("clerk")
                except AlreadyRunning:
                    assert alive
                else:
                    assert not alive
                    model.life, model.incarnation, model.idle_since = "ready", model.incarnation + 1, now
            case _:
                await trio.sleep(*data)
        await settle()
        model.advance(trio.current_time())
        assert (ref.lifecycle, ref.incarnation) == (model.life, model.incarnation)
        assert self.turns == model.turns
        assert ref._slot.box.waiting == len(model.waiting)


@given(program=st.lists(OPERATIONS, max_size=30))
def test_each_operation_leads_where_the_model_says_and_each_mail_is_handled_once(program: list[Any]) -> None:
    async def main() -> None:
        async with open_tree("stage", intensity=Intensity(1_000, within=1)) as root:
            turns: list[Any] = []
            ref = await root.start(Clerk, turns, name="clerk", restart="permanent", rest_after=REST_AFTER - 0.001)
            run = Program(root, ref, turns)
            for each in program:
                await run.run(*each)
            root.reports.drain()
            root.ignore_dead_letters()

    trio.run(main, clock=MockClock(autojump_threshold=0))
