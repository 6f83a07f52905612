"""on_error and the watchdog under supervisors of each strategy, below other supervisors."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ChildEnded,
    ChildSpec,
    Context,
    ErrorEscalated,
    Escalated,
    Killed,
    Shutdown,
    SupervisorSpec,
)
from greenroom.testing import open_tree

Log = list[Any]


class Mend(Exception):
    pass


class Member(Actor[Any]):
    """Write down each incarnation; raise, or take as many seconds."""

    def __init__(self, log: Log, name: str) -> None:
        self.log, self.name = log, name

    async def startup(self, ctx: Context) -> None:
        self.log.append((self.name, ctx.ref.incarnation))

    async def receive(self, message: Any, ctx: Context) -> None:
        if isinstance(message, Exception):
            raise message
        await trio.sleep(message)


def members(log: Log, **options: Any) -> list[ChildSpec]:
    return [ChildSpec(name, Member, (log, name), **options) for name in ("a", "b")]


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
async def test_an_escalation_ends_the_nearest_supervisor_and_the_one_above_restarts_it(strategy: Any) -> None:
    log: Log = []
    team = SupervisorSpec("team", members(log, on_error={Mend: "escalate"}), strategy=strategy)
    async with open_tree("stage", children=[team]) as root:
        error = Mend("x")
        root.lookup("team/a").tell(error)
        await wait_all_tasks_blocked()
        report = next(each for each in root.reports.drain() if isinstance(each, ChildEnded))
        assert report.path == "/stage/team"
        assert report.restarting
        assert isinstance(report.reason, Escalated)
        assert isinstance(report.reason.error, ErrorEscalated)
        assert report.reason.error.__cause__ is error
        assert log == [("a", 1), ("b", 1), ("a", 2), ("b", 2)]
        assert root.lookup("team/a").lifecycle == root.lookup("team/b").lifecycle == "ready"


@pytest.mark.parametrize(("action", "ends"), [("stop", True), ("resume", False)])
async def test_a_significant_child_that_its_table_stops_has_ended_by_itself(action: Any, ends: bool) -> None:
    log: Log = []
    specs = members(log, restart="transient", significant=True, on_error={Mend: action})
    team = SupervisorSpec("team", specs, auto_shutdown="any_significant", restart="transient")
    async with open_tree("stage", children=[team]) as root:
        ref = root.lookup("team")
        root.lookup("team/a").tell(Mend("x"))
        await wait_all_tasks_blocked()
        assert ref.is_alive is not ends
        if ends:
            assert isinstance(ref.exit_reason, Shutdown)
        root.reports.drain()


@pytest.mark.parametrize(("strategy", "after"), [("one_for_one", [("a", 2)]), ("one_for_all", [("a", 2), ("b", 2)])])
async def test_who_is_killed_for_being_overdue_takes_its_group_along(strategy: Any, after: Log) -> None:
    log: Log = []
    team = SupervisorSpec("team", members(log, handler_timeout=5.0, on_overdue="restart"), strategy=strategy)
    async with open_tree("stage", children=[team]) as root:
        ref = root.lookup("team/a")
        ref.tell(100.0)
        await trio.sleep(6)
        assert log == [("a", 1), ("b", 1), *after]
        assert isinstance(ref._slot.last_exit, Killed)
        root.reports.drain()


async def test_a_member_that_is_stopped_by_its_table_takes_nobody_along_and_is_parked() -> None:
    log: Log = []
    team = SupervisorSpec("team", members(log, on_error={Mend: "stop"}), strategy="one_for_all")
    async with open_tree("stage", children=[team]) as root:
        root.lookup("team/a").tell(Mend("x"))
        await wait_all_tasks_blocked()
        assert log == [("a", 1), ("b", 1)]
        assert root.lookup("team/a").lifecycle == "parked"
        assert root.lookup("team/b").lifecycle == "ready"
        root.reports.drain()
