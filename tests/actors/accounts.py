"""Actors that keep accounts of their mail, and a program that meddles with them."""

from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any

import trio

from greenroom import (
    Actor,
    ActorCrashed,
    ActorRef,
    ActorRestarting,
    ActorStopped,
    ActorStopping,
    Agent,
    AskTimeout,
    Context,
    DeadLetter,
    Intensity,
    MailboxFull,
    MailboxSpec,
    NoActiveTurn,
    NoReply,
    Request,
    Scheduling,
    StartupFailed,
    StillRunning,
    Supervisor,
    Turn,
    TurnInterrupted,
    open_supervisor,
)

REFUSALS = (MailboxFull, ActorStopped, ActorStopping, ActorRestarting, StartupFailed, NoActiveTurn)


class Job(Request[int]):
    """Be a message that says what its handler does."""

    def __init__(self, number: int, act: str) -> None:
        self.number, self.act = number, act


class Books:
    """Count what becomes of each job."""

    def __init__(self) -> None:
        self.accepted: list[int] = []
        self.begun: Counter[int] = Counter()
        self.dead: Counter[int] = Counter()
        self.asked: set[int] = set()
        self.outcomes: Counter[int] = Counter()
        #: what a turn had taken and has not kept: it may come again.
        self.order: list[int] = []

    def bury(self, letter: DeadLetter) -> None:
        if isinstance(letter.message, Job):
            self.dead[letter.message.number] += 1


async def do(job: Job, ctx: Context) -> int:
    match job.act:
        case "wait":
            await trio.sleep(1)
        case "crash":
            raise LookupError(job.number)
        case "wait and crash":
            await trio.sleep(1)
            raise LookupError(job.number)
        case "swallow":
            with suppress(trio.Cancelled):
                await trio.sleep(3)
        case "spawn":
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep, 1)
                nursery.start_soon(trio.lowlevel.checkpoint)
        case "step":
            await trio.lowlevel.checkpoint()
        case "stop":
            ctx.stop()
        case _:
            pass
    return job.number


class Plain(Actor[Job]):
    def __init__(self, books: Books) -> None:
        self.books = books

    async def receive(self, message: Job, ctx: Context) -> int:
        self.books.begun[message.number] += 1
        self.books.order.append(message.number)
        return await do(message, ctx)


class Sync(Plain):
    """Handle what needs no waiting in a plain function."""

    def receive(self, message: Job, ctx: Context) -> Any:
        if message.act in ("wait", "spawn", "step", "swallow", "wait and crash"):
            return super().receive(message, ctx)
        self.books.begun[message.number] += 1
        self.books.order.append(message.number)
        if message.act == "crash":
            raise LookupError(message.number)
        if message.act == "stop":
            ctx.stop()
        return message.number


class Own(Plain):
    own_task = True


class Thinker(Agent[Job]):
    def __init__(self, books: Books) -> None:
        self.books = books

    async def turn(self, turn: Turn[Job], ctx: Context) -> int:
        # What started the turn is done with it; what is drained only once it is kept.
        for mail in turn.mail:
            self.books.begun[mail.message.number] += 1
        last = 0
        for mail in turn.mail:
            last = await do(mail.message, ctx)
        drained = turn.drain()
        await trio.lowlevel.checkpoint()
        if len(drained) % 2:
            self.keep(turn, drained)
            drained = []
            await trio.lowlevel.checkpoint()
        self.keep(turn, drained)
        return last

    def keep(self, turn: Turn[Job], drained: list[Any]) -> None:
        turn.commit()
        for mail in drained:
            if isinstance(mail.message, Job):
                self.books.begun[mail.message.number] += 1


async def function(ctx: Context, books: Books) -> None:
    while True:
        job = await ctx.receive()
        books.begun[job.number] += 1
        books.order.append(job.number)
        token = ctx.defer_reply() if ctx.mail is not None and ctx.mail.kind == "request" else None
        result = await do(job, ctx)
        if token is not None:
            token.reply(result)


KINDS: dict[str, Any] = {"pool": Plain, "def": Sync, "own task": Own, "agent": Thinker, "function": function}
ACTS = ["quick", "quick", "quick", "step", "wait", "spawn", "swallow", "crash", "wait and crash", "stop"]
OPS = ["tell"] * 6 + [
    "ask",
    "ask",
    "send",
    "urgent",
    "queue only",
    "interrupt",
    "crash",
    "pause",
    "step",
    "pinned",
    "steer",
]


class Program:
    """Run one drawn program against one actor, and keep the books."""

    def __init__(self, random: Random, kind: str, mailbox: MailboxSpec, restart: Any, end: str) -> None:
        self.random, self.kind, self.mailbox, self.restart, self.end = random, kind, mailbox, restart, end
        self.books = Books()
        self.count = 0

    def job(self) -> Job:
        self.count += 1
        act = self.random.choice(ACTS)
        if act == "stop" and self.random.random() < 0.7:
            act = "quick"
        return Job(self.count, act)

    async def ask(self, ref: ActorRef[Any], job: Job, timeout: float | None) -> None:
        books = self.books
        books.asked.add(job.number)
        try:
            assert await ref.ask(job, timeout=timeout) >= 0
        except (*REFUSALS, ActorCrashed, AskTimeout, TurnInterrupted, NoReply):
            pass
        finally:
            books.outcomes[job.number] += 1

    async def send(self, ref: ActorRef[Any], job: Job) -> None:
        with suppress(*REFUSALS), trio.move_on_after(self.random.choice([0.5, 20])):
            await ref.send(job)
            self.books.accepted.append(job.number)

    async def step(self, ref: ActorRef[Any], nursery: trio.Nursery) -> None:
        random, books = self.random, self.books
        op = random.choice(OPS)
        job = self.job()
        with suppress(*REFUSALS):
            match op:
                case "tell":
                    ref.tell(job)
                    books.accepted.append(job.number)
                case "urgent" | "queue only":
                    ref.tell(job, urgent=op == "urgent", trigger_turn=op != "queue only")
                    books.accepted.append(job.number)
                case "pinned":
                    ref.pin().tell(job)
                    books.accepted.append(job.number)
                case "steer":
                    ref.steer(job)
                    books.accepted.append(job.number)
                case "ask":
                    nursery.start_soon(self.ask, ref, job, random.choice([None, 0.5, 5.0]))
                case "send":
                    nursery.start_soon(self.send, ref, job)
                case "interrupt":
                    with suppress(StillRunning):
                        await ref.interrupt(grace=random.choice([0, 1, 10]))
                case "crash":
                    if random.random() < 0.3:
                        ref.crash(OSError("pulled"))
                case "pause":
                    await trio.sleep(random.choice([0.3, 1, 2]))
                case _:
                    for _ in range(random.randint(1, 4)):
                        await trio.lowlevel.checkpoint()

    def check(self, ref: ActorRef[Any]) -> None:
        """Compare the books with what waits: at any moment between two steps."""
        books, box = self.books, ref._slot.box
        assert all(times == 1 for times in books.begun.values()), "handled twice"
        assert all(times == 1 for times in books.dead.values()), "buried twice"
        assert box.waiting >= 0
        assert box.load >= 0

    async def bounded(self) -> None:
        with trio.fail_after(1e7):
            await self.run()

    async def run(self) -> None:
        random, books = self.random, self.books
        # No real time: what was drawn decides everything.
        scheduling = Scheduling(time_slice=1e6)
        async with open_supervisor("stage", intensity=Intensity(100_000, within=1.0), scheduling=scheduling) as root:
            register = root.dead_letters
            add = register.add

            def keep(letter: DeadLetter) -> None:
                books.bury(letter)
                add(letter)

            register.add = keep  # type: ignore[method-assign]
            async with trio.open_nursery() as nursery:
                ref: ActorRef[Any] = root.start_soon(
                    KINDS[self.kind], books, restart=self.restart, mailbox=self.mailbox, shutdown=2.0
                )
                for _ in range(random.randint(5, 40)):
                    await self.step(ref, nursery)
                    self.check(ref)
                await self.finish(ref)
            # All who asked have gone on, so nothing that anybody waited for is left.
            assert len(root._slot.runtime.deadlines) == 0
            self.balance(root, ref)
            root.reports.drain()

    async def finish(self, ref: ActorRef[Any]) -> None:
        match self.end:
            case "stop":
                await ref.stop()
            case "drain":
                await ref.drain()
            case "kill":
                await ref.kill()
            case _:
                await trio.sleep(1_000)
                if ref.lifecycle == "ready":
                    # P13: nothing runs, so nothing that asks for a turn waits.
                    assert not ref._slot.box.has_triggers
                    assert ref._slot.box.hand is None
                await ref.stop()

    def balance(self, root: Supervisor, ref: ActorRef[Any]) -> None:
        books = self.books
        self.check(ref)
        assert ref._slot.box.seq >= len(books.accepted)
        told = set(books.accepted)
        assert len(told) == len(books.accepted)
        for number in told:
            assert books.begun[number] + books.dead[number] == 1, (
                f"job {number}: {books.begun[number]} + {books.dead[number]}"
            )
        for number in books.asked:
            assert books.outcomes[number] == 1
            assert books.begun[number] + books.dead[number] <= 1
        assert set(books.begun) | set(books.dead) <= told | books.asked
        assert not root.dead_letters.counts.get("coalesced")
