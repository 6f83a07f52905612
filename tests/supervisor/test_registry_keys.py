"""What is a key of the registry: by type and value, and what is refused."""

from collections.abc import Callable, Iterator
from enum import Enum, IntEnum
from typing import Any, NamedTuple

import pytest

from greenroom import ActorRef, KeyInUse, Supervisor
from greenroom.testing import open_tree

from .registrar import Quiet, size


class Colour(Enum):
    RED = 1


class Number(IntEnum):
    ONE = 1


class Hostile(Enum):
    A = 1
    B = 2

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    def __hash__(self) -> int:
        raise AssertionError("hashed")


ALIKE: list[Any] = [
    1,
    1.0,
    True,
    "1",
    b"1",
    (1,),
    (1.0,),
    (True,),
    ((1,),),
    None,
    Number.ONE,
    Colour.RED,
    (Number.ONE,),
    "",
    b"",
    (),
    0,
    False,
    0.0,
]


# -- keys compare by type and value


async def test_keys_of_different_types_are_different_keys_however_equal_they_are() -> None:
    async with open_tree("stage") as root:
        refs = [await root.start(Quiet) for _ in ALIKE]
        for ref, key in zip(refs, ALIKE, strict=True):
            root.registry.register(key, ref)
        for ref, key in zip(refs, ALIKE, strict=True):
            assert root.registry.whereis(key) is ref
            [held] = root.registry.keys(ref)
            assert (type(held), held) == (type(key), key)
        assert size(root) == len(ALIKE)


async def test_equal_keys_of_one_type_are_one_key_though_they_are_different_objects() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet)
        for key, same in (
            ("ab" * 500, "ab" * int("500")),
            (10**30, 10**29 * 10),
            (("x", (1,)), ("x", (1,))),
            (0.0, -0.0),
        ):
            root.registry.register(key, ref)
            assert root.registry.whereis(same) is ref


async def test_p30_no_comparison_of_a_members_own_is_ever_called() -> None:
    async with open_tree("stage") as root:
        one, two = await root.start(Quiet), await root.start(Quiet)
        root.registry.register(Hostile.A, one)
        root.registry.register((Hostile.B, 1), two)
        with pytest.raises(KeyInUse):
            root.registry.register(Hostile.A, two)
        assert root.registry.whereis(Hostile.A) is one
        assert root.registry.whereis((Hostile.B, 1)) is two
        root.groups.join(Hostile.A, one)
        assert root.groups.members(Hostile.A) == [one]
        await one.stop()
        assert root.registry.whereis(Hostile.A) is None


class Text(str):
    __slots__ = ()

    def __hash__(self) -> int:
        raise AssertionError("hashed")


class Pair(NamedTuple):
    one: int


def deep(levels: int) -> Any:
    key: Any = ()
    for _ in range(levels):
        key = (key,)
    return key


NO_KEYS: list[Any] = [
    [], {}, set(), frozenset(), object(), Text("x"), Pair(1), bytearray(b"x"), 1j, Quiet, len, range(3), ..., (1, []), ("x", ("y", {})), iter(()),
]  # fmt: skip
NO_VALUES: list[Any] = [float("nan"), (1, float("nan")), deep(16), deep(100_000)]


def calls(root: Supervisor, ref: ActorRef[Any], key: Any) -> Iterator[Callable[[], Any]]:
    registry, groups = root.registry, root.groups
    yield lambda: registry.register(key, ref)
    yield lambda: registry.unregister(key, ref)
    yield lambda: registry.unregister_match(key, ref, bool)
    yield lambda: registry.update_value(key, ref, str)
    yield lambda: registry.lookup(key)
    yield lambda: registry.whereis(key)
    yield lambda: registry.values(key, ref)
    yield lambda: registry.match(key, bool)
    yield lambda: registry.count_match(key, bool)
    yield lambda: registry.dispatch(key, print)
    yield lambda: groups.join(key, ref)
    yield lambda: groups.leave(key, ref)
    yield lambda: groups.members(key)
    yield lambda: groups.publish(key, "x")


@pytest.mark.parametrize("key", NO_KEYS, ids=lambda key: type(key).__name__)
async def test_what_is_no_key_is_refused_by_its_type_before_anything_changes(key: Any) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet)
        for call in calls(root, ref, key):
            with pytest.raises(TypeError, match=r"is of type \w+, which is no key"):
                call()
        with pytest.raises(TypeError, match="which is no key"):
            await root.registry.lookup_or_start(key, Quiet, parent=root)
        if key is not ...:
            for subscribe in (root.registry.subscribe, root.groups.subscribe):
                with pytest.raises(TypeError, match="which is no key"):
                    async with subscribe(key):
                        pass
        assert (size(root), root.groups.which_groups(), root.count_children()["specs"]) == (0, [], 1)


@pytest.mark.parametrize("key", NO_VALUES, ids=["nan", "nan inside", "17 deep", "100,000 deep"])
async def test_a_nan_and_tuples_that_lie_too_deep_are_refused(key: Any) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet)
        for call in calls(root, ref, key):
            with pytest.raises(ValueError, match=r"is a NaN|more than 16 deep"):
                call()
        assert size(root) == 0


async def test_tuples_may_be_sixteen_deep() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet)
        root.registry.register(deep(15), ref)
        assert root.registry.whereis(deep(15)) is ref


BAD_REFS: list[Any] = [None, 1, "x", "/stage/a", Quiet, object(), [], (), 1.5, b"x"]


# -- bad input


@pytest.mark.parametrize("ref", BAD_REFS, ids=lambda ref: repr(ref)[:12])
async def test_what_is_no_ref_is_refused(ref: Any) -> None:
    async with open_tree("stage") as root:
        registry, groups = root.registry, root.groups
        steps: list[Callable[[], Any]] = [
            lambda: registry.register("k", ref),
            lambda: registry.unregister("k", ref),
            lambda: registry.unregister_match("k", ref, bool),
            lambda: registry.update_value("k", ref, str),
            lambda: registry.keys(ref),
            lambda: registry.values("k", ref),
            lambda: groups.join("g", ref),
            lambda: groups.leave("g", ref),
        ]
        for step in steps:
            with pytest.raises(TypeError, match="is no ActorRef"):
                step()
        with pytest.raises(TypeError, match="is no ActorRef"):
            await registry.lookup_or_start("k", Quiet, parent=ref)
        assert size(root) == 0


async def test_the_ref_of_another_tree_is_refused() -> None:
    async with open_tree("stage") as root, open_tree("other") as other:
        ref = await other.start(Quiet)
        for step in (lambda: root.registry.register("k", ref), lambda: root.groups.join("g", ref)):
            with pytest.raises(ValueError, match="/other/quiet-2 is of another tree"):
                step()
        with pytest.raises(ValueError, match="another tree"):
            await root.registry.lookup_or_start("k", Quiet, parent=other)
        root.registry.register("k", await root.start(Quiet))
        other.registry.register("k", ref)
        assert other.registry.whereis("k") is ref


@pytest.mark.parametrize("bad", [None, 1, "x", [], {}, 1.5, b"x", (), True, ...], ids=repr)
async def test_what_is_no_function_is_refused_before_anything_is_looked_at(bad: Any) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet)
        registry = root.registry
        registry.register("k", ref, 1)
        steps: list[Callable[[], Any]] = [
            lambda: registry.match("k", bad),
            lambda: registry.select(bad),
            lambda: registry.count_match("k", bad),
            lambda: registry.count_select(bad),
            lambda: registry.unregister_match("k", ref, bad),
            lambda: registry.update_value("k", ref, bad),
            lambda: registry.dispatch("k", bad),
        ]
        for step in steps:
            with pytest.raises(TypeError, match="is no function"):
                step()
        assert registry.values("k", ref) == [1]


@pytest.mark.parametrize("bad", [None, 0, 1, "yes", [], {}, 1.0, b"", (), ...], ids=repr)
async def test_duplicate_is_true_or_false_and_nothing_like_it(bad: Any) -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet)
        with pytest.raises(TypeError, match="give True or False"):
            root.registry.register("k", ref, duplicate=bad)
        assert size(root) == 0
