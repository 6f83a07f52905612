import logging
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    ChildSpec,
    Context,
    HandlerOverdue,
    Interrupted,
    InvalidSpec,
    Supervisor,
    Turn,
    TurnFinished,
    TurnInterrupted,
    check_specs,
    open_supervisor,
)
from greenroom.supervisor._reading import policy_of_spec
from greenroom.testing import open_tree

from .watched import INTERRUPTIBLE, KINDS, TEXT, Own, Plain, Shielded, Turns, Work, ask, function, overdue

Log = list[Any]


# -- warn


@pytest.mark.parametrize("kind", KINDS)
async def test_an_overdue_one_is_warned_of_once_at_its_time_and_goes_on(
    kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = await root.start(kind, Log(), name="a", handler_timeout=5.0)
        nursery.start_soon(ask, ref, Work(100.0))
        await trio.sleep(4.9)
        assert ref.warnings == {}
        assert overdue(caplog) == []
        await trio.sleep(0.2)
        what = "a turn" if kind is Turns else "a message"
        assert ref.warnings["overdue"].startswith(f"overdue: {what} has taken 5 s, {TEXT}; it goes on, at\n")
        assert "in work" in ref.warnings["overdue"]
        found = root.snapshot().find("/stage/a")
        assert found is not None
        assert dict(found.warnings) == dict(ref.warnings)
        await trio.sleep(100)
        [record] = overdue(caplog)
        assert record.levelno == logging.WARNING
        assert record.__dict__["path"] == "/stage/a"
        assert "in work" in record.__dict__["stack"]
        assert ref.is_alive
        assert ref.incarnation == 1
        assert [report for report in root.reports.drain() if not isinstance(report, TurnFinished)] == []


class Starts(Actor[Any]):
    """Start a child at once, as it is told."""

    def receive(self, message: Any, ctx: Context) -> ActorRef[Any]:
        kind, options = message.given
        return ctx.start_soon(kind, Log(), **options)


class Given(Work):
    def __init__(self, *given: Any) -> None:
        self.given = given


@pytest.mark.parametrize("way", ["start", "start_soon", "child", "declared"])
@pytest.mark.parametrize("kind", KINDS)
async def test_who_is_started_in_whatever_way_has_its_time(
    kind: Any, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also one that nobody has waited for, and that has nothing else of its own."""
    options: Any = {"handler_timeout": 5.0, "on_overdue": "warn"}
    declared = [ChildSpec("a", kind, args=(Log(),), startup="deferred", **options)] if way == "declared" else []
    async with open_tree("stage", children=declared) as root:
        if way == "start":
            ref = await root.start(kind, Log(), **options)
        elif way == "start_soon":
            ref = root.start_soon(kind, Log(), **options)
        elif way == "child":
            ref = await root.start_soon(Starts).ask(Given(kind, options))
        else:
            ref = root.lookup("a")
        assert await ask(ref, Work(6.0)) == "done"
        assert len(overdue(caplog)) == 1
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_each_message_has_its_own_time_and_its_own_warning(kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    log = Log()
    async with open_tree("stage") as root:
        ref = await root.start(kind, log, handler_timeout=5.0)
        for seconds in (4.0, 4.0, 4.0, 6.0, 4.0, 0.0, 7.0, 4.5):
            assert await ask(ref, Work(seconds)) == "done"
        assert len(overdue(caplog)) == 2
        await trio.sleep(1_000)  # idle: nothing is in hand
        assert await ask(ref, Work(4.0)) == "done"
        assert len(overdue(caplog)) == 2


@pytest.mark.parametrize("kind", [Plain, Own])
async def test_messages_in_one_go_have_their_time_each(kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, Log(), handler_timeout=5.0)
        for seconds in (3.0, 3.0, 3.0, 8.0, 3.0, 3.0):
            ref.tell(Work(seconds))
        await ref.drain()
        assert trio.current_time() == 23
    assert len(overdue(caplog)) == 1


async def test_a_handler_that_never_waits_is_warned_of_when_it_has_returned(caplog: pytest.LogCaptureFixture) -> None:
    clock: Any = trio.lowlevel.current_clock()

    class Blocks(Actor[float]):
        def receive(self, message: float, ctx: Context) -> float:
            clock.jump(message)
            return message

    class BlocksOwn(Blocks):
        own_task = True

    class BlocksAsync(Actor[float]):
        async def receive(self, message: float, ctx: Context) -> None:
            clock.jump(message)

    class BlocksTurn(Agent[float]):
        async def turn(self, turn: Turn[float], ctx: Context) -> None:
            clock.jump(turn.mail[0].message)

    actions: Any = ("warn", "cancel", "restart")
    async with open_tree("stage") as root:
        for kind in (Blocks, BlocksOwn, BlocksAsync, BlocksTurn):
            for action in actions:
                caplog.clear()
                made: Any = kind
                ref = await root.start(made, restart="permanent", handler_timeout=5.0, on_overdue=action)
                ref.tell(4.0)
                await wait_all_tasks_blocked()
                ref.tell(7.0)
                await wait_all_tasks_blocked()
                await trio.sleep(100)
                what = "a turn" if kind is BlocksTurn else "a message"
                text = f"overdue: {what} took 7 s, {TEXT}; it has ended, and could not be seen to before"
                assert ref.warnings == {"overdue": text}
                assert [record.getMessage() for record in overdue(caplog)] == [f"{ref.path}: {text}"]
                assert (ref.lifecycle, ref.incarnation) == ("ready", 1)
        root.reports.drain()


async def test_a_message_that_blocks_in_a_row_of_others_is_told_of_before_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock: Any = trio.lowlevel.current_clock()
    seen = Log()

    class Blocks(Actor[float]):
        def receive(self, message: float, ctx: Context) -> None:
            seen.append(len(overdue(caplog)))
            clock.jump(message)

    async with open_tree("stage") as root:
        ref = await root.start(Blocks, handler_timeout=5.0)
        for seconds in (1.0, 6.0, 1.0, 6.0, 5.0):
            ref.tell(seconds)
        await wait_all_tasks_blocked()
    assert seen == [0, 0, 1, 1, 2]
    assert len(overdue(caplog)) == 2


# -- cancel


@pytest.mark.parametrize("kind", INTERRUPTIBLE)
async def test_cancel_is_an_interrupt_the_actor_stays_and_the_asker_is_told_why(kind: Any) -> None:
    log = Log()
    async with open_tree("stage") as root:
        ref = await root.start(kind, log, handler_timeout=5.0, on_overdue="cancel")
        got = await ask(ref, Work(100.0))
        assert trio.current_time() == 5
        assert isinstance(got, HandlerOverdue)
        assert isinstance(got, TurnInterrupted)
        assert isinstance(got, TimeoutError)
        assert (got.path, got.message.seconds) == (ref.path, 100.0)
        assert str(got) == f"{ref.path}: it took longer than its handler_timeout of 5 s allows, and was cancelled"
        assert ref.status == Interrupted()
        assert await ask(ref, Work(4.0)) == "done"
        assert ref.incarnation == 1
        assert [each[0] for each in log] == ["begun", "begun", "done"]
        root.reports.drain()


async def test_a_direct_turn_and_the_parent_are_told_why_it_was_cancelled() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Turns, Log(), handler_timeout=5.0, on_overdue="cancel")
        handle = ref.start_turn(Work(100.0))
        outcome = await handle.outcome()
        assert (outcome.kind, outcome.error) == ("interrupted", None)
        assert outcome.cause == "it took longer than its handler_timeout of 5 s allows, and was cancelled"
        with pytest.raises(HandlerOverdue):
            await ref.run_turn(Work(100.0))
        reports = [report for report in root.reports.drain() if isinstance(report, TurnFinished)]
        assert [report.outcome.cause for report in reports] == [outcome.cause] * 2


@pytest.mark.parametrize("kind", INTERRUPTIBLE)
async def test_an_interrupt_by_others_is_told_from_one_by_the_watchdog(kind: Any) -> None:
    got = Log()

    async def asks(ref: ActorRef[Any]) -> None:
        got.append(await ask(ref, Work(100.0)))

    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = await root.start(kind, Log(), handler_timeout=5.0, on_overdue="cancel")
        await ask(ref, Work(100.0))
        nursery.start_soon(asks, ref)
        await wait_all_tasks_blocked()
        assert await ref.interrupt()
        await wait_all_tasks_blocked()
        assert [type(error) for error in got] == [TurnInterrupted]
        await trio.sleep(100)
        assert ref.is_alive
        root.reports.drain()


async def test_a_direct_turn_interrupted_before_it_begins_is_not_taken_for_overdue() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Turns, Log(), handler_timeout=5.0, on_overdue="cancel")
        await ask(ref, Work(100.0))
        handle = ref.start_turn(Work(1.0))
        handle.cancel()
        outcome = await handle.outcome()
        assert (outcome.kind, outcome.cause) == ("interrupted", "")
        root.reports.drain()


class OwnShielded(Shielded):
    own_task = True


class TurnsShielded(Turns):
    async def turn(self, turn: Turn[Any], ctx: Context) -> str:
        with trio.CancelScope(shield=True):
            await super().turn(turn, ctx)
        return "done"


@pytest.mark.parametrize("action", ["cancel", "restart"])
@pytest.mark.parametrize("kind", [Shielded, OwnShielded, TurnsShielded])
async def test_one_that_shields_itself_is_reported_with_its_stack_and_nothing_new_begins_before_it_has_ended(
    kind: Any, action: Any, caplog: pytest.LogCaptureFixture
) -> None:
    log = Log()
    async with open_tree("stage") as root:
        ref = await root.start(kind, log, restart="permanent", handler_timeout=5.0, on_overdue=action)
        ref.tell(Work(100.0))
        await wait_all_tasks_blocked()
        ref.tell(Work(1.0))
        await trio.sleep(9.9)
        assert "straggler" not in ref.warnings
        await trio.sleep(0.2)
        assert "in work" in ref.warnings["straggler"]
        await trio.sleep(200)
        stuck = [
            record for record in caplog.records if "still running 5 s after it was cancelled" in record.getMessage()
        ]
        assert len(stuck) == 1
        assert "in work" in stuck[0].__dict__["stack"]
        number = 2 if action == "restart" else 1
        assert log == [("begun", 1, 0.0), ("done", 1, 100.0), ("begun", number, 100.0), ("done", number, 101.0)]
        assert len(overdue(caplog)) == 1
        root.reports.drain()


async def test_one_that_swallows_the_cancellation_and_returns_has_its_answer() -> None:
    class Swallows(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> str:
            with trio.move_on_after(100):
                try:
                    await trio.sleep_forever()
                except trio.Cancelled:
                    return "all the same"
            return "never"

    async with open_tree("stage") as root:
        ref = await root.start(Swallows, handler_timeout=5.0, on_overdue="cancel")
        for _ in range(2):
            assert await ask(ref, Work(0.0)) == "all the same"
        assert trio.current_time() == 10


NO_SECONDS: Log = [0, 0.0, -1, float("nan"), float("inf"), True, "5", [], {}, (5.0,)]
NO_ACTIONS: Log = ["Warn", "kill", "", None, 1, True, ["warn"], {}, ("cancel",), "restarts"]
BAD: list[tuple[dict[str, Any], str]] = [
    *(
        (
            {"handler_timeout": each},
            f"handler_timeout: {each!r} is not a number of seconds above 0; None means no limit",
        )
        for each in NO_SECONDS
    ),
    *(({"on_overdue": each}, f"on_overdue: {each!r} is not one of warn, cancel, restart") for each in NO_ACTIONS),
]


# -- specifications


@pytest.mark.parametrize(("options", "text"), BAD, ids=[repr(options) for options, _ in BAD])
async def test_each_wrong_limit_gets_its_own_precise_error(options: dict[str, Any], text: str) -> None:
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec) as caught:
            root.start_soon(Plain, Log(), **options)
        assert text in str(caught.value)
        assert root.which_children() == []
    with pytest.raises(InvalidSpec) as caught:
        policy_of_spec(ChildSpec("a", Plain, **options))
    assert text in str(caught.value)


async def test_a_message_of_a_function_cannot_be_cancelled_by_itself() -> None:
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec, match="on_overdue: function is a function"):
            root.start_soon(function, Log(), handler_timeout=5.0, on_overdue="cancel")
    spec = ChildSpec(
        "a", function, ([],), handler_timeout=5.0, on_overdue="cancel", rest_after=1.0, on_error={OSError: "resume"}
    )
    with pytest.raises(InvalidSpec) as caught:
        async with open_supervisor("stage", children=[spec]):
            raise AssertionError("never")
    assert all(text in str(caught.value) for text in ("on_overdue", "rest_after", "nothing to resume"))


@pytest.mark.parametrize("action", ["cancel", "restart"])
async def test_what_is_done_about_the_overdue_needs_to_be_told_when_that_is(action: Any) -> None:
    text = f"on_overdue: {action!r} never happens without a handler_timeout"
    for options in ({}, {"handler_timeout": None}):
        with pytest.raises(InvalidSpec, match=text):
            check_specs([ChildSpec("a", Plain, [[]], on_overdue=action, **options)])
        async with open_tree("stage") as root:
            with pytest.raises(InvalidSpec, match=text):
                root.start_soon(Plain, Log(), on_overdue=action, **options)
            assert root.which_children() == []
    with pytest.raises(InvalidSpec) as caught:
        check_specs([ChildSpec("a", Plain, [[]], on_overdue=action, handler_timeout=-1.0, redeliver=-1)])
    assert "never happens" not in str(caught.value)  # it has one, if a wrong one
    with pytest.raises(InvalidSpec) as caught:
        check_specs([ChildSpec("a", Plain, [[]], on_overdue=action, redeliver=-1)])
    assert text in str(caught.value)
    assert "redeliver" in str(caught.value)
    check_specs([ChildSpec("a", Plain, [[]], on_overdue="warn")])  # the default


async def test_a_declared_child_is_watched_and_feeds_are_told() -> None:
    seen: Log = []

    async def reads(root: Supervisor) -> None:
        async with root.subscribe() as feed:
            async for tree in feed:
                found = tree.find("/stage/a")
                if found is not None and found.warnings:
                    seen.append(trio.current_time())
                    return

    spec = ChildSpec("a", Plain, ([],), handler_timeout=5.0)
    async with open_tree("stage", children=[spec]) as root, trio.open_nursery() as nursery:
        nursery.start_soon(reads, root)
        root.lookup("a").tell(Work(20.0))
        await trio.sleep(10)
        assert seen == [5.0]
