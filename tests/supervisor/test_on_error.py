import logging
from collections.abc import Iterable
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorCrashed,
    ActorRef,
    Agent,
    ChildEnded,
    ChildSpec,
    Context,
    Crashed,
    Errored,
    ErrorEscalated,
    Finished,
    Intensity,
    InvalidSpec,
    Killed,
    Request,
    RestartIntensityExceeded,
    Service,
    Shutdown,
    StartupFailed,
    Turn,
    open_supervisor,
)
from greenroom.actors._on_error import covers, find_action
from greenroom.supervisor._on_error import read_on_error
from greenroom.supervisor._reading import policy_of_spec
from greenroom.testing import open_tree

Log = list[Any]


class Mend(Exception):
    pass


class Broken(Mend):
    pass


class Do(Request[Any]):
    """Be answered with a value, or have it raised."""

    def __init__(self, what: Any) -> None:
        self.what = what


async def handle(message: Any, log: Log, ctx: Context) -> Any:
    log.append((ctx.ref.incarnation, message))
    what = message.what if isinstance(message, Do) else message
    if isinstance(what, Exception):
        await trio.lowlevel.checkpoint()
        raise what
    return what


class Plain(Actor[Any]):
    def __init__(self, log: Log) -> None:
        self.log = log

    async def receive(self, message: Any, ctx: Context) -> Any:
        return await handle(message, self.log, ctx)


class Sync(Plain):
    def receive(self, message: Any, ctx: Context) -> Any:
        self.log.append((ctx.ref.incarnation, message))
        what = message.what if isinstance(message, Do) else message
        if isinstance(what, Exception):
            raise what
        return what


class Own(Plain):
    own_task = True


class Turns(Agent[Any]):
    def __init__(self, log: Log) -> None:
        self.log = log

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        result = None
        for mail in turn.mail:
            result = await handle(mail.message, self.log, ctx)
        return result


async def function(ctx: Context, log: Log) -> None:
    async for message in ctx:
        result = await handle(message, log, ctx)
        if isinstance(message, Do):
            ctx.defer_reply().reply(result)


ACTORS: list[Any] = [Plain, Sync, Own]
KINDS: list[Any] = [*ACTORS, Turns]


async def ask(ref: ActorRef[Any], what: Any) -> Any:
    """Return the answer, or what was raised."""
    try:
        return await ref.ask(Do(what))
    except Exception as error:  # noqa: BLE001 -- looked at by the test
        return error


# -- the table


def test_the_first_row_that_covers_an_exception_counts() -> None:
    table: Any = ((Broken, "stop"), (Mend, "resume"), (Exception, "escalate"))
    assert find_action(table, Broken()) == "stop"
    assert find_action(table, Mend()) == "resume"
    assert find_action(table, OSError()) == "escalate"
    assert find_action(table[:2], OSError()) is None
    assert find_action((), Mend()) is None


@pytest.mark.parametrize(
    ("leaves", "action"),
    [
        ([Mend()], "resume"),
        ([Mend(), Broken()], "resume"),
        ([Mend(), OSError()], "stop"),  # the first row that covers all: not the first that covers one
        ([ExceptionGroup("", [Mend()]), Broken()], "resume"),
        ([ExceptionGroup("", [OSError()]), Broken()], "stop"),
    ],
)
def test_a_group_matches_the_first_row_that_covers_all_its_leaves(leaves: list[Exception], action: str) -> None:
    assert find_action(((Mend, "resume"), (Exception, "stop")), ExceptionGroup("x", leaves)) == action


def test_a_group_that_no_row_covers_as_a_whole_is_covered_by_none() -> None:
    table: Any = ((Mend, "resume"), (OSError, "stop"))
    assert find_action(table, ExceptionGroup("x", [Mend(), OSError()])) is None
    assert find_action(((ExceptionGroup, "stop"), *table), ExceptionGroup("x", [Mend(), OSError()])) == "stop"
    assert not covers(Mend, ExceptionGroup("x", [Mend(), ExceptionGroup("y", [OSError()])]))


def test_classes_are_compared_as_except_does_whatever_their_metaclass_says() -> None:
    class Says(type):
        def __instancecheck__(cls, instance: object) -> bool:
            raise AssertionError("user code")

        __subclasscheck__ = __instancecheck__

    class Odd(Exception, metaclass=Says):
        pass

    assert find_action(((Odd, "resume"),), OSError()) is None
    assert find_action(((Odd, "resume"),), Odd()) == "resume"
    assert read_on_error({Odd: "stop", OSError: "resume"})[1] == []


# -- resume


@pytest.mark.parametrize("kind", KINDS)
async def test_resume_goes_on_with_its_state_and_the_asker_gets_the_exception_itself(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(kind, log, on_error={Mend: "resume"})
        error = Broken("x")
        assert await ask(ref, error) is error
        assert await ask(ref, 7) == 7
        assert (ref.incarnation, [each for each, _ in log]) == (1, [1, 1])
        assert [report for report in root.reports.drain() if isinstance(report, ChildEnded)] == []


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_told_and_resumed_is_done_with_and_logged(kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(kind, log, name="a", restart="permanent", redeliver=5, on_error=[(Exception, "resume")])
        ref.tell(Mend("no"))
        await wait_all_tasks_blocked()
        ref.tell(1)
        await wait_all_tasks_blocked()
        assert [type(message) for _, message in log] == [Mend, int]
        assert ref.incarnation == 1
    [record] = [record for record in caplog.records if "on_error" in record.getMessage()]
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "/stage/a: goes on, as its on_error says: Mend: no"


@pytest.mark.parametrize("kind", ACTORS)
async def test_a_resumed_actor_goes_on_with_the_mail_behind_in_order(kind: Any) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, log, on_error={Exception: "resume"})
        for number in range(5):
            ref.tell(number)
            ref.tell(Mend(str(number)))
        await ref.drain()
    assert [message for _, message in log if isinstance(message, int)] == list(range(5))
    assert len(log) == 10


async def test_all_who_asked_for_a_resumed_turn_get_its_exception_and_so_does_a_direct_turn() -> None:
    error = Mend("x")
    got: Log = []

    async def asks(ref: ActorRef[Any]) -> None:
        got.append(await ask(ref, error))

    async with open_tree("stage") as root:
        ref = root.start_soon(Turns, Log(), on_error={Mend: "resume"})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(asks, ref)
            nursery.start_soon(asks, ref)
        assert got == [error, error]
        with pytest.raises(Mend) as caught:
            await ref.run_turn(error)
        assert caught.value is error
        assert ref.status == Errored(error)
        outcome = await ref.start_turn(error).outcome()
        assert (outcome.kind, outcome.error, outcome.is_resumed) == ("errored", error, True)
        root.reports.drain()


async def test_a_request_that_was_taken_over_is_not_failed_by_a_resumed_exception() -> None:
    class Later(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            if isinstance(message, Do):
                self.token = ctx.defer_reply()
                raise Mend
            self.token.reply(message)

    answers: Log = []

    async def asks() -> None:
        answers.append(await ask(ref, 0))

    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref: Any = await root.start(Later, on_error={Mend: "resume"})
        nursery.start_soon(asks)
        await wait_all_tasks_blocked()
        ref.tell("answer")
        await wait_all_tasks_blocked()
    assert answers == ["answer"]


class Raises(Actor[Any]):
    """Raise when it is cancelled."""

    async def receive(self, message: Any, ctx: Context) -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise Mend


class OwnRaises(Raises):
    own_task = True


class RaisesInGroup(Raises):
    """Do so in a task of a nursery: what leaves `receive` is a group, and the cancellation is in it."""

    async def receive(self, message: Any, ctx: Context) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(super().receive, message, ctx)
            await trio.sleep_forever()


class OwnRaisesInGroup(RaisesInGroup):
    own_task = True


@pytest.mark.parametrize("kind", [Raises, OwnRaises, RaisesInGroup, OwnRaisesInGroup])
async def test_what_is_raised_under_an_interrupt_is_judged_too(kind: Any) -> None:
    got: Log = []

    async def asks() -> None:
        got.append(await ask(ref, 0))

    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref: Any = await root.start(kind, on_error={Mend: "resume"})
        nursery.start_soon(asks)
        await wait_all_tasks_blocked()
        assert await ref.interrupt()
        await wait_all_tasks_blocked()
        wanted = ExceptionGroup if issubclass(kind, RaisesInGroup) else Mend
        assert [type(each) for each in got] == [wanted]
        assert ref.is_alive
        assert ref.incarnation == 1


# -- restart


@pytest.mark.parametrize("kind", KINDS)
async def test_restart_ends_as_crashed_and_the_restart_type_decides(kind: Any) -> None:
    async with open_tree("stage", intensity=Intensity(100, 1)) as root:
        cases: Any = (("permanent", "ready"), ("transient", "ready"), ("temporary", "stopped"))
        for restart, life in cases:
            ref: Any = await root.start(kind, Log(), restart=restart, name=restart, on_error={Mend: "restart"})
            error = Broken("x")
            got = await ask(ref, error)
            assert isinstance(got, ActorCrashed)
            assert got.error is error
            await wait_all_tasks_blocked()
            assert (ref.lifecycle, ref.incarnation) == (life, 1 if life == "stopped" else 2)
            report = next(each for each in root.reports.drain() if isinstance(each, ChildEnded))
            assert report.reason == Crashed(error)
            assert (report.by, report.restarting) == ("itself", life == "ready")


async def test_an_agent_that_is_to_restart_gets_its_mail_again_as_its_redeliver_says() -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(Turns, log, restart="permanent", redeliver=1, on_error={Mend: "restart"})
        ref.tell(Mend())
        await wait_all_tasks_blocked()
        assert [incarnation for incarnation, _ in log] == [1, 2]
        assert ref.incarnation == 3
        root.reports.drain()


async def test_the_turn_that_an_agent_crashes_on_has_the_outcome_crashed() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Turns, Log(), restart="permanent", on_error={Mend: "restart"})
        handle = ref.start_turn(Mend("x"))
        outcome = await handle.outcome()
        assert (outcome.kind, outcome.cause) == ("crashed", "crashed: Mend: x")
        root.reports.drain()


# -- stop


@pytest.mark.parametrize("kind", [*KINDS, function])
@pytest.mark.parametrize(
    ("restart", "life"), [("permanent", "parked"), ("transient", "parked"), ("temporary", "stopped")]
)
async def test_stop_ends_as_shutdown_and_the_child_is_parked_or_forgotten(
    kind: Any, restart: Any, life: str, caplog: pytest.LogCaptureFixture
) -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = await root.start(kind, log, name="a", restart=restart, on_error={Mend: "stop"})
        error = Mend("x")
        got = await ask(ref, error)
        assert isinstance(got, ActorCrashed)
        assert got.error is error
        assert await ref.wait_stopped() == Shutdown(error)
        assert (ref.lifecycle, ref.status) == (life, Shutdown(error))
        report = next(each for each in root.reports.drain() if isinstance(each, ChildEnded))
        assert (report.reason, report.by, report.restarting) == (Shutdown(error), "itself", False)
        if life == "parked":
            await root.restart_child("a")
            assert await ask(ref, 3) == 3
    assert "/stage/a: stops, as its on_error says: Mend: x" in [record.getMessage() for record in caplog.records]


async def test_what_stop_leaves_in_the_mailbox_is_dead_and_what_had_been_drained_too() -> None:
    class Drains(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            await trio.sleep(1)
            turn.drain()
            raise Mend

    async with open_supervisor("stage") as root:
        ref = await root.start(Drains, on_error={Mend: "stop"})
        ref.tell(1)
        await wait_all_tasks_blocked()
        ref.tell(2)
        ref.tell(3)
        await ref.wait_stopped()
        assert root.dead_letters.counts == {"stopped": 2}


async def test_a_stop_by_on_error_outweighs_what_the_actor_said_of_its_end() -> None:
    class Leaves(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            ctx.stop("result")
            raise Mend

    async with open_tree("stage") as root:
        ref = await root.start(Leaves, restart="permanent", name="a", on_error={Mend: "stop"})
        ref.tell(1)
        assert isinstance(await ref.wait_stopped(), Shutdown)
        assert ref.lifecycle == "parked"
        resumed = await root.start(Leaves, name="b", on_error={Mend: "resume"})
        resumed.tell(1)
        assert await resumed.wait_stopped() == Finished("result")


# -- escalate


@pytest.mark.parametrize("kind", [*KINDS, function])
@pytest.mark.parametrize("restart", ["permanent", "temporary"])
async def test_escalate_makes_the_supervisor_give_up_at_once_whatever_its_intensity(kind: Any, restart: Any) -> None:
    error = Mend("x")
    got: Log = []
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(1_000, 5.0)) as root:
            ref = await root.start(kind, Log(), name="a", restart=restart, on_error={Mend: "escalate"})
            got += [ref, await ask(ref, error)]
            await trio.sleep_forever()
    [gave_up] = caught.value.exceptions
    assert isinstance(gave_up, ErrorEscalated)
    assert (gave_up.path, gave_up.child, gave_up.reason) == ("/stage", "/stage/a", Crashed(error))
    assert gave_up.__cause__ is error
    assert str(gave_up) == "/stage: gave up, as /stage/a escalates what it raised: Mend: x"
    assert got[0].exit_reason == Crashed(error)
    assert isinstance(got[1], ActorCrashed)


class Boss(Actor[Any]):
    """Have a child that escalates; crash with what it is told."""

    intensity = Intensity(1_000, 5.0)

    def __init__(self, log: Log) -> None:
        self.log = log

    async def startup(self, ctx: Context) -> None:
        self.log.append(("boss", ctx.ref.incarnation))
        ctx.start_soon(Plain, self.log, name="a", restart="permanent", on_error={Mend: "escalate"})
        ctx.start_soon(Plain, self.log, name="b", restart="permanent")

    async def receive(self, message: Any, ctx: Context) -> None:
        await trio.sleep_forever()


async def test_an_actor_with_children_gives_up_for_them_and_its_own_supervisor_judges_that() -> None:
    log: Log = []
    async with open_tree("stage") as root:
        boss = await root.start(Boss, log, name="boss", restart="permanent", on_error={Exception: "resume"})
        boss.tell("hangs in a message meanwhile")
        await wait_all_tasks_blocked()
        sibling = root.lookup("boss/b")
        error = Mend("x")
        root.lookup("boss/a").tell(error)
        await wait_all_tasks_blocked()
        assert boss.incarnation == 2
        assert sibling.lifecycle == "stopped"  # bypassing the boss's own on_error
        report = next(each for each in root.reports.drain() if isinstance(each, ChildEnded))
        assert isinstance(report.reason.error, ErrorEscalated)  # type: ignore[union-attr]
        assert report.reason.error.__cause__ is error  # type: ignore[union-attr]
        assert [each for each in log if each[0] == "boss"] == [("boss", 1), ("boss", 2)]


async def test_an_escalation_that_goes_on_upward_keeps_the_whole_chain() -> None:
    error = Mend("at the bottom")
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", intensity=Intensity(0, 5.0)) as root:
            await root.start(Boss, Log(), name="boss", restart="permanent")
            root.lookup("boss/a").tell(error)
            await trio.sleep_forever()
    [above] = caught.value.exceptions
    assert isinstance(above, RestartIntensityExceeded)
    assert str(above).endswith("the last one Mend: at the bottom")
    below = above.__cause__
    assert isinstance(below, ErrorEscalated)
    assert below.__cause__ is error


async def test_an_escalation_to_one_that_is_still_starting_is_its_failure_to_start() -> None:
    class Waits(Boss):
        async def startup(self, ctx: Context) -> None:
            await super().startup(ctx)
            await trio.sleep(5)

    async with open_tree("stage") as root:
        boss = root.start_soon(Waits, Log(), name="boss")
        await wait_all_tasks_blocked()
        root.lookup("boss/a").tell(Mend("x"))
        reason = await boss.wait_stopped()
        assert isinstance(reason, StartupFailed)
        assert isinstance(reason.error, ErrorEscalated)
        assert trio.current_time() == 0
        root.reports.drain()


async def test_who_was_told_to_end_escalates_nothing() -> None:
    class Untidy(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> None:
            try:
                await trio.sleep(1)
            finally:
                raise Mend("on the way out")

    async with open_tree("stage") as root:
        for end in ("stop", "kill"):
            ref: Any = await root.start(Untidy, name=end, restart="permanent", on_error={Mend: "escalate"})
            ref.tell(1)
            await wait_all_tasks_blocked()
            await getattr(ref, end)()
            assert ref.lifecycle == "parked"
            assert isinstance(ref.exit_reason, Crashed if end == "stop" else Killed)
        assert root.ref.is_alive


# -- what it does not judge


async def test_only_what_leaves_receive_or_turn_is_judged() -> None:
    class Fails(Actor[Any]):
        def __init__(self, where: str) -> None:
            self.where = where

        def services(self) -> Iterable[Service[Any]]:
            return ()

        async def startup(self, ctx: Context) -> None:
            if self.where == "startup":
                raise Mend

        def receive(self, message: Any, ctx: Context) -> None:
            pass

        async def shutdown(self, ctx: Context, reason: Any) -> None:
            if self.where == "shutdown":
                raise Mend

    async with open_tree("stage") as root:
        everything: Any = {Exception: "resume"}
        with pytest.raises(StartupFailed):
            await root.start(Fails, "startup", on_error=everything)
        ref = await root.start(Fails, "shutdown", on_error=everything)
        assert isinstance(await ref.stop(), Crashed)
        ref = await root.start(Fails, "nowhere", on_error=everything)
        ref.crash(Mend("for an experiment"))
        assert isinstance(await ref.wait_stopped(), Crashed)
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_without_a_row_it_is_as_without_a_table(kind: Any) -> None:
    async with open_tree("stage") as root:
        tables: Any = (None, {}, [], {Mend: "resume"})
        for on_error in tables:
            ref: Any = await root.start(kind, Log(), on_error=on_error)
            got = await ask(ref, OSError("x"))
            assert isinstance(got, ActorCrashed)
            await wait_all_tasks_blocked()
            assert ref.is_alive is (kind is Turns)
            root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_group_that_leaves_an_actor_is_judged_as_a_whole(kind: Any) -> None:
    async with open_tree("stage") as root:
        ref: Any = await root.start(kind, Log(), on_error={Mend: "resume"})
        group = ExceptionGroup("several", [Mend(1), ExceptionGroup("more", [Broken(2)])])
        assert await ask(ref, group) is group
        mixed = ExceptionGroup("several", [Mend(1), OSError(2)])
        assert isinstance(await ask(ref, mixed), ActorCrashed)
        root.reports.drain()


async def test_an_exception_whose_text_fails_is_judged_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    class Wordless(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    async with open_tree("stage") as root:
        ref = await root.start(Plain, Log(), on_error={Wordless: "resume"})
        error = Wordless()
        assert await ask(ref, error) is error
    assert "Wordless: (its text could not be made)" in caplog.text


async def test_a_logger_that_acts_on_the_actor_while_it_says_that_it_goes_on_finds_it_in_order() -> None:
    seen: Log = []

    class Meddles(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "goes on" in record.getMessage():
                seen.append((ref.lifecycle, ref.is_alive))
                ref.tell("from the log")
                ref.request_stop()

    handler = Meddles()
    logger = logging.getLogger("greenroom")
    logger.addHandler(handler)
    try:
        async with open_tree("stage") as root:
            ref = await root.start(Plain, Log(), on_error={Mend: "resume"})
            ref.tell(Mend())
            await ref.wait_stopped()
            assert seen == [("ready", True)]
            root.expect_dead_letters("stopped", 1)
    finally:
        logger.removeHandler(handler)


# -- specifications

BAD: list[tuple[Any, str]] = [
    (5, "on_error: 5 is neither a mapping of exception classes to restart, resume, stop, escalate nor a list of such pairs"),
    ("resume", "neither a mapping"),
    ([Mend], "is no pair of an exception class and a word"),
    ({"Mend": "stop"}, "'Mend' is a name; give the class itself"),
    ({Mend("x"): "stop"}, "is an exception, not its class; give Mend"),
    ({(Mend, OSError): "stop"}, "are several; give each class a row of its own"),
    ({int: "stop"}, "<class 'int'> is no exception class"),
    ({trio.Cancelled: "stop"}, "Cancelled is not an actor's to handle: a cancellation is its scope's"),
    ({KeyboardInterrupt: "stop"}, "KeyboardInterrupt is not an actor's to handle: it ends the program"),
    ({SystemExit: "resume"}, "SystemExit is not an actor's to handle: it ends the program"),
    ({BaseException: "stop"}, "BaseException is not an actor's to handle"),
    ({BaseExceptionGroup: "stop"}, "BaseExceptionGroup is not an actor's to handle"),
    ({Mend: "restrat"}, "'restrat' is not one of restart, resume, stop, escalate; did you mean 'restart'?"),
    ({Mend: None}, "None is not one of"),
    ({Mend: ["stop"]}, "['stop'] is not one of"),
    ([(Mend, "stop"), (Mend, "resume")], "on_error[1]: Mend has a row already"),
    (
        [(Exception, "stop"), (OSError, "resume")],
        "on_error[1]: OSError is covered by the earlier row of Exception, so this one never counts; put it before",
    ),
    ([(Mend, "stop", "x")], "is no pair"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "text"), BAD, ids=[repr(table) for table, _ in BAD])
async def test_each_wrong_table_gets_its_own_precise_error(table: Any, text: str) -> None:
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec) as caught:
            root.start_soon(Plain, Log(), on_error=table)
        assert text in str(caught.value)
        assert root.which_children() == []
    with pytest.raises(InvalidSpec) as caught:
        policy_of_spec(ChildSpec("a", Plain, on_error=table))
    assert text in str(caught.value)


async def test_all_that_is_wrong_with_a_table_is_told_at_once_and_with_all_else() -> None:
    table: Any = [(OSError, "resume"), (ConnectionError, "stop"), ("x", "halt"), (KeyboardInterrupt, "stop"), 7]
    spec = ChildSpec("a", Plain, on_error=table, restart="sometimes", redeliver=-1)  # type: ignore[arg-type]
    with pytest.raises(InvalidSpec) as caught:
        async with open_supervisor("stage", children=[spec]):
            raise AssertionError("never")
    for text in (
        "on_error[1]: ConnectionError is covered",
        "on_error[2]: 'x' is a name",
        "on_error[2]: 'halt' is not one of",
        "on_error[3]: KeyboardInterrupt",
        "on_error[4]: 7 is no pair",
        "restart: 'sometimes'",
        "redeliver: -1",
    ):
        assert text in str(caught.value), text


async def test_a_function_has_nothing_to_resume_and_all_else_has_a_meaning() -> None:
    async with open_tree("stage") as root:
        with pytest.raises(InvalidSpec, match="function is a function, and ends with what leaves it"):
            root.start_soon(function, Log(), on_error={Mend: "stop", OSError: "resume"})
        spec = ChildSpec("a", function, ([],), on_error={OSError: "resume"}, rest_after=5.0)
        with pytest.raises(InvalidSpec) as caught:
            async with open_supervisor("other", children=[spec]):
                raise AssertionError("never")
        assert "nothing to resume" in str(caught.value)
        assert "rest_after" in str(caught.value)
        log: Log = []
        ref = await root.start(function, log, restart="permanent", on_error={Mend: "restart"})
        assert isinstance(await ask(ref, Mend("x")), ActorCrashed)
        assert await ask(ref, 2) == 2
        assert [incarnation for incarnation, _ in log] == [1, 2]
        root.reports.drain()


async def test_a_declared_child_is_judged_by_its_table_and_a_factory_that_does_not_say_too() -> None:
    def unsaid(log: Log):  # type: ignore[no-untyped-def]  # noqa: ANN202
        return Plain(log)

    for factory in (Plain, unsaid):
        spec = ChildSpec("a", factory, ([],), on_error=[(Broken, "stop"), (Mend, "resume")])
        async with open_tree("stage", children=[spec]) as root:
            ref = root.lookup("a")
            error = Mend("x")
            assert await ask(ref, error) is error
            await ask(ref, Broken("y"))
            assert ref.lifecycle == "parked"


async def test_a_table_is_read_once_and_what_its_giver_changes_later_changes_nothing() -> None:
    table: dict[Any, Any] = {Mend: "resume"}
    async with open_tree("stage") as root:
        ref = await root.start(Plain, Log(), on_error=table)
        table[Mend] = "stop"
        table.clear()
        error = Mend("x")
        assert await ask(ref, error) is error


async def test_an_exception_that_is_resumed_keeps_no_frames_alive() -> None:
    class Holds(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            big = object()
            self.seen = big
            raise message.what

    async with open_tree("stage") as root:
        ref = await root.start(Holds, on_error={Mend: "resume"})
        error = Mend("x")
        assert await ask(ref, error) is error
        at = error.__traceback__
        held: Log = []
        while at is not None:
            if at.tb_frame.f_code.co_name == "receive":
                held.append(at.tb_frame.f_locals.get("big"))
            at = at.tb_next
        assert held == [None]
