import logging
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    ChildEnded,
    ChildStartupFailed,
    Context,
    Crashed,
    Errored,
    Finished,
    Intensity,
    Limits,
    Report,
    ReportLog,
    Service,
    StartupFailed,
    Turn,
    TurnFinished,
    open_supervisor,
)
from greenroom.testing import open_tree

Log = list[Any]


class Fails(Actor[Any]):
    def __init__(self, error: BaseException | None = None, log: Log | None = None, seconds: float = 1.0) -> None:
        self.error, self.log, self.seconds = error, [] if log is None else log, seconds

    def services(self) -> Any:
        return [Service("a", lambda: Connection(self.log))]

    async def startup(self, ctx: Context) -> None:
        ctx.start_soon(Child, self.log, name="child")
        await trio.sleep(self.seconds)
        if self.error is not None:
            raise self.error

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await trio.sleep(1)
        self.log.append("hook")


class Connection:
    def __init__(self, log: Log) -> None:
        self.log = log

    async def __aenter__(self) -> int:
        return 1

    async def __aexit__(self, *_: object) -> None:
        await trio.sleep(1)
        self.log.append("service")


class Child(Actor[Any]):
    def __init__(self, log: Log) -> None:
        self.log = log

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        await trio.sleep(1)
        self.log.append("child")


class Plain(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, BaseException):
            raise message
        if message == "finish":
            ctx.stop(1)


async def test_p10_what_is_true_when_a_startup_failure_can_be_seen() -> None:
    log: Log = []
    error = OSError("no")
    asked: Log = []
    async with (
        open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root,
        trio.open_nursery() as nursery,
    ):
        ref: ActorRef[Any] = root.start_soon(Fails, error, log, name="a", mail="told")
        child_of: Log = []

        async def asks() -> None:
            try:
                await ref.ask("question")  # type: ignore[arg-type]
            except StartupFailed as failure:
                asked.append(failure)

        nursery.start_soon(asks)
        await trio.sleep(0.5)
        child_of.append(root.lookup("a/child"))
        report = await root.reports.receive()
        launcher: Any = root._slot.runtime.launcher
        assert report == ChildStartupFailed("/stage/a", ref.uid, 1, error, "OSError: no", restarting=False)
        assert log == ["child", "hook", "service"]
        assert child_of[0].lifecycle == "stopped"
        assert root.which_children() == []
        assert (launcher.in_use, launcher.waiting) == (0, 0)
        assert dict(root.dead_letters.counts) == {"startup failed": 1}
        assert ref.lifecycle == "failed"
        assert isinstance(ref.status, Errored)
        assert ref.status.error is error
        new = root.start_soon(Plain, name="a")
        assert new.uid > ref.uid
        await wait_all_tasks_blocked()
        assert [failure.error for failure in asked] == [error]
        assert root.reports.drain() == []


async def test_p10_all_of_it_is_true_in_the_very_step_in_which_the_report_is_posted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: Log = []
    async with open_supervisor("stage", limits=Limits(max_concurrent_startups=1)) as root:
        post = ReportLog.post
        ref: ActorRef[Any] = root.start_soon(Fails, OSError("no"), [], name="a", mail="told")
        launcher: Any = root._slot.runtime.launcher

        def look(log: ReportLog, *facts: Any, **more: Any) -> None:
            if log is root.reports:
                seen.append((root.which_children(), ref.lifecycle, launcher.in_use, root.dead_letters.total))
            post(log, *facts, **more)

        monkeypatch.setattr(ReportLog, "post", look)
        await ref.wait_stopped()
        assert seen == [([], "failed", 0, 1)]
        root.reports.drain()


async def test_p10_each_failed_incarnation_is_reported_exactly_once() -> None:
    error = OSError("no")
    async with open_supervisor("stage", intensity=Intensity(5, 1.0)) as root:
        ref = root.start_soon(Fails, error, [], 0.5, name="a", restart="permanent")
        await trio.sleep(9)
        reports = root.reports.drain()
        assert [(report.path, report.uid, report.incarnation, report.restarting) for report in reports] == [  # type: ignore[union-attr]
            ("/stage/a", ref.uid, incarnation, True) for incarnation in (1, 2)
        ]
        await ref.stop()
        root.reports.drain()


async def test_p10_reports_ask_for_no_turn_unless_the_option_says_so() -> None:
    turns: Log = []

    class Boss(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            if turn.mail:
                ctx.start_soon(Breaks, name="a", wake_parent=turn.mail[0].message)
            turns.append([type(mail.message) for mail in turn.drain()])

    class Breaks(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            await trio.sleep(1)
            raise OSError("no")

    async with open_tree("stage") as root:
        boss: ActorRef[Any] = await root.start(Boss)
        boss.tell(False)
        await trio.sleep(5)
        assert turns == [[]]
        boss.tell(True)
        await trio.sleep(5)
        assert turns == [[], [ChildStartupFailed], [ChildStartupFailed]]


async def test_p10_an_agents_parent_gets_the_report_in_order_with_the_mail() -> None:
    seen: Log = []

    class Boss(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            if turn.mail[0].message == "begin":
                ctx.start_soon(Breaks, name="a")
                await trio.sleep(10)
                seen.extend(mail.message if mail.kind != "report" else "report" for mail in turn.drain())

    class Breaks(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            await trio.sleep(5)
            raise OSError("no")

    async with open_tree("stage") as root:
        boss: ActorRef[Any] = await root.start(Boss, mail="begin")
        await trio.sleep(4)
        boss.tell("before")
        await trio.sleep(2)
        boss.tell("after")
        await trio.sleep(20)
        assert seen == ["before", "report", "after"]


async def test_p10_each_end_but_a_startup_failure_is_one_report_with_reason_and_who() -> None:
    async with open_tree("stage") as root:
        error = OSError("x")
        refs = [root.start_soon(Plain, name=name) for name in "abc"]
        refs[0].tell("finish")
        refs[1].tell(error)
        refs[2].request_stop()
        for ref in refs:
            await ref.wait_stopped()
        reports = {report.path: report for report in root.reports.drain()}
        assert set(reports) == {"/stage/a", "/stage/b", "/stage/c"}
        finished, crashed, stopped = reports["/stage/a"], reports["/stage/b"], reports["/stage/c"]
        assert isinstance(finished, ChildEnded)
        assert (finished.reason, finished.by, finished.restarting) == (Finished(1), "itself", False)
        assert isinstance(crashed, ChildEnded)
        assert isinstance(crashed.reason, Crashed)
        assert crashed.reason.error is error
        assert isinstance(stopped, ChildEnded)
        assert stopped.by == "outside"


async def test_p10_a_report_is_read_once_by_whoever_reads_first() -> None:
    async with open_tree("stage") as root:
        read: list[Report] = []

        async def reader() -> None:
            async for report in root.reports:
                read.append(report)  # noqa: PERF401 -- to be seen while it goes on

        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(reader)
            for _ in range(20):
                root.start_soon(Plain, mail="finish")
            await wait_all_tasks_blocked()
            assert len(read) == 20
            assert len({report.path for report in read}) == 20
            root.request_stop()
            await root.wait_stopped()


async def test_p10_reading_reports_ends_when_no_more_can_come_and_a_cancelled_reader_loses_none() -> None:
    async with open_tree("stage") as root:
        with trio.move_on_after(1):
            await root.reports.receive()
        ref = root.start_soon(Plain, mail="finish")
        await ref.wait_stopped()
        with trio.CancelScope() as scope:
            scope.cancel()
            await root.reports.receive()
        assert len(root.reports) == 1
        root.request_stop()
        assert [report.path async for report in root.reports] == [ref.path]
        with pytest.raises(trio.EndOfChannel):
            await root.reports.receive()


async def test_p10_a_finished_turn_is_one_report() -> None:
    class Worker(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            if isinstance(turn.mail[0].message, BaseException):
                raise turn.mail[0].message
            return turn.mail[0].message

    async with open_tree("stage") as root:
        ref: ActorRef[Any] = await root.start(Worker)
        ref.tell("answer")
        report = await root.reports.receive()
        assert isinstance(report, TurnFinished)
        assert (report.path, report.turn, report.outcome.kind, report.outcome.result) == (
            ref.path, 1, "completed", "answer",
        )  # fmt: skip
        ref.tell(OSError("x"))
        report = await root.reports.receive()
        assert isinstance(report, TurnFinished)
        assert (report.turn, report.outcome.kind) == (2, "errored")


async def test_reports_past_1000_fold_the_oldest_successes_into_counts_then_failures_by_class() -> None:
    async with open_tree("stage") as root:
        for i in range(900):
            root.start_soon(Plain, mail="finish")
            if i < 300:
                root.start_soon(Plain, mail=OSError("x") if i % 2 else KeyError("y"))
        await wait_all_tasks_blocked()
        assert len(root.reports) == 1_000
        assert dict(root.reports.folded) == {"Finished": 200}
        for _ in range(800):
            root.start_soon(Plain, mail=ValueError("z"))
        await wait_all_tasks_blocked()
        assert len(root.reports) == 1_000
        folded = dict(root.reports.folded)
        assert folded.pop("Finished") == 900
        assert folded == {"OSError": 50, "KeyError": 50}
        assert all(
            isinstance(report.reason, Crashed) for report in root.reports.drain() if isinstance(report, ChildEnded)
        )


async def test_what_a_parent_never_reads_does_not_grow_its_mailbox() -> None:
    async with open_tree("stage") as root:
        for _ in range(3_000):
            root.start_soon(Plain, mail="finish")
        await wait_all_tasks_blocked()
        assert len(root.reports) == 1_000
        assert root._slot.box.waiting == 0


async def test_unread_failures_are_logged_as_errors_when_the_block_ends(caplog: pytest.LogCaptureFixture) -> None:
    async with open_tree("stage") as root:
        for message in (OSError("read"), "finish"):
            await root.start_soon(Plain, mail=message).wait_stopped()
        root.reports.drain()
        ref = root.start_soon(Plain, mail=OSError("unread"), name="a")
        await ref.wait_stopped()
    unread = [record for record in caplog.records if "nobody has read" in record.getMessage()]
    assert [(record.levelno, record.__dict__["path"]) for record in unread] == [(logging.ERROR, "/stage/a")]


async def test_what_others_wanted_is_no_unread_failure(caplog: pytest.LogCaptureFixture) -> None:
    async with open_tree("stage") as root:
        await (await root.start(Plain)).kill()
    assert [record for record in caplog.records if "nobody has read" in record.getMessage()] == []


async def test_unread_failures_are_raised_when_that_is_asked_for() -> None:
    errors = [OSError("a"), KeyError("b")]
    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 -- the block raises as it is left
        async with open_supervisor("stage", unread="raise") as root:
            for error in errors:
                await root.start_soon(Plain, mail=error).wait_stopped()
    assert list(caught.value.exceptions) == errors


@pytest.mark.parametrize(("restart", "level"), [("permanent", logging.WARNING), ("temporary", logging.ERROR)])
async def test_every_crash_is_logged_with_path_incarnation_and_cause(
    restart: Any, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_tree("stage") as root:
        root.start_soon(Plain, name="a", mail=OSError("x"), restart=restart, labels={"role": "clerk"})
        await wait_all_tasks_blocked()
        root.reports.drain()
    [record] = [record for record in caplog.records if record.levelno == level]
    facts = record.__dict__
    assert record.name == "greenroom"
    assert (facts["path"], facts["incarnation"], facts["cause"]) == ("/stage/a", 1, "crashed: OSError: x")
    assert facts["labels"] == {"role": "clerk"}
    assert facts["restarting"] is (restart == "permanent")


async def test_reports_of_an_old_incarnation_of_the_parent_are_dropped_and_counted() -> None:
    class Boss(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> Any:
            if isinstance(message, BaseException):
                raise message
            if message == "start":
                ctx.start_soon(Plain, mail="finish")
            elif message == "read":
                return ctx.reports.drain()
            return None

    async with open_tree("stage") as root:
        boss: ActorRef[Any] = await root.start(Boss, restart="permanent")
        boss.tell("start")
        await wait_all_tasks_blocked()
        boss.tell(OSError("x"))
        await wait_all_tasks_blocked()
        assert await boss.ask("read") == []  # type: ignore[arg-type]
        assert root.dead_letters.counts["old incarnation"] >= 1
        root.reports.drain()


async def test_p30_a_log_filter_that_raises_ends_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    def refuses(record: logging.LogRecord) -> bool:
        raise KeyError(record.name)

    logger = logging.getLogger("greenroom")
    logger.addFilter(refuses)
    try:
        async with open_tree("stage") as root:
            ref = root.start_soon(Plain, mail=OSError("x"), restart="permanent")
            await wait_all_tasks_blocked()
            assert (ref.lifecycle, ref.incarnation) == ("ready", 2)
            root.reports.drain()
    finally:
        logger.removeFilter(refuses)
    assert "KeyError: 'greenroom'" in capsys.readouterr().err
