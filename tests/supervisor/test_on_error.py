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
    ChildEnded,
    Context,
    Crashed,
    Errored,
    Intensity,
    Service,
    StartupFailed,
)
from greenroom.actors._on_error import covers, find_action
from greenroom.supervisor._on_error import read_on_error
from greenroom.testing import open_tree

from .failing import ACTORS, KINDS, Broken, Do, Mend, Plain, Turns, ask

Log = list[Any]


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
