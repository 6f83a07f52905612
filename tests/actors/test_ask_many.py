"""`ask_many`: many requests with one waiter, each with one answer or error, as by `ask`."""

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorCrashed,
    ActorRef,
    ActorStopped,
    ActorStopping,
    AskTimeout,
    Context,
    Deadlock,
    GreenroomError,
    Limits,
    MailboxFull,
    MailboxSpec,
    Request,
    StartupFailed,
    TurnInterrupted,
    ask_many,
)
from greenroom.actors import _steps
from greenroom.testing import open_tree

from .server import ALL, AgentServer, Fail, Get, Server, Slow, function_server, is_free_of_waits
from .step import cancel_after

settle = trio.testing.wait_all_tasks_blocked
#: Requests are bundled, or a letter each.
BOTH = pytest.mark.parametrize("spec", [MailboxSpec(), MailboxSpec(100)], ids=["bundled", "letters"])


class Echo(Request[int]):
    def __init__(self, number: int, seconds: float = 0) -> None:
        self.number, self.seconds = number, seconds


class Echoes(Actor[Echo]):
    """Answer with the number, after a while; fail on a number below 0."""

    def __init__(self, handled: list[int] | None = None) -> None:
        self.handled = [] if handled is None else handled

    async def receive(self, message: Echo, ctx: Context) -> int:
        self.handled.append(message.number)
        if message.seconds:
            await trio.sleep(message.seconds)
        if message.number < 0:
            raise LookupError(f"no {message.number}")
        return message.number


class Run(Request[Any]):
    """Run an async function in the handler."""

    def __init__(self, function: Any) -> None:
        self.function = function


class Runs(Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> Any:
        return await message.function(ctx) if isinstance(message, Run) else message


# -- answers


@pytest.mark.parametrize("factory", ALL)
async def test_the_answers_come_in_the_order_of_the_requests(factory: Callable[..., Any]) -> None:
    """P17: whoever is done first."""
    async with open_tree("stage") as root:
        refs = [root.start_soon(factory) for _ in range(4)]
        requests: list[Request[Any]] = [Slow(5), Get(), Slow(1), Get()]
        assert await ask_many(zip(refs, requests, strict=True)) == ["slow", 1, "slow", 1]
        assert is_free_of_waits(root)


async def test_who_gets_several_handles_them_in_order() -> None:
    """P17."""
    async with open_tree("stage") as root:
        one, other = root.start_soon(Server), root.start_soon(function_server)
        answers = await ask_many([(one, Slow(5)), (other, Get()), (one, Get()), (other, Get()), (one, Get())])
        assert answers == ["slow", 1, 2, 2, 3]
        assert is_free_of_waits(root)


@BOTH
async def test_it_takes_as_long_as_the_slowest(spec: MailboxSpec) -> None:
    async with open_tree("stage") as root:
        refs = [root.start_soon(Echoes, mailbox=spec) for _ in range(50)]
        before = trio.current_time()
        assert await ask_many((ref, Echo(n, n)) for n, ref in enumerate(refs)) == list(range(50))
        assert trio.current_time() == before + 49


async def test_none_are_answered_by_none() -> None:
    """It is a checkpoint all the same."""
    with trio.testing.assert_checkpoints():
        assert await ask_many([]) == []
    with trio.CancelScope() as scope:
        scope.cancel()
        await ask_many([])
    assert scope.cancelled_caught


async def test_no_task_is_made_for_a_request() -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Echoes)
        await ref.wait_ready()
        before = trio.lowlevel.current_statistics().tasks_living
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                await ask_many((ref, Echo(n, 1)) for n in range(20))

            nursery.start_soon(ask)
            await settle()
            # Itself, and the one that stays with the actor that sleeps, for which another stands by.
            assert trio.lowlevel.current_statistics().tasks_living <= before + 2


async def test_answers_leave_nothing_for_the_garbage_collector() -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Echoes)
        request = Echo(1)
        gone = weakref.ref(request)
        gc.collect()
        gc.disable()
        try:
            await ask_many([(ref, request)])
            del request
            await settle()
            assert gone() is None
        finally:
            gc.enable()


# -- bad input


def going_wrong() -> Iterator[Any]:
    yield from ()
    raise OSError("no more")


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (None, "ask_many: None is nothing to go through; give pairs"),
        (7, "ask_many: 7 is nothing to go through"),
        (lambda ref: ref, "is nothing to go through"),
        (lambda ref: (ref, Get()), "ask_many: number 0 is <ActorRef /stage/server"),
        (lambda ref: [(ref, Get()), ref], "ask_many: number 1 is <ActorRef"),
        (lambda ref: {ref: Get()}, "ask_many: number 0 is <ActorRef"),
        (lambda ref: [(ref, Get(), 1.0)], "1.0\\); give pairs \\(ref, request\\)"),
        (lambda ref: [[ref, Get()]], "ask_many: number 0 is \\[<ActorRef"),
        (lambda ref: [(Get(), ref)], "ask_many: number 0 is for <.*Get object.*>, which is no ActorRef"),
        (
            lambda ref: [(ref, Get()), ("/stage/server", Get())],
            "ask_many: number 1 is for '/stage/server', which is no",
        ),
        ("ab", "ask_many: number 0 is 'a'"),
        (lambda ref: [(ref, Get()), None], "ask_many: number 1 is None"),
    ],
)
async def test_what_is_no_pair_is_told_and_nothing_is_sent(bad: Any, word: str) -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Server, name="server")
        with pytest.raises(TypeError, match=word):
            await ask_many(bad(ref) if callable(bad) else bad)
        assert await ref.ask(Get()) == 1


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "1", [1.0]])
async def test_a_bad_timeout_is_told(seconds: Any) -> None:
    with pytest.raises(ValueError, match=r"ask_many: timeout is .*; give a finite number of seconds from 0"):
        await ask_many([], timeout=seconds)


async def test_a_bad_option_is_told() -> None:
    with pytest.raises(TypeError, match="ask_many: return_errors is 'yes'; give True or False"):
        await ask_many([], return_errors="yes")  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "surplus",
    [(Get(),), (5.0,), (None,), (Get(), 5.0), (True, False)],
    ids=["request", "seconds", "none", "request-seconds", "flags"],
)
async def test_what_stands_beside_the_requests_is_told_with_the_way_to_ask_many_the_same(
    surplus: tuple[Any, ...],
) -> None:
    async with open_tree("stage") as root:
        refs = [root.start_soon(Server), root.start_soon(Server)]
        with pytest.raises(TypeError) as told:
            await ask_many(refs, *surplus)  # type: ignore[call-overload]
        assert str(told.value) == (
            f"ask_many: {surplus[0]!r} stands beside the requests; give pairs: one request to many is"
            " `ask_many([(ref, request) for ref in refs])`, and the options have names"
        )
        assert await ask_many([(ref, Get()) for ref in refs]) == [1, 1]


async def test_an_error_of_the_callers_own_passes() -> None:
    with pytest.raises(OSError, match="no more"):
        await ask_many(going_wrong())
    with pytest.raises(TypeError, match="unsupported operand"):
        await ask_many(1 + "x" for _ in range(1))  # type: ignore[operator, misc]


async def test_requests_that_end_whom_they_are_for_are_refused() -> None:
    """Reading them may run the caller's code; whether there is somebody to ask is looked at afterwards."""
    async with open_tree("stage") as root:
        ref = root.start_soon(Server)

        def pairs() -> Iterator[Any]:
            yield ref, Get()
            ref.request_stop()
            yield ref, Get()

        with pytest.raises(GreenroomError):
            await ask_many(pairs())
        await ref.wait_stopped()
        assert root.dead_letters.total == 0


# -- errors


async def test_the_first_error_is_raised_and_the_rest_given_up() -> None:
    """P17: what has not begun is not executed and is a dead letter."""
    async with open_tree("stage") as root:
        handled: list[int] = []
        refs = [root.start_soon(Echoes, handled, restart="permanent") for _ in range(3)]
        requests = [Echo(-1, 1), Echo(2, 5), Echo(-3, 2), Echo(4)]
        before = trio.current_time()
        with pytest.raises(ActorCrashed) as caught:
            await ask_many(zip([*refs, refs[1]], requests, strict=True))
        assert trio.current_time() == before + 1
        assert caught.value.message is requests[0]
        assert caught.value.path == refs[0].path
        assert caught.value.__cause__ is caught.value.error
        await trio.sleep(10)
        assert sorted(handled) == [-3, -1, 2]
        assert dict(root.dead_letters.counts) == {"caller gone": 1, "late reply": 1}
        assert is_free_of_waits(root)
        root.reports.drain()


async def test_errors_stand_in_the_place_of_answers_if_asked_for() -> None:
    async with open_tree("stage") as root:
        refs = [root.start_soon(Echoes) for _ in range(3)]
        dead = root.start_soon(Echoes)
        await dead.stop()
        requests = [Echo(1), Echo(-2), Echo(0), Echo(3, 5)]
        one, two, three, four = await ask_many(
            zip([refs[0], refs[1], dead, refs[2]], requests, strict=True), return_errors=True
        )
        assert (one, four) == (1, 3)
        assert isinstance(two, ActorCrashed)
        assert isinstance(three, ActorStopped)
        assert (two.message, three.message) == (requests[1], requests[2])
        assert isinstance(two.error, LookupError)
        root.reports.drain()


@pytest.mark.parametrize("pinned", [False, True])
async def test_who_is_dead_from_the_start_is_told_before_anything_is_sent(pinned: bool) -> None:
    async with open_tree("stage") as root:
        alive, dead = root.start_soon(Server), root.start_soon(Server, restart="permanent")
        await dead.wait_ready()
        ref = dead.pin() if pinned else dead
        if pinned:
            dead.crash(OSError("pulled out"))
            await settle()
            assert await dead.ask(Get()) == 1
        else:
            await dead.stop()
        request = Get()
        with pytest.raises(ActorStopped) as caught:
            await ask_many([(alive, Get()), (ref, request)], timeout=10)
        assert caught.value.message is request
        assert await alive.ask(Get()) == 1
        answer, error = await ask_many([(alive, Get()), (ref, request)], return_errors=True)
        assert answer == 2
        assert isinstance(error, ActorStopped)
        assert is_free_of_waits(root)
        root.reports.drain()


async def test_who_never_becomes_ready_is_told_as_by_ask() -> None:
    class Broken(Server):
        async def startup(self, ctx: Context) -> None:
            await trio.sleep(1)
            raise OSError("no")

    async with open_tree("stage") as root:
        ref = root.start_soon(Broken, restart="temporary")
        with pytest.raises(StartupFailed):
            await ask_many([(ref, Get()), (ref, Get())])
        root.reports.drain()


async def test_an_interrupted_request_says_so() -> None:
    """P22."""
    async with open_tree("stage") as root:
        refs = [root.start_soon(AgentServer) for _ in range(2)]
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                errors = await ask_many([(refs[0], Slow(9)), (refs[1], Get())], return_errors=True)
                assert isinstance(errors[0], TurnInterrupted)
                assert errors[1] == 1

            nursery.start_soon(ask)
            await settle()
            await refs[0].interrupt()
        root.reports.drain()


async def test_of_many_that_fail_at_once_the_first_in_time_is_raised_and_no_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The others are not lost: their actors report them."""
    monkeypatch.setattr(_steps, "perf_counter", lambda: 0.0)  # at once: what is logged of a crash takes its time
    async with open_tree("stage") as root:
        refs = [root.start_soon(Echoes) for _ in range(5)]
        for ref in refs:
            await ref.wait_ready()
        with pytest.raises(ActorCrashed) as caught:
            await ask_many((ref, Echo(-1)) for ref in refs)
        assert caught.value.path == refs[0].path
        assert len(root.reports.drain()) == 5


async def test_what_is_no_exception_is_raised_even_if_errors_are_asked_for() -> None:
    class Quits(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            ctx.defer_reply().fail(KeyboardInterrupt())

    async with open_tree("stage") as root:
        refs = [root.start_soon(Quits), root.start_soon(Server)]
        with pytest.raises(KeyboardInterrupt):
            await ask_many([(refs[0], Get()), (refs[1], Slow())], return_errors=True)


# -- time


async def test_one_deadline_is_for_all_and_the_first_that_is_late_is_named() -> None:
    """P17."""
    async with open_tree("stage") as root:
        refs = [root.start_soon(Echoes) for _ in range(3)]
        requests = [Echo(1), Echo(2, 10), Echo(3, 10), Echo(4)]
        before = trio.current_time()
        with pytest.raises(AskTimeout) as caught:
            await ask_many(zip([*refs, refs[2]], requests, strict=True), timeout=2)
        assert trio.current_time() == before + 2
        assert (caught.value.message, caught.value.path) == (requests[1], refs[1].path)
        assert is_free_of_waits(root)
        await trio.sleep(20)
        assert dict(root.dead_letters.counts) == {"caller gone": 1, "late reply": 2}


async def test_what_came_in_time_is_kept_if_errors_are_asked_for() -> None:
    async with open_tree("stage") as root:
        refs = [root.start_soon(Echoes) for _ in range(3)]
        answers = await ask_many(
            [(refs[0], Echo(1)), (refs[1], Echo(2, 10)), (refs[2], Echo(3)), (refs[1], Echo(4))],
            timeout=2,
            return_errors=True,
        )
        assert (answers[0], answers[2]) == (1, 3)
        late, waiting = answers[1], answers[3]
        assert isinstance(late, AskTimeout)
        assert isinstance(waiting, AskTimeout)
        assert (late.begun, waiting.begun) == (True, False)
        assert is_free_of_waits(root)


async def test_answers_in_time_leave_no_deadline() -> None:
    async with open_tree("stage") as root:
        refs = [root.start_soon(Echoes) for _ in range(3)]
        assert await ask_many(((ref, Echo(1, 1)) for ref in refs), timeout=5) == [1, 1, 1]
        assert is_free_of_waits(root)


async def test_a_deadline_bounds_those_nested_in_it() -> None:
    """P17."""
    async with open_tree("stage") as root:
        slow = root.start_soon(Echoes)
        outer, inner = root.start_soon(Runs), root.start_soon(Runs)
        errors: list[Any] = []
        before = trio.current_time()

        async def ask_slow(_ctx: Context) -> None:
            errors.extend(await ask_many([(slow, Echo(1, 100))], timeout=50, return_errors=True))
            errors.append(trio.current_time() - before)

        async def ask_inner(_ctx: Context) -> Any:
            return await ask_many([(inner, Run(ask_slow))], return_errors=True)

        for ask in (
            ask_many([(outer, Run(ask_inner))], timeout=3, return_errors=True),
            ask_many([(outer, Run(ask_slow))], timeout=3, return_errors=True),
        ):
            errors.clear()
            before = trio.current_time()
            await ask
            await settle()
            assert isinstance(errors[0], AskTimeout)
            assert errors[1] == 3


async def test_a_deadline_holds_for_each_of_two_trees_though_one_of_them_ends() -> None:
    async with open_tree("second") as second:
        slow = second.start_soon(Echoes)
        async with trio.open_nursery() as nursery:
            opened = trio.Event()
            refs: list[ActorRef[Any]] = []
            end = trio.Event()

            async def first() -> None:
                async with open_tree("first") as root:
                    refs.append(root.start_soon(Echoes))
                    opened.set()
                    await end.wait()

            nursery.start_soon(first)
            await opened.wait()

            async def stop_first() -> None:
                await trio.sleep(1)
                end.set()

            nursery.start_soon(stop_first)
            before = trio.current_time()
            answers = await ask_many([(refs[0], Echo(1)), (slow, Echo(2, 100))], timeout=5, return_errors=True)
            assert answers[0] == 1
            assert isinstance(answers[1], AskTimeout)
            assert trio.current_time() == before + 5


# -- cancellation


@pytest.mark.parametrize("factory", ALL)
@pytest.mark.parametrize("capacity", [None, 1])
async def test_it_can_be_cancelled_at_every_step(factory: Callable[..., Any], capacity: int | None) -> None:
    """P14, P17: answered, or nothing is left of it; the servers are there for the next."""
    async with open_tree("stage") as root:
        spec = MailboxSpec(capacity, "wait") if capacity else MailboxSpec()
        ends: list[str] = []
        for n in range(25):
            refs = [root.start_soon(factory, mailbox=spec) for _ in range(2)]
            if capacity:
                refs[0].tell("in the way")
            async with trio.open_nursery() as nursery:
                with trio.CancelScope() as scope:
                    if n == 0:
                        scope.cancel()
                    nursery.start_soon(cancel_after, scope, n)
                    assert len(await ask_many([(ref, Get()) for ref in refs * 2])) == 4
                    ends.append("answered")
                if scope.cancelled_caught:
                    ends.append("cancelled")
                nursery.cancel_scope.cancel()
            assert len(ends) == n + 1
            with trio.fail_after(5):
                assert all(answer in (1, 2, 3, 4) for answer in await ask_many([(ref, Get()) for ref in refs]))
            assert is_free_of_waits(root)
            assert [ref._slot.box.waiting for ref in refs] == [0, 0]
            await refs[0].stop()
            await refs[1].stop()
        assert set(ends) == {"answered", "cancelled"}


async def test_what_has_not_begun_when_it_is_cancelled_is_not_executed() -> None:
    """P17."""
    async with open_tree("stage") as root:
        handled: list[int] = []
        ref = root.start_soon(Echoes, handled)
        with trio.move_on_after(1):
            await ask_many((ref, Echo(n, 10)) for n in range(3))
        await trio.sleep(100)
        assert handled == [0]
        assert dict(root.dead_letters.counts) == {"caller gone": 2, "late reply": 1}


async def test_what_is_next_when_it_is_cancelled_does_not_begin() -> None:
    """P17: not even if the actor goes on before the one who asked does."""

    class Cancels(Echoes):
        def receive(self, message: Echo, ctx: Context) -> int:  # type: ignore[override]
            self.handled.append(message.number)
            scope.cancel()
            return message.number

    async with open_tree("stage") as root:
        handled: list[int] = []
        ref = root.start_soon(Cancels, handled)
        with trio.CancelScope() as scope:
            await ask_many((ref, Echo(n)) for n in range(3))
        await settle()
        assert handled == [0]


# -- ends and restarts


async def test_what_waits_survives_a_restart_and_what_was_begun_fails() -> None:
    """P16."""
    async with open_tree("stage") as root:
        handled: list[int] = []
        ref = root.start_soon(Echoes, handled, restart="permanent")
        other = root.start_soon(Echoes)
        answers = await ask_many(
            [(ref, Echo(1)), (ref, Echo(-2, 1)), (ref, Echo(3)), (other, Echo(4, 3)), (ref, Echo(5))],
            return_errors=True,
        )
        assert isinstance(answers[1], ActorCrashed)
        assert [answers[n] for n in (0, 2, 3, 4)] == [1, 3, 4, 5]
        assert handled == [1, -2, 3, 5]
        assert ref.incarnation == 2
        root.reports.drain()


@pytest.mark.parametrize("end", ["stop", "kill", "crash"])
@pytest.mark.parametrize("factory", ALL)
async def test_an_actor_that_ends_fails_all_that_it_has_not_answered(factory: Callable[..., Any], end: str) -> None:
    """P16, P17: at once."""
    async with open_tree("stage") as root:
        refs = [root.start_soon(factory, shutdown=0.5) for _ in range(2)]
        async with trio.open_nursery() as nursery:
            answers: list[Any] = []

            async def ask() -> None:
                requests: list[tuple[ActorRef[Any], Request[Any]]] = [(refs[0], Slow(1_000)), (refs[0], Get())]
                answers.extend(await ask_many([*requests, (refs[1], Slow(3))], timeout=900, return_errors=True))

            nursery.start_soon(ask)
            await settle()
            if end == "crash":
                refs[0].crash(OSError("pulled out"))
            else:
                nursery.start_soon(getattr(refs[0], end))
        expected = ActorCrashed if end == "crash" else ActorStopped
        assert [type(answer) for answer in answers] == [expected, expected, str]
        assert trio.current_time() < 100
        assert is_free_of_waits(root)
        root.reports.drain()


async def test_a_pinned_ref_is_asked_until_its_incarnation_ends() -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Echoes, restart="permanent")
        await ref.wait_ready()
        pinned = ref.pin()
        assert await ask_many([(pinned, Echo(1)), (ref, Echo(2)), (pinned, Echo(3))]) == [1, 2, 3]
        answers = await ask_many([(pinned, Echo(-1)), (pinned, Echo(2)), (ref, Echo(3))], return_errors=True)
        assert [type(answer) for answer in answers] == [ActorCrashed, ActorStopped, int]
        root.reports.drain()


# -- full mailboxes


async def test_who_finds_no_room_waits_in_line_and_holds_up_nobody() -> None:
    """P15: first come, first served, also among other senders."""
    async with open_tree("stage") as root:
        handled: list[int] = []
        narrow = root.start_soon(Echoes, handled, mailbox=MailboxSpec(1, "wait"))
        free = root.start_soon(Echoes)
        await narrow.wait_ready()
        async with trio.open_nursery() as nursery:
            answers: list[int] = []

            async def ask() -> None:
                answers.extend(await ask_many([*((narrow, Echo(n, 1)) for n in range(4)), (free, Echo(9))]))

            async def ask_one() -> None:
                assert await narrow.ask(Echo(7)) == 7

            nursery.start_soon(ask)
            await settle()
            assert narrow._slot.box.waiting_senders == 2
            nursery.start_soon(ask_one)
            await settle()
            assert await free.ask(Echo(8)) == 8
            assert trio.current_time() == 0
        assert answers == [0, 1, 2, 3, 9]
        assert handled == [0, 1, 2, 3, 7]
        assert is_free_of_waits(root)


@pytest.mark.parametrize("end", ["timeout", "cancel", "stop", "crash of a pinned one"])
async def test_what_waits_for_room_ends_as_what_is_in(end: str) -> None:
    """P15, P17: nothing of it is left at the door."""
    async with open_tree("stage") as root:
        handled: list[int] = []
        ref = root.start_soon(Echoes, handled, mailbox=MailboxSpec(1, "wait"), restart="permanent", shutdown=0)
        await ref.wait_ready()
        asked = ref.pin() if "pinned" in end else ref
        answers: list[Any] = []
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                with trio.move_on_after(2 if end == "cancel" else 1_000):
                    pairs = [(asked, Echo(n, 5)) for n in range(4)]
                    answers.extend(await ask_many(pairs, timeout=2 if end == "timeout" else None, return_errors=True))

            nursery.start_soon(ask)
            await settle()
            assert ref._slot.box.waiting_senders == 2
            await trio.sleep(1)
            if end == "stop":
                nursery.start_soon(ref.stop)
            elif "crash" in end:
                ref.crash(OSError("pulled out"))
        kinds: list[type[Exception]] = {
            "timeout": [AskTimeout] * 4,
            "cancel": [],
            "stop": [*[ActorStopped] * 2, *[ActorStopping] * 2],
        }.get(end, [ActorCrashed, *[ActorStopped] * 3])
        assert [type(answer) for answer in answers] == kinds
        assert is_free_of_waits(root)
        await trio.sleep(100)
        assert handled == [0]
        if end != "stop":
            assert await ref.ask(Echo(8)) == 8
        root.reports.drain()


@pytest.mark.parametrize("end", ["timeout", "cancel", "error"])
async def test_what_waits_for_room_behind_others_leaves_the_line(end: str) -> None:
    """P15, P17: it is not let in later."""
    async with open_tree("stage") as root:
        handled: list[int] = []
        ref, fails = root.start_soon(Echoes, handled, mailbox=MailboxSpec(1, "wait")), root.start_soon(Echoes)
        await ref.wait_ready()
        ref.tell(Echo(100, 5))
        await settle()
        ref.tell(Echo(101, 5))
        with trio.move_on_after(2 if end == "cancel" else 3):
            pairs = [(ref, Echo(1)), (ref, Echo(2)), (fails, Echo(-3 if end == "error" else 3, 2))]
            with pytest.raises((AskTimeout, ActorCrashed)):
                await ask_many(pairs, timeout=2 if end == "timeout" else None)
        assert trio.current_time() == 2
        assert ref._slot.box.waiting_senders == 0
        await trio.sleep(100)
        assert handled == [100, 101]
        root.reports.drain()


async def test_a_mailbox_that_is_full_of_what_asks_for_no_turn_makes_room() -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Echoes, mailbox=MailboxSpec(1, "wait"))
        await ref.wait_ready()
        ref.tell(Echo(1), trigger_turn=False)
        await settle()
        assert await ask_many([(ref, Echo(2)), (ref, Echo(3))]) == [2, 3]


async def test_who_gets_in_as_somebody_else_leaves_is_seen_to() -> None:
    """Nobody else would wake the actor: all that is left is what comes from the door."""
    async with open_tree("stage") as root:
        ref = root.start_soon(AgentServer, mailbox=MailboxSpec(1, "wait"))
        await ref.wait_ready()
        async with trio.open_nursery() as nursery:
            leaving = trio.CancelScope()
            answers: list[Any] = []

            async def leave() -> None:
                with leaving:
                    await ask_many([(ref, Slow(3)), (ref, Get())])

            async def ask() -> None:
                answers.extend(await ask_many([(ref, Get()), (ref, Get())]))

            nursery.start_soon(leave)
            await settle()
            nursery.start_soon(ask)
            await settle()
            leaving.cancel()
        assert len(answers) == 2


@pytest.mark.parametrize("policy", ["reject", "drop_newest", "drop_oldest"])
async def test_who_is_refused_for_want_of_room_is_told(policy: Any) -> None:
    """P15: and the rest is given up before it begins."""
    dropped = {} if policy == "reject" else {policy: 12}
    async with open_tree("stage", dead_letters=dropped) as root:
        ref, other = root.start_soon(Echoes, mailbox=MailboxSpec(2, policy)), root.start_soon(Echoes)
        await settle()
        pairs = [(ref, Echo(n)) for n in range(4)]
        answers = await ask_many([*pairs, (other, Echo(4))], return_errors=True)
        refused = [n for n, answer in enumerate(answers) if isinstance(answer, MailboxFull)]
        assert refused == ([0, 1] if policy == "drop_oldest" else [2, 3])
        assert [answer for answer in answers if isinstance(answer, int)] == [n for n in range(5) if n not in refused]
        handled = ref._slot.actor.handled
        for _ in range(10):  # whoever comes first after it
            with pytest.raises(MailboxFull) as caught:
                await ask_many([*pairs, (other, Echo(4))])
            assert caught.value.message is pairs[refused[0]][1]
        await settle()
        assert len(handled) == 2
        assert is_free_of_waits(root)


# -- from within an actor


async def test_asking_oneself_is_a_deadlock_and_nothing_is_sent() -> None:
    """P18."""
    async with open_tree("stage") as root:
        me, other = root.start_soon(Runs, name="me"), root.start_soon(Server, name="other")
        request = Get()

        async def ask(ctx: Context) -> Any:
            with pytest.raises(Deadlock) as caught:
                await ask_many([(other, Get()), (ctx.ref, request)], return_errors=True)
            return caught.value

        error = await me.ask(Run(ask))
        assert error.cycle == ("/stage/me", "/stage/me")
        assert error.message is request
        assert other._slot.box.seq == 0
        assert is_free_of_waits(root)


@pytest.mark.parametrize("place", range(3))
async def test_each_of_those_asked_is_an_edge_until_it_has_answered(place: int) -> None:
    """P18: whichever of them asks back."""
    async with open_tree("stage") as root:
        asker = root.start_soon(Runs, name="asker")
        refs = [root.start_soon(Runs, name=f"a{n}") for n in range(3)]
        between = root.start_soon(Runs, name="between")

        async def ask_back(_ctx: Context) -> Any:
            await trio.sleep(1)
            with pytest.raises(Deadlock) as caught:
                await between.ask(Run(ask_asker))
            return caught.value.cycle

        async def ask_asker(_ctx: Context) -> Any:
            return await asker.ask(Run(nothing))

        async def nothing(_ctx: Context) -> int:
            return 1

        async def ask_between(_ctx: Context) -> Any:
            with pytest.raises(Deadlock) as caught:
                await ask_asker(_ctx)
            return caught.value.cycle

        async def wait(_ctx: Context) -> int:
            await trio.sleep(5)
            return 0

        async def ask_all(_ctx: Context) -> Any:
            back = Run(through_between)
            return await ask_many((ref, back if n == place else Run(wait)) for n, ref in enumerate(refs))

        async def through_between(_ctx: Context) -> Any:
            return await between.ask(Run(ask_between))

        answers = await asker.ask(Run(ask_all))
        assert answers.pop(place) == ("/stage/between", "/stage/asker", f"/stage/a{place}", "/stage/between")
        assert answers == [0, 0]
        assert is_free_of_waits(root)


async def test_who_has_answered_or_deferred_may_ask_the_one_that_still_waits_for_others() -> None:
    """P18: no false alarm. It gets its answer when the others have answered."""

    class Defers(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> Any:
            if isinstance(message, Run):
                token = ctx.defer_reply()
                ctx.ref.tell("go on")
                self.token: Any = token
                return None
            self.token.reply("late")
            await trio.sleep(1)
            return await message_from(ctx)

    asked: list[Any] = []

    async def message_from(_ctx: Context) -> None:
        asked.append(await asker.ask(Run(nothing)))

    async def nothing(_ctx: Context) -> int:
        return 1

    async with open_tree("stage") as root:
        asker, defers, slow = root.start_soon(Runs), root.start_soon(Defers), root.start_soon(Echoes)

        async def ask_both(_ctx: Context) -> Any:
            return await ask_many([(defers, Run(nothing)), (slow, Echo(5, 5))])

        assert await asker.ask(Run(ask_both)) == ["late", 5]
        await settle()
        assert asked == [1]


@BOTH
async def test_who_has_answered_may_ask_back_in_its_next_message(spec: MailboxSpec) -> None:
    """P18: no false alarm: an answer takes back its edge, though the asker still waits for two others."""
    async with open_tree("stage") as root:
        asker, quick = root.start_soon(Runs), root.start_soon(Runs, mailbox=spec)
        slow = [root.start_soon(Echoes) for _ in range(2)]
        asked: list[Any] = []

        async def nothing(_ctx: Context) -> int:
            return 1

        async def ask_back(_ctx: Context) -> None:
            asked.append(await asker.ask(Run(nothing)))

        async def answer(ctx: Context) -> str:
            ctx.ref.tell(Run(ask_back))
            return "soon"

        async def ask_all(_ctx: Context) -> Any:
            return await ask_many([(quick, Run(answer)), *((ref, Echo(5, 5)) for ref in slow)])

        assert await asker.ask(Run(ask_all)) == ["soon", 5, 5]
        await settle()
        assert asked == [1]


async def test_a_turn_that_waits_lends_its_permit() -> None:
    """P25: else agents that ask each other would hold all there are."""

    class Asks(AgentServer):
        async def turn(self, turn: Any, ctx: Context) -> Any:
            message = turn.mail[0].message
            return await message.function(ctx) if isinstance(message, Run) else await super().turn(turn, ctx)

    async with open_tree("stage", limits=Limits(max_running_turns=1)) as root:
        asker, others = root.start_soon(Asks), [root.start_soon(Asks) for _ in range(3)]

        async def ask_others(_ctx: Context) -> Any:
            return await ask_many(((ref, Get()) for ref in others), timeout=100)

        assert await asker.ask(Run(ask_others)) == [1, 1, 1]
        assert root._slot.runtime.turns.in_use == 0
        root.reports.drain()


async def test_the_receivers_see_who_asks() -> None:
    class Sees(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> Any:
            return ctx.sender

    async with open_tree("stage") as root:
        asker, sees = root.start_soon(Runs), root.start_soon(Sees)

        async def ask(_ctx: Context) -> Any:
            return await ask_many([(sees, Get())])

        assert await asker.ask(Run(ask)) == [asker]
        assert await ask_many([(sees, Get())]) == [None]


@pytest.mark.parametrize("steps", range(12))
async def test_an_interrupted_asker_leaves_no_edge(steps: int) -> None:
    """P18, P22."""
    async with open_tree("stage") as root:
        asker, others = root.start_soon(Runs), [root.start_soon(Echoes) for _ in range(2)]

        async def ask_others(_ctx: Context) -> Any:
            return await ask_many(((ref, Echo(1)) for ref in others), timeout=5)

        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                answers = await ask_many([(asker, Run(ask_others))], return_errors=True)
                assert answers[0] == [1, 1] or isinstance(answers[0], TurnInterrupted)

            nursery.start_soon(ask)
            for _ in range(steps):
                await trio.lowlevel.checkpoint()
            await asker.interrupt()
        await settle()
        assert is_free_of_waits(root)


async def test_a_failing_request_in_a_handler_is_the_handlers_to_catch() -> None:
    async with open_tree("stage") as root:
        asker, server = root.start_soon(Runs), root.start_soon(Server, restart="permanent")

        async def ask(_ctx: Context) -> Any:
            with pytest.raises(ActorCrashed, match="LookupError"):
                await ask_many([(server, Fail()), (server, Get())])
            return await ask_many([(server, Get())])

        assert await asker.ask(Run(ask)) in ([1], [2])
        root.reports.drain()
