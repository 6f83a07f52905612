import re
from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import Actor, Agent, Context, Turn
from greenroom.testing import open_tree

from .keeper import AgentKeeper, Block, Keeper, OwnKeeper, Seen, function_keeper

settle = trio.testing.wait_all_tasks_blocked
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


async def _no_way_of_telling_takes(options: dict[str, Any], told: str) -> None:
    """See each way refuse these options, and that nothing has been sent by any."""
    async with open_tree("stage") as root:
        actor, agent = root.start_soon(Keeper), root.start_soon(AgentKeeper, [])
        await settle()
        for ref in (actor, agent, actor.pin(), agent.pin()):
            root.groups.join("all", ref)
            for tell in (ref.tell, ref.try_tell):
                with pytest.raises(TypeError, match=told):
                    tell("x", **options)
            with pytest.raises(TypeError, match=told):
                await ref.send("x", **options)
        for group in ("all", "nobody is in it"):
            with pytest.raises(TypeError, match=told):
                root.groups.publish(group, "x", **options)
        await settle()
        assert [ref.tell("x", sender=agent.pin(), urgent=True) for ref in (actor, agent)] == [1, 1]
        await settle()


@pytest.mark.parametrize("bad", [3, 0, "", "a", b"", False, [], {}, (), object(), Actor], ids=lambda bad: repr(bad)[:7])
async def test_p12_what_is_no_ref_is_no_sender_and_nothing_is_sent_with_it(bad: Any) -> None:
    await _no_way_of_telling_takes({"sender": bad}, "no ActorRef; leave it out")


@pytest.mark.parametrize(
    ("option", "bad"),
    [
        *(("urgent", bad) for bad in ("yes", 1, 2.0, [0], object())),
        *(("trigger_turn", bad) for bad in (None, 0, "", 0.0, [])),
    ],
    ids=lambda bad: repr(bad)[:7],
)
async def test_p12_an_option_that_is_neither_true_nor_false_is_told_and_nothing_is_sent(option: str, bad: Any) -> None:
    await _no_way_of_telling_takes({option: bad}, re.escape(f"{option} is {bad!r}; give True or False"))


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
