import gc
import re
import weakref
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorRef,
    ActorRestarting,
    ActorStopped,
    ActorStopping,
    Agent,
    ChildSpec,
    Context,
    Intensity,
    InvalidSpec,
    LimitReached,
    Limits,
    MailboxSpec,
    NameInUse,
    Scheduling,
    StartupFailed,
    Supervisor,
    Turn,
    open_supervisor,
)
from greenroom.testing import open_tree

Log = list[Any]


class Starts(Actor[Any]):
    def __init__(self, seconds: float = 1.0, log: Log | None = None) -> None:
        self.seconds, self.log = seconds, [] if log is None else log

    async def startup(self, ctx: Context) -> None:
        self.log.append(ctx.labels)
        await trio.sleep(self.seconds)

    def receive(self, message: Any, ctx: Context) -> Any:
        return message


class Plain(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> Any:
        return message


def state(root: Supervisor) -> Any:
    """Return all that a refused start could have changed."""
    slot = root._slot
    runtime = slot.runtime
    launcher: Any = runtime.launcher
    return (
        [(info.path, info.uid, info.lifecycle, info.generation, info.accepted) for info in root.snapshot().walk()],
        runtime.next_uid,
        runtime.alive,
        launcher.in_use,
        launcher.waiting,
        dict(root.dead_letters.counts),
        len(root.reports),
        slot.box.seq,
    )


# -- P3


async def test_p3_a_name_in_use_is_refused_with_the_holders_path_status_and_age() -> None:
    async with open_tree("stage") as root:
        holder = root.start_soon(Starts, 100.0, name="a")
        await trio.sleep(2)
        before = state(root)
        with pytest.raises(NameInUse) as caught:
            root.start_soon(Plain, name="a")
        error = caught.value
        assert (error.path, error.holder, error.status, error.age) == ("/stage/a", holder, "initializing", 2.0)
        assert str(error) == (
            f"/stage/a: the name is in use by uid {holder.uid} (initializing, registered 2 s ago); "
            "choose another name, or end the holder first"
        )
        assert state(root) == before
        assert holder.lifecycle == "initializing"


async def test_p3_of_n_concurrent_starts_of_one_path_exactly_one_wins() -> None:
    won: list[ActorRef[Any]] = []
    lost: list[NameInUse] = []

    async with open_tree("stage") as root:

        async def start() -> None:
            try:
                won.append(await root.start(Starts, name="a"))
            except NameInUse as error:
                lost.append(error)

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(start)
        assert len(won) == 1
        assert len(lost) == 19
        assert {error.holder for error in lost} == set(won)
        assert root.which_children() == won
        assert root.start_soon(Plain).uid == won[0].uid + 1


async def test_p3_the_name_is_free_for_the_next_one_as_soon_as_the_end_can_be_seen() -> None:
    async with open_tree("stage") as root:
        for uid in range(2, 30):
            ref = root.start_soon(Starts, name="a")
            assert ref.uid == uid
            await ref.stop()


async def test_p3_2000_children_are_registered_in_no_virtual_time_whatever_their_startup_does() -> None:
    async with open_tree("stage") as root:
        before = trio.current_time()
        refs = [root.start_soon(Starts, 1e9, name=f"a{i}", startup_timeout=None) for i in range(2_000)]
        assert trio.current_time() == before
        assert len(root.which_children()) == 2_000
        assert len({ref.uid for ref in refs}) == 2_000
        assert {ref.lifecycle for ref in refs} == {"initializing"}
        await wait_all_tasks_blocked()
        info = root.snapshot()
        assert len(info.children) == 2_000
        # Hung startups delay no other call.
        ready: Any = await root.start(Plain)
        assert await ready.ask(5) == 5
        assert root.count_children()["specs"] == 2_001
        await refs[0].stop()
        await refs[1].kill()
        assert trio.current_time() == before


async def test_children_without_a_name_are_called_by_class_and_uid() -> None:
    async with open_tree("stage") as root:
        assert root.start_soon(Plain).name == "plain-2"
        root.start_soon(Plain, name="plain-4")
        assert root.start_soon(Plain).name == "plain-4-"
        assert root.start_soon(partial(Plain)).path == "/stage/plain-5"


# -- P5


def refuses_all(message: Any) -> Any:
    raise KeyError(message)


BAD: dict[str, list[Any]] = {
    "name": ["", "A", "a b", "a/b", "a.b", "ä", "x" * 65, 7, b"a", ["a"], "a\n"],
    "restart": ["", "never", "Permanent", None, 0, True, [], {}, b"permanent", object()],
    "shutdown": [-1, -0.5, float("nan"), float("inf"), "5", True, [], 10**400, object(), b"1"],
    "startup_timeout": [0, -1, float("nan"), float("inf"), "5", True, False, 10**400, object(), []],
    "mailbox": [7, "reject", 10.0, True, [], {}, object(), MailboxSpec, ("reject",), b""],
    "labels": [7, "a", ["a"], {1: "a"}, {"a": []}, {"a": {}}, {"a": object()}, {None: 1}, ("a", "b"), True],
    "redeliver": [-1, 1.0, "1", True, None, [], float("nan"), object(), b"1", {}],
    "rest_after": [0, -1, float("nan"), float("inf"), "5", True, False, 10**400, object(), []],
    "wake_parent": [1, 0, "yes", None, [], object(), 1.0, b"", {}, ()],
}
#: given as the default, these are not wrong at `Supervisor`.
CASES = [(field, value) for field, values in BAD.items() for value in values]


@pytest.mark.parametrize(("field", "value"), CASES, ids=lambda value: repr(value)[:20])
async def test_p5_a_wrong_option_is_refused_by_name_and_leaves_no_trace(field: str, value: Any) -> None:
    async with open_tree("stage") as root:
        before = state(root)
        with pytest.raises(InvalidSpec, match=field):
            root.start_soon(Plain, **{field: value})
        with pytest.raises(InvalidSpec, match=field):
            await root.start(Plain, **{field: value})
        assert state(root) == before


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
        with pytest.raises(InvalidSpec, match=f"positional arguments.*, got {len(args)}"):
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


async def test_p5_an_unknown_option_is_refused_with_the_one_that_was_meant() -> None:
    async with open_tree("stage") as root:
        before = state(root)
        unknown: dict[str, Any] = {"restrat": "permanent"}
        with pytest.raises(InvalidSpec, match="unknown option 'restrat'; did you mean 'restart'"):
            root.start_soon(Plain, **unknown)
        assert state(root) == before


async def test_p5_all_that_is_wrong_with_the_options_is_said_at_once() -> None:
    async with open_tree("stage") as root:
        wrong: dict[str, Any] = {"restart": "x", "shutdown": -1, "redeliver": -1}
        with pytest.raises(InvalidSpec, match=r"restart: .*; shutdown: .*; redeliver: "):
            root.start_soon(Plain, **wrong)


@pytest.mark.parametrize("key", [refuses_all, lambda message: [message], float])
async def test_p5_a_first_mail_that_has_no_key_refuses_the_start_and_leaves_no_trace(key: Any) -> None:
    async with open_tree("stage") as root:
        before = state(root)
        with pytest.raises((KeyError, TypeError)):
            root.start_soon(Plain, mailbox=MailboxSpec(5, "coalesce", coalesce_key=key), mail="7")
        assert state(root) == before


async def test_p5_a_key_function_that_starts_the_same_name_gets_it_and_the_outer_start_is_refused() -> None:
    inner: Log = []
    async with open_tree("stage") as root:

        def reenters(message: str) -> str:
            inner.append(root.start_soon(Plain, name="a"))
            return message

        with pytest.raises(NameInUse):
            root.start_soon(Plain, name="a", mailbox=MailboxSpec(5, "coalesce", coalesce_key=reenters), mail="x")
        assert root.which_children() == inner


async def test_p5_the_number_of_actors_is_limited_and_the_error_says_who_holds_it() -> None:
    async with open_supervisor("stage", limits=Limits(max_actors=3)) as root:
        root.start_soon(Plain, name="a")
        last = root.start_soon(Starts, 100.0, name="b")
        before = state(root)
        with pytest.raises(LimitReached) as caught:
            root.start_soon(Plain, name="c")
        error = caught.value
        assert (error.path, error.limit, error.value) == ("/stage/c", "max_actors", 3)
        assert sorted(error.holders) == ["/stage/a", "/stage/b"]
        assert "Limits.max_actors=3 is reached, held by /stage/a, /stage/b" in str(error)
        assert state(root) == before
        await last.stop()
        assert root.start_soon(Plain, name="c").lifecycle == "initializing"


@pytest.mark.parametrize("how", ["stop", "kill", "crash"])
async def test_p5_a_place_comes_back_only_when_its_holders_task_has_ended(how: str) -> None:
    class Lingers(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None: ...

        async def shutdown(self, ctx: Context, reason: Any) -> None:
            await trio.sleep(3)

    async with open_supervisor("stage", limits=Limits(max_actors=2)) as root, trio.open_nursery() as nursery:
        ref = await root.start(Lingers, name="a")
        if how == "crash":
            ref.crash(OSError("no"))
        else:
            nursery.start_soon(getattr(ref, how))
        for _ in range(5):
            await trio.sleep(0.5)
            with pytest.raises(LimitReached) as caught:
                root.start_soon(Plain)
            assert caught.value.holders == ("/stage/a",)
        await ref.wait_stopped()
        root.start_soon(Plain)
        root.reports.drain()


async def test_p5_the_depth_is_limited() -> None:
    class Digs(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            ctx.start_soon(Digs, name="below")

    async with open_supervisor("stage", limits=Limits(max_depth=3)) as root:
        ref = root.start_soon(Digs, name="a")
        await wait_all_tasks_blocked()
        paths = [info.path for info in root.snapshot().walk()]
        assert paths == ["/stage", "/stage/a", "/stage/a/below"]
        assert ref.lifecycle == "ready"
        boss = root.lookup("a/below")
        assert boss.lifecycle == "ready"
        root.reports.drain()


async def test_p5_the_error_of_depth_says_the_limit_and_whose_it_is() -> None:
    caught: Log = []

    class Boss(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            try:
                ctx.start_soon(Plain, name="b")
            except LimitReached as error:
                caught.append(error)

    async with open_supervisor("stage", limits=Limits(max_depth=1)) as root:
        root.start_soon(Boss, name="a", mail=1)
        await wait_all_tasks_blocked()
        [error] = caught
        assert (error.path, error.limit, error.value, error.holders) == ("/stage/a/b", "max_depth", 1, ("/stage/a",))


async def test_p5_a_stopping_parent_refuses_and_an_ended_one_too() -> None:
    class Slow(Actor[Any]):
        async def shutdown(self, ctx: Context, reason: Any) -> None:
            await trio.sleep(1)

    async with open_tree("stage") as root:
        root.start_soon(Slow)
        await wait_all_tasks_blocked()
        root.request_stop()
        before = state(root)
        with pytest.raises(ActorStopping, match="is stopping and takes no new children"):
            root.start_soon(Plain, name="a")
        with pytest.raises(ActorStopping):
            await root.start(Plain, name="a")
        assert state(root) == before
        await root.wait_stopped()
        before = state(root)
        with pytest.raises(ActorStopped, match="has ended and takes no new children"):
            root.start_soon(Plain, name="a")
        assert state(root) == before


async def test_p5_the_context_of_an_ended_incarnation_starts_nothing() -> None:
    kept: list[Context] = []

    class Boss(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            kept.append(ctx)

    async with open_tree("stage") as root:
        boss = await root.start(Boss, restart="permanent")
        boss.crash(OSError("x"))
        await wait_all_tasks_blocked()
        assert boss.lifecycle == "ready"
        before = state(root)
        with pytest.raises((ActorStopped, ActorRestarting)):
            kept[0].start_soon(Plain)
        assert state(root) == before
        root.reports.drain()


async def test_p5_startup_uses_the_configuration_as_it_was_at_registration() -> None:
    log: Log = []
    labels: dict[str, Any] = {"role": "first"}
    async with open_tree("stage") as root:
        ref = root.start_soon(Starts, 1.0, log, labels=labels)
        labels["role"] = "changed"
        await ref.wait_ready()
        assert [dict(each) for each in log] == [{"role": "first"}]
        assert ref.labels == {"role": "first"}


BAD_TREES: list[dict[str, Any]] = [
    {"name": ""}, {"name": "Stage"}, {"name": 7}, {"strategy": "all"}, {"unread": "ignore"}, {"intensity": 3},
    {"limits": 7}, {"scheduling": 7}, {"children": [7]}, {"children": [ChildSpec("A", Plain)]},
    {"children": [ChildSpec("a", Plain), ChildSpec("a", Plain)]}, {"children": [ChildSpec("a", Plain, (1,))]},
    {"children": [ChildSpec("a", Plain, startup="later")]},  # type: ignore[arg-type]
    {"children": [ChildSpec("a", 7)]},  # type: ignore[arg-type]
    {"children": 7}, {"children": ChildSpec("a", Plain)}, {"on_open": 7},
]  # fmt: skip


@pytest.mark.parametrize("bad", BAD_TREES, ids=lambda bad: repr(bad)[:40])
async def test_p5_a_wrong_tree_is_refused_before_anything_starts(bad: dict[str, Any]) -> None:
    options = {"name": "stage", **bad}
    with pytest.raises(InvalidSpec):
        async with open_supervisor(**options):
            raise AssertionError


def test_p5_all_that_is_wrong_with_a_set_of_specs_is_said_at_once() -> None:
    async def main() -> None:
        specs: list[Any] = [ChildSpec("A", Plain), 7, ChildSpec("b", Plain, restart="x", shutdown=-1)]  # type: ignore[arg-type]
        with pytest.raises(InvalidSpec) as caught:
            async with open_supervisor("stage", children=specs):
                raise AssertionError
        lines = str(caught.value).splitlines()
        assert [line.split(":")[0] for line in lines] == ["children[0] ('A')", "children[1]", "children[2] ('b')"]
        assert "restart" in lines[2]
        assert "shutdown" in lines[2]

    trio.run(main)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"args": 5}, "args: 5 is no list of arguments"),
        ({"args": "ab"}, "args: 'ab' is no list of arguments"),
        ({"args": None}, "args: None is no list of arguments"),
        ({"kwargs": 3}, "kwargs: 3 is not a mapping of names to arguments"),
        ({"kwargs": None}, "kwargs: None is not a mapping of names to arguments"),
        ({"kwargs": {1: 2}}, "kwargs: {1: 2} is not a mapping of names to arguments"),
    ],
)
async def test_p5_arguments_of_a_spec_that_are_no_arguments_are_refused_by_name(bad: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidSpec, match=re.escape(said)):
        async with open_supervisor("stage", children=[ChildSpec("a", Plain, **bad)]):
            raise AssertionError


BAD_NUMBERS: list[Any] = [-1, 0, 1.0, "1", True, False, float("nan"), [], ..., b"1"]


@pytest.mark.parametrize("value", BAD_NUMBERS, ids=repr)
@pytest.mark.parametrize("field", ["max_actors", "max_depth", "max_concurrent_startups"])
def test_p5_a_limit_that_is_no_whole_number_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidSpec, match=f"Limits.{field}"):
        Limits(**{field: value})


@pytest.mark.parametrize("value", [-1, 0, "1", True, float("nan"), float("inf"), [], ..., b"1", 1j], ids=repr)
def test_p5_numbers_of_seconds_are_checked(value: Any) -> None:
    with pytest.raises(InvalidSpec, match="stale_after"):
        Limits(stale_after=value)
    with pytest.raises(InvalidSpec, match="within"):
        Intensity(3, value)


@pytest.mark.parametrize("value", [-1, 1.0, "1", True, None, [], ..., float("nan"), b"1", {}], ids=repr)
def test_p5_a_number_of_restarts_is_checked(value: Any) -> None:
    with pytest.raises(InvalidSpec, match="max_restarts"):
        Intensity(value)


@pytest.mark.parametrize("field", ["per_activation", "per_turn", "time_slice"])
@pytest.mark.parametrize("value", [-1, 0, "1", True, None, [], ..., float("nan"), b"1", {}], ids=repr)
def test_p5_a_scheduling_is_checked(field: str, value: Any) -> None:
    with pytest.raises(InvalidSpec, match=f"Scheduling.{field}"):
        Scheduling(**{field: value})


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
