from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorCrashed,
    ActorStopped,
    Agent,
    AskTimeout,
    ChildSpec,
    Context,
    Intensity,
    MailboxSpec,
    Request,
    Supervisor,
    Turn,
    open_supervisor,
)
from greenroom.testing import open_tree

Log = list[Any]
OFTEN = Intensity(100, within=1)


class Get(Request[str]):
    """Crash whoever handles it as many times, then be answered."""

    def __init__(self, crashes: int = 0) -> None:
        self.crashes = crashes


class Bad(Get):
    pass


async def handle(message: Any, ctx: Context, log: Log) -> str:
    log.append((ctx.ref.incarnation, message))
    if isinstance(message, Get) and message.crashes:
        message.crashes -= 1
        error = OSError("crash")
        if isinstance(message, Bad):
            ctx.ref.crash(error)  # from outside, so to say: also an agent ends for it
            await trio.sleep_forever()
        raise error
    return "answer"


class Plain(Actor[Any]):
    def __init__(self, log: Log) -> None:
        self.log = log

    async def receive(self, message: Any, ctx: Context) -> str:
        return await handle(message, ctx, self.log)


class Own(Plain):
    own_task = True


class Turns(Agent[Any]):
    def __init__(self, log: Log) -> None:
        self.log = log

    async def turn(self, turn: Turn[Any], ctx: Context) -> str:
        for mail in turn.mail:
            await handle(mail.message, ctx, self.log)
        return "answer"


async def function(ctx: Context, log: Log) -> None:
    async for message in ctx:
        answer = await handle(message, ctx, log)
        if ctx.mail is not None and ctx.mail.kind == "request":
            ctx.defer_reply().reply(answer)


KINDS: list[Any] = [Plain, Own, Turns, function]
every_kind = pytest.mark.parametrize("kind", KINDS)


def supervised(redeliver: int, kind: Any, log: Log, **options: Any) -> Any:
    spec = ChildSpec("a", kind, (log,), redeliver=redeliver, **options)
    return open_supervisor("stage", children=[spec], intensity=OFTEN)


def given(root: Supervisor) -> Any:
    root.reports.drain()
    return root.lookup("a")


@every_kind
@pytest.mark.parametrize(("redeliver", "crashes", "times"), [(0, 1, 1), (1, 1, 2), (1, 9, 2), (3, 2, 3), (3, 9, 4)])
async def test_p14_the_mail_that_an_actor_crashed_on_is_given_again_as_often_as_the_policy_says(
    kind: Any, redeliver: int, crashes: int, times: int
) -> None:
    log: Log = []
    async with supervised(redeliver, kind, log) as root:
        ref = given(root)
        bad = Bad(crashes)
        ref.tell(bad)
        await wait_all_tasks_blocked()
        ref.tell("next")
        await wait_all_tasks_blocked()
        ended = min(times, crashes) + 1
        assert log == [*((incarnation, bad) for incarnation in range(1, times + 1)), (ended, "next")]
        assert (ref.incarnation, root.dead_letters.total) == (ended, 0)
        given(root)


@pytest.mark.parametrize("kind", [Plain, Own, function])
async def test_p12_what_is_given_again_comes_before_what_waits_and_keeps_its_seq(kind: Any) -> None:
    log: Log = []
    seqs: list[int] = []

    class Sees(Plain):
        async def receive(self, message: Any, ctx: Context) -> str:
            assert ctx.mail is not None
            seqs.append(ctx.mail.seq)
            return await super().receive(message, ctx)

    async with supervised(1, Sees if kind is Plain else kind, log) as root:
        ref = given(root)
        bad = Get(1)
        for message in ("a", bad, "b", "c"):
            ref.tell(message)
        await wait_all_tasks_blocked()
        assert log == [(1, "a"), (1, bad), (2, bad), (2, "b"), (2, "c")]
        assert seqs == ([1, 2, 2, 3, 4] if kind is Plain else [])
        assert ref.tell("d") == 5
        given(root)


async def test_p14_an_agent_is_given_the_whole_turn_again_and_what_it_had_drained_after_it() -> None:
    log: Log = []

    class Drains(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            log.append([mail.message for mail in turn.mail])
            if ctx.ref.incarnation == 1:
                await trio.sleep(1)
                log.append([mail.message for mail in turn.drain()])
                ctx.ref.crash(OSError("crash"))
                await trio.sleep_forever()

    async with open_supervisor("stage", children=[ChildSpec("a", Drains, redeliver=1)]) as root:
        ref = given(root)
        ref.tell("a", trigger_turn=False)
        ref.tell("b")
        await wait_all_tasks_blocked()
        ref.tell("c")
        await trio.sleep(2)
        assert log == [["a", "b"], ["c"], ["a", "b", "c"]]
        given(root)


@every_kind
async def test_p16_an_ask_that_is_given_again_is_answered_by_the_next_incarnation(kind: Any) -> None:
    log: Log = []
    async with supervised(2, kind, log) as root:
        ref = given(root)
        assert await ref.ask(Bad(2), timeout=10) == "answer"
        assert [incarnation for incarnation, _ in log] == [1, 2, 3]
        with pytest.raises(ActorCrashed) as caught:
            await ref.ask(Bad(9), timeout=10)
        assert caught.value.begun
        assert ref.incarnation == 6
        given(root)


async def test_p17_an_ask_whose_caller_left_while_it_waited_again_is_not_handled_again() -> None:
    log: Log = []

    class Slow(Plain):
        async def startup(self, ctx: Context) -> None:
            await trio.sleep(10)

    async with supervised(1, Slow, log, startup="deferred") as root:
        ref = given(root)
        with pytest.raises(AskTimeout):
            await ref.ask(Get(1), timeout=15)
        await trio.sleep(100)
        assert len(log) == 1
        assert dict(root.dead_letters.counts) == {"caller gone": 1}
        given(root)


async def test_p16_an_ask_that_waits_again_when_its_actor_ends_had_begun() -> None:
    """Who asks has to know whether something may have been done."""
    log: Log = []

    class Slow(Plain):
        async def startup(self, ctx: Context) -> None:
            await trio.sleep(0 if ctx.start_source == "new" else 10)

    async with supervised(1, Slow, log) as root:
        ref = given(root)

        async def asks() -> None:
            with pytest.raises(ActorStopped, match="it had begun"):
                await ref.ask(Get(1))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(asks)
            await wait_all_tasks_blocked()
            await ref.stop()
        given(root)


async def test_p14_an_end_that_no_incarnation_follows_gives_nothing_again() -> None:
    log: Log = []
    async with open_tree("stage") as root:
        ref = root.start_soon(Plain, log, redeliver=5)
        ref.tell(Get(9))
        await wait_all_tasks_blocked()
        assert len(log) == 1
        assert (ref.lifecycle, root.dead_letters.total) == ("stopped", 0)
        root.reports.drain()


async def test_p14_a_message_after_which_an_actor_ended_itself_is_not_given_again() -> None:
    log: Log = []

    class Ends(Plain):
        async def receive(self, message: Any, ctx: Context) -> str:
            ctx.stop()
            return await super().receive(message, ctx)

    async with supervised(5, Ends, log) as root:
        given(root).tell("a")
        await wait_all_tasks_blocked()
        assert log == [(1, "a")]
        assert given(root).incarnation == 2


async def test_p19_a_tick_is_not_given_to_another_incarnation() -> None:
    log: Log = []

    class Ticks(Plain):
        async def startup(self, ctx: Context) -> None:
            if ctx.start_source == "new":
                ctx.send_after(1, Get(1))

    async with supervised(5, Ticks, log) as root:
        await trio.sleep(10)
        assert len(log) == 1
        assert (given(root).incarnation, root.dead_letters.total) == (2, 0)


async def test_p17_a_request_that_was_taken_over_is_not_given_again() -> None:
    class Defers(Plain):
        async def receive(self, message: Any, ctx: Context) -> str:
            self.token = ctx.defer_reply()
            return await super().receive(message, ctx)

    log: Log = []
    async with supervised(5, Defers, log) as root:
        with pytest.raises(ActorCrashed):
            await given(root).ask(Get(1))
        await wait_all_tasks_blocked()
        assert len(log) == 1
        given(root)


async def test_p15_what_is_given_again_is_not_dropped_from_a_full_mailbox() -> None:
    log: Log = []

    class Late(Plain):
        async def receive(self, message: Any, ctx: Context) -> str:
            answer = handle(message, ctx, self.log)
            await trio.sleep(1)
            return await answer

    async with supervised(1, Late, log, mailbox=MailboxSpec(2, "drop_oldest")) as root:
        ref = given(root)
        bad = Get(1)
        ref.tell(bad)
        await trio.sleep(0.5)
        ref.tell("a")
        ref.tell("b")
        await trio.sleep(10)
        assert log == [(1, bad), (2, bad), (2, "a"), (2, "b")]
        given(root)


async def test_each_of_several_mails_is_given_again_as_often_as_any_other() -> None:
    """An urgent mail that crashes the actor before the one that waits again costs that one nothing."""
    log: Log = []

    class Slow(Plain):
        async def startup(self, ctx: Context) -> None:
            await trio.sleep(0 if ctx.start_source == "new" else 10)

    async with supervised(2, Slow, log) as root:
        ref = given(root)
        first, urgent = Get(9), Get(9)
        ref.tell(first)
        await trio.sleep(1)
        ref.tell(urgent, urgent=True)
        await trio.sleep(100)
        assert [message for _, message in log] == [first, urgent, urgent, urgent, first, first]
        assert ref._slot.more.redelivered is None
        given(root)
