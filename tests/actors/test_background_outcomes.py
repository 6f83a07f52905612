"""How background work ends: completed, failed, cancelled or crashed; `test_background_vanished` has the rest."""

import signal
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import product
from subprocess import CalledProcessError
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, BackgroundResult, Context, Vanished, open_supervisor
from greenroom.actors._piece import judge, name_of
from greenroom.testing import Tree, open_tree

settle = trio.testing.wait_all_tasks_blocked


class Odd(BaseException):
    pass


class Holder(Actor[Any]):
    """Give its context away: who holds that acts for it."""

    def receive(self, message: Any, ctx: Context) -> None:
        if not isinstance(message, BackgroundResult):
            message.append(ctx)


async def context_of(tree: Tree) -> Context:
    got: list[Context] = []
    await tree.start(Holder, name="owner", mail=got)
    await settle()
    return got[0]


async def outcome(ctx: Context, work: Callable[..., Awaitable[Any]], *args: Any, cancel: bool = False) -> Any:
    """Run it, cancel it perhaps, and return its result."""
    started = ctx.run_in_background(work, *args)
    if cancel:
        await settle()
        assert ctx.cancel_background(started) == "signalled"
    return await ctx.wait_background(started)


async def gives(value: Any) -> Any:
    await trio.lowlevel.checkpoint()
    if isinstance(value, BaseException):
        raise value
    return value


async def cleans_up(how: Any) -> Any:
    """Come to an end of its own when it is cancelled."""
    try:
        await trio.sleep_forever()
    except trio.Cancelled:
        if isinstance(how, BaseException):
            raise how from None
        return how


async def test_work_that_returns_has_completed() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        for value in (None, 1, OSError):
            result = await outcome(ctx, gives, value)
            assert (result.kind, result.payload, result.cause) == ("completed", value, "")


async def test_work_that_raises_an_exception_or_a_group_of_them_has_failed() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        error = OSError("broken")
        result = await outcome(ctx, gives, error)
        assert (result.kind, result.payload, result.cause) == ("failed", error, "OSError: broken")
        group = ExceptionGroup("several", [OSError("a"), ValueError("b")])
        result = await outcome(ctx, gives, group)
        assert (result.kind, result.payload) == ("failed", group)


async def test_work_that_ends_by_the_cancellation_that_was_asked_for_is_cancelled() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        result = await outcome(ctx, trio.sleep_forever, cancel=True)
        assert (result.kind, result.payload, result.cause) == ("cancelled", None, "")


async def test_what_returns_or_raises_when_it_is_cancelled_has_completed_or_failed() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        result = await outcome(ctx, cleans_up, "saved", cancel=True)
        assert (result.kind, result.payload) == ("completed", "saved")
        result = await outcome(ctx, cleans_up, OSError("disk full"), cancel=True)
        assert (result.kind, result.cause) == ("failed", "OSError: disk full")


async def test_what_is_cancelled_before_it_began_runs_nothing_and_is_cancelled() -> None:
    ran: list[int] = []

    async def work() -> None:
        ran.append(1)

    async with open_tree("stage") as root:
        ctx = await context_of(root)
        for early in (True, False):
            if not early:  # the keeper's nursery is open
                ctx.run_in_background(trio.sleep, 1)
                await settle()
            started = ctx.run_in_background(work)
            assert ctx.cancel_background(started) == "signalled"
            assert (await ctx.wait_background(started)).kind == "cancelled"
        assert ran == []


async def test_what_ends_by_no_exception_has_crashed_and_is_logged_and_the_rest_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        other = ctx.run_in_background(gives, 1)
        odd = Odd("odd")
        result = await outcome(ctx, gives, odd)
        assert (result.kind, result.payload, result.cause) == ("crashed", odd, "Odd: odd")
        result = await outcome(ctx, gives, BaseExceptionGroup("group", [OSError("a"), Odd("b")]))
        assert result.kind == "crashed"
        assert (await ctx.wait_background(other)).kind == "completed"
        assert ctx.ref.lifecycle == "ready"
    assert [record.getMessage() for record in caplog.records] == [
        "/stage/owner: background work 2 (gives) crashed: Odd: odd",
        "/stage/owner: background work 3 (gives) crashed: group (2 sub-exceptions): OSError: a; Odd: b",
    ]


async def test_a_cancellation_that_nobody_asked_for_is_a_crash_and_the_next_work_has_a_new_nursery() -> None:
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        for _ in range(2):
            ctx.run_in_background(trio.sleep_forever)
        await settle()
        more = ctx.ref._slot.more
        assert more is not None
        assert more.background is not None
        nursery = more.background._keeper._nursery
        assert nursery is not None
        nursery.cancel_scope.cancel()
        await settle()
        results = ctx.drain_completed()
        assert [(result.kind, type(result.payload)) for result in results] == [("crashed", trio.Cancelled)] * 2
        assert (await outcome(ctx, gives, "well")).payload == "well"


@pytest.mark.parametrize("fatal", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_and_system_exit_in_the_work_end_the_tree(fatal: type[BaseException]) -> None:
    results: list[BackgroundResult] = []

    class Keeps(Holder):
        async def shutdown(self, ctx: Context, reason: object) -> None:
            results.extend(ctx.drain_completed())

    async def work() -> None:
        assert not trio.lowlevel.currently_ki_protected()
        await trio.lowlevel.checkpoint()
        if fatal is KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
        raise fatal(3)

    async def main() -> None:
        got: list[Context] = []
        async with open_supervisor("stage") as root:
            await root.start(Keeps, mail=got)
            await settle()
            for each in (work, trio.sleep_forever):
                got[0].run_in_background(each)
            await trio.sleep_forever()

    with pytest.raises(fatal):
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert [result.kind for result in results] == ["crashed", "cancelled"]


async def a_cancellation() -> trio.Cancelled:
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await trio.lowlevel.checkpoint()
        except trio.Cancelled as error:
            return error
    raise AssertionError("it was not cancelled")


def test_the_kind_of_an_end_follows_from_what_came_out_and_what_was_asked() -> None:
    """The whole product."""
    cancelled = trio.run(a_cancellation)
    gone = Vanished("gone")
    killed = CalledProcessError(-9, "x")
    errors: list[tuple[BaseException | None, str]] = [
        (None, "cancelled"),
        (OSError(), "failed"),
        (gone, "vanished"),
        (killed, "vanished"),
        (CalledProcessError(1, "x"), "failed"),
        (ExceptionGroup("", [gone, killed]), "vanished"),
        (ExceptionGroup("", [gone, OSError()]), "failed"),
        (Odd(), "crashed"),
        (KeyboardInterrupt(), "crashed"),
        (BaseExceptionGroup("", [Odd(), gone]), "crashed"),
        (BaseExceptionGroup("", [cancelled, gone]), "crashed"),
        (cancelled, "crashed"),
        (BaseExceptionGroup("", [cancelled]), "crashed"),
    ]
    for (error, kind), was_told, is_left in product(errors, (True, False), (True, False)):
        expected = kind
        if error is None or (was_told and error in (cancelled, errors[-1][0])):
            expected = "vanished" if is_left else "cancelled"
        assert judge(error, is_done=False, was_told=was_told, is_left=is_left) == expected
        assert judge(None, is_done=True, was_told=was_told, is_left=is_left) == "completed"


def test_work_without_a_name_has_its_functions() -> None:
    class Callee:
        async def __call__(self) -> None:
            pass

    assert name_of(gives) == "gives"
    assert name_of(partial(partial(gives, 1))) == "gives"
    assert name_of(Callee()) == "Callee"


# -- P30


class Hostile:
    """Be a user's value whose every look runs user code."""

    touched: list[Any] = []  # noqa: RUF012 -- shared on purpose

    def _touch(self, *_: object) -> Any:
        Hostile.touched.append(self)
        raise KeyError("hostile")

    __eq__ = __ne__ = __hash__ = __repr__ = __str__ = __bool__ = __len__ = __iter__ = _touch


class HostileError(Hostile, Exception):
    pass


class Watched(dict[int, Any]):
    """Be books that note whether Ctrl-C could have fallen into a change of them."""

    def __init__(self) -> None:
        super().__init__()
        self.protected: list[bool] = []

    def _note(self) -> None:
        self.protected.append(trio.lowlevel.currently_ki_protected())

    def __setitem__(self, key: int, value: Any) -> None:
        self._note()
        super().__setitem__(key, value)

    def __delitem__(self, key: int) -> None:
        self._note()
        super().__delitem__(key)

    def pop(self, key: int, *default: Any) -> Any:
        self._note()
        return super().pop(key, *default)

    def clear(self) -> None:
        self._note()
        super().clear()


async def test_p30_no_step_runs_the_users_code_and_ctrl_c_falls_into_none() -> None:
    """However hostile prompts, results and errors are; the text of an error is made outside of all steps."""
    Hostile.touched.clear()
    async with open_tree("stage") as root:
        ctx = await context_of(root)
        for number in (1, 2):
            ctx.run_in_background(gives, number)
        await settle()
        ctx.drain_completed()
        more = ctx.ref._slot.more
        assert more is not None
        books = more.background
        assert books is not None
        running, ended = books._running, books._ended = Watched(), Watched()
        for value in (Hostile(), None):
            ctx.run_in_background(gives, value, prompt=Hostile())
        ctx.run_in_background(gives, Hostile(), prompt=Hostile(), deliver="mail")
        await settle()
        assert len(ctx.drain_completed()) == 2
        kept = await outcome(ctx, gives, Hostile())
        assert isinstance(kept.payload, Hostile)
        assert Hostile.touched == []
        assert (await outcome(ctx, gives, HostileError())).cause == "HostileError: (its text could not be made)"
        ctx.run_in_background(gives, 1)
        await settle()
        await ctx.wait_background(8)
        ctx.run_in_background(trio.sleep_forever)
        await settle()
        await ctx.ref.stop()
    assert len(running.protected) > 10
    assert len(ended.protected) > 5
    assert all(running.protected)
    assert all(ended.protected)
