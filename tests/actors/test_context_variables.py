from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, Context, Intensity, open_supervisor
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked
VAR: ContextVar[str] = ContextVar("VAR", default="clean")


class Vars(Actor[Any]):
    """Set or read a context variable; a callable is run, and may wait."""

    async def receive(self, message: Any, ctx: Context) -> None:
        if callable(message):
            result = message()
            if result is not None:
                await result
        else:
            VAR.set(message)


class OwnVars(Vars):
    own_task = True


KINDS: list[Any] = [Vars, OwnVars]


def reader(into: list[str]) -> Callable[[], None]:
    def read() -> None:
        into.append(VAR.get())

    return read


async def read_all(refs: list[Any]) -> list[str]:
    values: list[str] = []
    for ref in refs:
        ref.tell(reader(values))
        await settle()
    return values


@pytest.mark.parametrize("kind", KINDS)
async def test_a_variable_set_in_one_message_is_there_in_the_next_and_in_no_other_actor(kind: Any) -> None:
    async with open_tree("stage") as root:
        refs = [root.start_soon(kind) for _ in range(4)]
        refs[1].tell("one")
        refs[2].tell("two")
        await settle()
        for _ in range(2):
            assert await read_all(refs) == ["clean", "one", "two", "clean"]


async def test_a_worker_that_has_begun_in_an_actors_context_comes_back_to_its_own() -> None:
    """The first step of the pool's first worker is in the context of one that has inherited it; the next, in that of its task."""
    async with open_tree("stage") as root:
        token = VAR.set("starter's")
        first = root.start_soon(Vars)
        VAR.reset(token)
        assert await read_all([first]) == ["starter's"]
        others = [root.start_soon(Vars) for _ in range(2)]
        assert await read_all([*others, first]) == ["clean", "clean", "starter's"]
        assert [ref._slot.context for ref in others] == [None, None]


async def test_variables_never_leak_whatever_the_order() -> None:
    """Who has a context of its own goes first, then one that sets its first variable, then one that has none: all in one worker."""
    async with open_tree("stage") as root:
        refs = [root.start_soon(Vars) for _ in range(6)]
        for number in (0, 3, 1, 0, 4):
            refs[number].tell(str(number))
            await settle()
            refs[2].tell(lambda: None)
            refs[5].tell(lambda: None)
            await settle()
            values = await read_all(refs)
            assert (values[2], values[5]) == ("clean", "clean")
        assert await read_all(refs) == ["0", "1", "clean", "3", "4", "clean"]
        assert VAR.get() == "clean"


async def test_in_one_burst_too() -> None:
    """All of them on the run queue at once, so that no worker parks between them."""
    values: dict[int, list[str]] = {number: [] for number in range(8)}
    async with open_tree("stage") as root:
        refs = [root.start_soon(Vars) for _ in range(8)]
        await settle()
        for round_ in range(3):
            for number, ref in enumerate(refs):
                if (number + round_) % 2:
                    ref.tell(f"{number}")
                ref.tell(reader(values[number]))
        await settle()
    for number, seen in values.items():
        assert set(seen) <= {"clean", str(number)}
        assert seen == sorted(seen, key=lambda value: value != "clean")


@pytest.mark.parametrize("kind", KINDS)
async def test_no_leak_from_a_handler_that_was_interrupted(kind: Any) -> None:
    async def set_and_wait() -> None:
        VAR.set("interrupted")
        await trio.sleep_forever()

    async with open_tree("stage") as root:
        refs = [root.start_soon(kind) for _ in range(3)]
        refs[0].tell(set_and_wait)
        await settle()
        await refs[0].interrupt()
        assert await read_all(refs[::-1]) == ["clean", "clean", "interrupted"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("waits", [False, True])
async def test_no_leak_from_a_handler_that_crashed(kind: Any, waits: bool) -> None:
    """Nor to its own next incarnation: each begins with a copy of the starter's."""

    async def crash() -> None:
        VAR.set("crashed")
        if waits:
            await trio.lowlevel.checkpoint()
        raise OSError("crash")

    async with open_supervisor("stage", intensity=Intensity(10, within=1.0)) as root:
        refs = [root.start_soon(kind, restart="permanent") for _ in range(3)]
        refs[0].tell("own")
        refs[0].tell(crash)
        refs[1].tell(crash)
        await settle()
        assert [ref.incarnation for ref in refs] == [2, 2, 1]
        assert await read_all(refs) == ["clean"] * 3
        root.reports.drain()


@pytest.mark.parametrize("kind", KINDS)
async def test_variables_are_inherited_from_the_starter(kind: Any) -> None:
    seen: list[str] = []

    class Child(kind):  # type: ignore[misc]
        def __init__(self) -> None:
            seen.append("init " + VAR.get())

        async def startup(self, ctx: Context) -> None:
            seen.append("startup " + VAR.get())
            VAR.set("set in startup")
            await trio.lowlevel.checkpoint()

    async with open_supervisor("stage", intensity=Intensity(10, within=1.0)) as root:
        token = VAR.set("starter")
        child = root.start_soon(Child, restart="permanent")
        VAR.reset(token)
        plain = root.start_soon(Vars)
        await settle()
        assert await read_all([child, plain]) == ["set in startup", "clean"]
        child.crash(OSError("crash"))
        await settle()
        assert await read_all([plain, child]) == ["clean", "set in startup"]
        assert seen == ["init starter", "startup starter"] * 2
        root.reports.drain()


async def test_what_an_actor_sets_before_it_starts_a_child_is_the_childs() -> None:
    class Parent(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            VAR.set("parent's")
            children.append(ctx.start_soon(Vars))

    children: list[Any] = []
    async with open_tree("stage") as root:
        parent, other = root.start_soon(Parent), root.start_soon(Vars)
        parent.tell("begin")
        await settle()
        assert await read_all([other, *children]) == ["clean", "parent's"]


@pytest.mark.parametrize("kind", KINDS)
async def test_tasks_and_threads_of_a_handler_see_the_actors_variables(kind: Any) -> None:
    seen: list[str] = []

    async def spawn() -> None:
        async def task() -> None:
            seen.append("task " + VAR.get())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(task)

    async with open_tree("stage") as root:
        ref = root.start_soon(kind)
        ref.tell("mine")
        ref.tell(spawn)
        await settle()
        assert seen == ["task mine"]


def test_a_thread_of_a_handler_sees_the_actors_variables() -> None:
    """In real time: a clock that jumps does not wait for threads."""
    seen: list[str] = []

    async def spawn() -> None:
        await trio.to_thread.run_sync(lambda: seen.append("thread " + VAR.get()))
        seen.append("after " + VAR.get())

    async def main() -> None:
        async with open_supervisor("stage") as root:
            ref = root.start_soon(Vars)
            ref.tell("mine")
            ref.tell(spawn)
            await ref.drain()

    trio.run(main)
    assert seen == ["thread mine", "after mine"]


async def test_a_variable_that_is_reset_leaves_the_actor_without_a_context_of_its_own() -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Vars)

        def set_and_reset() -> None:
            VAR.reset(VAR.set("for a moment"))

        ref.tell(set_and_reset)
        await settle()
        assert ref._slot.context is None


async def test_the_shutdown_hook_sees_the_actors_variables() -> None:
    seen: list[str] = []

    class Closing(Vars):
        async def shutdown(self, ctx: Context, reason: Any) -> None:
            seen.append(VAR.get())

    async with open_tree("stage") as root:
        one, two = root.start_soon(Closing), root.start_soon(Closing)
        one.tell("mine")
        await settle()
        await one.stop()
        await two.stop()
        assert seen == ["mine", "clean"]


class Strange:
    """Be a value that cannot be compared with others, such as an array."""

    def __eq__(self, other: object) -> bool:
        raise ValueError("ambiguous")

    __hash__ = None  # type: ignore[assignment]


STRANGE: ContextVar[Any] = ContextVar("STRANGE")


async def test_values_that_cannot_be_compared_are_the_actors_own() -> None:
    """P30: neither who starts an actor nor the tree fails for them."""
    seen: list[Any] = []

    class Sets(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            seen.append(STRANGE.get())
            STRANGE.set(message)

    base, own, first, second = (Strange() for _ in range(4))
    STRANGE.set(base)
    async with open_tree("stage") as root:
        one = root.start_soon(Sets)
        STRANGE.set(own)
        two = root.start_soon(Sets)
        for ref in (one, two):
            for message in (first, second):
                ref.tell(message)
                await settle()
        assert [id(each) for each in seen] == [id(each) for each in (base, first, own, first)]
        assert root.dead_letters.total == 0
