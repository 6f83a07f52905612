from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorCrashed,
    ActorStopped,
    Agent,
    AskTimeout,
    Context,
    MailboxSpec,
    Request,
    StartupFailed,
    Turn,
    open_supervisor,
)
from greenroom.testing import open_tree

from .server import ALL, PLAIN, AgentServer, Fail, Get, Server, Slow, is_free_of_waits

settle = trio.testing.wait_all_tasks_blocked


@pytest.mark.parametrize("factory", ALL)
async def test_an_ask_gets_the_answer(factory: Callable[..., Any]) -> None:
    """P17."""
    async with open_tree("stage") as root:
        ref = root.start_soon(factory)
        assert [await ref.ask(Get()) for _ in range(3)] == [1, 2, 3]
        assert is_free_of_waits(root)


async def test_an_ask_before_ready_is_answered_when_it_is() -> None:
    """P17."""

    class Late(Server):
        async def startup(self, ctx: Context) -> None:
            await settle()

    async with open_tree("stage") as root:
        assert await root.start_soon(Late).ask(Get()) == 1


@pytest.mark.parametrize("factory", PLAIN)
async def test_the_error_of_a_handler_reaches_the_asker_as_the_cause(factory: Callable[..., Any]) -> None:
    """P17."""
    async with open_tree("stage") as root:
        ref = root.start_soon(factory)
        request = Fail()
        with pytest.raises(ActorCrashed) as caught:
            await ref.ask(request)
        error = caught.value
        assert isinstance(error.error, LookupError)
        assert error.__cause__ is error.error
        assert (error.message, error.path, error.begun) == (request, ref.path, True)
        assert str(error) == f"{ref.path}: crashed: LookupError: no such key"
        root.reports.drain()


async def test_the_error_of_a_turn_reaches_the_asker_and_the_agent_goes_on() -> None:
    """P17, P23."""
    async with open_tree("stage") as root:
        ref = root.start_soon(AgentServer)
        with pytest.raises(ActorCrashed, match="LookupError"):
            await ref.ask(Fail())
        assert await ref.ask(Get()) == 2
        root.reports.drain()


@pytest.mark.parametrize("factory", ALL)
async def test_an_ask_to_a_dead_actor_fails_at_once(factory: Callable[..., Any]) -> None:
    """P17."""
    async with open_tree("stage") as root:
        ref = root.start_soon(factory)
        await ref.stop()
        before = trio.current_time()
        request = Get()
        with pytest.raises(ActorStopped) as caught:
            await ref.ask(request, timeout=10)
        assert trio.current_time() == before
        assert caught.value.message is request
        assert [entry for *_, entry in root._slot.runtime.deadlines._heap if not entry.is_chore] == []


@pytest.mark.parametrize("factory", ALL)
@pytest.mark.parametrize("end", ["stop", "kill", "crash"])
async def test_asks_to_an_actor_that_dies_fail_at_once(factory: Callable[..., Any], end: str) -> None:
    """P17: the one in hand and those that wait, long before their timeout."""
    async with open_tree("stage") as root:
        ref = root.start_soon(factory, shutdown=1.0)
        errors: list[Exception] = []

        async def ask(request: Request[Any]) -> None:
            with pytest.raises((ActorStopped, ActorCrashed)) as caught:
                await ref.ask(request, timeout=1_000)
            errors.append(caught.value)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, Slow(100_000))
            await settle()
            nursery.start_soon(ask, Get())
            nursery.start_soon(ask, Get())
            await settle()
            before = trio.current_time()
            if end == "crash":
                ref.crash(OSError("pulled out"))
            else:
                nursery.start_soon(ref.stop if end == "stop" else ref.kill)
        assert trio.current_time() - before <= (1.0 if end == "stop" else 0.0)
        assert len(errors) == 3
        expected = ActorCrashed if end == "crash" else ActorStopped
        assert all(type(error) is expected for error in errors)
        assert is_free_of_waits(root)
        root.reports.drain()


@pytest.mark.parametrize("factory", ALL)
async def test_a_request_that_timed_out_before_it_began_is_not_executed(factory: Callable[..., Any]) -> None:
    """P17."""
    async with open_tree("stage") as root, root.dead_letters.subscribe() as feed:
        ref = root.start_soon(factory)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.ask, Slow(10))
            await settle()
            request = Get()
            with pytest.raises(AskTimeout, match="it had not begun and will not be executed"):
                await ref.ask(request, timeout=1)
            letter = await anext(feed)
            assert (letter.message, letter.reason) == (request, "caller gone")
            assert ref._slot.box.waiting == 0
        assert await ref.ask(Get()) == 2
        assert root.dead_letters.total == 1


@pytest.mark.parametrize("factory", ALL)
async def test_a_request_whose_caller_left_before_it_began_is_not_executed(factory: Callable[..., Any]) -> None:
    """P17."""
    async with open_tree("stage") as root:
        ref = root.start_soon(factory)
        with trio.CancelScope() as scope:
            scope.cancel()
            await ref.ask(Get())
        assert scope.cancelled_caught
        assert dict(root.dead_letters.counts) == {"caller gone": 1}
        assert await ref.ask(Get()) == 1


@pytest.mark.parametrize("factory", ALL)
async def test_a_late_reply_is_counted_and_dropped(factory: Callable[..., Any]) -> None:
    """P17: and the handler is not cancelled."""
    async with open_tree("stage") as root, root.dead_letters.subscribe() as feed:
        ref = root.start_soon(factory)
        with pytest.raises(AskTimeout, match="it had begun"):
            await ref.ask(Slow(10), timeout=1)
        letter = await anext(feed)
        assert (letter.message, letter.reason, letter.seq) == ("slow", "late reply", 0)
        assert await ref.ask(Get()) == 2


async def test_an_abandoned_ask_frees_its_place() -> None:
    """P17: who waited for room gets in, and the actor is told of it."""
    async with open_tree("stage") as root:
        ref = root.start_soon(Server, mailbox=MailboxSpec(1, "wait"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.ask, Slow(10))
            await settle()
            nursery.start_soon(swallow_timeout, ref, 1.0)
            await settle()
            before = trio.current_time()
            await ref.send(Get())
            assert trio.current_time() - before == pytest.approx(1.0)


async def swallow_timeout(ref: Any, timeout: float) -> None:
    with pytest.raises(AskTimeout):
        await ref.ask(Get(), timeout=timeout)


# -- pinned refs


@pytest.mark.parametrize("factory", PLAIN)
async def test_an_ask_to_a_pinned_incarnation_fails_when_that_ends(factory: Callable[..., Any]) -> None:
    """P17: queued, and of no interest to the next incarnation."""
    async with open_tree("stage") as root:
        ref = root.start_soon(factory, restart="permanent")
        await ref.wait_ready()
        pinned = ref.pin()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ignore_crash, ref.ask, Slow(1_000))
            await settle()

            async def ask() -> None:
                with pytest.raises(ActorStopped, match="incarnation 1, to which this request was pinned, has ended"):
                    await pinned.ask(Get())

            nursery.start_soon(ask)
            await settle()
            ref.crash(OSError("crash"))
        await ref.wait_ready()
        assert ref.incarnation == 2
        assert await ref.ask(Get()) == 1
        assert dict(root.dead_letters.counts) == {"old incarnation": 1}
        with pytest.raises(ActorStopped, match="pinned"):
            await pinned.ask(Get())
        root.reports.drain()


async def ignore_crash(ask: Callable[[Any], Awaitable[Any]], request: Any) -> None:
    with pytest.raises(ActorCrashed):
        await ask(request)


async def test_an_ask_to_a_pinned_incarnation_that_lives_is_answered() -> None:
    """P17."""
    async with open_tree("stage") as root:
        ref = root.start_soon(Server)
        await ref.wait_ready()
        assert await ref.pin().ask(Get()) == 1


# -- cancellation at every checkpoint


async def test_an_ask_to_an_agent_that_was_drained_is_answered_by_that_turn() -> None:
    """P17, P21, P23."""
    go, begun = trio.Event(), trio.Event()

    class Drainer(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
            begun.set()
            await go.wait()
            return [mail.kind for mail in turn.drain()]

    async with open_tree("stage") as root:
        ref = root.start_soon(Drainer)
        ref.tell("begin")
        await begun.wait()
        answers: list[Any] = []

        async def ask() -> None:
            answers.append(await ref.ask(Get()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            nursery.start_soon(ask)
            await settle()
            go.set()
        assert answers == [["request", "request"]] * 2
        root.reports.drain()


async def test_a_drained_ask_whose_caller_left_is_not_given_to_the_next_turn() -> None:
    """P14, P17: drained, not committed, given back; but there is nobody to answer."""
    seen: list[list[str]] = []
    drained, go = trio.Event(), trio.Event()

    class Drainer(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            seen.append([mail.kind for mail in turn.mail])
            if len(seen) == 1:
                await go.wait()
                turn.drain()
                drained.set()
                await trio.sleep_forever()

    async with open_tree("stage") as root:
        ref = root.start_soon(Drainer)
        ref.tell("begin")
        await settle()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.ask, Get())
            await settle()
            go.set()
            await drained.wait()
            nursery.cancel_scope.cancel()
        ref.tell("after")
        await ref.interrupt()
        await settle()
        assert seen == [["message"], ["message"]]
        assert dict(root.dead_letters.counts) == {"caller gone": 1}
        root.reports.drain()


async def test_a_failed_start_answers_asks_with_its_cause() -> None:
    """P10, P17."""

    class Broken(Server):
        async def startup(self, ctx: Context) -> None:
            await settle()
            raise OSError("no luck")

    async with open_tree("stage") as root:
        ref = root.start_soon(Broken)
        with pytest.raises(StartupFailed, match="failed to initialize: OSError: no luck") as caught:
            await ref.ask(Get(), timeout=1)
        assert isinstance(caught.value.message, Get)
        root.reports.drain()


class _Waits(Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> None:
        await trio.sleep_forever()


def test_p17_an_ask_at_the_door_times_out_also_when_room_comes_in_that_very_moment() -> None:
    """Trio's order within a batch decides, so it is tried often: a step that takes long, the list of deadlines, whoever makes room."""

    class Hello(Request[None]):
        pass

    async def main() -> None:
        clock = trio.lowlevel.current_clock()
        assert isinstance(clock, trio.testing.MockClock)
        left = trio.CancelScope()

        async def ask(ref: Any, timeout: float, scope: trio.CancelScope) -> None:
            with scope, suppress(AskTimeout):
                await ref.ask(Hello(), timeout=timeout)

        async def slow() -> None:
            await trio.sleep(0.5)
            clock.jump(1)

        async def make_room() -> None:
            await trio.sleep(0.5)
            left.cancel()

        async with open_supervisor("stage") as root:
            full = await root.start(_Waits, mailbox=MailboxSpec(1, "wait"), shutdown=0)
            other = await root.start(_Waits, shutdown=0)
            full.tell("in hand")
            await trio.testing.wait_all_tasks_blocked()
            with trio.fail_after(60):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(ask, full, 50, left)
                    await trio.testing.wait_all_tasks_blocked()
                    nursery.start_soon(ask, full, 1, trio.CancelScope())
                    nursery.start_soon(ask, other, 0.5, trio.CancelScope())
                    nursery.start_soon(slow)
                    nursery.start_soon(make_room)
                    await trio.testing.wait_all_tasks_blocked()
                    clock.jump(0.5)
                    await trio.testing.wait_all_tasks_blocked()
                    clock.autojump_threshold = 0
            root.reports.drain()

    for _ in range(100):
        trio.run(main, clock=trio.testing.MockClock())
