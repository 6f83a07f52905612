from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorStopped,
    ActorStopping,
    Agent,
    Context,
    Down,
    MailboxFull,
    MailboxSpec,
    Request,
    StartupFailed,
    Turn,
)
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


class Seen(Request[list[Any]]):
    pass


class Block:
    """Make who handles it wait until it is let go."""

    def __init__(self) -> None:
        self.begun = trio.Event()
        self.go = trio.Event()

    async def wait(self) -> None:
        self.begun.set()
        await self.go.wait()


class Keeper(Actor[Any]):
    """Keep what it is told, with the seqs; a `Block` holds it up."""

    def __init__(self, kept: list[Any] | None = None) -> None:
        self.kept: list[Any] = [] if kept is None else kept
        self.seqs: list[int] = []

    async def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Block):
            await message.wait()
        elif isinstance(message, Seen):
            return list(self.kept)
        else:
            self.kept.append(message)
            assert ctx.mail is not None
            self.seqs.append(ctx.mail.seq)
        return None


class OwnKeeper(Keeper):
    own_task = True


class AgentKeeper(Agent[Any]):
    """Keep the batches that its turns see."""

    def __init__(self, kept: list[Any]) -> None:
        self.kept = kept

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        self.kept.append([mail.message for mail in turn.mail if not isinstance(mail.message, Block)])
        for mail in turn.mail:
            if isinstance(mail.message, Block):
                await mail.message.wait()


async def function_keeper(ctx: Context, kept: list[Any]) -> None:
    async for message in ctx:
        if isinstance(message, Block):
            await message.wait()
        else:
            kept.append(message)


SINGLES = [Keeper, OwnKeeper, function_keeper]


@pytest.mark.parametrize("factory", SINGLES)
async def test_mail_is_handled_in_the_order_of_acceptance(factory: Callable[..., Any]) -> None:
    """P12: FIFO per sender and receiver, whoever runs the receiver."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(factory, kept)
        seqs: list[int] = []

        async def send(sender: str) -> None:
            for number in range(50):
                seqs.append(ref.tell((sender, number)))
                if number % 7 == 0:
                    await trio.lowlevel.checkpoint()

        async with trio.open_nursery() as nursery:
            for sender in "abc":
                nursery.start_soon(send, sender)
        await settle()
        assert seqs == list(range(1, 151))
        for sender in "abc":
            assert [number for who, number in kept if who == sender] == list(range(50))


@pytest.mark.parametrize("factory", SINGLES)
async def test_urgent_mail_overtakes_normal_mail_and_nothing_else(factory: Callable[..., Any]) -> None:
    """P12."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(factory, kept)
        block = Block()
        ref.tell(block)
        await settle()
        ref.tell("a")
        ref.tell("u", urgent=True)
        ref.tell("b")
        ref.tell("v", urgent=True)
        assert kept == []
        block.go.set()
        await settle()
        assert kept == ["u", "v", "a", "b"]


async def test_a_handler_sees_the_seq_that_tell_returned() -> None:
    """P12: bare messages and envelopes alike."""
    async with open_tree("stage") as root:
        actor = Keeper()
        ref = root.start_soon(lambda: actor)
        plain = root.start_soon(Keeper)
        for one in (ref, plain):
            block = Block()
            one.tell(block)
            await settle()
            seqs = [
                one.tell("a"),
                one.tell("b"),
                one.tell("c", urgent=True),
                one.tell("d", trigger_turn=False),
                one.tell("e"),
            ]
            assert seqs == [2, 3, 4, 5, 6]
            block.go.set()
            await settle()
        assert actor.seqs == [4, 2, 3, 5, 6]
        assert plain._slot.actor.seqs == [4, 2, 3, 5, 6]


async def test_the_sender_is_filled_in_where_the_sender_says_so() -> None:
    """P12."""
    senders: list[Any] = []

    class Receiver(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            senders.append(ctx.sender)

    class Sender(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            ctx.tell(message, "from me")
            message.tell("anonymous")

    async with open_tree("stage") as root:
        receiver = root.start_soon(Receiver)
        sender = root.start_soon(Sender)
        sender.tell(receiver)
        await settle()
        assert senders == [sender, None]


@pytest.mark.parametrize("bad", [3, 0, "", "a", b"", False, [], {}, (), object(), Actor], ids=lambda bad: repr(bad)[:7])
async def test_p12_what_is_no_ref_is_no_sender_and_nothing_is_sent_with_it(bad: Any) -> None:
    async with open_tree("stage") as root:
        actor, agent = root.start_soon(Keeper), root.start_soon(AgentKeeper, [])
        await settle()
        for ref in (actor, agent, actor.pin(), agent.pin()):
            root.groups.join("all", ref)
            for tell in (ref.tell, ref.try_tell):
                with pytest.raises(TypeError, match="no ActorRef; leave it out"):
                    tell("x", sender=bad)
            with pytest.raises(TypeError, match="no ActorRef; leave it out"):
                await ref.send("x", sender=bad)
        for group in ("all", "nobody is in it"):
            with pytest.raises(TypeError, match="no ActorRef; leave it out"):
                root.groups.publish(group, "x", sender=bad)
        await settle()
        assert [ref.tell("x", sender=agent.pin()) for ref in (actor, agent)] == [1, 1]
        await settle()


@pytest.mark.parametrize("factory", [*SINGLES, AgentKeeper])
async def test_queue_only_mail_alone_starts_nothing(factory: Callable[..., Any]) -> None:
    """P13."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(factory, kept)
        await settle()
        for number in range(3):
            ref.tell(number, trigger_turn=False)
        await settle()
        assert kept == []
        ref.tell("now")
        await settle()
        assert kept == ([[0, 1, 2, "now"]] if factory is AgentKeeper else [0, 1, 2, "now"])


@pytest.mark.parametrize("factory", [Keeper, OwnKeeper, AgentKeeper])
async def test_queue_only_mail_before_ready_starts_nothing_either(factory: Callable[..., Any]) -> None:
    """P13."""
    kept: list[Any] = []
    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        ref = root.start_soon(factory, kept)
        ref.tell("early", trigger_turn=False)
        await settle()
        assert ref.lifecycle == "ready"
        assert kept == []


async def test_queue_only_mail_after_the_last_trigger_is_left_for_the_next() -> None:
    """P13."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(Keeper, kept)
        await settle()
        ref.tell("q", trigger_turn=False)
        ref.tell("a")
        ref.tell("r", trigger_turn=False)
        await settle()
        assert kept == ["q", "a"]
        ref.tell("b")
        await settle()
        assert kept == ["q", "a", "r", "b"]


async def test_queue_only_mail_gets_no_turn_by_a_request_that_was_withdrawn() -> None:
    """P13: the agent was woken, and finds that nothing asks for a turn any more."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = await root.start(AgentKeeper, kept)
        ref.tell("q", trigger_turn=False)
        with trio.CancelScope() as scope:
            scope.cancel()
            await ref.ask(Seen())
        assert scope.cancelled_caught
        await settle()
        assert kept == []
        ref.tell("a")
        await settle()
        assert kept == [["q", "a"]]
        root.reports.drain()


async def test_an_agent_has_one_turn_for_all_that_waits() -> None:
    """P13."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(AgentKeeper, kept)
        for number in range(5):
            ref.tell(number)
        await settle()
        assert kept == [[0, 1, 2, 3, 4]]
        block = Block()
        ref.tell(block)
        await settle()
        ref.tell("a")
        ref.tell("b", urgent=True)
        block.go.set()
        await settle()
        assert kept == [[0, 1, 2, 3, 4], [], ["b", "a"]]


@pytest.mark.parametrize("factory", [*SINGLES, AgentKeeper])
@pytest.mark.parametrize("steps", range(12))
async def test_mail_that_races_the_ready_transition_is_never_stranded(factory: Callable[..., Any], steps: int) -> None:
    """P13: told after 0, 1, 2, … steps of the startup."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(factory, kept)
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        ref.tell("a", urgent=steps % 2 == 0)
        await settle()
        assert kept == ([["a"]] if factory is AgentKeeper else ["a"])


@pytest.mark.parametrize("factory", [*SINGLES, AgentKeeper])
@pytest.mark.parametrize("steps", range(12))
async def test_mail_that_races_the_end_of_a_turn_is_never_stranded(factory: Callable[..., Any], steps: int) -> None:
    """P13."""
    kept: list[Any] = []
    async with open_tree("stage") as root:
        ref = root.start_soon(factory, kept)
        block = Block()
        ref.tell(block)
        await settle()
        block.go.set()
        for _ in range(steps):
            await trio.lowlevel.checkpoint()
        ref.tell("a", urgent=steps % 3 == 0)
        await settle()
        assert ["a"] in kept if factory is AgentKeeper else kept == ["a"]


@pytest.mark.parametrize("factory", [Keeper, OwnKeeper, AgentKeeper])
async def test_mail_told_from_the_last_line_of_a_handler_is_handled(factory: Callable[..., Any]) -> None:
    """P13: the end of a turn and what it sent itself."""
    count = 0

    class Selfish(Actor[int]):
        own_task = factory is OwnKeeper

        def receive(self, message: int, ctx: Context) -> None:
            nonlocal count
            count += 1
            if message:
                ctx.ref.tell(message - 1)

    class SelfishAgent(Agent[int]):
        async def turn(self, turn: Turn[int], ctx: Context) -> None:
            nonlocal count
            count += 1
            if turn.mail[0].message:
                ctx.ref.tell(turn.mail[0].message - 1)

    async with open_tree("stage") as root:
        ref = root.start_soon(SelfishAgent if factory is AgentKeeper else Selfish)
        ref.tell(500)
        await settle()
        assert count == 501


# -- P15: through tell, send and ask


def bounded(overflow: Any, capacity: int = 2) -> MailboxSpec:
    return MailboxSpec(
        capacity, overflow, coalesce_key=(lambda message: str(message)[0]) if overflow == "coalesce" else None
    )


async def blocked_keeper(root: Any, overflow: Any, capacity: int = 2) -> tuple[Any, Block, list[Any]]:
    kept: list[Any] = []
    ref = root.start_soon(Keeper, kept, mailbox=bounded(overflow, capacity))
    block = Block()
    ref.tell(block)
    await settle()
    return ref, block, kept


@pytest.mark.parametrize("overflow", ["wait", "reject"])
async def test_tell_to_a_full_mailbox_raises_and_gives_the_message_back(overflow: str) -> None:
    """P15: with "wait" too, as tell never waits."""
    async with open_tree("stage", dead_letters={"stopped": None}) as root:
        ref, block, kept = await blocked_keeper(root, overflow)
        ref.tell("a")
        ref.tell("b")
        with pytest.raises(MailboxFull) as caught:
            ref.tell("c")
        assert (caught.value.message, caught.value.capacity, caught.value.path) == ("c", 2, ref.path)
        assert "full (2 mails)" in str(caught.value)
        assert ref.try_tell("c") is False
        block.go.set()
        await settle()
        assert kept == ["a", "b"]
        assert ref.tell("d") == 4


async def test_send_waits_for_room_where_the_policy_is_to_wait() -> None:
    """P15: backpressure, first come, first served."""
    async with open_tree("stage") as root:
        ref, block, kept = await blocked_keeper(root, "wait", 1)
        done: list[int] = []

        async def send(message: int) -> None:
            await ref.send(message)
            done.append(message)

        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(send, number)
                await settle()
            assert done == [0]
            block.go.set()
        await settle()
        assert kept == [0, 1, 2, 3]


async def test_send_to_a_mailbox_full_of_queue_only_mail_gets_in() -> None:
    """P13, P15: the receiver has to make room for what asks for a turn."""
    async with open_tree("stage") as root:
        for factory in (Keeper, OwnKeeper, AgentKeeper, function_keeper):
            kept: list[Any] = []
            ref = root.start_soon(factory, kept, mailbox=bounded("wait"))  # type: ignore[arg-type]
            await settle()
            ref.tell("q", trigger_turn=False)
            ref.tell("r", trigger_turn=False)
            await settle()
            with trio.fail_after(1):
                await ref.send("a")
            await settle()
            flat = [each for item in kept for each in (item if isinstance(item, list) else [item])]
            assert flat == ["q", "r", "a"]


@pytest.mark.parametrize("overflow", ["reject", "coalesce"])
async def test_send_raises_where_the_policy_is_to_refuse(overflow: str) -> None:
    """P15."""
    async with open_tree("stage") as root:
        ref, block, kept = await blocked_keeper(root, overflow)
        await ref.send("a")
        await ref.send("b")
        with pytest.raises(MailboxFull):
            await ref.send("c")
        block.go.set()
        await settle()
        assert kept == ["a", "b"]


@pytest.mark.parametrize(("overflow", "left"), [("drop_oldest", ["b", "c"]), ("drop_newest", ["a", "b"])])
async def test_what_is_dropped_is_a_dead_letter_with_its_reason(overflow: str, left: list[str]) -> None:
    """P15."""
    async with (
        open_tree("stage", dead_letters={"drop_newest": None, "drop_oldest": None}) as root,
        root.dead_letters.subscribe() as feed,
    ):
        ref, block, kept = await blocked_keeper(root, overflow)
        assert [ref.tell(message) for message in "abc"] == [2, 3, 4]
        letter = await anext(feed)
        dropped = ({"a", "b", "c"} - set(left)).pop()
        assert (letter.message, letter.reason, letter.path, letter.uid) == (dropped, overflow, ref.path, ref.uid)
        block.go.set()
        await settle()
        assert kept == left
        assert dict(root.dead_letters.counts) == {overflow: 1}


async def test_coalescing_keeps_the_newest_of_each_key() -> None:
    """P15."""
    async with open_tree("stage", dead_letters={"coalesced": 3}) as root:
        ref, block, kept = await blocked_keeper(root, "coalesce", 3)
        for message in ("a1", "b1", "a2", "b2", "a3"):
            ref.tell(message)
        block.go.set()
        await settle()
        assert kept == ["a3", "b2"]
        assert dict(root.dead_letters.counts) == {"coalesced": 3}


async def test_queue_only_mail_that_is_replaced_by_mail_that_triggers_starts_the_actor() -> None:
    """P13, P15."""
    kept: list[Any] = []
    async with open_tree("stage", dead_letters={"coalesced": 1}) as root:
        ref = root.start_soon(Keeper, kept, mailbox=bounded("coalesce"))
        await settle()
        ref.tell("a1", trigger_turn=False)
        await settle()
        ref.tell("a2")
        await settle()
        assert kept == ["a2"]


@pytest.mark.parametrize("overflow", ["reject", "drop_oldest", "drop_newest", "coalesce"])
async def test_an_ask_that_is_refused_or_dropped_fails_at_once(overflow: str) -> None:
    """P15, P17: not by timeout, and not never."""
    async with open_tree("stage", dead_letters={"drop_newest": None, "drop_oldest": None}) as root:
        ref, block, _kept = await blocked_keeper(root, overflow, 1)
        errors: list[MailboxFull] = []

        async def ask() -> None:
            try:
                await ref.ask(Seen())
            except MailboxFull as error:
                errors.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await settle()
            if overflow == "drop_oldest":
                ref.tell("a")
            else:
                with trio.fail_after(1):
                    await ask()
            await settle()
            assert len(errors) == 1
            assert isinstance(errors[0].message, Seen)
            block.go.set()
        assert root.dead_letters.counts.get(overflow, 0) == (1 if overflow.startswith("drop") else 0)


async def test_an_ask_waits_for_room_where_the_policy_is_to_wait() -> None:
    """P15."""
    async with open_tree("stage") as root:
        ref, block, _ = await blocked_keeper(root, "wait", 1)
        ref.tell("a")
        answers: list[Any] = []

        async def ask() -> None:
            answers.append(await ref.ask(Seen()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await settle()
            block.go.set()
        assert answers == [["a"]]


@pytest.mark.parametrize("key", [1.5, ("a",), [1], True])
async def test_a_wrong_key_is_refused_and_leaves_no_trace(key: object) -> None:
    """P15."""
    spec = MailboxSpec(overflow="coalesce", coalesce_key=lambda _message: key)  # type: ignore[arg-type, return-value]
    async with open_tree("stage") as root:
        ref = root.start_soon(Keeper, mailbox=spec)
        with pytest.raises(TypeError, match="coalesce_key returned"):
            ref.tell("a")
        assert ref._slot.box.seq == 0


async def test_reports_and_ticks_come_into_a_full_mailbox() -> None:
    """P12, P15."""

    class Parent(Actor[str]):
        def __init__(self) -> None:
            self.kept: list[str] = []

        async def receive(self, message: str, ctx: Context) -> None:
            self.kept.append(message)
            if message == "begin":
                ctx.send_after(0, "tick")
                block.begun.set()
                ctx.monitor(ctx.start_soon(once))
                await block.go.wait()

    async def once(ctx: Context) -> None:
        pass

    block = Block()
    async with open_tree("stage") as root:
        parent = root.start_soon(Parent, mailbox=MailboxSpec(1))
        parent.tell("begin")
        await block.begun.wait()
        parent.tell("full")
        await trio.sleep(0.001)
        await settle()
        block.go.set()
        await settle()
        kept = parent._slot.actor.kept
        assert sorted(type(each).__name__ if isinstance(each, Down) else each for each in kept) == [
            "Down",
            "begin",
            "full",
            "tick",
        ]


# -- P16: what is left at the end


async def test_what_is_queued_when_an_actor_stops_is_returned_once() -> None:
    """P16: asks fail at once and say that they had not begun, other mail is a dead letter."""
    async with open_tree("stage", dead_letters={"stopped": 2}) as root, root.dead_letters.subscribe() as feed:
        ref, block, kept = await blocked_keeper(root, "wait", 3)
        errors: list[Exception] = []

        async def ask() -> None:
            try:
                await ref.ask(Seen())
            except ActorStopped as error:
                errors.append(error)

        async def send(message: str) -> None:
            try:
                await ref.send(message)
            except ActorStopping as error:
                errors.append(error)

        async with trio.open_nursery() as nursery:
            ref.tell("a")
            nursery.start_soon(ask)
            await settle()
            ref.tell("b", urgent=True)
            nursery.start_soon(send, "c")
            await settle()
            ref.request_stop()
            await settle()
            assert [type(error) for error in errors] == [ActorStopping]
            with pytest.raises(ActorStopping) as caught:
                ref.tell("too late")
            assert caught.value.message == "too late"
            block.go.set()
        assert kept == []
        assert [type(error) for error in errors] == [ActorStopping, ActorStopped]
        assert "had not begun" in str(errors[1])
        assert [(await anext(feed)).message for _ in range(2)] == ["b", "a"]
        assert dict(root.dead_letters.counts) == {"stopped": 2}
        with pytest.raises(ActorStopped):
            ref.tell("dead")


async def test_an_ask_in_hand_when_the_actor_is_killed_says_that_it_had_begun() -> None:
    """P16."""

    class Hang(Request[None]):
        pass

    class Hanger(Actor[Hang]):
        async def receive(self, message: Hang, ctx: Context) -> None:
            await trio.sleep_forever()

    async with open_tree("stage") as root:
        ref = root.start_soon(Hanger)
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                with pytest.raises(ActorStopped, match="it had begun"):
                    await ref.ask(Hang())

            nursery.start_soon(ask)
            await settle()
            await ref.kill()


async def test_mail_for_a_failed_start_is_returned_with_the_cause() -> None:
    """P10, P16."""
    go = trio.Event()

    class Broken(Actor[Any]):
        async def startup(self, ctx: Context) -> None:
            await go.wait()
            raise OSError("no such luck")

        def receive(self, message: Any, ctx: Context) -> None:
            raise AssertionError

    async with open_tree("stage", dead_letters={"startup failed": 1}) as root:
        ref = root.start_soon(Broken, mailbox=MailboxSpec(2, "wait"))
        ref.tell("a")
        errors: list[StartupFailed] = []

        async def ask() -> None:
            try:
                await ref.ask(Seen())
            except StartupFailed as error:
                errors.append(error)

        async def send() -> None:
            try:
                await ref.send("b")
            except StartupFailed as error:
                errors.append(error)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await settle()
            nursery.start_soon(send)
            await settle()
            go.set()
        assert [error.cause for error in errors] == ["OSError: no such luck"] * 2
        assert sorted(type(error.message).__name__ for error in errors) == ["Seen", "str"]
        assert dict(root.dead_letters.counts) == {"startup failed": 1}
        root.reports.drain()


@pytest.mark.parametrize("own_task", [False, True])
async def test_queued_mail_and_asks_survive_a_restart(own_task: bool) -> None:
    """P14, P16."""
    kept: list[Any] = []

    class Crasher(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> Any:
            if isinstance(message, Block):
                await message.wait()
                raise OSError("crash")
            if isinstance(message, Seen):
                return list(kept)
            kept.append(message)
            return None

    Crasher.own_task = own_task
    async with open_tree("stage") as root:
        ref = root.start_soon(Crasher, restart="permanent")
        block = Block()
        ref.tell(block)
        await settle()
        answers: list[Any] = []

        async def ask() -> None:
            answers.append(await ref.ask(Seen()))

        async with trio.open_nursery() as nursery:
            ref.tell("a")
            ref.tell("u", urgent=True)
            nursery.start_soon(ask)
            await settle()
            block.go.set()
        assert answers == [["u", "a"]]
        assert ref.incarnation == 2
        assert root.dead_letters.total == 0
        root.reports.drain()
