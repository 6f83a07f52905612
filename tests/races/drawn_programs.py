"""Programs that are drawn by a seed, each under some schedules, with a cancellation or a crash here and there; what has to hold of any of them.

Several tasks mail, ask, stop, start and watch one or two actors of drawn kinds. When all is quiet, and again when the tree has ended:
each mail has had one fate (P14), in order (P12); each ask one end (P17); no two turns at once, none before ready (P20); an end one report (P10)
and one Down (P19); nobody has mail that was not seen to (P13), and no permit, deadline, task or slot is left (P6, P27).
"""

from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack, nullcontext, suppress
from random import Random
from typing import Any, Final

import attrs
import trio

from greenroom import (
    Actor,
    ActorStopped,
    Agent,
    AskTimeout,
    ChildEnded,
    ChildStartupFailed,
    Context,
    Down,
    GreenroomError,
    Intensity,
    Limits,
    MailboxSpec,
    Request,
    Supervisor,
    Turn,
    open_supervisor,
)
from greenroom.actors import RestartType
from greenroom.actors._runner import RUNNERS
from greenroom.races import Injection, Sim
from greenroom.supervisor._errors import RestartIntensityExceeded


class Boom(Exception):
    pass


@attrs.frozen
class Job(Request[int]):
    number: int
    act: str


@attrs.frozen
class Plan:
    """Say what a child is like."""

    kind: str
    restart: RestartType
    startup: str
    shutdown: str
    mailbox: MailboxSpec


@attrs.define(eq=False)
class Books:
    """Note what happens to each job, and what must not happen."""

    begun: Counter[int] = attrs.field(factory=Counter[int])
    dead: Counter[int] = attrs.field(factory=Counter[int])
    seqs: dict[int, int] = attrs.field(factory=dict[int, int])
    lanes: dict[int, list[int]] = attrs.field(factory=dict[int, list[int]])
    asks: dict[int, Any] = attrs.field(factory=dict[int, Any])
    monitors: list[Any] = attrs.field(factory=list[Any])
    downs: Counter[Any] = attrs.field(factory=Counter[Any])
    refs: list[Any] = attrs.field(factory=list[Any])
    wrong: list[str] = attrs.field(factory=list[str])
    in_turn: set[int] = attrs.field(factory=set[int])

    def begin(self, job: Job, ctx: Context) -> None:
        self.begun[job.number] += 1
        self.lanes.setdefault(ctx.ref.uid, []).append(job.number)
        if ctx.ref.lifecycle not in ("ready", "draining", "stopping"):
            self.wrong.append(f"{job} while {ctx.ref.lifecycle}")

    def enter(self, uid: int) -> None:
        if uid in self.in_turn:
            self.wrong.append(f"two turns of {uid}")
        self.in_turn.add(uid)


async def do(job: Job, ctx: Context, books: Books) -> int:
    if job.act in ("step", "step, crash"):
        await trio.lowlevel.checkpoint()
    if job.act in ("sleep", "cling"):
        try:
            await trio.sleep(0.1)
        except trio.Cancelled:
            if job.act == "cling":
                raise Boom from None
            raise
    if job.act.endswith("crash"):
        raise Boom
    if job.act == "stop":
        ctx.stop()
    if job.act == "child":
        with suppress(GreenroomError):
            await ctx.start(Pooled, books, QUIET)
    if job.act == "ask":
        with suppress(GreenroomError):
            await ask(books, books.refs[job.number % len(books.refs)], Job(job.number + 1_000, "quick"))
    return job.number


async def ask(books: Books, ref: Any, job: Job, timeout: float | None = None) -> None:
    try:
        await ref.ask(job, timeout=timeout)
        books.asks[job.number] = "answered"
    except BaseException as error:
        books.asks[job.number] = error
        raise


class Hooks:
    def __init__(self, books: Books, plan: Plan) -> None:
        self.books, self.plan = books, plan

    async def startup(self, ctx: Context) -> None:
        await pause(self.plan.startup, first=ctx.start_source == "new")

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await pause(self.plan.shutdown)


async def pause(how: str, *, first: bool = True) -> None:
    if how != "none":
        await trio.lowlevel.checkpoint()
    if how == "sleep":
        await trio.sleep(0.1)
    if how == "fail" or (how == "fail once" and first):
        raise Boom


class Pooled(Hooks, Actor[Any]):
    async def receive(self, message: Job, ctx: Context) -> int:
        self.books.enter(ctx.ref.uid)
        try:
            self.books.begin(message, ctx)
            return await do(message, ctx, self.books)
        finally:
            self.books.in_turn.discard(ctx.ref.uid)


class Plain(Actor[Any]):
    def __init__(self, books: Books, plan: Plan) -> None:
        self.books = books

    def receive(self, message: Job, ctx: Context) -> int:
        self.books.begin(message, ctx)
        if message.act == "crash":
            raise Boom
        return message.number


class Alone(Pooled):
    own_task = True


class Thinks(Hooks, Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> int:
        books, result = self.books, 0
        books.enter(ctx.ref.uid)
        try:
            for mail in turn.mail:
                books.begin(mail.message, ctx)
            for mail in turn.mail:
                result = await do(mail.message, ctx, books)
            drained = turn.drain()
            await trio.lowlevel.checkpoint()
            turn.commit()
            for mail in drained:
                if isinstance(mail.message, Job):
                    books.begin(mail.message, ctx)
            return result
        finally:
            books.in_turn.discard(ctx.ref.uid)


async def function(ctx: Context, books: Books, plan: Plan) -> None:
    await pause(plan.startup)
    while True:
        job = await ctx.receive()
        books.begin(job, ctx)
        token = ctx.defer_reply() if ctx.mail is not None and ctx.mail.kind == "request" else None
        result = await do(job, ctx, books)
        if token is not None:
            token.reply(result)


class Watches(Actor[Any]):
    def __init__(self, books: Books) -> None:
        self.books = books

    def receive(self, message: Any, ctx: Context) -> None:
        if isinstance(message, Down):
            self.books.downs[message.ref] += 1
        else:
            self.books.monitors.append(ctx.monitor(message))


KINDS: Final[dict[str, Any]] = {"pool": Pooled, "def": Plain, "own": Alone, "agent": Thinks, "function": function}
ACTS: Final = [*["quick"] * 4, "step", "sleep", "crash", "step, crash", "cling", "stop", "child", "ask"]
BOXES: Final = [*[MailboxSpec()] * 4, MailboxSpec(1, "wait"), MailboxSpec(2, "wait"), MailboxSpec(1, "drop_oldest")]
#: The shutdown time of an actor: nothing in a program needs as much.
LONG: Final = 4.9
QUIET: Final = Plan("pool", "temporary", "step", "none", MailboxSpec())


def crash(ref: Any) -> None:
    ref.crash(Boom())


def watch(root: Supervisor, ref: Any) -> None:
    root.lookup("watcher").tell(ref)


def keep(books: Books, number: int, seq: int) -> None:
    books.seqs[number] = seq


#: what tasks do, by plain or async functions of books, tree, ref and job.
OPS: Final[dict[str, Callable[[Books, Supervisor, Any, Job], Any]]] = {
    "tell": lambda books, root, ref, job: keep(books, job.number, ref.tell(job)),
    "tell again": lambda books, root, ref, job: keep(books, job.number, ref.tell(job)),
    "queue": lambda books, root, ref, job: keep(books, job.number, ref.tell(job, trigger_turn=False)),
    "pinned": lambda books, root, ref, job: ask(books, ref.pin(), job),
    "ask": lambda books, root, ref, job: ask(books, ref, job),
    "ask in time": lambda books, root, ref, job: ask(books, ref, job, 0.05),
    "stop": lambda books, root, ref, job: ref.stop(),
    "drain": lambda books, root, ref, job: ref.drain(),
    "kill": lambda books, root, ref, job: ref.kill(),
    "request": lambda books, root, ref, job: ref.request_stop(),
    "crash": lambda books, root, ref, job: crash(ref),
    "interrupt": lambda books, root, ref, job: ref.interrupt(grace=1),
    "run turn": lambda books, root, ref, job: ref.run_turn(job),
    "restart": lambda books, root, ref, job: root.restart_child(ref.name),
    "delete": lambda books, root, ref, job: root.delete_child(ref.name),
    "ready": lambda books, root, ref, job: ref.wait_ready(),
    "watch": lambda books, root, ref, job: watch(root, ref),
    "sleep": lambda books, root, ref, job: pause("sleep"),
}


@attrs.frozen
class Program:
    children: list[Plan]
    tasks: list[list[tuple[str, int, Job]]]
    permits: int | None
    restarts: int
    injection: Injection | None


def draw(seed: int) -> Program:
    random = Random(seed)
    pick = random.choice
    restarts: list[RestartType] = ["temporary", "transient", "permanent"]
    hooks = ["none", "step", "sleep", "fail"]
    children = [
        Plan(pick(list(KINDS)), pick(restarts), pick([*hooks, "fail once"]), pick(hooks), pick(BOXES))
        for _ in range(pick([1, 1, 2]))
    ]
    numbers = iter(range(1, 100))
    tasks = [
        [
            (pick(list(OPS)), random.randrange(len(children)), Job(next(numbers), pick(ACTS)))
            for _ in range(pick([2, 4]))
        ]
        for _ in range(pick([2, 3, 4]))
    ]
    injections = [
        None,
        Injection("cancel", "victim", random.randrange(20)),
        Injection("crash", pick(["startup", "handler", "shutdown"]), random.randrange(3)),
    ]
    return Program(children, tasks, pick([None, 1]), pick([1, 10]), pick(injections))


async def scenario(sim: Sim, program: Program) -> None:
    books = Books()
    ended: Counter[tuple[int, int]] = Counter()
    root: Any = None
    feed: Any = None
    start = trio.current_time()

    async def run(ops: list[tuple[str, int, Job]], victim: bool) -> None:
        with sim.scope("victim") if victim else nullcontext():
            for what, at, job in ops:
                with suppress(GreenroomError, TypeError):  # TypeError: a turn of what is no agent
                    done = OPS[what](books, root, books.refs[at], job)
                    if done is not None:
                        await done

    limits = Limits(max_concurrent_startups=program.permits)
    async with AsyncExitStack() as stack:
        try:
            async with open_supervisor("stage", limits=limits, intensity=Intensity(program.restarts, 5)) as root:
                feed = await stack.enter_async_context(root.dead_letters.subscribe())
                watcher = root.start_soon(Watches, books, name="watcher")
                for plan in program.children:
                    options: Any = {"restart": plan.restart, "mailbox": plan.mailbox}
                    books.refs.append(root.start_soon(KINDS[plan.kind], books, plan, **options))
                async with trio.open_nursery() as nursery:
                    for number, ops in enumerate(program.tasks):
                        nursery.start_soon(run, ops, not number)
                assert trio.current_time() - start < LONG, "somebody was ended by a limit of time only"
                await trio.sleep(2)
                check_quiet(books, root, watcher)
        except* RestartIntensityExceeded:
            pass
        async for letter in feed:
            if isinstance(letter.message, Job):
                books.dead[letter.message.number] += 1
    for report in root.reports.drain():
        if isinstance(report, (ChildEnded, ChildStartupFailed)):
            ended[report.uid, report.incarnation] += 1
    assert set(ended.values()) <= {1}
    check_ended(books, root)


def check_quiet(books: Books, root: Supervisor, watcher: Any) -> None:
    for ref in books.refs:
        slot = ref._slot
        assert slot.has_ended or (slot.life.value == "ready" and slot.idle and not slot.box.has_triggers), slot
        if watcher.is_alive:
            over = [monitor for monitor in books.monitors if monitor.ref is ref and not monitor.is_active]
            assert books.downs[ref] == len(over), ref
            assert not slot.has_ended or all(not each.is_active for each in books.monitors if each.ref is ref), ref
    launcher = root._slot.runtime.launcher
    assert (launcher.in_use, launcher.waiting, launcher.covered) == (0, 0, 0)  # type: ignore[attr-defined]


def check_ended(books: Books, root: Supervisor) -> None:
    runtime = root._slot.runtime
    assert not RUNNERS
    assert (runtime.alive, len(runtime.deadlines), len(runtime.pool.runq)) == (0, 0, 0)
    assert all(ref._slot.has_ended and not ref._slot.box.waiting_senders for ref in books.refs)
    assert not books.wrong
    for number in books.seqs:
        assert books.begun[number] + books.dead[number] == 1, number
    for numbers in books.lanes.values():
        seqs = [books.seqs[number] for number in numbers if number in books.seqs]
        assert seqs == sorted(seqs)
    for number, end in books.asks.items():
        assert books.begun[number] <= 1
        assert end != "answered" or books.begun[number] == 1
        if (isinstance(end, AskTimeout) and not end.begun) or (
            isinstance(end, ActorStopped) and "it had not begun" in str(end)
        ):
            assert not books.begun[number]
