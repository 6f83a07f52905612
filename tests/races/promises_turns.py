"""The promises of turns, as scenarios: P20 to P22."""

from collections import Counter
from contextlib import suppress
from typing import Any

import trio

from greenroom import Agent, Context, GreenroomError, NotInTurn, StillRunning, Turn, TurnFinished
from greenroom.races import Sim

from .promise import Quiet, choose_class, is_undisturbed, promise, settle, stage, steps, together


class Alone:
    """See that nobody else is in a turn of the same actor, and that it may have one."""

    def __init__(self, wrong: list[str]) -> None:
        self.wrong = wrong
        self.inside = False
        self.ready = False

    async def startup(self, ctx: Context) -> None:
        await steps(2)
        self.ready = True

    async def work(self, ctx: Context) -> None:
        if self.inside or not self.ready:
            self.wrong.append("two turns at once" if self.inside else "a turn before ready")
        if ctx.ref.lifecycle == "stopping":
            self.wrong.append("a turn after a stop")
        self.inside = True
        try:
            await steps(2)
        finally:
            self.inside = False

    async def shutdown(self, ctx: Context, reason: object) -> None:
        if self.inside:
            self.wrong.append("a turn goes on in the shutdown")
        await trio.lowlevel.checkpoint()


class Works(Alone, Quiet):
    async def receive(self, message: Any, ctx: Context) -> Any:
        await self.work(ctx)


class WorksAlone(Works):
    own_task = True


class Thinks(Alone, Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        await self.work(ctx)


@promise("P20")
async def there_is_one_turn_at_a_time(sim: Sim) -> None:
    wrong: list[str] = []
    async with stage() as root:
        kind = choose_class(sim, Works, WorksAlone, Thinks)
        ref = root.start_soon(kind, wrong, restart="permanent")

        async def run_turn() -> None:
            await ref.wait_ready()
            with suppress(TypeError):
                await ref.run_turn("direct")

        async def tell() -> None:
            for _ in range(3):
                ref.tell("x")
                await trio.lowlevel.checkpoint()

        async def interrupt() -> None:
            await steps(5)
            await ref.interrupt()
            await ref.stop()
            await root.restart_child(ref.name)

        await together(sim, run_turn, tell, interrupt, tell)
        await settle()
    assert not wrong, wrong


class Listens(Agent[Any]):
    """Note in which turn it has what, and whether it came too late."""

    def __init__(self, turns: list[list[Any]]) -> None:
        self.turns = turns

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        mine = [mail.message for mail in turn.mail]
        self.turns.append(mine)
        for _ in range(2):
            await steps(2)
            drained = [mail.message for mail in turn.drain()]
            kinds = [message[0] == "steer" for message in drained]
            assert kinds == sorted(kinds, reverse=True), "what steers comes first"
            mine += drained
        turn.commit()
        self.late = turn
        return len(mine)

    async def shutdown(self, ctx: Context, reason: object) -> None:
        with suppress(AttributeError, NotInTurn):
            self.late.drain()
            raise AssertionError("a turn drained when it was over")
        await trio.lowlevel.checkpoint()


@promise("P21")
async def a_turn_drains_what_comes_and_steering_comes_first(sim: Sim) -> None:
    turns: list[list[Any]] = []
    accepted: list[Any] = []
    async with stage() as root:
        ref = root.start_soon(Listens, turns)
        root.start_soon(Quiet, mail="x")

        async def tell(who: str) -> None:
            for number in range(3):
                ref.tell((who, number))
                accepted.append((who, number))
                await steps(3)

        async def steer() -> None:
            for number in range(8):
                await steps(2)
                with suppress(GreenroomError):
                    ref.steer(("steer", number))
                    accepted.append(("steer", number))

        await together(sim, lambda: tell("a"), steer, lambda: tell("b"))
        await settle()
        crashed = ref.exit_reason is not None
        seen = [message for turn in turns for message in turn]
        assert sorted(seen) == sorted(accepted) or crashed
        errors = [each.outcome.error for each in root.reports.drain() if isinstance(each, TurnFinished)]
        assert not any(errors)


class Beside(Quiet):
    """Work beside others, in the tasks of the pool."""

    def __init__(self, ends: Counter[Any]) -> None:
        self.ends = ends

    async def receive(self, message: Any, ctx: Context) -> Any:
        try:
            await steps(4)
        except trio.Cancelled:
            self.ends["beside", "cancelled"] += 1
            raise


@promise("P22", time="choice")
async def an_interrupt_ends_its_turn_and_no_other(sim: Sim) -> None:
    ends: Counter[Any] = Counter()
    started: set[str] = set()
    begun: set[str] = set()
    undone: set[str] = set()

    class Thinks(Agent[Any]):
        async def startup(self, ctx: Context) -> None:
            await trio.lowlevel.checkpoint()

        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            name = turn.mail[0].message
            begun.add(name)
            try:
                await steps(2)
                if name == "long":
                    await trio.sleep(1)
            except trio.Cancelled:
                ends[name, "cancelled"] += 1
                raise
            ends[name, "completed"] += 1

        async def shutdown(self, ctx: Context, reason: object) -> None:
            await trio.lowlevel.checkpoint()

    async with stage() as root:
        ref = root.start_soon(Thinks, restart="permanent", startup_timeout=None)
        other = root.start_soon(Beside, ends, restart="permanent", startup_timeout=None)

        async def run(name: str) -> None:
            await ref.wait_ready()
            handle = ref.start_turn(name)
            started.add(name)
            outcome = await handle.outcome()
            assert name not in undone or outcome.kind == "interrupted"
            assert ends[name, outcome.kind] or outcome.kind in ("stopped", "crashed", "undeliverable", "interrupted")
            assert not (outcome.kind == "completed" and ends[name, "cancelled"])
            assert not (outcome.kind == "interrupted" and ends[name, "completed"])

        async def interrupt() -> None:
            await steps(6)
            undone.update(started - begun if ref.lifecycle == "ready" else ())
            with suppress(StillRunning):
                await ref.interrupt(grace=2)

        async def beside() -> None:
            other.tell("beside")

        await together(sim, interrupt, lambda: run("long"), lambda: run("short"), beside)
        await settle()
        assert not ends["beside", "cancelled"]
        assert sum(count for (_, how), count in ends.items() if how == "cancelled") <= 1
        assert ref.lifecycle == "ready"


class Leads(Agent[Any]):
    """Have a child that works, and work; note how each turn ended."""

    def __init__(self, ends: Counter[Any], below: int) -> None:
        self.ends, self.below = ends, below

    async def startup(self, ctx: Context) -> None:
        if self.below:
            ctx.start_soon(Leads, self.ends, self.below - 1, name="below", mail="work", startup_timeout=None)
        await trio.lowlevel.checkpoint()

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        drained: list[Any] = []
        try:
            for _ in range(3):
                await steps(2)
                drained += [mail.message for mail in turn.drain() if mail.kind != "report"]
        except trio.Cancelled:
            self.ends[ctx.path, "cancelled"] += 1
            self.ends[ctx.path, "done with"] += len(turn.mail)  # what was drained goes back
            raise
        self.ends[ctx.path, "done with"] += len(turn.mail) + len(drained)

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


@promise("P22", time="choice")
async def an_interrupt_reaches_descendants_only_when_asked_and_loses_no_mail(sim: Sim) -> None:
    ends: Counter[Any] = Counter()
    told: Counter[str] = Counter()
    async with stage() as root:
        cascade = sim.choose([True, False])
        top = root.start_soon(Leads, ends, 1, name="top", mail="work", startup_timeout=None)
        told[top.path] = 1

        async def tell(where: str) -> None:
            for queued in (True, False, True):
                await steps(4)
                with suppress(GreenroomError):
                    ref = root.lookup(where)
                    ref.tell("more", trigger_turn=not queued)
                    told[ref.path] += 1

        async def interrupt() -> None:
            await steps(sim.choose([9, 12, 16, 20]))
            with suppress(StillRunning):
                await top.interrupt(grace=2, cascade=cascade)

        await together(sim, interrupt, lambda: tell("top"), lambda: tell("top/below"))
        await settle()
        if is_undisturbed(sim):
            below = "/stage/top/below"
            assert cascade or not ends[below, "cancelled"]
            assert ends[top.path, "cancelled"] + ends[below, "cancelled"] <= 2
            for path, first in ((top.path, 0), (below, 1)):
                waits = root.lookup(path.removeprefix("/stage/"))._slot.box.waiting
                assert ends[path, "done with"] + waits == told[path] + first, (path, ends, told)
            assert top.lifecycle == "ready"
            assert root.dead_letters.total == 0
            for slot in (top._slot, root.lookup("top/below")._slot):
                assert not slot.in_turn
                assert not slot.box.has_triggers
