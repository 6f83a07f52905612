"""P25: waiting for any or all of some actors, and for mail."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    ActorRef,
    ActorStopped,
    Agent,
    Completed,
    Context,
    Deadlock,
    Errored,
    Idle,
    Interrupted,
    InvalidSpec,
    Limits,
    Request,
    Running,
    Turn,
    Waited,
    open_supervisor,
    races,
)
from greenroom.races import Sim
from greenroom.testing import open_tree

from .plain import Plain

settle = trio.testing.wait_all_tasks_blocked
Do = Callable[[Context], Awaitable[Any]]


class Works(Agent[Any]):
    """Sleep for as long as each message says, and return the last one."""

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        for mail in turn.mail:
            if mail.message == "fail":
                raise ValueError("no")
            await trio.sleep(mail.message)
        return turn.mail[-1].message


async def does(ctx: Context, do: Do, got: list[Any]) -> None:
    got.append(await do(ctx))


async def told(root: Any, do: Do) -> Any:
    """Return what an actor gets when it does something."""
    got: list[Any] = []
    await root.start_soon(does, do, got).wait_stopped()
    return got[0]


def waits(refs: Any, **options: Any) -> Do:
    async def do(ctx: Context) -> Waited:
        return await ctx.wait(refs, **options)

    return do


@pytest.mark.parametrize(("mode", "after"), [("any", 1), ("all", 3)])
async def test_p25_any_returns_with_the_first_and_all_with_the_last(mode: Any, after: float) -> None:
    async with open_tree() as root:
        refs = [root.start_soon(Works, name=f"a{number}") for number in range(3)]
        for seconds, ref in zip((3, 1, 2), refs, strict=True):
            ref.tell(seconds)
        begun = trio.current_time()
        waited: Waited = await told(root, waits(refs, mode=mode))
        assert trio.current_time() - begun == after
        assert waited.settled == (tuple(refs) if mode == "all" else (refs[1],))
        assert waited.pending == (() if mode == "all" else (refs[0], refs[2]))
        assert waited.statuses[refs[1]] == Completed(1)
        assert mode == "all" or waited.statuses[refs[0]] == Running()
        assert not waited.timed_out


async def test_p25_it_looks_at_the_present_first() -> None:
    async with open_tree() as root:
        done, working = root.start_soon(Works), root.start_soon(Works)
        done.tell(1)
        await trio.sleep(2)
        working.tell(100)
        begun = trio.current_time()
        waited = await told(root, waits([working, done]))
        assert trio.current_time() == begun
        assert waited.settled == (done,)


@pytest.mark.parametrize("mode", ["any", "all"])
async def test_p25_it_returns_at_once_when_nothing_more_can_come(mode: Any) -> None:
    async with open_tree() as root:
        quiet, ended = root.start_soon(Works), root.start_soon(Plain)
        await ended.stop()
        await quiet.wait_ready()
        begun = trio.current_time()
        for refs in ([], [ended], [quiet], [quiet, ended], [quiet, quiet]):
            waited = await told(root, waits(refs, mode=mode, timeout=1_000))
            assert not waited.timed_out
            assert waited.pending == ()
        assert trio.current_time() == begun
        assert waited.quiet == (quiet,)
        assert waited.statuses == {quiet: Idle()}


async def test_p25_mail_that_waits_is_work_and_queue_only_mail_is_none() -> None:
    async with open_tree() as root:
        ref = root.start_soon(Works)
        ref.tell(5, trigger_turn=False)
        await ref.wait_ready()
        assert (await told(root, waits([ref]))).quiet == (ref,)
        ref.tell(1)
        begun = trio.current_time()
        waited = await told(root, waits([ref]))
        assert (waited.settled, trio.current_time() - begun) == ((ref,), 6)


async def test_p25_a_child_that_is_starting_is_waited_for() -> None:
    class Slow(Works):
        async def startup(self, ctx: Context) -> None:
            await trio.sleep(4)

    async with open_tree() as root:
        ref = root.start_soon(Slow)
        ref.tell(1)
        waited = await told(root, waits([ref]))
        assert (waited.statuses[ref], trio.current_time()) == (Completed(1), 5)
        without_mail = root.start_soon(Slow)
        waited = await told(root, waits([without_mail]))
        assert (waited.quiet, trio.current_time()) == ((without_mail,), 9)


async def test_p25_each_kind_of_outcome_settles() -> None:
    async with open_tree() as root:
        failed, stopped, interrupted, crashed = (root.start_soon(Works, name=name) for name in "abcd")
        plain = root.start_soon(Plain)
        failed.tell("fail")
        for ref in (stopped, interrupted, crashed):
            ref.tell(100)
        plain.tell(0)

        async def later() -> None:
            await trio.sleep(1)
            await interrupted.interrupt()
            crashed.crash(ValueError("gone"))
            await plain.stop()
            await stopped.kill()

        root.start_soon(does, lambda _: later(), [])
        waited = await told(root, waits([failed, stopped, interrupted, crashed, plain], mode="all"))
        assert waited.pending == ()
        kinds = [type(status).__name__ for status in waited.statuses.values()]
        assert kinds == ["Errored", "Shutdown", "Interrupted", "Errored", "Shutdown"]
        assert isinstance(waited.statuses[failed], Errored)
        assert waited.statuses[interrupted] == Interrupted()


async def test_p25_a_plain_actor_settles_when_it_ends_only() -> None:
    async with open_tree() as root:
        ref = root.start_soon(Plain)
        ref.tell(1)
        waited = await told(root, waits([ref], timeout=10))
        assert (waited.timed_out, waited.pending, trio.current_time()) == (True, (ref,), 10)


async def test_p25_who_settles_and_goes_on_at_once_has_settled() -> None:
    """Between the step in which a turn ends and the one in which the waiting task goes on, new mail starts another."""
    async with open_tree() as root:
        ref = root.start_soon(Works)
        ref.tell(1)
        got: list[Any] = []
        root.start_soon(does, waits([ref]), got)
        async with ref.subscribe() as changes:
            async for change in changes:
                if change.status == Completed(1):
                    ref.tell(1_000)
                    break
        await settle()
        assert got[0].settled == (ref,)
        assert got[0].statuses[ref] == Completed(1)


async def test_p25_who_has_settled_stays_so_while_others_are_waited_for() -> None:
    async with open_tree() as root:
        first, second = root.start_soon(Works), root.start_soon(Works)
        first.tell(1)
        second.tell(5)

        async def again() -> None:
            await trio.sleep(2)
            first.tell(1_000)

        root.start_soon(does, lambda _: again(), [])
        waited = await told(root, waits([first, second], mode="all"))
        assert (waited.settled, trio.current_time()) == ((first, second), 5)
        assert waited.statuses[first] == Completed(1)
        assert first.status == Running()


async def test_p25_it_takes_no_report_and_no_mail() -> None:
    async with open_tree() as root:
        seen: list[Any] = []

        async def parent(ctx: Context) -> None:
            child = ctx.start_soon(Works)
            child.tell(1)
            await ctx.wait([child])
            assert await ctx.wait_for_mail()
            assert await ctx.wait_for_mail()
            seen.extend(ctx.reports.drain())
            seen.append(await ctx.receive())

        ref = root.start_soon(parent)
        ref.tell("mail")
        await ref.wait_stopped()
        assert [type(each).__name__ for each in seen] == ["TurnFinished", "str"]


async def test_p25_a_timeout_is_the_default_is_raised_or_is_refused() -> None:
    limits = Limits(default_wait=20, min_wait=5, max_wait=50)
    async with open_supervisor("stage", limits=limits) as root:
        ref = root.start_soon(Works)
        ref.tell(1_000)
        for timeout, seconds, note in (
            (None, 20, ""),
            (1, 5, "1 s raised to Limits.min_wait"),
            (7, 7, ""),
            (50, 50, ""),
        ):
            begun = trio.current_time()
            waited = await told(root, waits([ref], timeout=timeout))
            assert (waited.timed_out, waited.timeout, waited.note) == (True, seconds, note)
            assert trio.current_time() - begun == seconds
        with pytest.raises(ValueError, match=r"timeout is 50\.5 s, and Limits\.max_wait is 50 s; wait again"):
            await raised(root, waits([ref], timeout=50.5))
        await ref.kill()


async def raised(root: Any, do: Do) -> Any:
    """Raise what an actor's code raised."""

    async def tries(ctx: Context, errors: list[Exception]) -> None:
        try:
            await do(ctx)
        except (TypeError, ValueError, Deadlock) as error:
            errors.append(error)

    errors: list[Exception] = []
    await root.start_soon(tries, errors).wait_stopped()
    if errors:
        raise errors[0]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"default_wait": -1}, "Limits.default_wait: -1 is not a finite number"),
        ({"min_wait": "1"}, "Limits.min_wait: '1' is not"),
        ({"max_wait": float("inf")}, "Limits.max_wait: inf is not"),
        ({"max_wait": None}, "Limits.max_wait: None is not"),
        ({"min_wait": True}, "Limits.min_wait: True is not"),
        ({"default_wait": float("nan")}, "Limits.default_wait: nan is not"),
        ({"min_wait": 40}, "min_wait 40, default_wait 30 and max_wait 3600 contradict"),
        ({"max_wait": 10}, "min_wait 0, default_wait 30 and max_wait 10 contradict"),
    ],
)
def test_p25_limits_that_contradict_each_other_are_refused(options: Any, text: str) -> None:
    with pytest.raises(InvalidSpec, match=text):
        Limits(**options)


@pytest.mark.parametrize(
    ("refs", "options", "error", "text"),
    [
        ("abc", {}, TypeError, "'abc' are no refs of actors"),
        (3, {}, TypeError, "3 are no refs"),
        (None, {}, TypeError, "None are no refs"),
        ([None], {}, TypeError, "no refs"),
        ([], {"mode": "some"}, ValueError, "mode is 'some'; give 'any' or 'all'"),
        ([], {"timeout": -1}, ValueError, "timeout is -1; give a finite number of seconds from 0, or None"),
        ([], {"timeout": "3"}, ValueError, "timeout is '3'"),
        ([], {"timeout": float("nan")}, ValueError, "timeout is nan"),
        ([], {"timeout": float("inf")}, ValueError, "timeout is inf"),
        ([], {"timeout": True}, ValueError, "timeout is True"),
    ],
)
async def test_p25_what_cannot_be_waited_for_is_refused(refs: Any, options: Any, error: Any, text: str) -> None:
    async with open_tree() as root:
        with pytest.raises(error, match=text):
            await raised(root, waits(refs, **options))


async def test_p25_another_trees_actors_are_refused() -> None:
    async with open_tree() as root, open_supervisor("other") as other:
        ref = other.start_soon(Plain, name="a")
        with pytest.raises(ValueError, match="/other/a is of another tree"):
            await raised(root, waits([ref]))


async def test_p25_waiting_for_oneself_is_a_deadlock() -> None:
    async with open_tree() as root:

        async def itself(ctx: Context) -> None:
            await ctx.wait([ctx.ref], timeout=5)

        with pytest.raises(Deadlock):
            await raised(root, itself)


class Get(Request[int]):
    pass


async def test_p25_who_waits_for_one_that_waits_for_it_hears_so_at_once() -> None:
    async with open_tree() as root:
        one = root.start_soon(Plain, name="one")
        errors: list[Exception] = []

        async def asks_back(_ctx: Context) -> None:
            await trio.sleep(1)
            try:
                await one.ask(Get())
            except Deadlock as error:
                errors.append(error)

        other = root.start_soon(asks_back, name="other")
        one.tell(waits([other], timeout=20))
        await other.wait_stopped()
        assert len(errors) == 1
        assert trio.current_time() == 1


async def test_p25_a_context_whose_incarnation_has_ended_waits_for_nothing() -> None:
    kept: list[Context] = []

    async def keeps(ctx: Context) -> None:
        kept.append(ctx)

    async with open_tree() as root:
        await root.start_soon(keeps).wait_stopped()
        with pytest.raises(ActorStopped):
            await kept[0].wait([])
        with pytest.raises(ActorStopped):
            await kept[0].wait_for_mail()


async def test_p25_a_pinned_ref_settles_with_its_incarnation() -> None:
    async with open_tree() as root:
        ref = root.start_soon(Plain, restart="permanent")
        await ref.wait_ready()
        pinned: ActorRef[Any] = ref.pin()
        ref.crash(ValueError("again"))
        waited = await told(root, waits([pinned], timeout=5))
        assert (waited.settled, waited.timed_out) == ((pinned,), False)
        assert (await told(root, waits([ref], timeout=5))).timed_out


async def never_misses(sim: Sim, mode: Any) -> None:
    """Three agents, told at different moments; who waits for them returns, and knows what they came to."""
    async with open_supervisor("stage") as root:
        refs = [root.start_soon(Works, name=f"a{number}") for number in range(3)]
        got: list[Waited] = []

        async def do(ctx: Context) -> None:
            with sim.scope("victim"):
                got.append(await ctx.wait(refs, mode=mode, timeout=100))

        async def tells() -> None:
            for ref in refs[1:]:
                await trio.lowlevel.checkpoint()
                ref.tell(0)

        refs[0].tell(0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tells)
            waiting = root.start_soon(does, do, [])
            await waiting.wait_stopped()
        assert trio.current_time() == 0, "it waited for its timeout"
        for waited in got:
            assert not waited.timed_out
            assert waited.settled
            assert mode == "any" or not waited.pending
        assert all(not (ref._slot.more and ref._slot.more.observers) for ref in refs)


@pytest.mark.parametrize("mode", ["any", "all"])
def test_p25_no_order_of_steps_misses_a_wakeup(mode: Any) -> None:
    found = races.search(never_misses, mode, schedules=300)
    assert found is None, str(found)


@pytest.mark.parametrize("mode", ["any", "all"])
def test_p25_a_cancelled_wait_leaves_nothing(mode: Any) -> None:
    sweep = races.cancel_everywhere(never_misses, mode, schedules=5)
    assert not sweep.failures, str(sweep)
