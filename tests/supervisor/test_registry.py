"""The registry: keys that incarnations take at run time, and how they are found."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import ActorRef, Context, KeyInUse, NotRegistered, Registration
from greenroom.testing import open_tree

from .registrar import Alone, Quiet, function

Log = list[Any]


# -- who holds what


async def test_what_an_actor_registers_is_found_by_all_with_its_value() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet)
        ref.tell(lambda ctx: ctx.register("db", 7))
        await trio.testing.wait_all_tasks_blocked()
        assert root.registry.lookup("db") == [Registration("db", ref, 7, duplicate=False, of_slot=False)]
        assert root.registry.whereis("db") is ref
        assert root.registry.keys(ref) == ["db"]
        assert root.registry.values("db", ref) == [7]
        assert (root.registry.lookup("other"), root.registry.whereis("other")) == ([], None)


async def test_a_key_in_use_is_refused_with_its_holder_and_nothing_is_changed() -> None:
    async with open_tree("stage") as root:
        one, two = await root.start(Quiet, name="one"), await root.start(Quiet, name="two")
        root.registry.register("db", one, 1)
        for duplicate in (False, True):
            with pytest.raises(KeyInUse) as caught:
                root.registry.register("db", two, 2, duplicate=duplicate)
            error = caught.value
            assert (error.path, error.key, error.holder, error.status) == ("/stage/two", "db", one, "ready")
            assert not error.duplicate
        assert str(error) == (
            f"/stage/two: the key 'db' is in use by /stage/one (uid {one.uid}, ready), as its own; "
            "choose another key, or have it given up first"
        )
        assert root.registry.keys(two) == []
        assert root.registry.values("db", one) == [1]


async def test_a_key_of_several_is_held_by_several_and_by_one_several_times() -> None:
    async with open_tree("stage") as root:
        one, two = await root.start(Quiet), await root.start(Quiet)
        for ref, value in ((one, 1), (two, 2), (one, 3)):
            root.registry.register("role", ref, value, duplicate=True)
        assert [(each.ref, each.value) for each in root.registry.lookup("role")] == [(one, 1), (two, 2), (one, 3)]
        assert root.registry.keys(one) == ["role", "role"]
        assert root.registry.values("role", one) == [1, 3]
        with pytest.raises(KeyInUse, match="as one that several may have"):
            root.registry.register("role", two)
        with pytest.raises(ValueError, match="use lookup"):
            root.registry.whereis("role")
        assert root.registry.unregister("role", one) == 2
        assert root.registry.keys(one) == []
        assert [each.ref for each in root.registry.lookup("role")] == [two]


async def test_what_is_given_up_can_be_taken_by_another_and_what_is_not_held_changes_nothing() -> None:
    async with open_tree("stage") as root:
        one, two = await root.start(Quiet), await root.start(Quiet)
        root.registry.register("db", one)
        assert root.registry.unregister("db", two) == 0
        assert root.registry.unregister("never", one) == 0
        assert root.registry.whereis("db") is one
        assert root.registry.unregister("db", one) == 1
        root.registry.register("db", two)
        assert root.registry.whereis("db") is two


async def test_a_context_registers_and_gives_up_for_its_own_actor() -> None:
    async with open_tree("stage") as root:
        log: Log = []

        def work(ctx: Context) -> None:
            ctx.register("mine", 1)
            log.append(ctx.registry.whereis("mine") is ctx.ref)
            log.append(ctx.unregister("mine"))
            log.append(ctx.unregister("mine"))

        for kind in (Quiet, Alone, function):
            ref: ActorRef[Any] = await root.start(kind)
            ref.tell(work)
            await trio.testing.wait_all_tasks_blocked()
        assert log == [True, 1, 0] * 3


# -- values


async def test_a_value_is_made_from_the_one_before_and_both_are_returned() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Quiet)
        root.registry.register("n", ref, 1)
        assert root.registry.update_value("n", ref, lambda n: n + 1) == (2, 1)
        assert root.registry.values("n", ref) == [2]


async def test_only_a_key_that_is_the_actors_own_is_updated() -> None:
    async with open_tree("stage") as root:
        one, two = await root.start(Quiet, name="one"), await root.start(Quiet, name="two")
        root.registry.register("n", one, 1)
        root.registry.register("d", two, 1, duplicate=True)
        called: Log = []
        with pytest.raises(NotRegistered) as caught:
            root.registry.update_value("n", two, called.append)
        assert (caught.value.path, caught.value.key) == ("/stage/two", "n")
        assert str(caught.value) == "/stage/two: does not hold the key 'n'; register it first"
        assert isinstance(caught.value, LookupError)
        with pytest.raises(NotRegistered):
            root.registry.update_value("nobody's", one, called.append)
        with pytest.raises(ValueError, match="several may hold"):
            root.registry.update_value("d", two, called.append)
        assert called == []
        assert root.registry.values("n", one) == [1]


async def test_a_function_that_makes_a_value_may_raise_or_meddle_and_changes_nothing_then() -> None:
    async with open_tree("stage") as root:
        one, two = await root.start(Quiet), await root.start(Quiet)
        registry = root.registry
        registry.register("n", one, 1)

        def fails(value: int) -> int:
            raise KeyError(value)

        def nests(value: int) -> int:
            registry.update_value("n", one, lambda n: n + 10)
            return value + 1

        def gives_up(value: int) -> int:
            registry.unregister("n", one)
            registry.register("n", two, 5)
            return value + 1

        with pytest.raises(KeyError, match="1"):
            registry.update_value("n", one, fails)
        assert registry.values("n", one) == [1]
        with pytest.raises(RuntimeError, match="changed by the function"):
            registry.update_value("n", one, nests)
        assert registry.values("n", one) == [11]
        with pytest.raises(NotRegistered):
            registry.update_value("n", one, gives_up)
        assert registry.values("n", two) == [5]


async def test_a_value_is_never_compared_nor_hashed() -> None:
    class Value:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise AssertionError("compared")

        def __repr__(self) -> str:
            raise AssertionError("shown")

    async with open_tree("stage") as root:
        ref = await root.start(Quiet)
        async with root.registry.subscribe() as feed:
            root.registry.register("v", ref, Value())
            new, old = root.registry.update_value("v", ref, lambda _: Value())
            assert new is not old
            assert root.registry.values("v", ref)[0] is new
            await ref.stop()
            for _ in range(4):
                await anext(feed)


# -- matching


async def test_match_and_select_return_what_fits_and_counts_count_it() -> None:
    async with open_tree("stage") as root:
        refs = [await root.start(Quiet) for _ in range(4)]
        registry = root.registry
        for number, ref in enumerate(refs):
            registry.register("role", ref, number, duplicate=True)
        registry.register("one", refs[1], 1)
        assert [each.ref for each in registry.match("role", lambda value: value > 1)] == refs[2:]
        assert registry.count_match("role", lambda value: value > 1) == 2
        assert [each.key for each in registry.select(lambda each: each.ref is refs[1])] == ["role", "one"]
        assert registry.count_select(lambda each: each.value == 1) == 2
        assert registry.match("none", bool) == []
        assert registry.count() == 5


async def test_a_predicate_is_called_on_a_snapshot_whatever_it_does_to_the_registry() -> None:
    async with open_tree("stage") as root:
        refs = [await root.start(Quiet) for _ in range(4)]
        registry = root.registry
        for number, ref in enumerate(refs):
            registry.register("role", ref, number, duplicate=True)

        def meddles(_: Any) -> bool:
            for ref in refs:
                registry.unregister("role", ref)
            registry.register(f"more {registry.count()}", refs[0])
            return True

        assert [each.value for each in registry.select(meddles)] == [0, 1, 2, 3]
        assert registry.lookup("role") == []
        with pytest.raises(ZeroDivisionError):
            registry.select(lambda _: 1 / 0)


async def test_only_the_registrations_whose_value_fits_are_given_up() -> None:
    async with open_tree("stage") as root:
        ref, other = await root.start(Quiet), await root.start(Quiet)
        for number in range(4):
            root.registry.register("role", ref, number, duplicate=True)
        root.registry.register("role", other, 3, duplicate=True)
        assert root.registry.unregister_match("role", ref, lambda value: value % 2) == 2
        assert root.registry.values("role", ref) == [0, 2]
        assert root.registry.values("role", other) == [3]

        def meddles(_: int) -> bool:
            root.registry.unregister("role", ref)
            return True

        assert root.registry.unregister_match("role", ref, meddles) == 0
        assert root.registry.values("role", ref) == []


async def test_dispatch_calls_once_with_all_who_hold_the_key_and_not_at_all_for_nobody() -> None:
    async with open_tree("stage") as root:
        refs = [await root.start(Quiet) for _ in range(2)]
        for ref in refs:
            root.registry.register("role", ref, duplicate=True)
        called: Log = []
        assert root.registry.dispatch("role", called.append)
        assert [[each.ref for each in found] for found in called] == [refs]
        assert not root.registry.dispatch("nobody", called.append)
        assert len(called) == 1
