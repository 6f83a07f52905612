"""The promises of waits and watches, as scenarios: P18, P19 and P25."""

from functools import partial
from typing import Any

import trio

from greenroom import (
    Agent,
    Context,
    Deadlock,
    Down,
    GreenroomError,
    PendingInit,
    ReplyToken,
    Request,
    Running,
    Turn,
    TurnFinished,
    Waited,
)
from greenroom.races import Sim

from .promise import Boom, Quiet, is_exact, promise, settle, stage, steps, together


class Hello(Request[Any]):
    pass


class Asks(Quiet):
    """Ask the other, in its own turn; note what is a deadlock, and whether an answer to the other was owed then."""

    def __init__(self, refs: list[Any], deadlocks: list[Any]) -> None:
        self.refs, self.deadlocks = refs, deadlocks

    async def receive(self, message: Any, ctx: Context) -> Any:
        await trio.lowlevel.checkpoint()
        if isinstance(message, int):
            try:
                await self.refs[message].ask(Hello())
            except Deadlock as error:
                self.deadlocks.append((error, ctx.path not in error.cycle or self.owes(message)))
            except GreenroomError:
                pass
        return None

    def owes(self, whom: int) -> bool:
        """Return whether it has taken over an answer to the other, and not given it."""
        return False


class Defers(Asks):
    """Defer its answers, and give them from another task; ask the other in between."""

    def __init__(self, refs: list[Any], deadlocks: list[Any], tokens: list[tuple[ReplyToken[Any], Any]]) -> None:
        super().__init__(refs, deadlocks)
        self.tokens = tokens

    async def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, int):
            await super().receive(message, ctx)
        else:
            self.tokens.append((ctx.defer_reply(), ctx.sender))

    def owes(self, whom: int) -> bool:
        """Return whether it does."""
        return any(sender is self.refs[whom] for _, sender in self.tokens)


@promise("P18")
async def a_circle_of_waits_is_told_and_nothing_else_is(sim: Sim) -> None:
    refs: list[Any] = []
    deadlocks: list[Any] = []
    tokens: list[tuple[ReplyToken[Any], Any]] = []
    async with stage() as root:
        defers = sim.choose([True, False])
        if defers:
            refs.append(root.start_soon(Defers, refs, deadlocks, tokens))
        else:
            refs.append(root.start_soon(Asks, refs, deadlocks))
        refs.append(root.start_soon(Asks, refs, deadlocks))

        async def tell(at: int, whom: int) -> None:
            await trio.lowlevel.checkpoint()
            refs[at].tell(whom)

        async def reply() -> None:
            while True:
                await trio.sleep(0.5)
                while tokens:
                    tokens.pop()[0].reply(None)

        async def ask() -> None:
            await refs[0].ask(Hello())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(reply)
            await together(sim, ask, lambda: tell(0, 1), lambda: tell(1, 0), lambda: tell(1, 0))
            await settle()
            nursery.cancel_scope.cancel()
        assert all(slot.idle or slot.has_ended for slot in (ref._slot for ref in refs))
        assert not any(owed for _, owed in deadlocks), (
            "an answer that was deferred makes no edge, and who is told is in the circle"
        )


class Watches(Quiet):
    """Watch the other, and count its mail and its end."""

    def __init__(self, ref: Any, got: list[Any], monitors: list[Any]) -> None:
        self.ref, self.got, self.monitors = ref, got, monitors

    async def receive(self, message: Any, ctx: Context) -> Any:
        if message == "watch":
            self.monitors.append(ctx.monitor(self.ref))
        elif message == "leave":
            for monitor in self.monitors:
                monitor.cancel()
                self.got.append("left")
        else:
            self.got.append("down" if isinstance(message, Down) else message)
        await trio.lowlevel.checkpoint()


class Talks(Quiet):
    """Tell its watcher something with each message, the last at its end."""

    def __init__(self, refs: list[Any]) -> None:
        self.refs = refs

    async def receive(self, message: Any, ctx: Context) -> Any:
        for ref in self.refs:
            ref.try_tell("word")
        await trio.lowlevel.checkpoint()
        if message == "crash":
            raise Boom


@promise("P19")
async def a_monitor_gives_one_down_after_all_other_mail(sim: Sim) -> None:
    got: list[Any] = []
    monitors: list[Any] = []
    refs: list[Any] = []
    async with stage() as root:
        talks = root.start_soon(Talks, refs)
        refs.append(root.start_soon(Watches, talks, got, monitors, mail="watch"))
        leaves = sim.choose([True, False])

        async def end() -> None:
            talks.tell("x")
            await steps(3)
            talks.tell("crash")
            await talks.wait_stopped()

        async def leave() -> None:
            await steps(4)
            if leaves:
                refs[0].tell("leave", urgent=True)

        async def interrupt() -> None:
            await steps(5)
            await refs[0].interrupt()

        await together(sim, end, leave, interrupt)
        await talks.kill()
        await settle()
        assert got.count("down") <= 1
        if "down" in got:
            assert "word" not in got[got.index("down") :]
        if "left" in got:
            assert "down" not in got[got.index("left") :]
        if refs[0].is_alive and monitors and "left" not in got and not leaves:
            assert not monitors[0].is_active


class Settles(Agent[Any]):
    """Have a turn for each mail, and note when each has ended."""

    def __init__(self, done: list[Any]) -> None:
        self.done = done

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        await steps(3)
        self.done.append(ctx.path)
        return turn.id

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


class Waits(Quiet):
    """Wait for any or all of the others, and note what is wrong with what it comes to."""

    def __init__(self, refs: list[Any], wrong: list[str], *, is_exact: bool) -> None:
        self.refs, self.wrong, self.is_exact = refs, wrong, is_exact

    async def receive(self, message: Any, ctx: Context) -> Any:
        began = trio.current_time()
        waited = await ctx.wait(self.refs, mode=message, timeout=5)
        parts = (*waited.settled, *waited.pending, *waited.quiet)
        is_over = not waited.pending or bool(message == "any" and waited.settled)
        facts = {
            "it took too long": self.is_exact and trio.current_time() - began > 5,
            "not each is in one part": sorted(ref.path for ref in parts) != [ref.path for ref in self.refs],
            "not each has a status": set(waited.statuses) != set(self.refs),
            "it was over, and said that its time was, or the reverse": is_over == waited.timed_out,
            "who has settled is at work": any(
                isinstance(waited.statuses[ref], Running | PendingInit) for ref in waited.settled
            ),
        }
        self.wrong += [fact for fact, holds in facts.items() if holds]
        return waited


@promise("P25", time="choice")
async def a_wait_misses_nothing_and_takes_nothing(sim: Sim) -> None:
    done: list[Any] = []
    answers: list[Waited] = []
    wrong: list[str] = []
    async with stage() as root:
        refs = [root.start_soon(Settles, done, name=name) for name in "ab"]
        waits = root.start_soon(
            partial(Waits, is_exact=is_exact(sim)), refs, wrong, restart="permanent", startup_timeout=None
        )
        mode = sim.choose(["any", "all"])

        async def wait() -> None:
            answers.append(await waits.ask(mode))

        async def work() -> None:
            refs[0].tell("x")
            refs[1].tell("x", trigger_turn=sim.choose([True, False]))
            await steps(4)
            refs[0].try_tell("y")

        async def end() -> None:
            await steps(5)
            how = sim.choose(["interrupt", "stop", "crash"])
            refs[1].crash(Boom()) if how == "crash" else await getattr(refs[1], how)()

        await together(sim, wait, work, end)
        await settle()
        assert not wrong, wrong
        if is_exact(sim):
            assert not any(waited.timed_out for waited in answers), (
                "the others came to rest at once, and nobody was told"
            )
        # What it looked at is as if nobody had: each report is there, and nobody observes any more.
        reports = [each for each in root.reports.drain() if isinstance(each, TurnFinished)]
        assert len([each for each in reports if each.outcome.kind == "completed"]) == len(done)
        for ref in refs:
            more = ref._slot.more
            assert more is None or not more.observers
