"""Parking does what Trio's own function does, of whatever Trio; and what waits for an answer is few objects."""

import gc
from collections.abc import AsyncGenerator, Callable, Generator
from types import coroutine
from typing import Any

import pytest
import trio
import trio.testing
from outcome import Error, Value

from greenroom import Actor, AskTimeout, Context, Request
from greenroom.actors import _ask_side, _asking, _parking, _pool
from greenroom.actors._awake import AWAKE
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked
trios = trio.lowlevel.wait_task_rescheduled
ours = _parking.choose_park(trios)


@pytest.fixture(params=[trios, ours], ids=["Trio's", "ours"])
def park(request: pytest.FixtureRequest) -> _parking.Park:
    """Hold ours to what Trio's does."""
    return request.param  # type: ignore[no-any-return]


class Parked:
    """Park a task, and keep what came of it."""

    def __init__(self, park: _parking.Park) -> None:
        self.park = park
        self.task: Any = None
        self.ends: list[Any] = []
        self.aborts = 0
        self.answer = trio.lowlevel.Abort.SUCCEEDED

    async def run(self) -> None:
        self.task = trio.lowlevel.current_task()
        try:
            self.ends.append(await self.park(self.abort))
        except BaseException as error:
            self.ends.append(type(error))
            raise

    def abort(self, raise_cancel: Any) -> trio.lowlevel.Abort:
        self.aborts += 1
        self.raise_cancel = raise_cancel
        return self.answer


@pytest.mark.parametrize(("told", "end"), [(Value(7), 7), (AWAKE, None)])
async def test_who_parks_gets_what_it_is_woken_with(park: _parking.Park, told: Any, end: Any) -> None:
    parked = Parked(park)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(parked.run)
        await settle()
        assert parked.ends == []
        trio.lowlevel.reschedule(parked.task, told if told is AWAKE else Value(told.value))
    assert parked.ends == [end]


async def test_who_parks_gets_the_error_that_it_is_woken_with(park: _parking.Park) -> None:
    parked = Parked(park)

    async def run() -> None:
        with pytest.raises(LookupError):
            await parked.run()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        await settle()
        trio.lowlevel.reschedule(parked.task, Error(LookupError("no")))
    assert parked.ends == [LookupError]


async def test_a_cancellation_calls_the_abort_function_and_is_raised(park: _parking.Park) -> None:
    parked = Parked(park)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(parked.run)
        await settle()
        nursery.cancel_scope.cancel()
    assert (parked.ends, parked.aborts) == ([trio.Cancelled], 1)


async def test_a_cancellation_that_the_abort_function_holds_up_is_raised_when_it_says(park: _parking.Park) -> None:
    parked = Parked(park)
    parked.answer = trio.lowlevel.Abort.FAILED
    async with trio.open_nursery() as nursery:
        nursery.start_soon(parked.run)
        await settle()
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await settle()
        assert (parked.ends, parked.aborts) == ([], 1)
        with pytest.raises(trio.Cancelled) as cancelled:
            parked.raise_cancel()
        trio.lowlevel.reschedule(parked.task, Error(cancelled.value))
    assert parked.ends == [trio.Cancelled]


async def test_the_task_tree_shows_who_parked(park: _parking.Park) -> None:
    parked = Parked(park)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(parked.run)
        await settle()
        names = [frame.f_code.co_name for frame, _ in parked.task.iter_await_frames()]
        assert names[0] == "run"
        assert len(names) > 1
        trio.lowlevel.reschedule(parked.task)


class Trap:
    """Be what a Trio of another kind hands to its loop."""

    def __init__(self, abort: Any = None, more: str = "") -> None:
        self.abort = abort
        self.more = more

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trap) and (self.abort, self.more) == (other.abort, other.more)

    def __hash__(self) -> int:
        return hash(self.more)


class Bare:
    """Be one that is equal only to itself."""

    def __init__(self, abort: Any) -> None:
        self.abort = abort


class Nameless(Trap):
    """Be one that cannot be made of the function alone."""

    def __init__(self) -> None:
        super().__init__()


@coroutine
def known(abort: Any) -> Generator[Any, Any, Any]:
    return (yield Trap(abort)).unwrap()


@coroutine
def says_more(abort: Any) -> Generator[Any, Any, Any]:
    return (yield Trap(abort, "deadline")).unwrap()


@coroutine
def equal_to_none(abort: Any) -> Generator[Any, Any, Any]:
    return (yield Bare(abort)).unwrap()


@coroutine
def made_otherwise(abort: Any) -> Generator[Any, Any, Any]:
    trap = Nameless()
    trap.abort = abort
    return (yield trap).unwrap()


@coroutine
def waits_twice(abort: Any) -> Generator[Any, Any, Any]:
    yield Trap(abort)
    return (yield Trap(abort)).unwrap()


@coroutine
def does_not_wait(abort: Any) -> Generator[Any, Any, Any]:
    return abort
    yield


@coroutine
def gives_it_as_it_is(abort: Any) -> Generator[Any, Any, Any]:
    return (yield Trap(abort))


@coroutine
def gives_something_else(abort: Any) -> Generator[Any, Any, Any]:
    (yield Trap(abort)).unwrap()
    return "woken"


@coroutine
def takes_something_else(abort: Any) -> Generator[Any, Any, Any]:
    value, _error = yield Trap(abort)
    return value


@coroutine
def needs_a_run(abort: Any) -> Generator[Any, Any, Any]:
    raise RuntimeError("must be called from async context")
    yield abort


UNKNOWN: list[Callable[..., Any]] = [
    says_more, equal_to_none, made_otherwise, waits_twice, does_not_wait, gives_it_as_it_is, gives_something_else, takes_something_else,
    needs_a_run,
]  # fmt: skip


@pytest.mark.parametrize("wait", UNKNOWN, ids=lambda wait: wait.__name__)
def test_with_a_trio_of_another_kind_its_own_function_parks(wait: Callable[..., Any]) -> None:
    assert _parking.choose_park(wait) is wait


def test_what_is_known_is_done_in_one_frame() -> None:
    chosen: Any = _parking.choose_park(known)  # type: ignore[arg-type]
    assert chosen is not known
    waiting = chosen(len)
    assert waiting.send(None) == Trap(len)
    with pytest.raises(StopIteration) as end:
        waiting.send(Value(3))
    assert end.value.value == 3


class Get(Request[str]):
    pass


class Late(Actor[Get]):
    """Answer when it may."""

    def __init__(self, go: trio.Event) -> None:
        self.go = go

    async def receive(self, message: Get, ctx: Context) -> str:
        await self.go.wait()
        return "answer"


async def test_asks_park_with_trios_own_function_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (_ask_side, _asking, _pool):
        monkeypatch.setattr(module, "park", trios)
    go = trio.Event()
    answers: list[str] = []

    async def ask() -> None:
        answers.append(await ref.ask(Get()))

    async with open_tree("stage", dead_letters={"caller gone": 1}) as root, trio.open_nursery() as nursery:
        ref = await root.start(Late, go)
        nursery.start_soon(ask)
        await settle()
        with pytest.raises(AskTimeout):
            await ref.ask(Get(), timeout=0)
        go.set()
        await settle()
        assert answers == ["answer"]


async def test_what_waits_for_an_answer_is_few_objects() -> None:
    """Of what the garbage collector looks through: a task with three parts, the ask, where it parks, and what lies in the mailbox."""
    go = trio.Event()
    many = 100
    async with open_tree("stage") as root:
        ref = await root.start(Late, go)

        async def ask(request: Get) -> None:
            await ref.ask(request)

        async with trio.open_nursery() as nursery:
            requests = [Get() for _ in range(many)]
            gc.collect()
            gc.disable()
            try:
                before = len(gc.get_objects())
                for request in requests:
                    nursery.start_soon(ask, request)
                await settle()
                each = (len(gc.get_objects()) - before) / many
            finally:
                gc.enable()
                go.set()
    assert round(each) == 7


async def test_what_wakes_a_task_may_be_sent_any_number_of_times() -> None:
    """As any outcome, also into generators."""
    got: list[Any] = []

    def plain() -> Generator[str, Any, None]:
        got.append((yield "waits"))
        got.append((yield "waits"))

    async def asynchronous() -> AsyncGenerator[str, Any]:
        got.append((yield "waits"))
        got.append((yield "waits"))

    one, other = plain(), asynchronous()
    assert (next(one), await anext(other)) == ("waits", "waits")
    assert (AWAKE.send(one), await AWAKE.asend(other)) == ("waits", "waits")
    assert got == [None, None]
    with pytest.raises(StopIteration):
        AWAKE.send(one)
    assert got == [None, None, None]
    await other.aclose()
