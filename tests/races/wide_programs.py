"""Drawn programs of all that the others leave out: timers, monitors of one incarnation, feeds, services, steering, redelivery, deferred answers.

Actors do what their messages say, tasks outside do what was drawn. What has to hold of each: a tick comes once, at its time at the earliest, never
of an incarnation before, never after it was called off (P19); a monitor gives one Down (P19); mail has one fate, but for what is given again (P14);
a feed of one actor misses nothing, and one of the tree ends with the true last state (P24); each answer comes once (P17); nothing is left (P27).
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from random import Random
from typing import Any, Final

import attrs
import trio

from greenroom import GreenroomError, Intensity, Limits, MailboxSpec
from greenroom.races import Injection, Sim
from greenroom.supervisor._errors import RestartIntensityExceeded

from .plays import Alone, Cast, Do, Notes, Pooled, Thinks
from .promise import Boom, is_exact, settle, stage

KINDS: Final[dict[str, Any]] = {"pool": Pooled, "own": Alone, "agent": Thinks}
ACTS: Final = [
    "step", "sleep", "timer", "timer", "keyed", "call off", "monitor", "monitor this", "demonitor", "child", "children", "ask",
    "defer", "wait", "end other", "send", "crash", "stop",
]  # fmt: skip
BOXES: Final = [
    *[MailboxSpec()] * 4, MailboxSpec(1, "reject"), MailboxSpec(1, "drop_newest"), MailboxSpec(2, "drop_oldest"), MailboxSpec(1, "wait"),
    MailboxSpec(2, "coalesce", coalesce_key=lambda message: message.act if isinstance(message, Do) else None),
]  # fmt: skip


async def outside(root: Any, notes: Notes, what: str, ref: Any, job: Do) -> None:  # noqa: C901 -- one case each
    match what:
        case "tell" | "urgent" | "queue":
            ref.tell(job, urgent=what == "urgent", trigger_turn=what != "queue")
            notes.accepted.add(job.number)
        case "send":
            await ref.send(job)
            notes.accepted.add(job.number)
        case "send this":
            await ref.pin().send(job)
        case "ask":
            await ref.ask(job)
        case "ask in time":
            await ref.ask(job, timeout=0.5)
        case "reply":
            if notes.tokens:
                with suppress(RuntimeError):
                    notes.tokens.pop().reply("late")
        case "turn":
            await ref.run_turn(job)
        case "steer":
            ref.steer(job)
            notes.accepted.add(job.number)
        case "interrupt":
            await ref.interrupt(grace=2, cascade=bool(job.number % 2))
        case "stop" | "drain" | "kill":
            await getattr(ref, what)()
        case "crash":
            ref.crash(Boom())
        case "restart":
            await root.restart_child(ref.name)
        case "delete":
            root.delete_child(ref.name)
        case "this one's end":
            with trio.move_on_after(1):
                await ref.pin().wait_stopped()
        case _:
            await trio.sleep(0.25)


OPS: Final = [
    *["tell"] * 4, "urgent", "queue", "send", "send this", "ask", "ask", "ask in time", "reply", "turn", "steer", "interrupt", "stop",
    "drain", "kill", "crash", "restart", "delete", "this one's end", "sleep",
]  # fmt: skip


@attrs.frozen
class Wide:
    """Be a drawn program."""

    casts: list[Cast]
    tasks: list[list[tuple[str, int, Do]]]
    permits: int | None
    injection: Injection | None


def draw_wide(seed: int) -> Wide:
    """Draw a program."""
    random = Random(seed)
    pick = random.choice
    casts = [
        Cast(
            pick(list(KINDS)), pick(["temporary", "transient", "permanent", "permanent"]), pick(BOXES), pick([0, 0, 1]),
            pick([(), (), ("ok",), ("ok", "ok?"), ("dies",), ("dies?",), ("fails?", "ok"), ("ok", "fails")]),
            pick(["plain", "plain", "timer", "child", "fails"]),
        )
        for _ in range(pick([1, 2, 2]))
    ]  # fmt: skip
    numbers = iter(range(1, 100))
    tasks = [
        [(pick(OPS), random.randrange(len(casts)), Do(next(numbers), pick(ACTS))) for _ in range(pick([2, 4]))]
        for _ in range(pick([2, 3, 4]))
    ]
    injections = [
        None,
        None,
        Injection("cancel", "victim", random.randrange(25)),
        Injection("crash", pick(["startup", "handler", "shutdown"]), random.randrange(3)),
    ]
    return Wide(casts, tasks, pick([None, None, 1]), pick(injections))


async def wide(sim: Sim, program: Wide) -> None:
    """Run a drawn program, and check what has to hold of it."""
    notes = Notes()
    changes: dict[Any, list[int]] = {}
    last: list[Any] = []
    letters: Any = None

    async def run(root: Any, ops: list[tuple[str, int, Do]], scope: Callable[[], Any]) -> None:
        with scope():
            for what, at, job in ops:
                with suppress(GreenroomError, TypeError):  # TypeError: a turn of what is no agent
                    await outside(root, notes, what, notes.refs[at], job)

    async def follow(ref: Any) -> None:
        seen = changes.setdefault(ref, [ref.generation])
        async with ref.subscribe() as feed:
            async for change in feed:
                seen.append(change.generation)
                assert seen[-1] == seen[-2] + 1, "a change was missed"

    async def follow_tree(root: Any) -> None:
        async with root.subscribe() as feed:
            async for state in feed:
                last[:] = [state]

    limits = Limits(max_concurrent_startups=program.permits)
    async with AsyncExitStack() as stack, trio.open_nursery() as outer:
        async with gives_up(), stage(limits=limits, intensity=Intensity(3, 5)) as root:
            letters = await stack.enter_async_context(root.dead_letters.subscribe())
            outer.start_soon(follow_tree, root)
            for cast in program.casts:
                options: Any = {"restart": cast.restart, "mailbox": cast.mailbox, "redeliver": cast.redeliver}
                notes.refs.append(root.start_soon(KINDS[cast.kind], notes, cast, startup_timeout=None, **options))
                outer.start_soon(follow, notes.refs[-1])
            await trio.lowlevel.checkpoint()
            async with trio.open_nursery() as nursery:
                nursery.cancel_scope.deadline = trio.current_time() + 200  # who defers and is never asked again
                for number, ops in enumerate(program.tasks):
                    scope = trio.CancelScope if number else partial(sim.scope, "victim")
                    nursery.start_soon(run, root, ops, scope)
                nursery.start_soon(reply_to_all, notes)
                await trio.sleep(100)
                nursery.cancel_scope.cancel()
            await settle()
            if is_exact(sim):  # else time may have passed while somebody was about to go on
                check_quiet(root, notes, last)
        async for letter in letters:
            if isinstance(letter.message, Do):
                notes.dead[letter.message.number] += 1
        await settle(1)
        outer.cancel_scope.cancel()
    check_ended(program, notes)


@asynccontextmanager
async def gives_up() -> AsyncGenerator[None]:
    """Let a tree give up: programs crash their actors over and over."""
    try:
        yield
    except* RestartIntensityExceeded:
        pass


async def reply_to_all(notes: Notes) -> None:
    """Answer what others have deferred and forgotten."""
    while True:
        await trio.sleep(2)
        while notes.tokens:
            with suppress(RuntimeError):
                notes.tokens.pop().reply("late")


def check_quiet(root: Any, notes: Notes, last: list[Any]) -> None:
    for ref in notes.refs:
        slot = ref._slot
        assert slot.has_ended or (slot.life.value == "ready" and slot.idle and not slot.box.has_triggers), slot
        assert not slot.box.waiting_senders or not slot.has_ended
    launcher = root._slot.runtime.launcher
    assert (launcher.in_use, launcher.waiting, launcher.covered) == (0, 0, 0)
    now = root.snapshot()
    told = [(each.path, each.lifecycle, each.status, each.generation) for each in last[0].walk()]
    assert told == [(each.path, each.lifecycle, each.status, each.generation) for each in now.walk()], "a stale feed"


def check_ended(program: Wide, notes: Notes) -> None:
    assert not notes.wrong, notes.wrong
    assert not any(notes.open.values())
    assert all(count == 1 for count in notes.ticks.values())
    again = max(cast.redeliver for cast in program.casts)
    crashes = program.injection is not None and program.injection.what == "crash"
    for number in sorted(notes.accepted):
        fates = notes.begun[number] + notes.dead[number]
        assert fates >= 1 or crashes, f"mail {number} is lost"
        assert notes.dead[number] <= 1
        assert notes.begun[number] <= 1 + again, f"mail {number} was given twice"
        assert fates <= 1 + again
