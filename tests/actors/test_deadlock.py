from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorCrashed,
    Agent,
    Context,
    Deadlock,
    MailboxSpec,
    Request,
    Supervisor,
    Turn,
)
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


class Chain(Request[Any]):
    """Ask the first of `refs`, which asks the next, and so on; the last one answers."""

    def __init__(self, *refs: Any) -> None:
        self.refs = refs


class Run(Request[Any]):
    """Run an async function in the handler."""

    def __init__(self, function: Any) -> None:
        self.function = function


async def act(message: Any, ctx: Context) -> Any:
    if isinstance(message, Run):
        return await message.function(ctx)
    if not message.refs:
        return "done"
    try:
        return await message.refs[0].ask(Chain(*message.refs[1:]))
    except Deadlock as error:
        return error


class Plain(Actor[Any]):
    async def receive(self, message: Any, ctx: Context) -> Any:
        return await act(message, ctx)


class Own(Plain):
    own_task = True


class Thinker(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        return await act(turn.mail[0].message, ctx)


async def function(ctx: Context) -> None:
    async for message in ctx:
        token = ctx.defer_reply()
        token.reply(await act(message, ctx))


KINDS = [Plain, Own, Thinker]


def edges(root: Supervisor) -> list[str]:
    slots = [ref._slot for ref in root.which_children()]
    return [slot.path for slot in slots if slot.more is not None and slot.more.waiting_for is not None]


@pytest.mark.parametrize("kind", KINDS)
async def test_asking_oneself_is_a_deadlock_at_once(kind: Any) -> None:
    """P18."""
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, name="a")
        error = await ref.ask(Chain(ref))
        assert isinstance(error, Deadlock)
        assert error.cycle == ("/stage/a", "/stage/a")
        assert isinstance(error.message, Chain)
        assert "/stage/a waits for /stage/a" in str(error)
        assert ref._slot.box.seq == 1
        assert edges(root) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [2, 3, 5])
async def test_a_cycle_of_asks_is_a_deadlock_with_the_exact_cycle(kind: Any, length: int) -> None:
    """P18."""
    async with open_tree("stage") as root:
        refs = [root.start_soon(kind, name=f"a{n}") for n in range(length)]
        error = await refs[0].ask(Chain(*refs[1:], refs[0]))
        assert isinstance(error, Deadlock)
        names = [f"/stage/a{n}" for n in range(length)]
        assert error.cycle == (names[-1], *names)
        assert edges(root) == []
        # Nobody is the worse for it.
        assert [await ref.ask(Chain()) for ref in refs] == ["done"] * length


async def test_a_cycle_that_does_not_begin_at_the_first_asker_is_named_without_it() -> None:
    """P18: x asks a, a asks b, b asks a."""
    async with open_tree("stage") as root:
        x, a, b = (root.start_soon(Plain, name=name) for name in "xab")
        error = await x.ask(Chain(a, b, a))
        assert isinstance(error, Deadlock)
        assert error.cycle == ("/stage/b", "/stage/a", "/stage/b")


async def test_two_that_ask_each_other_at_the_same_time_deadlock_once() -> None:
    """P18: one of them is told, and so the other one gets its answer."""
    async with open_tree("stage") as root:
        a, b = root.start_soon(Plain, name="a"), root.start_soon(Plain, name="b")
        answers: list[Any] = []

        async def ask(ref: Any, other: Any) -> None:
            answers.append(await ref.ask(Chain(other)))

        for _ in range(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ask, a, b)
                nursery.start_soon(ask, b, a)
        errors = [answer for answer in answers if isinstance(answer, Deadlock)]
        assert answers.count("done") + len(errors) == 40
        assert edges(root) == []


async def test_asks_in_a_line_make_no_cycle() -> None:
    """P18: no false alarm; a diamond is none either."""
    async with open_tree("stage") as root:
        a, b, c, d = (root.start_soon(Plain, name=name) for name in "abcd")
        results: list[Any] = []

        async def ask(*refs: Any) -> None:
            results.append(await refs[0].ask(Chain(*refs[1:])))

        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(ask, a, b, d)
                nursery.start_soon(ask, a, c, d)
                nursery.start_soon(ask, b, c, d)
                nursery.start_soon(ask, a, d)
        assert results == ["done"] * 40


async def test_an_ask_from_a_task_of_the_handler_makes_no_edge() -> None:
    """P18: it is no false alarm, as the turn itself may go on; here it does not wait for that task."""
    async with open_tree("stage") as root:
        answers: list[Any] = []

        async with trio.open_nursery() as outside:

            async def spawn(ctx: Context) -> str:
                async def ask() -> None:
                    answers.append(await ctx.ref.ask(Chain()))

                outside.start_soon(ask)
                await settle()
                return "first"

            ref = root.start_soon(Plain)
            assert await ref.ask(Run(spawn)) == "first"
        assert answers == ["done"]


async def test_a_deferred_request_makes_no_edge() -> None:
    """P18: who has deferred the answer is free, so who waits for it may be asked."""

    class Deferring(Actor[Any]):
        def __init__(self) -> None:
            self.tokens: list[Any] = []

        async def receive(self, message: Any, ctx: Context) -> Any:
            if isinstance(message, Run):
                self.tokens.append(ctx.defer_reply())
                return await message.function(ctx)
            self.tokens.pop().reply("released")
            return None

    async with open_tree("stage") as root:
        deferring = root.start_soon(Deferring, name="deferring")
        asker = root.start_soon(Plain, name="asker")

        async def tell_asker(ctx: Context) -> None:
            # The asker waits in its turn for us; as its request is deferred, waiting for it closes no cycle of turns.
            assert asker._slot.more is not None
            assert asker._slot.more.waiting_for is None
            ctx.ref.tell("release")

        async def ask_deferring(_ctx: Context) -> Any:
            return await deferring.ask(Run(tell_asker))

        assert await asker.ask(Run(ask_deferring)) == "released"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("end", ["stop", "drain", "kill", "wait_stopped"])
async def test_waiting_for_ones_own_end_is_a_deadlock(kind: Any, end: str) -> None:
    """P18."""
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, name="a")

        async def wait(ctx: Context) -> Any:
            with pytest.raises(Deadlock) as caught:
                await getattr(ctx.ref, end)()
            return caught.value.cycle

        assert await ref.ask(Run(wait)) == ("/stage/a", "/stage/a")
        assert ref.lifecycle == "ready"


async def test_waiting_for_an_ancestors_end_is_a_deadlock() -> None:
    """P18."""

    class Parent(Plain):
        async def startup(self, ctx: Context) -> None:
            return None

    async with open_tree("stage") as root:
        parent = root.start_soon(Parent, name="parent")

        async def make_child(ctx: Context) -> Any:
            return await ctx.start(Plain, name="child")

        child = await parent.ask(Run(make_child))

        async def wait_for(ancestor: Any) -> Any:
            async def wait(_ctx: Context) -> Any:
                with pytest.raises(Deadlock) as caught:
                    await ancestor.stop()
                return caught.value.cycle

            return await child.ask(Run(wait))

        assert await wait_for(parent) == ("/stage/parent/child", "/stage/parent", "/stage/parent/child")
        assert await wait_for(root.ref) == ("/stage/parent/child", "/stage", "/stage/parent/child")
        assert parent.lifecycle == "ready"


@pytest.mark.parametrize("kind", KINDS)
async def test_waiting_for_the_interrupt_of_ones_own_turn_is_a_deadlock(kind: Any) -> None:
    """P18."""
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, name="a")

        async def wait(ctx: Context) -> Any:
            with pytest.raises(Deadlock) as caught:
                await ctx.ref.interrupt()
            return caught.value.cycle

        assert await ref.ask(Run(wait)) == ("/stage/a", "/stage/a")


async def test_a_childs_end_may_be_waited_for_in_ones_own_turn() -> None:
    """P18: no false alarm."""
    async with open_tree("stage") as root:
        ref = root.start_soon(Plain)

        async def run(ctx: Context) -> str:
            child = await ctx.start(Plain)
            await child.stop()
            return child.lifecycle

        assert await ref.ask(Run(run)) == "stopped"


async def test_who_waits_for_an_end_is_not_asked_by_who_is_to_end() -> None:
    """P18: waits for an end are edges too."""
    async with open_tree("stage") as root:
        a, b = root.start_soon(Plain, name="a"), root.start_soon(Plain, name="b")
        asked = trio.Event()

        async def stop_b(_ctx: Context) -> str:
            asked.set()
            await b.stop()
            return "stopped"

        async def ask_a(_ctx: Context) -> Any:
            await asked.wait()
            await settle()
            return await act(Chain(a), _ctx)

        results: dict[str, Any] = {}

        async def ask(name: str, ref: Any, function: Any) -> None:
            results[name] = await ref.ask(Run(function))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, "b", b, ask_a)
            await settle()
            nursery.start_soon(ask, "a", a, stop_b)
        assert isinstance(results["b"], Deadlock)
        assert results["b"].cycle == ("/stage/b", "/stage/a", "/stage/b")
        assert results["a"] == "stopped"


async def test_waiting_for_room_closes_a_cycle_too() -> None:
    """P18: the receiver cannot make room while it waits for the sender."""
    async with open_tree("stage") as root:
        full = root.start_soon(Plain, name="full", mailbox=MailboxSpec(1, "wait"))
        sender = root.start_soon(Plain, name="sender")

        async def send(_ctx: Context) -> Any:
            with pytest.raises(Deadlock) as caught:
                await full.send(Chain())
            return caught.value

        async def ask_sender(_ctx: Context) -> Any:
            full.tell(Chain())
            return await sender.ask(Run(send))

        error = await full.ask(Run(ask_sender))
        assert isinstance(error, Deadlock)
        assert error.cycle == ("/stage/sender", "/stage/full", "/stage/sender")


async def test_a_direct_turn_closes_a_cycle_too() -> None:
    """P18."""
    async with open_tree("stage") as root:
        one, two = await root.start(Thinker, name="one"), await root.start(Thinker, name="two")

        async def call_one(_ctx: Context) -> Any:
            with pytest.raises(Deadlock) as caught:
                await one.run_turn(Chain())
            return caught.value

        async def call_two(_ctx: Context) -> Any:
            return await two.run_turn(Run(call_one))

        error = await one.run_turn(Run(call_two))
        assert isinstance(error, Deadlock)
        assert error.cycle == ("/stage/two", "/stage/one", "/stage/two")


async def test_an_edge_goes_when_the_ask_has_timed_out() -> None:
    """P18: no false alarm afterwards."""
    async with open_tree("stage") as root:
        a, b = root.start_soon(Plain, name="a"), root.start_soon(Plain, name="b")

        async def sleep(_ctx: Context) -> None:
            await trio.sleep(10)

        async def ask_b(_ctx: Context) -> str:
            with pytest.raises(TimeoutError):
                await b.ask(Run(sleep), timeout=1)
            await trio.sleep(100)
            return "a is done"

        async def ask_a(_ctx: Context) -> Any:
            return await a.ask(Chain())

        results: list[Any] = []

        async def ask(ref: Any, function: Any) -> None:
            results.append(await ref.ask(Run(function)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, a, ask_b)
            await trio.sleep(50)
            nursery.start_soon(ask, b, ask_a)
        assert results == ["a is done", "done"]


async def test_a_deadlock_that_nobody_catches_is_a_crash_like_any_other() -> None:
    """P18."""
    async with open_tree("stage") as root:
        ref = root.start_soon(Plain, name="a")

        async def ask(ctx: Context) -> Any:
            return await ctx.ref.ask(Chain())

        with pytest.raises(ActorCrashed, match="deadlock: /stage/a waits for /stage/a"):
            await ref.ask(Run(ask))
        root.reports.drain()


async def test_a_function_actor_that_asks_itself_is_told_so() -> None:
    """P18."""
    async with open_tree("stage") as root:
        ref = root.start_soon(function, name="f")
        error = await ref.ask(Chain(ref))
        assert isinstance(error, Deadlock)
        assert error.cycle == ("/stage/f", "/stage/f")


async def test_who_waits_for_its_own_end_is_told_how_to_ask_for_it() -> None:
    """P18."""
    async with open_tree("stage") as root:
        ref = root.start_soon(Plain, name="a")

        async def stop(ctx: Context) -> Any:
            with pytest.raises(Deadlock, match=r"/stage/a waits for /stage/a; ask for the end by ctx\.stop\(\)"):
                await ctx.ref.stop()

        await ref.ask(Run(stop))
