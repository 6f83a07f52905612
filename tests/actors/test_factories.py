"""P5: what makes an actor, and the arguments that it takes, are checked before anything is registered."""

import gc
import re
import weakref
from functools import partial
from typing import Any

import pytest

from greenroom import Actor, Agent, ChildSpec, Context, InvalidSpec, StartupFailed, open_supervisor
from greenroom.testing import open_tree

from .registered import Plain, Starts, state

Log = list[Any]


def generator() -> Any:
    yield 1


async def async_generator(_ctx: Context) -> Any:
    yield 1


async def takes_nothing() -> None:
    pass


def needs_a_keyword(*, size: int) -> Starts:
    return Starts(size)


FACTORIES: list[Any] = [
    7, None, "Plain", Plain(), object, int, generator, async_generator, takes_nothing, needs_a_keyword, dict, [Plain],
]  # fmt: skip


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda value: repr(value)[:20])
async def test_p5_what_is_no_factory_is_refused_and_leaves_no_trace(factory: Any) -> None:
    async with open_tree("stage") as root:
        before = state(root)
        with pytest.raises(InvalidSpec):
            root.start_soon(factory)
        assert state(root) == before


async def two(ctx: Context, a: int, b: int = 1) -> None:
    pass


def one(a: float) -> Starts:
    return Starts(a)


def one_or_more(a: float, *b: Any) -> Starts:
    return Starts(a, *b)


def both(a: float, b: Log) -> Starts:
    return Starts(a, b)


ARGUMENTS: list[tuple[Any, tuple[Any, ...]]] = [
    (Plain, (1,)), (Starts, (1, 2, 3)), (two, ()), (two, (1, 2, 3)), (partial(Starts, 1.0), (2, 3)),
    (partial(two, b=1), ()), (lambda *, a=1: Starts(a), (1,)), (one, ()), (both, (1,)),
    (one_or_more, ()),
]  # fmt: skip


@pytest.mark.parametrize(("factory", "args"), ARGUMENTS)
async def test_p5_arguments_are_checked_against_the_factorys_signature(factory: Any, args: tuple[Any, ...]) -> None:
    async with open_tree("stage") as root:
        before = state(root)
        with pytest.raises(InvalidSpec, match=f"positional arguments?.*, got {len(args)}"):
            root.start_soon(factory, *args)
        assert state(root) == before


WRONG_PARTIALS: list[tuple[Any, str]] = [
    (partial(Starts, wrong_key=1), r"Starts\(.*\).*: got an unexpected keyword argument 'wrong_key'"),
    (partial(two, wrong_key=1), r"two\(ctx.*\).*: got an unexpected keyword argument 'wrong_key'"),
    (partial(partial(one, 1.0), wrong_key=1), "got an unexpected keyword argument 'wrong_key'"),
    (partial(one, 1.0, a=2.0), "multiple values for argument 'a'"),
    (partial(one, 1.0, 2.0), "too many positional arguments"),
]


@pytest.mark.parametrize(("factory", "said"), WRONG_PARTIALS)
@pytest.mark.parametrize("args", [(), (1,)])
async def test_p5_what_a_partial_gives_is_checked_against_the_factorys_signature(
    factory: Any, said: str, args: tuple[Any, ...]
) -> None:
    async with open_tree("stage") as root:
        before = state(root)
        for _ in range(2):
            with pytest.raises(InvalidSpec, match=said):
                root.start_soon(factory, *args)
        with pytest.raises(InvalidSpec, match=said):
            await root.start(factory, *args)
        assert state(root) == before
    with pytest.raises(InvalidSpec, match=said):
        await open_supervisor("stage", children=[ChildSpec("a", factory, args)]).__aenter__()


async def test_p5_a_partial_of_what_has_no_signature_is_not_refused_for_it() -> None:
    class Makes:
        @property
        def __signature__(self) -> Any:
            raise ValueError("none")

        def __call__(self, log: Log, *, seconds: float) -> Starts:
            return Starts(seconds, log)

    async with open_tree("stage") as root:
        log: Log = []
        await root.start(partial(Makes(), seconds=0.0), log)
        assert log


async def test_a_tree_remembers_of_a_partial_what_it_is_a_partial_of_and_not_what_it_gives() -> None:
    """`supervision.md`: the arguments of a child that is forgotten are not retained."""

    class Large(list[Any]):
        pass

    async with open_tree("stage") as root:
        large: list[weakref.ref[Large]] = []
        for _ in range(100):
            given = Large()
            large.append(weakref.ref(given))
            await root.start(partial(Starts, log=given), 0.0)
            for ref in root.which_children():
                await ref.stop()
            root.reports.drain()
        del given, ref
        gc.collect()
        assert [each for each in large if each() is not None] == []
        with pytest.raises(InvalidSpec, match=r"Starts\(.*log.*'this one'.*, got 3"):
            root.start_soon(partial(Starts, log="this one"), 1, 2, 3)


@pytest.mark.parametrize(("base", "hook"), [(Actor, "receive(self, message, ctx)"), (Agent, "turn(self, turn, ctx)")])
async def test_p5_actor_and_agent_themselves_are_refused_at_the_start_and_not_by_the_first_message(
    base: Any, hook: str
) -> None:
    text = f"{base.__name__} itself can handle nothing; derive a class from it that defines {hook}"

    def makes() -> Any:
        return base()

    async with open_supervisor("stage") as root:
        before = state(root)
        for factory in (base, partial(base)):
            with pytest.raises(InvalidSpec, match=re.escape(text)):
                root.start_soon(factory)
            with pytest.raises(InvalidSpec, match=re.escape(text)):
                await root.start(factory)
        assert state(root) == before
        with pytest.raises(StartupFailed, match=re.escape(text)):  # nobody knows what it makes before it has
            await root.start(makes)
