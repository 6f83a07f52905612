"""Programs drawn from a seed in which many are asked at once, by whatever else happens to those who are asked; played to a trace."""

from random import Random
from typing import Any

import trio
import trio.testing

from greenroom import (
    Actor,
    ActorRef,
    Context,
    GreenroomError,
    Intensity,
    MailboxSpec,
    ReplyToken,
    Request,
    Supervisor,
    ask_many,
    open_supervisor,
)

#: What a handler does, one after the other.
ACTS = ("sleep", "mail", "defer", "stash", "unstash", "crash", "stop", "many", "ask", "urgent", "tell", "child")


class Boom(Exception):
    """Be raised on purpose."""


class Job(Request[Any]):
    """Be done in some steps, each of them once however often it is handled."""

    def __init__(self, name: str, acts: list[str], seed: int) -> None:
        self.name, self.acts, self.random = name, acts, Random(seed)

    def __repr__(self) -> str:
        return self.name


class Leaf(Actor[Any]):
    """End at once, so that its parent gets a report."""

    async def startup(self, ctx: Context) -> None:
        ctx.stop()


def shown(thing: Any) -> Any:
    if isinstance(thing, GreenroomError):
        return type(thing).__name__, str(getattr(thing, "message", "")), getattr(thing, "begun", None)
    return repr(thing) if isinstance(thing, Exception) else thing


class Program:
    """Play one; `trace` is what anybody could see of it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.trace: list[Any] = []
        self.refs: list[ActorRef[Any]] = []
        self.count = 0

    def job(self, *, is_plain: bool = False) -> Job:
        self.count += 1
        random = self.random
        acts = [] if is_plain or random.random() < 0.4 else random.choices(ACTS, k=random.randint(1, 3))
        return Job(f"job {self.count}", acts, random.randrange(1 << 30))

    async def play(self) -> None:
        random = self.random
        async with trio.open_nursery() as nursery, open_supervisor("stage", intensity=Intensity(10_000, 5)) as root:
            self.nursery = nursery
            add = root.dead_letters.add

            def keep(letter: Any) -> None:
                self.trace.append(("dead", str(letter.message), letter.path, letter.seq, letter.reason))
                add(letter)

            root.dead_letters.add = keep  # type: ignore[method-assign]
            for number in range(4):
                options: dict[str, Any] = {"restart": "permanent", "redeliver": random.choice([0, 0, 1])}
                if random.random() < 0.3:
                    options["on_error"] = {Boom: "resume"}
                if random.random() < 0.2:
                    options["mailbox"] = MailboxSpec(3, "wait")
                kind = random.choice([Worker, Worker, OwnWorker])
                self.refs.append(root.start_soon(kind, self, name=f"w{number}", **options))
            async with trio.open_nursery() as inner:
                inner.cancel_scope.deadline = trio.current_time() + 60
                for number in range(4):
                    inner.start_soon(self.ask, number)
                for _ in range(2):
                    inner.start_soon(self.disturb, root)
            self.trace.append([(ref._slot.box.waiting, ref._slot.seq) for ref in self.refs])
            nursery.cancel_scope.cancel()

    async def ask(self, number: int) -> None:
        """Ask several at once, some of them more than once."""
        random = self.random
        await trio.sleep(random.random() * 2)
        pairs = []
        for _ in range(random.choice([1, 2, 5, 12])):
            ref = random.choice(self.refs)
            pairs.append((ref.pin() if random.random() < 0.06 and ref.lifecycle == "ready" else ref, self.job()))
        timeout = random.choice([None, None, 0.5, 2.0, 5.0])
        with trio.move_on_after(random.choice([99, 99, random.random()])) as scope:
            try:
                answers = await ask_many(pairs, timeout=timeout, return_errors=random.random() < 0.6)
                self.trace.append((number, [shown(each) for each in answers]))
            except (GreenroomError, Boom) as error:
                self.trace.append((number, shown(error)))
        mores = [ref._slot.more for ref in self.refs]
        edges = [more is not None and (more.poll or more.waiting_for) is not None for more in mores]
        self.trace.append((number, scope.cancelled_caught, edges))

    async def disturb(self, root: Supervisor) -> None:
        """Do to them what others may do."""
        random = self.random
        for _ in range(6):
            await trio.sleep(random.random())
            ref, what = (
                random.choice(self.refs),
                random.choice(["tell", "urgent", "quiet", "crash", "interrupt", "ask"]),
            )
            self.trace.append((what, ref.name))
            try:
                match what:
                    case "tell" | "urgent" | "quiet":
                        self.count += 1
                        ref.tell(f"mail {self.count}", urgent=what == "urgent", trigger_turn=what != "quiet")
                    case "crash":
                        ref.crash(Boom())
                    case "interrupt":
                        await ref.interrupt(grace=0.1)
                    case _:
                        self.trace.append(shown(await ref.ask(self.job(), timeout=1)))
            except (GreenroomError, Boom) as error:
                self.trace.append(shown(error))

    async def reply_later(self, token: ReplyToken[Any], seconds: float) -> None:
        await trio.sleep(seconds)
        self.trace.append(("later", token.reply("later")))


class Worker(Actor[Any]):
    """Do jobs."""

    def __init__(self, program: Program) -> None:
        self.program = program

    async def receive(self, message: Any, ctx: Context) -> Any:
        self.program.trace.append((ctx.path, str(message)))
        while isinstance(message, Job) and message.acts:
            act = message.acts.pop(0)
            try:
                await self.do(act, message, ctx)
            except (GreenroomError, Boom) as error:
                if act == "crash":
                    raise
                self.program.trace.append((ctx.path, act, shown(error)))
        return f"done: {message}"

    async def do(self, act: str, job: Job, ctx: Context) -> None:  # noqa: C901 -- a list of what there is
        program, random = self.program, job.random
        match act:
            case "sleep":
                await trio.sleep(random.random())
            case "mail":
                mail = ctx.mail
                assert mail is not None
                sender = None if mail.sender is None else mail.sender.path
                program.trace.append((ctx.path, str(mail.message), mail.seq, mail.kind, sender))
            case "defer":
                token = ctx.defer_reply()
                if random.random() < 0.5:
                    program.nursery.start_soon(program.reply_later, token, random.random() * 2)
                elif random.random() < 0.5:
                    token.reply("deferred")
            case "stash":
                ctx.stash()
            case "unstash":
                program.trace.append((ctx.path, ctx.unstash_all()))
            case "crash":
                raise Boom(str(job))
            case "stop":
                ctx.stop()
            case "many" | "ask":
                pairs = [(random.choice(program.refs), program.job(is_plain=True)) for _ in range(3)]
                timeout = random.choice([None, random.random()])
                if act == "ask":
                    program.trace.append(shown(await pairs[0][0].ask(pairs[0][1], timeout=timeout or 1)))
                else:
                    answers = await ask_many(pairs, timeout=timeout, return_errors=random.random() < 0.5)
                    program.trace.append([shown(each) for each in answers])
            case "urgent" | "tell":
                ctx.tell(ctx.ref, f"{act} of {job}", urgent=act == "urgent")
            case _:
                ctx.start_soon(Leaf)


class OwnWorker(Worker):
    own_task = True


def play(seed: int) -> list[Any]:
    """Return the trace of a program."""
    program = Program(seed)
    trio.run(program.play, clock=trio.testing.MockClock(autojump_threshold=0))
    return program.trace
