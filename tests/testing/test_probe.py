"""Probes record mail, expect it, answer requests and watch; and fail when something else comes."""

from typing import Any

import attrs
import pytest
import trio

from greenroom import Actor, ActorCrashed, Context, Down, NameInUse, Request, Shutdown
from greenroom.testing import Probe, Tree, Unexpected


@attrs.frozen
class Ping:
    number: int


@attrs.frozen
class Pong:
    number: int


class Get(Request[int]):
    pass


class Player(Actor[Ping]):
    """Answer every ping after a minute, to its sender."""

    async def receive(self, message: Ping, ctx: Context) -> None:
        sender = ctx.sender
        await ctx.sleep(60)
        if sender is not None:
            ctx.tell(sender, Pong(message.number))


class Asker(Actor[Any]):
    """Ask somebody, and tell somebody else what came of it."""

    def __init__(self, whom: Probe, tell: Probe) -> None:
        self.whom, self.to = whom.ref, tell.ref

    async def receive(self, message: Any, ctx: Context) -> None:
        try:
            ctx.tell(self.to, await self.whom.ask(message))
        except ValueError as error:
            ctx.tell(self.to, repr(error))


async def test_what_is_expected_may_be_a_class_a_value_or_a_function(tree: Tree, probe: Probe) -> None:
    player = tree.start_soon(Player)
    for number in range(4):
        probe.tell(player, Ping(number))
    pong = await probe.expect(Pong, within=61)
    assert pong.number == 0
    assert await probe.expect(Pong(1), within=61) == Pong(1)
    assert await probe.expect(lambda message: message.number == 2, within=61) == Pong(2)
    assert await probe.fish_for(Pong(3), within=61) == Pong(3)
    assert probe.received == [Pong(0), Pong(1), Pong(2), Pong(3)]
    assert probe.pending == []
    assert probe.last.sender is player
    assert (probe.last.seq, probe.last.at) == (4, 240)


async def test_a_class_that_is_the_message_is_expected_too(probe: Probe) -> None:
    probe.ref.tell(Ping)
    message: object = await probe.expect(Ping)
    assert message is Ping


async def test_another_message_fails_the_expectation_and_both_are_named(tree: Tree, probe: Probe) -> None:
    other = tree.probe("other")
    probe.ref.tell("before")
    await probe.expect("before")
    other.tell(probe.ref, Ping(1))
    with pytest.raises(Unexpected) as caught:
        await probe.expect(Pong)
    assert str(caught.value).splitlines() == [
        "/test/probe-1: expected a Pong, got Ping(number=1) from /test/other",
        "  received before:",
        "    'before'",
    ]
    assert probe.pending == []


async def test_a_function_that_does_not_accept_is_named(probe: Probe) -> None:
    def is_even(message: int) -> bool:
        return message % 2 == 0

    probe.ref.tell(3)
    with pytest.raises(Unexpected, match=r"expected what .*is_even accepts, got 3"):
        await probe.expect(is_even)


async def test_no_message_in_time_fails_the_expectation_after_that_time(probe: Probe) -> None:
    since = trio.current_time()
    with pytest.raises(Unexpected, match=r"^/test/probe-1: expected a Pong, got nothing within 90 s$"):
        await probe.expect(Pong, within=90)
    assert trio.current_time() - since == 90


async def test_a_message_that_comes_just_in_time_is_taken(tree: Tree, probe: Probe) -> None:
    probe.tell(tree.start_soon(Player), Ping(1))
    with pytest.raises(Unexpected):
        await probe.expect(Pong, within=59)
    await probe.expect(Pong, within=1.5)


async def test_fishing_passes_over_what_comes_before(probe: Probe) -> None:
    for message in (Ping(1), Ping(2), Pong(3), Ping(4)):
        probe.ref.tell(message)
    assert await probe.fish_for(Pong) == Pong(3)
    assert probe.pending == [Ping(4)]
    with pytest.raises(Unexpected, match=r"expected \(sooner or later\) a Pong, got nothing within 3 s"):
        await probe.fish_for(Pong)
    assert probe.pending == []
    assert len(probe.received) == 4


async def test_fishing_ends_in_time_though_messages_keep_coming(tree: Tree, probe: Probe) -> None:
    async def chatter(ctx: Context) -> None:
        while True:
            await ctx.sleep(1)
            ctx.tell(probe.ref, Ping(0))

    tree.start_soon(chatter)
    with pytest.raises(Unexpected, match="got nothing within 10 s"):
        await probe.fish_for(Pong, within=10)
    assert trio.current_time() == 10


async def test_expecting_nothing_passes_after_its_time(probe: Probe) -> None:
    await probe.expect_nothing(within=3600)
    assert trio.current_time() == 3600


async def test_expecting_nothing_fails_when_something_is_pending_or_comes(tree: Tree, probe: Probe) -> None:
    probe.tell(tree.start_soon(Player), Ping(7))
    await probe.expect_nothing(within=59)
    for _ in range(2):
        with pytest.raises(Unexpected, match=r"expected nothing, got Pong\(number=7\) from /test/player"):
            await probe.expect_nothing(within=2)
    await probe.expect(Pong(7))


async def test_an_expectation_that_is_cancelled_takes_nothing(probe: Probe) -> None:
    probe.ref.tell(1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await probe.expect(1)
    assert scope.cancelled_caught
    assert await probe.expect(1) == 1


async def test_a_probe_answers_requests_when_the_test_says_so(tree: Tree, probe: Probe) -> None:
    service = tree.probe("service")
    asker = tree.start_soon(Asker, service, probe)
    request = Get()
    asker.tell(request)
    assert await service.expect(Get) is request
    assert service.last.sender is asker
    await probe.expect_nothing(within=100)
    assert service.reply(42)
    await probe.expect(42)
    with pytest.raises(LookupError, match="is no request, or has been answered"):
        service.reply(43)
    asker.tell(request)
    await service.expect(Get)
    assert service.fail(ValueError("no"))
    await probe.expect("ValueError('no')")


async def test_what_was_told_cannot_be_replied_to(probe: Probe) -> None:
    with pytest.raises(LookupError, match="nothing has been expected yet"):
        probe.reply(1)
    probe.ref.tell("hello")
    await probe.expect("hello")
    with pytest.raises(LookupError, match="'hello' is no request"):
        probe.reply(1)


async def test_a_probe_answers_by_itself_when_it_has_a_rule(probe: Probe) -> None:
    def fail(_: Any) -> int:
        raise ValueError("no")

    def is_get(message: Any) -> bool:
        return isinstance(message, Get)

    probe.answers(Get, 1)
    assert await probe.ref.ask(Get()) == 1
    probe.answers(is_get, lambda message: [message])
    request = Get()
    answer: Any = await probe.ref.ask(request)
    assert answer == [request]
    probe.answers(Get, fail)
    with pytest.raises(ValueError, match="no"):
        await probe.ref.ask(Get())
    assert len(probe.received) == 3
    await probe.expect_nothing()


async def test_a_request_without_a_rule_waits_for_the_test(probe: Probe) -> None:
    async def ask() -> None:
        answers.append(await probe.ref.ask(Get()))

    answers: list[int] = []
    probe.answers(Ping, 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await probe.expect(Get)
        probe.reply(2)
    assert answers == [2]


async def test_a_rule_that_raises_crashes_the_probe_and_is_no_silent_mismatch(tree: Tree, probe: Probe) -> None:
    def broken(_: Any) -> bool:
        raise ZeroDivisionError

    probe.answers(broken, 1)
    with pytest.raises(ActorCrashed):
        await probe.ref.ask(Get())
    (report,) = tree.reports.drain()
    assert report.path == probe.ref.path


async def test_a_probe_watches_others(tree: Tree, probe: Probe) -> None:
    player = tree.start_soon(Player)
    probe.watch(player)
    await player.stop()
    down = await probe.expect_down(player)
    assert isinstance(down.reason, Shutdown)
    probe.watch(player)
    assert (await probe.expect(Down)).ref is player


async def test_the_down_of_another_is_not_the_one_expected(tree: Tree, probe: Probe) -> None:
    one, other = tree.start_soon(Player, name="one"), tree.start_soon(Player, name="other")
    for ref in (one, other):
        probe.watch(ref)
    await other.stop()
    with pytest.raises(Unexpected, match=r"expected the Down of /test/one, got Down\(ref=<ActorRef /test/other"):
        await probe.expect_down(one)


async def test_a_watch_can_be_called_off(tree: Tree, probe: Probe) -> None:
    player = tree.start_soon(Player)
    monitor = probe.watch(player)
    monitor.cancel()
    await player.stop()
    await probe.expect_nothing()


async def test_a_probe_that_has_ended_says_so(probe: Probe) -> None:
    await probe.ref.stop()
    with pytest.raises(Unexpected, match=r"expected a Pong \(the probe is stopped, and takes no mail\), got nothing"):
        await probe.expect(Pong)


async def test_probes_have_names_of_their_own(tree: Tree, probe: Probe) -> None:
    assert [probe.ref.name, tree.probe().ref.name, tree.probe("mine").ref.name] == ["probe-1", "probe-2", "mine"]
    with pytest.raises(NameInUse):
        tree.probe("mine")
    assert repr(probe) == "<Probe /test/probe-1 received=0 pending=0>"


@pytest.mark.parametrize("within", [-1, float("inf"), float("nan"), "1", True])
async def test_a_time_that_is_none_is_refused(probe: Probe, within: Any) -> None:
    for expecting in (probe.expect(1, within=within), probe.fish_for(1, within=within)):
        with pytest.raises(ValueError, match="within is"):
            await expecting
    with pytest.raises(ValueError, match="within is"):
        await probe.expect_nothing(within=within)
