import copy
import pickle
import threading
import weakref
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, ActorRef, ActorStopped, Context, Crashed, Intensity, Request, open_supervisor
from greenroom.actors import Slot
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


class Get(Request[int]):
    pass


class Counter(Actor[Any]):
    def __init__(self) -> None:
        self.count = 0

    async def receive(self, message: Any, ctx: Context) -> int:
        if isinstance(message, trio.Event):
            await message.wait()
        self.count += 1
        return self.count


# -- one ref per slot


async def test_a_ref_is_hashable_and_equal_only_to_itself() -> None:
    async with open_tree("stage") as root:
        a, b = root.start_soon(Counter, name="a"), root.start_soon(Counter, name="b")
        assert a == root.lookup("a")
        assert a is root.lookup("/stage/a")
        assert a != b
        assert len({a, b, root.lookup("a")}) == 2
        assert a != "a"


async def test_a_ref_shows_path_uid_and_lifecycle() -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Counter, name="a")
        assert repr(ref) == f"<ActorRef /stage/a uid={ref.uid} initializing>"
        await ref.wait_ready()
        assert repr(ref) == f"<ActorRef /stage/a uid={ref.uid} ready>"
        assert repr(ref.pin()) == f"<ActorRef /stage/a uid={ref.uid} pinned to incarnation 1>"
        assert (ref.name, ref.path, ref.incarnation, ref.lifecycle) == ("a", "/stage/a", 1, "ready")


async def test_a_ref_lists_what_a_ref_has_and_nothing_of_the_runtimes() -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Counter, name="a")
        assert dir(ref) == dir(ActorRef)
        assert isinstance(ref, ActorRef)
        assert type(ref).__name__ == "ActorRef"
        # What Python, or a library, looks for in any object, and would call.
        for name in ("__len__", "__iter__", "__enter__", "__dict__", "close", "ref"):
            assert not hasattr(ref, name)
        assert ref
        weak = weakref.ref(ref)
        assert weak() is ref


def test_a_ref_cannot_be_made_by_its_class() -> None:
    with pytest.raises(TypeError, match=r"ActorRef\(\) makes no ref; `start_soon`, `start` and `lookup` return one"):
        ActorRef()


def test_what_a_ref_and_its_slot_both_have_by_name_means_the_same() -> None:
    """They are one object: another name that both have would hide the ref's."""
    of_refs, of_slots = ({name for each in kind.__mro__[:-1] for name in vars(each)} for kind in (ActorRef, Slot))
    both = {name for name in of_refs & of_slots if not name.startswith("__")}
    assert both == {"generation", "incarnation", "name", "path", "uid"}


@pytest.mark.parametrize("pinned", [False, True])
async def test_a_ref_is_neither_pickled_nor_copied(pinned: bool) -> None:
    async with open_tree("stage") as root:
        ref: ActorRef[Any] = root.start_soon(Counter, name="a")
        if pinned:
            ref = ref.pin()
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=r"/stage/a.*cannot be pickled or copied"):
                attempt(ref)


# -- pinned refs


async def test_a_pinned_ref_is_of_its_incarnation() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Counter, restart="permanent")
        pinned = ref.pin()
        assert pinned.pin() is pinned
        assert pinned == ref.pin()
        assert hash(pinned) == hash(ref.pin())
        assert pinned != ref
        assert pinned.tell("a") == 1
        assert await pinned.ask(Get()) == 2
        ref.crash(OSError("crash"))
        await settle()
        assert ref.incarnation == 2
        assert pinned.incarnation == 1
        assert pinned != ref.pin()
        assert not pinned.is_alive
        assert ref.is_alive
        for call in (pinned.tell, pinned.steer, pinned.start_turn):
            with pytest.raises((ActorStopped, TypeError)):
                call("x")
        assert pinned.try_tell("x") is False
        with pytest.raises(ActorStopped) as caught:
            await pinned.send("given back")
        assert caught.value.message == "given back"
        assert "incarnation 1, to which this ref is pinned, has ended" in str(caught.value)
        # It cannot end what is not its own.
        pinned.request_stop()
        await pinned.stop()
        await pinned.kill()
        await pinned.drain()
        await pinned.wait_stopped()
        assert pinned.crash(OSError()) is False
        assert await pinned.interrupt() is False
        await settle()
        assert (ref.lifecycle, ref.incarnation) == ("ready", 2)
        root.reports.drain()


async def test_a_late_interrupt_by_a_pinned_ref_does_not_hit_the_next_incarnation() -> None:
    """P22: every late action carries the incarnation."""
    async with open_tree("stage") as root:
        ref = await root.start(Counter, restart="permanent")
        pinned = ref.pin()
        ref.crash(OSError("crash"))
        await settle()
        go = trio.Event()
        ref.tell(go)
        await settle()
        assert await pinned.interrupt() is False
        go.set()
        assert await ref.ask(Get()) == 2
        root.reports.drain()


@pytest.mark.parametrize("urgent", [False, True])
async def test_mail_to_a_pinned_incarnation_is_not_given_to_the_next(urgent: bool) -> None:
    """P14: it is a dead letter."""
    async with open_tree("stage") as root:
        ref = await root.start(Counter, restart="permanent")
        pinned = ref.pin()
        go = trio.Event()
        ref.tell(go)
        await settle()
        pinned.tell("pinned", urgent=urgent)
        ref.tell("any")
        ref.crash(OSError("crash"))
        await settle()
        assert await ref.ask(Get()) == 2
        assert dict(root.dead_letters.counts) == {"old incarnation": 1}
        root.reports.drain()


async def test_waiting_for_the_end_of_a_pinned_incarnation() -> None:
    async with open_supervisor("stage", intensity=Intensity(10, within=1.0)) as root:
        ref = await root.start(Counter, restart="permanent")
        pinned = ref.pin()
        ended: list[Any] = []

        async def wait() -> None:
            await pinned.wait_stopped()
            ended.append(ref.incarnation)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await settle()
            assert ended == []
            ref.crash(OSError("crash"))
        assert ended == [2]
        root.reports.drain()


# -- threads


def test_a_thread_that_trio_started_tells_through_from_thread() -> None:
    async def main() -> None:
        async with open_supervisor("stage") as root:
            ref = await root.start(Counter)

            def work() -> None:
                for number in range(10):
                    trio.from_thread.run_sync(ref.tell, number)

            await trio.to_thread.run_sync(work)
            assert await ref.ask(Get()) == 11

    trio.run(main)


def test_any_other_thread_tells_with_the_token() -> None:
    async def main() -> None:
        async with open_supervisor("stage") as root:
            ref = await root.start(Counter)
            token = trio.lowlevel.current_trio_token()
            told = trio.Event()

            def work() -> None:
                trio.from_thread.run_sync(ref.tell, 1, trio_token=token)
                trio.from_thread.run_sync(told.set, trio_token=token)

            thread = threading.Thread(target=work)
            thread.start()
            await told.wait()
            thread.join()
            assert await ref.ask(Get()) == 2

    trio.run(main)


@pytest.mark.parametrize("kind", ["parked worker", "no worker", "own task", "function"])
async def test_a_foreign_thread_that_tells_directly_gets_a_clear_error_and_breaks_nothing(kind: str) -> None:
    class OwnCounter(Counter):
        own_task = True

    async def function(ctx: Context) -> None:
        counter = Counter()
        async for message in ctx:
            if isinstance(message, Get):
                ctx.defer_reply().reply(await counter.receive(message, ctx))

    factory: Any = {"own task": OwnCounter, "function": function}.get(kind, Counter)
    async with open_tree("stage") as root:
        ref = root.start_soon(factory)
        if kind == "no worker":
            await ref.wait_ready()
            pool = root._slot.runtime.pool
            await settle()
            parked, pool.parked = pool.parked, {}
        else:
            await settle()
        errors: list[RuntimeError] = []
        idle = len(root._slot.runtime.pool.parked)

        def work() -> None:
            try:
                ref.tell("x")
            except RuntimeError as error:
                errors.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert len(errors) == 1
        assert "trio.from_thread.run_sync(ref.tell, message)" in str(errors[0])
        assert ref._slot.box.seq == 0
        assert len(root._slot.runtime.pool.parked) == idle
        if kind == "no worker":
            pool.parked = parked
        assert await ref.ask(Get()) == 1


# -- the admission table, row by row


@pytest.mark.parametrize("wrong", ["text", None, OSError, KeyboardInterrupt()])
async def test_crash_takes_exceptions_only(wrong: Any) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Counter)
        with pytest.raises(TypeError, match="crash:"):
            ref.crash(wrong)
        assert ref.lifecycle == "ready"


async def test_crash_ends_an_incarnation_once() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Counter)
        error = OSError("pulled")
        assert ref.crash(error) is True
        assert ref.crash(error) is False
        assert await ref.wait_stopped() == Crashed(error)
        assert ref.crash(error) is False
        assert len(root.reports.drain()) == 1
