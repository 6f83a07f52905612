"""Process groups: who is in one, and what becomes of what is published to it."""

from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorRef,
    ActorStopping,
    Agent,
    Context,
    MailboxFull,
    MailboxSpec,
    Publication,
    StartupFailed,
    Turn,
)
from greenroom.testing import open_tree

Log = list[Any]


class Notes(Actor[Any]):
    def __init__(self, log: Log) -> None:
        self.log = log

    def receive(self, message: Any, ctx: Context) -> Any:
        if callable(message):
            message(ctx)
        elif isinstance(message, Exception):
            raise message
        else:
            self.log.append((ctx.ref.name, message, ctx.sender))


class NotesAlone(Notes):
    own_task = True


class Busy(Notes):
    async def receive(self, message: Any, ctx: Context) -> None:
        self.log.append(message)
        await trio.sleep(10)


class Never(Notes):
    async def startup(self, ctx: Context) -> None:
        await trio.sleep_forever()


settle = trio.testing.wait_all_tasks_blocked


async def test_members_are_told_each_once_in_the_order_in_which_they_joined() -> None:
    async with open_tree("stage") as root:
        log: Log = []
        refs = [
            await root.start(kind, log, name=f"m{number}") for number, kind in enumerate((Notes, NotesAlone, Notes))
        ]
        for ref in (refs[2], refs[0], refs[1], refs[2]):
            root.groups.join("g", ref)
        assert root.groups.members("g") == [refs[2], refs[0], refs[1], refs[2]]
        told = root.groups.publish("g", "hello", sender=refs[0])
        assert told == Publication({refs[2]: 1, refs[0]: 1, refs[1]: 1}, {})
        assert list(told.delivered) == [refs[2], refs[0], refs[1]]
        await settle()
        assert sorted(log) == [(f"m{number}", "hello", refs[0]) for number in range(3)]
        assert root.groups.publish("nobody", "hello") == Publication({}, {})


async def test_who_has_joined_twice_leaves_twice_and_a_group_without_members_is_none() -> None:
    async with open_tree("stage") as root:
        one, two = await root.start(Notes, []), await root.start(Notes, [])
        for ref in (one, two, one):
            root.groups.join("g", ref)
        root.groups.join(("h", 1), two)
        assert root.groups.which_groups() == ["g", ("h", 1)]
        assert [root.groups.leave("g", one) for _ in range(3)] == [True, True, False]
        assert root.groups.members("g") == [two]
        assert root.groups.leave("g", two)
        assert not root.groups.leave("other", two)
        assert root.groups.which_groups() == [("h", 1)]


async def test_an_actor_joins_publishes_and_leaves_by_its_context_and_hears_itself() -> None:
    async with open_tree("stage") as root:
        log: Log = []
        ref, other = await root.start(Notes, log, name="me"), await root.start(Notes, log, name="other")
        root.groups.join("g", other)
        out: Log = []

        def work(ctx: Context) -> None:
            ctx.join("g")
            out.append(ctx.groups.members("g"))
            out.append(ctx.publish("g", "hello"))
            out.append((ctx.leave("g"), ctx.leave("g")))

        ref.tell(work)
        await settle()
        assert out[0] == [other, ref]
        assert list(out[1].delivered) == [other, ref]
        assert out[2] == (True, False)
        assert sorted(log) == [("me", "hello", ref), ("other", "hello", ref)]


async def test_one_member_that_refuses_hinders_nobody_and_it_is_said_why() -> None:
    def no_key(message: Any) -> Any:
        raise KeyError(message)

    async with open_tree("stage", dead_letters={"stopped": None, "startup failed": None}) as root:
        log: Log = []
        full = await root.start(Busy, log, mailbox=MailboxSpec(1))
        full.tell("in hand")
        await settle()
        full.tell("waits")
        ending = await root.start(Busy, log, restart="permanent")
        ending.tell("in hand")
        await settle()
        broken = await root.start(Notes, log, mailbox=MailboxSpec(1, "coalesce", coalesce_key=no_key))
        fine = await root.start(Notes, log, name="fine")
        starting = root.start_soon(Never, log)
        for ref in (full, ending, broken, starting, fine):
            root.groups.join("g", ref)
        ending.request_stop()
        log.clear()
        told = root.groups.publish("g", "hello")
        assert list(told.delivered) == [starting, fine]
        assert {ref: type(error) for ref, error in told.refused.items()} == {
            full: MailboxFull,
            ending: ActorStopping,
            broken: KeyError,
        }
        assert told.refused[full].message == told.refused[ending].message == "hello"
        await settle()
        assert log == [("fine", "hello", None)]
        await starting.kill()
        await full.kill()


async def test_publishing_takes_the_same_ways_into_a_mailbox_as_tell() -> None:
    class Takes(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            log.append([(mail.message, mail.sender) for mail in turn.mail])

    log: Log = []
    async with open_tree("stage", dead_letters={"drop_oldest": 1, "stopped": 1}) as root:
        agent = await root.start(Takes)
        small = await root.start(Takes, mailbox=MailboxSpec(1, "drop_oldest"))
        root.groups.join("g", agent)
        root.groups.publish("g", "later", trigger_turn=False)
        await settle()
        assert log == []
        root.groups.publish("g", "first", urgent=True, sender=small)
        await settle()
        assert log == [[("first", small), ("later", None)]]
        root.groups.join("h", small)
        for message in ("a", "b"):
            assert root.groups.publish("h", message, trigger_turn=False).refused == {}
        assert small._slot.box.seq == 2
        assert small._slot.box.waiting == 1
        root.reports.drain()


async def test_a_key_function_that_joins_leaves_and_publishes_disturbs_nothing() -> None:
    async with open_tree("stage") as root:
        log: Log = []

        def meddles(message: Any) -> Any:
            for ref in refs:
                root.groups.leave("g", ref)
            root.groups.join("g", late)
            if message == "outer":
                root.groups.publish("g", "inner")
            return 1

        late = await root.start(Notes, log, name="late")
        spec = MailboxSpec(9, "coalesce", coalesce_key=meddles)
        refs = [await root.start(Notes, log, mailbox=spec), await root.start(Notes, log, name="last")]
        for ref in refs:
            root.groups.join("g", ref)
        told = root.groups.publish("g", "outer")
        assert list(told.delivered) == refs
        await settle()
        assert {(name, message) for name, message, _ in log} == {
            (refs[0].name, "outer"), ("last", "outer"), ("late", "inner"),
        }  # fmt: skip


@pytest.mark.parametrize("kind", [Notes, NotesAlone])
async def test_a_place_goes_with_the_incarnation_that_has_joined(kind: Any) -> None:
    async with open_tree("stage") as root:
        for end in ("stop", "drain", "kill", "crash"):
            ref = await root.start(kind, [], restart="transient", keys=["spec"])
            root.groups.join("g", ref)
            if end == "crash":
                ref.tell(OSError())
                await settle()
                assert ref.lifecycle == "ready"
            else:
                await getattr(ref, end)()
            assert root.groups.which_groups() == []
            assert root.groups.publish("g", "x") == Publication({}, {})
            await ref.stop()
            root.delete_child(ref.name)
        root.reports.drain()


async def test_the_same_name_is_a_key_and_a_group_without_a_link() -> None:
    async with open_tree("stage") as root:
        ref: ActorRef[Any] = await root.start(Notes, [])
        root.registry.register("x", ref)
        assert root.groups.members("x") == []
        root.groups.join("x", ref)
        assert root.registry.keys(ref) == ["x"]
        root.registry.unregister("x", ref)
        assert root.groups.members("x") == [ref]


async def test_a_startup_that_fails_leaves_no_place() -> None:
    class Fails(Notes):
        async def startup(self, ctx: Context) -> None:
            ctx.join("g")
            raise OSError

    async with open_tree("stage") as root:
        with pytest.raises(StartupFailed):
            await root.start(Fails, [])
        assert root.groups.which_groups() == []
