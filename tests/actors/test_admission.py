import inspect
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    ActorRestarting,
    ActorStopped,
    ActorStopping,
    Agent,
    Context,
    Limits,
    NoActiveTurn,
    NotIdle,
    StartupFailed,
    StartupInProgress,
    Supervisor,
    Turn,
    TurnInProgress,
    open_supervisor,
)
from greenroom.actors._admission import ADMISSION, IN_TURN
from greenroom.actors._lifecycle import Lifecycle

#: public method of a ref -> its column, or why it has none.
METHODS: dict[str, str] = {
    "tell": "mail",
    "try_tell": "mail",
    "send": "mail",
    "ask": "mail",
    "start_turn": "turn",
    "run_turn": "turn",
    "steer": "steer",
    "interrupt": "interrupt",
    "stop": "stop",
    "kill": "stop",
    "request_stop": "stop",
    "drain": "drain",
    "rest": "rest",
    "path": "look",
    "name": "look",
    "uid": "look",
    "incarnation": "look",
    "lifecycle": "look",
    "status": "look",
    "generation": "look",
    "exit_reason": "look",
    "is_alive": "look",
    "labels": "look",
    "warnings": "look",
    "subscribe": "look",
    "pin": "look",
    "crash": "exception: ends a running incarnation as its own code would, so it does nothing where none runs",
    "wait_ready": "exception: waits where others are queued, and is refused where mail is",
    "wait_stopped": "exception: waits until it has ended, from any state",
}

#: The table of the semantics, told a second time: row -> mail, direct turn, steer, interrupt, stop and kill, drain, rest.
TABLE: dict[str, tuple[Any, ...]] = {
    "queued": ("q", StartupInProgress, NoActiveTurn, "-", "cancel", "later", NotIdle),
    "initializing": ("q", StartupInProgress, NoActiveTurn, "-", "cancel", "later", NotIdle),
    "ready": ("run", "run", NoActiveTurn, "-", "yes", "yes", "yes"),
    "ready, in a turn": ("q", TurnInProgress, "q", "yes", "yes", "yes", NotIdle),
    "resting": ("q", StartupInProgress, NoActiveTurn, "-", "yes", "later", NotIdle),
    "restarting": ("q", ActorRestarting, ActorRestarting, "-", "cancel", "later", NotIdle),
    "draining": (ActorStopping, ActorStopping, ActorStopping, "yes", "yes", "yes", NotIdle),
    "stopping": (ActorStopping, ActorStopping, ActorStopping, "yes", "yes", "yes", NotIdle),
    "failed": ("failed", "failed", "failed", "-", "-", "-", NotIdle),
    "stopped": (ActorStopped, ActorStopped, ActorStopped, "-", "-", "-", NotIdle),
    "parked": (ActorStopped, ActorStopped, ActorStopped, "-", "-", "-", NotIdle),
}
COLUMNS = ("mail", "turn", "steer", "interrupt", "stop", "drain", "rest")


def test_each_public_method_of_a_ref_is_a_column_or_a_named_exception() -> None:
    public = {
        name
        for cls in ActorRef.__mro__
        if cls.__module__.startswith("greenroom")
        for name in vars(cls)
        if not name.startswith("_")
    }
    assert public == set(METHODS)
    columns = {column for row in ADMISSION.values() for column in row}
    assert {column for column in METHODS.values() if not column.startswith("exception: ")} == columns


def test_the_table_that_the_code_runs_is_that_of_the_semantics() -> None:
    rows: set[Any] = {*Lifecycle, IN_TURN}
    assert set(ADMISSION) == rows
    for row, answers in ADMISSION.items():
        name = row.value if isinstance(row, Lifecycle) else row
        assert tuple(answers[column] for column in COLUMNS) == TABLE[name]  # type: ignore[index]
        assert answers["look"] == "yes"


class Takes(Agent[Any]):
    """An agent that takes as long for a turn as its first message says."""

    def __init__(self, seconds: Any = 0.0) -> None:
        self.seconds = seconds

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self.seconds)

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        message = turn.mail[0].message
        if isinstance(message, float):
            await trio.sleep(message)
        return message


class Holder(Actor[Any]):
    async def startup(self, ctx: Context) -> None:
        await trio.sleep_forever()


async def bring_to(row: str, root: Supervisor) -> ActorRef[Any]:
    """Start an agent and bring it to a row of the table."""
    if row == "queued":
        root.start_soon(Holder, startup_timeout=None)
    if row == "failed":
        ref = root.start_soon(Takes, "no number")
        await ref.wait_stopped()
        root.reports.drain()
        return ref
    slow = row in ("queued", "initializing")
    ref = root.start_soon(Takes, 100.0 if slow else 0.0, restart="permanent" if row == "parked" else "temporary")
    if slow:
        await wait_all_tasks_blocked()
        return ref
    await ref.wait_ready()
    if row in ("ready, in a turn", "draining", "stopping"):
        ref.tell(50.0)
        await wait_all_tasks_blocked()
    if row == "draining":
        nursery = root._slot.runtime.nursery
        assert nursery is not None
        nursery.start_soon(ref.drain)
        await wait_all_tasks_blocked()
    elif row == "stopping":
        ref.request_stop()
    elif row in ("stopped", "parked"):
        await ref.stop()
    elif row == "resting":
        ref.rest()
        await wait_all_tasks_blocked()
    elif row == "restarting":
        ref._slot.life = Lifecycle(row)  # nobody can look then
        ref._slot.idle = False
    root.reports.drain()
    return ref


def let_go(ref: ActorRef[Any]) -> None:
    """Bring an agent back that was put into a state by hand."""
    slot = ref._slot
    if slot.life is Lifecycle.RESTARTING:
        slot.life, slot.idle = Lifecycle.READY, True
        slot.runtime.wake(slot)


def trace(root: Supervisor, ref: ActorRef[Any]) -> Any:
    """Return all that a refusal could have changed."""
    slot = ref._slot
    turns = 0 if slot.more is None else slot.more.turns
    return (
        ref.lifecycle, ref.generation, ref.status, ref.incarnation, slot.box.seq, slot.box.waiting, turns,
        dict(root.dead_letters.counts), len(root.reports),
    )  # fmt: skip


async def do_tell(ref: ActorRef[Any]) -> None:
    ref.tell("message")


async def do_send(ref: ActorRef[Any]) -> None:
    await ref.send("message")


async def do_ask(ref: ActorRef[Any]) -> None:
    await ref.ask("message")  # type: ignore[arg-type]


async def do_start_turn(ref: ActorRef[Any]) -> None:
    ref.start_turn("message")


async def do_run_turn(ref: ActorRef[Any]) -> None:
    await ref.run_turn("message")


async def do_steer(ref: ActorRef[Any]) -> None:
    ref.steer("message")


async def do_rest(ref: ActorRef[Any]) -> None:
    ref.rest()


CALLS: list[tuple[Callable[[ActorRef[Any]], Any], str]] = [
    (do_tell, "mail"), (do_send, "mail"), (do_ask, "mail"), (do_start_turn, "turn"), (do_run_turn, "turn"),
    (do_steer, "steer"),
]  # fmt: skip
LIMITS = Limits(max_concurrent_startups=1)


@pytest.mark.parametrize(("row", "call"), list(product(TABLE, CALLS)))
async def test_what_is_refused_is_refused_with_the_error_named_gives_the_message_back_and_leaves_no_trace(
    row: str, call: tuple[Callable[[ActorRef[Any]], Any], str]
) -> None:
    function, column = call
    answer = TABLE[row][COLUMNS.index(column)]
    async with open_supervisor("stage", limits=LIMITS) as root:
        ref = await bring_to(row, root)
        before = trace(root, ref)
        if isinstance(answer, type) or answer == "failed":
            error: Any = StartupFailed if answer == "failed" else answer
            with pytest.raises(error) as caught:
                await function(ref)
            assert type(caught.value) is error
            assert caught.value.message == "message"
            assert caught.value.path == ref.path
            if column == "mail":
                assert ref.try_tell("message") is False
            if (row, column) == ("resting", "turn"):
                assert trace(root, ref)[3:] == before[3:]
                assert ref.lifecycle == "initializing"  # it wakes for it, and that is all
            else:
                assert trace(root, ref) == before
        else:
            seq = ref._slot.box.seq
            with trio.move_on_after(1):
                await function(ref)
            assert ref._slot.box.seq == seq + 1
            if answer == "q":
                assert ref._slot.box.waiting == before[5] + (0 if function is do_ask else 1)
        let_go(ref)


@pytest.mark.parametrize("row", TABLE)
async def test_queue_only_mail_is_queued_where_mail_is_and_starts_nothing(row: str) -> None:
    async with open_supervisor("stage", limits=LIMITS) as root:
        ref = await bring_to(row, root)
        before = trace(root, ref)
        if TABLE[row][0] in ("q", "run"):
            ref.tell("message", trigger_turn=False)
            await wait_all_tasks_blocked()
            assert ref._slot.box.waiting == before[5] + 1
            assert trace(root, ref)[:3] == before[:3]
        else:
            assert ref.try_tell("message", trigger_turn=False) is False
            assert trace(root, ref) == before
        let_go(ref)


@pytest.mark.parametrize("row", TABLE)
async def test_an_interrupt_ends_a_turn_where_there_is_one_and_does_nothing_elsewhere(row: str) -> None:
    async with open_supervisor("stage", limits=LIMITS) as root:
        ref = await bring_to(row, root)
        before = trace(root, ref)
        assert await ref.interrupt() is (TABLE[row][3] == "yes")
        if TABLE[row][3] == "-":
            assert trace(root, ref) == before
        let_go(ref)


@pytest.mark.parametrize("row", TABLE)
async def test_looking_is_possible_in_every_state_never_blocks_and_changes_nothing(row: str) -> None:
    async with open_supervisor("stage", limits=LIMITS) as root:
        ref = await bring_to(row, root)
        before = trace(root, ref)
        for name, column in METHODS.items():
            if column == "look" and name not in ("subscribe", "pin"):
                value = getattr(ref, name)
                assert not inspect.iscoroutine(value)
        assert ref.pin().uid == ref.uid
        async with ref.subscribe():
            pass
        repr(ref)
        root.snapshot()
        root.which_children()
        root.count_children()
        assert trace(root, ref) == before
        let_go(ref)
