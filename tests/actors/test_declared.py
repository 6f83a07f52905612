from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ChildEnded,
    ChildrenFailed,
    ChildSpec,
    ChildStartupFailed,
    Context,
    Ignore,
    LimitReached,
    Limits,
    StartupFailed,
    StartupInProgress,
    Supervisor,
    open_supervisor,
)

Log = list[Any]


class Starts(Actor[Any]):
    def __init__(self, log: Log, seconds: float = 1.0, error: BaseException | None = None) -> None:
        self.log, self.seconds, self.error = log, seconds, error

    async def startup(self, ctx: Context) -> None:
        self.log.append((ctx.ref.name, "begins", trio.current_time()))
        await trio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        self.log.append((ctx.ref.name, "is ready", trio.current_time()))

    def receive(self, message: Any, ctx: Context) -> Any:
        return message

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.log.append((ctx.ref.name, "closes", trio.current_time()))


def names(log: Log, what: str) -> list[str]:
    return [name for name, happened, _ in log if happened == what]


async def test_declared_children_start_in_order_each_after_the_inline_ones_before_it() -> None:
    log: Log = []
    specs = [
        ChildSpec("a", Starts, (log, 1.0)),
        ChildSpec("b", Starts, (log, 5.0), startup="deferred"),
        ChildSpec("c", Starts, (log, 1.0)),
        ChildSpec("d", Starts, (log, 1.0), startup="deferred"),
        ChildSpec("e", Starts, (log, 1.0)),
    ]
    async with open_supervisor("stage", children=specs) as root:
        assert trio.current_time() == 3.0
        begun = [(name, at) for name, happened, at in log if happened == "begins"]
        assert begun == [("a", 0.0), ("b", 1.0), ("c", 1.0), ("d", 2.0), ("e", 2.0)] or sorted(begun) == begun
        assert sorted(begun) == [("a", 0.0), ("b", 1.0), ("c", 1.0), ("d", 2.0), ("e", 2.0)]
        lives = [ref.lifecycle for ref in root.which_children()]
        assert lives == ["ready", "initializing", "ready", "ready", "ready"]
        assert [ref.name for ref in root.which_children()] == list("abcde")


async def test_declared_children_are_all_registered_before_the_first_one_starts() -> None:
    seen: Log = []
    specs = [ChildSpec("a", Starts, ([], 1.0)), ChildSpec("b", Starts, ([], 1.0))]

    def watch(root: Supervisor) -> None:
        seen.append(root)

    async def looks() -> None:
        await trio.sleep(0.5)
        [root] = seen
        seen.append([ref.lifecycle for ref in root.which_children()])
        root.lookup("b").tell("early")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(looks)
        async with open_supervisor("stage", children=specs, on_open=watch) as root:
            assert seen[1] == ["initializing", "queued"]
            assert root.lookup("b")._slot.box.seq == 1


async def test_a_declared_child_whose_turn_has_not_come_names_the_sibling_that_it_waits_for() -> None:
    """P6: queued, with the reason."""
    seen: list[Supervisor] = []
    specs = [
        ChildSpec("a", Starts, ([], 1.0)),
        ChildSpec("b", Starts, ([], 5.0), startup="deferred"),
        ChildSpec("c", Starts, ([], 1.0)),
        ChildSpec("d", Starts, ([], 1.0), startup="deferred"),
        ChildSpec("e", Starts, ([], 1.0)),
    ]

    def reasons() -> dict[str, tuple[str, ...]]:
        return {info.name: info.waiting_for for info in seen[0].snapshot().children if info.lifecycle == "queued"}

    async with trio.open_nursery() as nursery:

        async def looks() -> None:
            await trio.sleep(0.5)
            assert reasons() == dict.fromkeys("bcde", ("/stage/a",))
            await trio.sleep(1)
            permit = ("a launch permit",)
            assert reasons() == {"c": permit, "d": ("/stage/c",), "e": ("/stage/c",)}
            await trio.sleep(5)
            assert reasons() == {"d": ("/stage/c",), "e": ("/stage/c",)}

        nursery.start_soon(looks)
        limits = Limits(max_concurrent_startups=1)
        async with open_supervisor("stage", children=specs, limits=limits, on_open=seen.append):
            assert reasons() == {}


async def test_a_declared_child_that_waits_for_none_of_its_siblings_waits_for_its_turn() -> None:
    seen: list[Supervisor] = []
    specs = [ChildSpec("a", Starts, ([], 1.0)), ChildSpec("b", Starts, ([], 1.0))]

    async def looks() -> None:
        await trio.sleep(0.5)
        seen[0].lookup("a").request_stop()
        assert [info.waiting_for for info in seen[0].snapshot().children] == [(), ("its turn to start",)]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(looks)
        async with open_supervisor("stage", children=specs, on_open=seen.append) as root:
            assert [ref.lifecycle for ref in root.which_children()] == ["parked", "ready"]


async def test_declared_children_stop_in_reverse_order() -> None:
    log: Log = []
    specs = [ChildSpec(name, Starts, (log,)) for name in "abc"]
    async with open_supervisor("stage", children=specs):
        pass
    assert names(log, "closes") == ["c", "b", "a"]


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
async def test_an_inline_first_start_that_fails_rolls_back_in_reverse_order_and_says_so(restart: Any) -> None:
    log: Log = []
    error = OSError("no")
    specs = [
        ChildSpec("a", Starts, (log,)),
        ChildSpec("b", Starts, (log,)),
        ChildSpec("c", Starts, (log, 1.0, error), restart=restart),
        ChildSpec("d", Starts, (log,)),
    ]
    with pytest.raises(StartupFailed) as caught:
        async with open_supervisor("stage", children=specs):
            raise AssertionError
    assert trio.current_time() == 3.0
    assert names(log, "begins") == ["a", "b", "c"]
    assert names(log, "closes") == ["c", "b", "a"]
    failed = caught.value.error
    assert isinstance(failed, ChildrenFailed)
    assert (failed.child, failed.rolled_back) == ("/stage/c", ("/stage/b", "/stage/a"))
    assert failed.__cause__ is error
    assert str(caught.value) == (
        "/stage: failed to initialize: /stage/c: failed to initialize: OSError: no; stopped again: /stage/b, /stage/a"
    )


@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
async def test_a_deferred_start_that_fails_is_judged_and_reported_like_any_other(restart: Any) -> None:
    log: Log = []
    specs = [ChildSpec("a", Starts, (log, 1.0, OSError("no")), startup="deferred", restart=restart)]
    try:
        async with open_supervisor("stage", children=specs) as root:
            await trio.sleep(1.5)
            [report] = root.reports.drain()
            assert isinstance(report, ChildStartupFailed)
            assert report.restarting is (restart != "temporary")
            await trio.sleep(100)
    except ExceptionGroup:
        assert restart != "temporary"


async def test_a_ready_child_that_fails_while_later_ones_start_is_judged_at_once() -> None:
    log: Log = []
    keep: list[Supervisor] = []
    specs = [ChildSpec("a", Starts, (log, 0.0)), ChildSpec("b", Starts, (log, 10.0))]

    async def crashes() -> None:
        await trio.sleep(1)
        keep[0].lookup("a").crash(OSError("x"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(crashes)
        async with open_supervisor("stage", children=specs, on_open=keep.append) as root:
            assert trio.current_time() == 10.0
            assert root.lookup("a").incarnation == 2
            [report] = root.reports.drain()
            assert isinstance(report, ChildEnded)


@pytest.mark.parametrize("when", [0.5, 1.5])
@pytest.mark.parametrize("restart", ["permanent", "temporary"])
async def test_terminating_a_child_that_is_not_ready_yet_skips_it_and_the_start_goes_on(
    when: float, restart: Any
) -> None:
    log: Log = []
    keep: list[Supervisor] = []
    specs = [
        ChildSpec("a", Starts, (log, 1.0)),
        ChildSpec("b", Starts, (log, 5.0), restart=restart),
        ChildSpec("c", Starts, (log, 1.0)),
    ]

    async def terminates() -> None:
        await trio.sleep(when)
        await keep[0].terminate_child("b")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(terminates)
        async with open_supervisor("stage", children=specs, on_open=keep.append) as root:
            assert trio.current_time() == (2.0 if when == 0.5 else 2.5)
            lives = {ref.name: ref.lifecycle for ref in root.which_children()}
            assert lives == {"a": "ready", "c": "ready", **({"b": "parked"} if restart == "permanent" else {})}
            [report] = root.reports.drain()
            assert isinstance(report, ChildEnded)
            assert ("b" in names(log, "begins")) == (when > 1)


async def test_a_declared_child_that_has_nothing_to_do_is_parked_and_the_start_goes_on() -> None:
    log: Log = []
    specs = [ChildSpec("a", Starts, (log, 1.0, Ignore())), ChildSpec("b", Starts, (log, 1.0))]
    async with open_supervisor("stage", children=specs) as root:
        assert {ref.name: ref.lifecycle for ref in root.which_children()} == {"a": "parked", "b": "ready"}
        await wait_all_tasks_blocked()


async def test_declared_children_past_a_limit_are_a_failure_to_start() -> None:
    log: Log = []
    specs = [ChildSpec(name, Starts, (log,)) for name in "abc"]
    with pytest.raises(StartupFailed) as caught:
        async with open_supervisor("stage", children=specs, limits=Limits(max_actors=3)):
            raise AssertionError
    assert isinstance(caught.value.error, LimitReached)
    assert log == []


async def test_a_start_that_is_cancelled_rolls_back() -> None:
    log: Log = []
    specs = [ChildSpec("a", Starts, (log, 1.0)), ChildSpec("b", Starts, (log, 100.0))]
    with trio.move_on_after(3) as scope:
        async with open_supervisor("stage", children=specs):
            raise AssertionError
    assert scope.cancelled_caught
    assert sorted(names(log, "closes")) == ["a", "b"]
    assert trio.current_time() == 3.0


async def test_what_a_spec_gives_its_child() -> None:
    specs = [
        ChildSpec("a", Starts, ([],), kwargs={"seconds": 4.0}, labels={"role": "clerk"}),
        ChildSpec("b", Starts, [[], 2.0]),
    ]
    async with open_supervisor("stage", children=specs) as root:
        assert trio.current_time() == 6.0
        ref = root.lookup("a")
        assert ref.labels == {"role": "clerk"}
        info = root.snapshot().find("/stage/a")
        assert info is not None
        assert info.labels == {"role": "clerk"}
        ref.crash(OSError("x"))
        await wait_all_tasks_blocked()
        await ref.wait_ready()
        assert ref.incarnation == 2
        root.reports.drain()


async def test_a_tree_that_has_not_begun_takes_no_children() -> None:
    """P5: nothing has been changed."""
    refused: list[StartupInProgress] = []

    def start(root: Supervisor) -> None:
        with pytest.raises(StartupInProgress) as caught:
            root.start_soon(Starts, [], name="a")
        refused.append(caught.value)

    async with open_supervisor("stage", on_open=start) as root:
        assert str(refused[0]) == "/stage: has not begun to start and takes no new children (start of 'a')"
        assert root.which_children() == []
        await root.start(Starts, [], name="a")
