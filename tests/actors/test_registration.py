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
    Context,
    InvalidSpec,
    MailboxSpec,
    NameInUse,
)
from greenroom.testing import open_tree

from .registered import Plain, Starts, state

Log = list[Any]


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


# -- P5


@pytest.mark.parametrize(("field", "value"), CASES, ids=lambda value: repr(value)[:20])
async def test_p5_a_wrong_option_is_refused_by_name_and_leaves_no_trace(field: str, value: Any) -> None:
    async with open_tree("stage") as root:
        before = state(root)
        with pytest.raises(InvalidSpec, match=field):
            root.start_soon(Plain, **{field: value})
        with pytest.raises(InvalidSpec, match=field):
            await root.start(Plain, **{field: value})
        assert state(root) == before


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


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("how", ["crash", "stop"])
async def test_p27_who_ends_by_itself_starts_nobody_any_more(how: str, own: bool) -> None:
    refused: list[str] = []

    class Boss(Actor[str]):
        own_task = own

        async def receive(self, message: str, ctx: Context) -> None:
            if message == "crash":
                raise OSError("broken")
            ctx.stop()

        async def shutdown(self, ctx: Context, reason: Any) -> None:
            with pytest.raises(ActorStopping, match="is stopping and takes no new children") as caught:
                ctx.start_soon(Plain, name="a")
            refused.append(str(caught.value))
            with pytest.raises(ActorStopping):
                await ctx.start(Plain, name="a")

    async with open_tree("stage") as root:
        ref = await root.start(Boss, name="boss")
        ref.tell(how)
        await ref.wait_stopped()
        assert refused == ["/stage/boss: is stopping and takes no new children (start of 'a')"]
        root.reports.drain()


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
