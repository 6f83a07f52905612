"""What many children share so that each of them weighs little, and that nobody can tell."""

import gc
import weakref
from typing import Any

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import Actor, ChildEnded, Context, Finished, NameInUse, Shutdown, open_supervisor
from greenroom.actors._passage import SETTLED
from greenroom.actors._reports import FOLDED_AT_ONCE, REPORTS_CAPACITY
from greenroom.actors._slot import Slot


class Equal:
    """Be equal to all of its kind, and no other."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal)

    def __hash__(self) -> int:
        return 0


class Holder(Actor[Any]):
    def __init__(self, *held: Any) -> None:
        self.held = held

    def receive(self, message: Any, ctx: Context) -> Any:
        if message == "stop":
            ctx.stop("done")
        return self.held


async def test_children_that_wait_for_their_start_with_the_same_arguments_share_them() -> None:
    one, two = Equal(), Equal()
    async with open_supervisor("stage") as root:
        refs = [root.start_soon(Holder, *args) for args in ((one,), (one,), (one, two), (one, two))]
        a, b, c, d = (ref._slot.args for ref in refs)
        assert a is b
        assert c is d
        assert [await ref.ask("held") for ref in refs] == [(one,), (one,), (one, two), (one, two)]


async def test_arguments_that_are_equal_and_not_the_same_stay_apart() -> None:
    given = [(Equal(),), (Equal(),), (1,), (1.0,), (True,), (), (1, 2.0), (1, 2), (1,)]
    async with open_supervisor("stage") as root:
        refs = [root.start_soon(Holder, *args) for args in given]
        for ref, args in zip(refs, given, strict=True):
            held = await ref.ask("held")
            assert [id(each) for each in held] == [id(each) for each in args]


async def test_the_arguments_are_kept_of_those_alone_that_may_start_again() -> None:
    one = Equal()
    async with open_supervisor("stage") as root:
        once = root.start_soon(Holder, one)
        again = root.start_soon(Holder, one, restart="permanent")
        assert (await once.ask("held"), await again.ask("held")) == ((one,), (one,))
        assert (once._slot.args, again._slot.args) == ((), (one,))
        again.tell("stop")
        assert await again.ask("held") == (one,)
        assert again.incarnation == 2


async def test_a_child_that_has_gone_is_not_kept_for_its_arguments() -> None:
    async with open_supervisor("stage") as root:
        ref = root.start_soon(Holder)
        gone = weakref.ref(ref)
        ref.tell("stop")
        await ref.wait_stopped()
        root.reports.drain()
        del ref
        gc.collect()
        assert gone() is None


@pytest.mark.usefixtures("autojump_clock")
async def test_under_a_clock_that_jumps_each_child_has_its_own_time() -> None:
    async with open_supervisor("stage") as root:
        root.start_soon(Holder, name="first")
        await trio.sleep(0.0004)
        root.start_soon(Holder, name="second")
        await trio.sleep(0.0002)
        for name, age in (("first", 0.0006), ("second", 0.0002)):
            with pytest.raises(NameInUse) as refused:
                root.start_soon(Holder, name=name)
            assert refused.value.age == pytest.approx(age, abs=1e-9)


def test_what_a_slot_has_on_its_way_is_its_own() -> None:
    slot = Slot()
    slot.passage = SETTLED
    passage = slot.own_passage()
    assert passage is not SETTLED
    assert slot.own_passage() is passage


class Foreman(Actor[Any]):
    """Start a light child and end it while mail waits; read reports."""

    def __init__(self, log: list[Any]) -> None:
        self.log = log

    async def receive(self, message: Any, ctx: Context) -> Any:
        self.log.append((message, [report.path for report in ctx.reports.drain()]))
        if message == "start":
            ctx.start_soon(Holder, name="light", mail="stop")
            await wait_all_tasks_blocked()


async def test_a_report_of_a_light_child_keeps_its_place_among_the_parents_mail() -> None:
    """P10: it is seen with the mail that came after it, and not before."""
    log: list[Any] = []
    async with open_supervisor("stage") as root:
        foreman = await root.start(Foreman, log, name="foreman")
        for message in ("start", "before"):
            foreman.tell(message)
        await wait_all_tasks_blocked()
        foreman.tell("after")
        await wait_all_tasks_blocked()
    assert log == [("start", []), ("before", []), ("after", ["/stage/foreman/light"])]


async def test_reports_of_light_children_that_nobody_reads_are_folded_as_they_come() -> None:
    """P10: what is kept of them is bounded, whoever looks."""
    async with open_supervisor("stage") as root:
        for _ in range(REPORTS_CAPACITY + 2 * FOLDED_AT_ONCE):
            root.start_soon(Holder, mail="stop")
        await wait_all_tasks_blocked()
        kept = len(root.reports._good)
        assert kept <= REPORTS_CAPACITY + FOLDED_AT_ONCE
        assert len(root.reports) == REPORTS_CAPACITY
        assert root.reports.folded == {"Finished": 2 * FOLDED_AT_ONCE}
        root.reports.drain()


async def test_who_waits_for_a_report_of_a_light_child_has_it() -> None:
    """P10."""
    async with open_supervisor("stage") as root, trio.open_nursery() as nursery:
        got: list[Any] = []

        async def read() -> None:
            got.append(await root.reports.receive())

        root.start_soon(Holder, mail="stop")  # the first makes the log
        await wait_all_tasks_blocked()
        root.reports.drain()
        nursery.start_soon(read)
        await wait_all_tasks_blocked()
        ref = root.start_soon(Holder, mail="stop")
        await wait_all_tasks_blocked()
        assert [report.path for report in got] == [ref.path]


async def test_the_report_of_a_child_that_ended_by_itself_tells_all_of_it() -> None:
    async with open_supervisor("stage") as root:
        for _ in range(2):  # from the second on, the child stands for its report until somebody reads it
            ref = root.start_soon(Holder)
            ref.tell("stop")
            await wait_all_tasks_blocked()
        first, second = root.reports.drain()
        assert second == ChildEnded("/stage/holder-3", ref.uid, 1, Finished("done"), "itself", restarting=False)
        assert first == attrs.evolve(second, path="/stage/holder-2", uid=ref.uid - 1)


async def test_more_of_such_ends_than_are_kept_are_counted_by_their_kind() -> None:
    async with open_supervisor("stage") as root:
        for _ in range(1_010):
            root.start_soon(Holder).tell("stop")
        await wait_all_tasks_blocked()
        assert (len(root.reports), dict(root.reports.folded)) == (1_000, {"Finished": 10})


async def test_a_child_with_a_hook_at_its_end_has_it_when_it_ends_by_itself() -> None:
    ended: list[str] = []

    class Tells(Actor[Any]):
        async def shutdown(self, ctx: Context, reason: object) -> None:
            ended.append(ctx.path)

        def receive(self, message: Any, ctx: Context) -> None:
            ctx.stop()

    async with open_supervisor("stage") as root:
        refs = [root.start_soon(Tells, mail="end") for _ in range(3)]
        for ref in refs:
            await ref.wait_stopped()
        assert ended == [ref.path for ref in refs]


async def test_reports_of_several_kinds_that_are_counted_together_are_counted_each() -> None:
    class Ends(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            ctx.stop(reason=message)

    async with open_supervisor("stage") as root:
        for number in range(1_200):
            root.start_soon(Ends, mail=Shutdown() if number % 2 else None)
        await wait_all_tasks_blocked()
        assert dict(root.reports.folded) == {"Finished": 100, "Shutdown": 100}
