"""The promises of mail, as scenarios: P12 to P19."""

from collections import Counter
from contextlib import suppress
from typing import Any

import trio

from greenroom import (
    ActorCrashed,
    Agent,
    AskTimeout,
    Context,
    Deadlock,
    Down,
    GreenroomError,
    Intensity,
    MailboxFull,
    MailboxSpec,
    ReplyToken,
    Request,
    StartupFailed,
    Turn,
)
from greenroom.races import Sim

from .promise import Boom, Quiet, promise, settle, stage, steps, together


class Notes(Quiet):
    """Note what it handles, in a step or two."""

    def __init__(self, got: list[Any]) -> None:
        self.got = got

    async def receive(self, message: Any, ctx: Context) -> Any:
        self.got.append(message)
        await trio.lowlevel.checkpoint()
        return message


class NotesAlone(Notes):
    own_task = True


class NotesByTurn(Agent[Any]):
    """Note what it has in its turns; half of them drain."""

    def __init__(self, got: list[Any]) -> None:
        self.got = got

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        self.got += [mail.message for mail in turn.mail]
        await trio.lowlevel.checkpoint()
        drained = turn.drain()
        await trio.lowlevel.checkpoint()
        turn.commit()
        self.got += [mail.message for mail in drained if mail.kind == "message"]
        await trio.lowlevel.checkpoint()
        return turn.mail[0].message if turn.mail else None

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


KINDS = [Notes, NotesAlone, NotesByTurn]


@promise("P12")
async def mail_is_handled_in_the_order_of_its_acceptance(sim: Sim) -> None:
    got: list[Any] = []
    accepted: list[Any] = []
    async with stage() as root:
        ref = root.start_soon(sim.choose(KINDS), got, restart="permanent")

        async def send(who: str) -> None:
            for number in range(3):
                ref.tell((who, number))
                accepted.append((who, number))
                await trio.lowlevel.checkpoint()

        async def disturb() -> None:
            await steps(3)
            await ref.interrupt()

        async def urgent() -> None:
            for number in range(2):
                ref.tell(("urgent", number), urgent=True)
                await trio.lowlevel.checkpoint()

        await together(sim, lambda: send("a"), lambda: send("b"), disturb, urgent)
        await settle()
        normal = [message for message in got if message[0] != "urgent"]
        assert normal == [message for message in accepted if message in normal]
        fast = [message for message in got if message[0] == "urgent"]
        assert fast == sorted(fast)


@promise("P13")
async def no_mail_is_stranded(sim: Sim) -> None:
    got: list[Any] = []
    async with stage() as root:
        ref = root.start_soon(sim.choose(KINDS), got, restart="permanent")
        quiet = root.start_soon(sim.choose(KINDS), [], restart="permanent")

        async def send(number: int) -> None:
            for _ in range(2):
                quiet.tell(number, trigger_turn=False)
                ref.tell(number)
                await steps(number)

        async def interrupt() -> None:
            await steps(2)
            await ref.interrupt()

        await together(sim, lambda: send(1), lambda: send(2), lambda: send(3), interrupt)
        await settle()
        for each in (ref, quiet):
            slot = each._slot
            assert slot.has_ended or (slot.life.value == "ready" and slot.idle and not slot.box.has_triggers)
        assert len(quiet._slot.box) == quiet._slot.box.seq


class Counts(Agent[Any]):
    """Count what it has in its hands, and what it is done with; drain, and keep only a part."""

    def __init__(self, done: Counter[int]) -> None:
        self.done = done

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        for mail in turn.mail:
            self.done[mail.message] += 1
        await trio.lowlevel.checkpoint()
        drained = turn.drain()
        await trio.lowlevel.checkpoint()
        turn.commit()
        for mail in drained:
            if mail.kind == "message":
                self.done[mail.message] += 1
        turn.drain()
        await trio.lowlevel.checkpoint()
        raise Boom  # what it has drained last goes back

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


class CountsOne(Quiet):
    def __init__(self, done: Counter[int]) -> None:
        self.done = done

    async def receive(self, message: Any, ctx: Context) -> Any:
        self.done[message] += 1
        await trio.lowlevel.checkpoint()


@promise("P14")
async def each_mail_has_one_fate(sim: Sim) -> None:
    done: Counter[int] = Counter()
    dead: Counter[int] = Counter()
    accepted: list[int] = []
    feed: Any = None
    async with stage() as root:
        ref = root.start_soon(sim.choose([CountsOne, Counts]), done, restart="permanent")
        async with root.dead_letters.subscribe() as feed:

            async def send(first: int) -> None:
                for number in range(first, first + 3):
                    ref.tell(number)
                    accepted.append(number)
                    await trio.lowlevel.checkpoint()

            async def interrupt() -> None:
                await steps(4)
                await ref.interrupt()
                ref.crash(Boom())
                await steps(4)
                await ref.stop()

            await together(sim, lambda: send(0), lambda: send(10), interrupt)
            await settle()
            await ref.kill()
            with trio.move_on_after(1):
                async for letter in feed:
                    dead[letter.message] += 1
    in_hand = [number for number in accepted if done[number] + dead[number] == 0]
    assert not in_hand or len(in_hand) == 1  # a crash that is tried out comes before its mail is noted
    assert all(done[number] + dead[number] <= 1 for number in accepted)


POLICIES = [
    MailboxSpec(2, "wait"),
    MailboxSpec(2, "reject"),
    MailboxSpec(2, "drop_oldest"),
    MailboxSpec(2, "drop_newest"),
    MailboxSpec(2, "coalesce", coalesce_key=lambda message: message % 3 if isinstance(message, int) else None),
]


class Hello(Request[Any]):
    pass


@promise("P15")
async def a_bounded_mailbox_keeps_its_bound_and_its_books(sim: Sim) -> None:
    got: list[Any] = []
    accepted = 0
    async with stage() as root, root.dead_letters.subscribe() as feed:
        ref = root.start_soon(sim.choose([Notes, NotesAlone]), got, mailbox=sim.choose(POLICIES), restart="permanent")
        box = ref._slot.box

        async def send(first: int) -> None:
            nonlocal accepted
            for number in range(first, first + 3):
                with suppress(MailboxFull):
                    await ref.send(number)
                    accepted += 1
                assert box.load <= 2

        async def ask() -> None:
            with suppress(MailboxFull):
                await ref.ask(Hello(), timeout=5)

        async def tell() -> None:
            nonlocal accepted
            for number in range(3):
                with suppress(MailboxFull):
                    ref.tell(number)
                    accepted += 1
                assert box.load <= 2
                await trio.lowlevel.checkpoint()

        await together(sim, ask, lambda: send(10), lambda: send(20), tell)
        await settle()
        assert (box.waiting_senders, box.load) == (0, 0)
        handled = sum(1 for message in got if not isinstance(message, Hello))
        with trio.move_on_after(1):
            async for letter in feed:
                handled += not isinstance(letter.message, Hello)
        assert 0 <= accepted - handled <= 1  # in the hands of who crashed


@promise("P16")
async def what_is_queued_at_the_end_is_returned_once(sim: Sim) -> None:
    ends: Counter[str] = Counter()
    told = 0
    got: list[Any] = []
    async with stage() as root:
        ref = root.start_soon(sim.choose(KINDS), got)

        async def ask(name: str) -> None:
            try:
                await ref.ask(Hello())
            except (GreenroomError, trio.Cancelled):
                ends[name] += 1
                raise
            else:
                ends[name] += 1

        async def tell() -> None:
            nonlocal told
            for number in range(3):
                ref.tell(number)
                told += 1
                await trio.lowlevel.checkpoint()

        async def stop() -> None:
            await steps(3)
            await ref.stop()

        start = trio.current_time()
        await together(sim, lambda: ask("a"), lambda: ask("b"), tell, stop)
        assert trio.current_time() == start
        assert (ends["a"], ends["b"]) == (1, 1)
        await settle()
        counts = root.dead_letters.counts
        handled = sum(1 for message in got if not isinstance(message, Hello))
        gone = counts.get("stopped", 0) + counts.get("startup failed", 0)
        assert 0 <= told - handled - gone <= 1
        assert counts.get("caller gone", 0) <= 1


@promise("P17", time="choice")
async def an_ask_ends_once_and_what_nobody_wants_is_not_done(sim: Sim) -> None:
    begun: list[Any] = []

    class Slow(Quiet):
        async def receive(self, message: Any, ctx: Context) -> Any:
            begun.append(message)
            await trio.sleep(0.5)
            return message

    class SlowAlone(Slow):
        own_task = True

    async with stage(intensity=Intensity(500, 5)) as root:
        box = sim.choose([None, MailboxSpec(1, "wait")])
        ref = root.start_soon(sim.choose([Slow, SlowAlone]), restart="permanent", mailbox=box)
        over: dict[Any, bool] = {}

        async def ask(timeout: float | None) -> None:
            request = Hello()
            try:
                assert await ref.ask(request, timeout=timeout) is request
            except AskTimeout as error:
                assert error.begun == (request in begun)
                over[request] = error.begun
            except trio.Cancelled:
                over[request] = request in begun
                raise
            except (ActorCrashed, StartupFailed):
                over[request] = request in begun
            else:
                assert request in begun

        async def crash() -> None:
            await trio.sleep(0.75)
            ref.crash(Boom())

        await together(sim, lambda: ask(None), lambda: ask(0.75), lambda: ask(None), lambda: ask(0.25), crash)
        await settle()
        assert [request in begun for request in over] == list(over.values())
        assert len(set(begun)) == len(begun)


class Asks(Quiet):
    """Ask the other, in its own turn; note what is a deadlock."""

    def __init__(self, refs: list[Any], deadlocks: list[Any]) -> None:
        self.refs, self.deadlocks = refs, deadlocks

    async def receive(self, message: Any, ctx: Context) -> Any:
        await trio.lowlevel.checkpoint()
        if isinstance(message, int):
            try:
                await self.refs[message].ask(Hello())
            except Deadlock as error:
                self.deadlocks.append(error)
                assert ctx.path in error.cycle
            except GreenroomError:
                pass
        return None


class Defers(Asks):
    """Defer its answers, and give them from another task; ask the other in between."""

    def __init__(self, refs: list[Any], deadlocks: list[Any], tokens: list[ReplyToken[Any]]) -> None:
        super().__init__(refs, deadlocks)
        self.tokens = tokens

    async def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, int):
            await super().receive(message, ctx)
        else:
            self.tokens.append(ctx.defer_reply())


@promise("P18")
async def a_circle_of_waits_is_told_and_nothing_else_is(sim: Sim) -> None:
    refs: list[Any] = []
    deadlocks: list[Any] = []
    tokens: list[ReplyToken[Any]] = []
    async with stage() as root:
        defers = sim.choose([False, True])
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
                    tokens.pop().reply(None)

        async def ask() -> None:
            await refs[0].ask(Hello())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(reply)
            await together(sim, ask, lambda: tell(0, 1), lambda: tell(1, 0), lambda: tell(1, 0))
            await settle()
            nursery.cancel_scope.cancel()
        assert all(slot.idle or slot.has_ended for slot in (ref._slot for ref in refs))
        assert not (defers and any(len(set(error.cycle)) != 2 for error in deadlocks))


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
        talks = root.start_soon(sim.choose([Talks, Talks]), refs)
        refs.append(root.start_soon(Watches, talks, got, monitors, mail="watch"))
        leaves = sim.choose([False, True])

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

