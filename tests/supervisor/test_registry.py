"""The registry: keys that incarnations take at run time, and how they are found."""

from collections.abc import Callable, Iterator
from enum import Enum, IntEnum
from typing import Any, NamedTuple

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorRef,
    ActorStopped,
    Agent,
    Context,
    KeyInUse,
    NotIdle,
    NotRegistered,
    Registration,
    StartupFailed,
    Supervisor,
    Turn,
    open_supervisor,
)
from greenroom.testing import open_tree

Log = list[Any]


class Quiet(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Exception):
            raise message
        if callable(message):
            return message(ctx)
        return message


class Alone(Quiet):
    own_task = True


class Sleepy(Agent[Any]):
    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        for mail in turn.mail:
            mail.message(ctx)

    async def shutdown(self, ctx: Context, reason: object) -> None:
        ctx.register("at last")


async def function(ctx: Context) -> None:
    async for message in ctx:
        if isinstance(message, Exception):
            raise message
        message(ctx)


def size(root: Supervisor) -> int:
    return root.registry.count()


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


# -- keys compare by type and value


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


# -- the ends of owners


@pytest.mark.parametrize("kind", [Quiet, Alone, function])
async def test_what_an_incarnation_has_taken_goes_in_its_last_step_and_blocks_nobody(kind: Any) -> None:
    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        other = await root.start(Quiet, name="other")
        for end in ("stop", "drain", "kill", "crash"):
            for restart in ("temporary", "transient"):
                ref = await root.start(kind, restart=restart)
                root.registry.register("db", ref)
                root.registry.register("role", ref, duplicate=True)
                seen: Log = []
                monitor = root.start_soon(watcher, ref, root, seen)
                await trio.testing.wait_all_tasks_blocked()
                if end == "crash":
                    ref.crash(OSError())
                    await trio.testing.wait_all_tasks_blocked()
                else:
                    await getattr(ref, end)()
                assert size(root) == 0, (end, restart)
                root.registry.register("db", other)
                root.registry.unregister("db", other)
                await trio.testing.wait_all_tasks_blocked()
                if end != "crash" or restart == "temporary":
                    assert seen == [[]]
                await monitor.stop()
                await ref.stop()
        root.reports.drain()


async def watcher(ctx: Context, ref: ActorRef[Any], root: Supervisor, seen: Log) -> None:
    ctx.monitor(ref)
    await ctx.receive()
    seen.append(root.registry.lookup("db"))


async def test_a_restarted_actor_has_only_what_its_new_incarnation_takes() -> None:
    class Registers(Quiet):
        async def startup(self, ctx: Context) -> None:
            ctx.register(("worker", ctx.ref.incarnation))

    async with open_tree("stage") as root:
        ref = await root.start(Registers, restart="permanent")
        root.registry.register("from outside", ref)
        ref.crash(OSError())
        await ref.wait_ready() if ref.lifecycle != "ready" else await trio.testing.wait_all_tasks_blocked()
        assert ref.incarnation == 2
        assert root.registry.keys(ref) == [("worker", 2)]
        root.reports.drain()


async def test_a_startup_that_fails_leaves_no_key() -> None:
    class Fails(Quiet):
        async def startup(self, ctx: Context) -> None:
            ctx.register("db")
            raise OSError

    async with open_tree("stage") as root:
        for _ in range(2):
            with pytest.raises(StartupFailed):
                await root.start(Fails)
            assert size(root) == 0


async def test_who_has_ended_registers_nothing_and_neither_does_an_old_context() -> None:
    async with open_tree("stage") as root:
        contexts: list[Context] = []
        ref = await root.start(Quiet, restart="transient")
        ref.tell(contexts.append)
        await trio.testing.wait_all_tasks_blocked()
        pinned = ref.pin()
        ref.crash(OSError())
        await trio.testing.wait_all_tasks_blocked()
        old = contexts[0]
        steps: list[Callable[[], Any]] = [
            lambda: old.register("db"),
            lambda: old.unregister("db"),
            lambda: old.join("g"),
            lambda: old.leave("g"),
            lambda: root.registry.register("db", pinned),
            lambda: root.groups.join("g", pinned),
        ]
        for step in steps:
            with pytest.raises(ActorStopped):
                step()
        await ref.stop()
        for step in (lambda: root.registry.register("db", ref), lambda: root.groups.join("g", ref)):
            with pytest.raises(ActorStopped):
                step()
        assert (size(root), root.groups.which_groups()) == (0, [])
        assert root.registry.keys(ref) == []
        root.reports.drain()


async def test_a_failed_one_registers_nothing_and_says_what_its_startup_failed_of() -> None:
    class Fails(Quiet):
        async def startup(self, ctx: Context) -> None:
            raise OSError("no")

    async with open_tree("stage") as root:
        ref = root.start_soon(Fails)
        await ref.wait_stopped()
        with pytest.raises(StartupFailed, match="no"):
            root.registry.register("db", ref)
        root.reports.drain()


async def test_an_actor_registers_while_it_starts_and_while_it_ends_and_all_of_it_goes() -> None:
    log: Log = []

    class Registers(Quiet):
        async def startup(self, ctx: Context) -> None:
            ctx.register("starting")
            await trio.sleep(1)

        async def shutdown(self, ctx: Context, reason: object) -> None:
            ctx.register("ending")
            log.append(ctx.registry.keys(ctx.ref))

    async with open_tree("stage") as root:
        ref = root.start_soon(Registers)
        root.registry.register("before its first instruction", ref)
        await ref.wait_ready()
        await ref.stop()
        assert log == [["before its first instruction", "starting", "ending"]]
        assert size(root) == 0


async def test_a_tree_that_is_torn_down_has_an_empty_registry() -> None:
    async with open_supervisor("stage") as root:
        for number in range(3):
            ref = await root.start(Quiet, restart="permanent", keys=[number])
            root.registry.register(str(number), ref)
            root.groups.join("all", ref)
        await root.terminate_child(ref.name)
        registry, groups = root.registry, root.groups
        assert (registry.count(), repr(registry)) == (5, "<Registry of 5 registrations>")
        assert repr(groups) == "<Groups with 2 places taken>"
    assert (registry.count(), groups.which_groups()) == (0, [])


# -- rest


async def test_an_agent_that_has_taken_a_key_at_run_time_does_not_rest_until_it_has_given_it_up() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Sleepy, rest_after=10.0)
        root.registry.register("mine", ref)
        root.groups.join("all", ref)
        with pytest.raises(NotIdle, match="it holds 2 keys and places in groups") as caught:
            ref.rest()
        assert caught.value.state == "keys"
        await trio.sleep(100)
        assert ref.lifecycle == "ready"
        root.registry.unregister("mine", ref)
        await trio.sleep(100)
        assert ref.lifecycle == "ready"
        root.groups.leave("all", ref)
        assert ref.lifecycle == "ready"
        await trio.sleep(9)
        assert ref.lifecycle == "ready"
        await trio.sleep(2)
        assert ref.lifecycle == "resting"
        assert size(root) == 0  # what its shutdown hook took has gone


async def test_an_agent_that_gives_up_its_last_key_rests_in_its_time() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Sleepy, rest_after=10.0)
        root.registry.register("mine", ref)
        await trio.sleep(100)
        root.registry.unregister("mine", ref)
        await trio.sleep(11)
        assert ref.lifecycle == "resting"


async def test_one_that_rests_keeps_what_others_register_for_it_until_its_next_incarnation_ends() -> None:
    async with open_tree("stage") as root:
        ref = await root.start(Sleepy)
        ref.rest()
        await trio.testing.wait_all_tasks_blocked()
        root.registry.register("mine", ref)
        assert ref.lifecycle == "resting"
        await ref.wait_ready()
        assert root.registry.whereis("mine") is ref
        await ref.stop()
        assert size(root) == 0


# -- bad input


BAD_REFS: list[Any] = [None, 1, "x", "/stage/a", Quiet, object(), [], (), 1.5, b"x"]


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
