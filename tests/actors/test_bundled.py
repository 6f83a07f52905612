"""Several requests of one `ask_many` to one actor: whatever is asked of one of them, it is as if each had come by itself."""

import gc
import weakref
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import trio
import trio.testing

from greenroom import (
    Actor,
    ActorCrashed,
    ActorStopped,
    ActorStopping,
    AskTimeout,
    Context,
    Deadlock,
    MailboxFull,
    MailboxSpec,
    ReplyToken,
    Request,
    TurnInterrupted,
    ask_many,
)
from greenroom.actors._bundled import BundledAsks
from greenroom.testing import open_tree

settle = trio.testing.wait_all_tasks_blocked


class Do(Request[Any]):
    """Be handled by a function."""

    def __init__(self, what: Any = None, number: int = 0) -> None:
        self.what, self.number = what, number

    def __repr__(self) -> str:
        return f"Do {self.number}"


class Doer(Actor[Any]):
    """Do what a request says, and answer with that; note what comes."""

    def __init__(self, noted: list[Any] | None = None) -> None:
        self.noted = [] if noted is None else noted

    async def receive(self, message: Any, ctx: Context) -> Any:
        self.noted.append(message.number if isinstance(message, Do) else message)
        if isinstance(message, Do) and message.what is not None:
            return await message.what(ctx)
        return self.noted[-1]


class OwnDoer(Doer):
    own_task = True


async def sleep_long(_ctx: Context) -> str:
    await trio.sleep(10)
    return "slept"


async def tell_seq(ctx: Context) -> int:
    assert ctx.mail is not None
    return ctx.mail.seq


BOTH = pytest.mark.parametrize("factory", [Doer, OwnDoer])


@BOTH
async def test_several_to_one_lie_in_its_mailbox_as_one_thing_each_in_its_place(factory: Any) -> None:
    """P13, P14: those between which others come, too."""
    async with open_tree("stage") as root:
        ref = root.start_soon(factory)
        await ref.ask(Do())
        async with trio.open_nursery() as nursery:

            async def ask(first: int) -> None:
                assert await ask_many((ref, Do(None, n)) for n in range(first, first + 3)) == [*range(first, first + 3)]

            nursery.start_soon(ref.ask, Do(sleep_long))
            await settle()
            ref.tell("a")
            nursery.start_soon(ask, 1)
            await settle()
            ref.tell("b")
            nursery.start_soon(ask, 4)
            await settle()
            assert [type(each) for each in ref._slot.box.queue] == [str, *[BundledAsks] * 3, str, *[BundledAsks] * 3]
            assert ref._slot.box.waiting == 8
            assert ref.tell("c") == 11
        assert await ask_many((ref, Do(tell_seq)) for _ in range(3)) == [12, 13, 14]


@BOTH
async def test_each_knows_its_seq_whatever_comes_between(factory: Any) -> None:
    """P13: mail in the urgent lane, and a report, end the mode in which the place tells the seq."""
    async with open_tree("stage") as root:
        ref = root.start_soon(factory)

        async def disturb(ctx: Context) -> int:
            ctx.tell(ctx.ref, "urgent", urgent=True)
            await trio.sleep(1)
            return await tell_seq(ctx)

        assert await ask_many([(ref, Do(each)) for each in (tell_seq, tell_seq, disturb, tell_seq, tell_seq)]) == [
            1,
            2,
            3,
            4,
            5,
        ]
        assert await ref.ask(Do(tell_seq)) == 7


@BOTH
async def test_what_is_in_hand_is_shown_with_its_sender(factory: Any) -> None:
    async with open_tree("stage") as root:
        ref, asker = root.start_soon(factory), root.start_soon(factory)

        async def show(ctx: Context) -> Any:
            mail = ctx.mail
            assert mail is not None
            assert ctx._slot.hand_seq() == mail.seq
            return mail.message.number, mail.sender, mail.seq, mail.kind, mail.trigger_turn

        async def ask(_ctx: Context) -> Any:
            return await ask_many((ref, Do(show, n)) for n in range(2))

        assert await asker.ask(Do(ask)) == [(n, asker, n + 1, "request", True) for n in range(2)]


async def test_the_seq_of_what_is_in_hand_is_told_without_making_a_letter_of_it() -> None:
    """Who looks at a tree changes nothing in it."""
    async with open_tree("stage") as root:
        ref = root.start_soon(Doer)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask_many, [(ref, Do(sleep_long)) for _ in range(3)])
            await settle()
            box = ref._slot.box
            assert (box.hand_seq(), box.oldest_seq(), box.waiting) == (1, 2, 2)
            assert type(box.hand) is BundledAsks
            await trio.sleep(11)
            assert (box.hand_seq(), box.oldest_seq(), box.waiting) == (2, 3, 1)


@BOTH
async def test_a_deferred_one_is_answered_later_and_the_others_go_on(factory: Any) -> None:
    """P17."""
    async with open_tree("stage") as root:
        tokens: list[ReplyToken[Any]] = []

        async def defer(ctx: Context) -> None:
            tokens.append(ctx.defer_reply())

        async def answer(_ctx: Context) -> str:
            tokens.pop().reply("later")
            return "now"

        ref = root.start_soon(factory)
        assert await ask_many([(ref, Do(None, 1)), (ref, Do(defer)), (ref, Do(None, 3)), (ref, Do(answer))]) == [
            1,
            "later",
            3,
            "now",
        ]
        assert root.dead_letters.total == 0


@BOTH
async def test_a_deferred_one_is_waited_for(factory: Any) -> None:
    """P17: what its handler has returned is no answer."""
    async with open_tree("stage") as root, trio.open_nursery() as nursery:

        async def reply(token: ReplyToken[Any]) -> None:
            await trio.sleep(1)
            token.reply("later")

        async def defer(ctx: Context) -> str:
            nursery.start_soon(reply, ctx.defer_reply())
            return "nobody hears of this"

        ref = root.start_soon(factory)
        assert await ask_many([(ref, Do(defer)), (ref, Do(None, 2))]) == ["later", 2]
        assert trio.current_time() == 1


@BOTH
async def test_a_stashed_one_is_answered_when_it_comes_again(factory: Any) -> None:
    async with open_tree("stage") as root:
        noted: list[Any] = []
        is_open = False

        async def stash(ctx: Context) -> str:
            if not is_open:
                ctx.stash()
                return "nobody hears of this"
            return "at last"

        async def unstash(ctx: Context) -> int:
            nonlocal is_open
            is_open = True
            return ctx.unstash_all()

        ref = root.start_soon(factory, noted)
        requests = [Do(stash, 1), Do(stash, 2), Do(unstash, 3), Do(None, 4)]
        assert await ask_many((ref, each) for each in requests) == ["at last", "at last", 2, 4]
        assert noted == [1, 2, 3, 1, 2, 4]


@BOTH
async def test_one_that_crashes_fails_alone_and_the_next_incarnation_goes_on(factory: Any) -> None:
    """P16: where it is redelivered it is answered by that."""
    async with open_tree("stage") as root:
        times = 0

        async def crash_once(_ctx: Context) -> str:
            nonlocal times
            times += 1
            if times == 1:
                raise LookupError("no")
            return "again"

        for redeliver in (0, 1):
            times, noted = 0, []
            ref = root.start_soon(factory, noted, restart="permanent", redeliver=redeliver)
            answers: list[Any] = await ask_many(
                [(ref, Do(None, 1)), (ref, Do(crash_once, 2)), (ref, Do(tell_seq, 3))], return_errors=True
            )
            assert answers[0] == 1
            assert answers[2] == 3
            if redeliver:
                assert (answers[1], noted) == ("again", [1, 2, 2, 3])
            else:
                assert isinstance(answers[1], ActorCrashed)
                assert (answers[1].path, str(answers[1].message), noted) == (ref.path, "Do 2", [1, 2, 3])
        root.reports.drain()


@BOTH
@pytest.mark.parametrize("action", ["resume", "stop"])
async def test_one_whose_error_its_actor_survives_fails_alone(factory: Any, action: Any) -> None:
    async with open_tree("stage") as root:

        async def fail(_ctx: Context) -> None:
            raise LookupError("no")

        ref = root.start_soon(factory, restart="permanent", on_error={LookupError: action})
        answers: list[Any] = await ask_many(
            [(ref, Do(None, 1)), (ref, Do(fail, 2)), (ref, Do(None, 3))], return_errors=True
        )
        assert answers[0] == 1
        assert isinstance(answers[1], LookupError if action == "resume" else ActorCrashed)
        assert answers[2] == 3 or action == "stop"
        root.reports.drain()


@BOTH
async def test_an_interrupted_one_says_so_and_the_others_go_on(factory: Any) -> None:
    """P22."""
    async with open_tree("stage") as root:
        ref = root.start_soon(factory)
        async with trio.open_nursery() as nursery:

            @nursery.start_soon
            async def _() -> None:
                await trio.sleep(1)
                assert await ref.interrupt()

            answers: list[Any] = await ask_many(
                [(ref, Do(None, 1)), (ref, Do(sleep_long, 2)), (ref, Do(None, 3))], return_errors=True
            )
        assert (answers[0], answers[2]) == (1, 3)
        assert isinstance(answers[1], TurnInterrupted)


@BOTH
async def test_those_that_are_late_are_told_apart_by_whether_they_were_begun(factory: Any) -> None:
    """P17: what has not begun is not executed, and is a dead letter with its seq; the answer of what has is dropped."""
    async with open_tree("stage") as root:
        noted: list[Any] = []
        ref = root.start_soon(factory, noted)
        async with root.dead_letters.subscribe() as feed:
            answers: list[Any] = await ask_many(
                [(ref, Do(None, 1)), (ref, Do(sleep_long, 2)), (ref, Do(None, 3)), (ref, Do(None, 4))],
                timeout=1,
                return_errors=True,
            )
            assert answers[0] == 1
            assert [(type(each), each.begun, each.message.number) for each in answers[1:]] == [
                (AskTimeout, True, 2),
                (AskTimeout, False, 3),
                (AskTimeout, False, 4),
            ]
            assert ref.tell("after") == 5
            await trio.sleep(100)
            assert noted == [1, 2, "after"]
            letters = [await anext(feed) for _ in range(3)]
        assert [(str(each.message), each.seq, each.reason) for each in letters] == [
            ("Do 3", 3, "caller gone"),
            ("Do 4", 4, "caller gone"),
            ("slept", 0, "late reply"),
        ]


@BOTH
async def test_those_that_are_in_as_another_is_refused_are_not_executed(factory: Any) -> None:
    """P17: a pinned one made letters of them, in between."""
    async with open_tree("stage") as root:
        noted: list[Any] = []
        ref, full = root.start_soon(factory, noted), root.start_soon(factory, mailbox=MailboxSpec(1))
        await ref.wait_ready()
        full.tell("in the way")
        with pytest.raises(MailboxFull) as caught:
            await ask_many(
                [(ref, Do(None, 1)), (ref, Do(None, 2)), (ref.pin(), Do(None, 3)), (full, Do()), (ref, Do())]
            )
        assert caught.value.path == full.path
        await settle()
        assert noted == []
        assert ref._slot.box.waiting == 0
        assert root.dead_letters.counts["caller gone"] >= 3


@BOTH
async def test_the_last_of_them_that_is_late_is_given_up(factory: Any) -> None:
    """P17: with nothing that waits behind it."""
    async with open_tree("stage") as root:
        ref = root.start_soon(factory)
        with pytest.raises(AskTimeout) as caught:
            await ask_many([(ref, Do(None, 1)), (ref, Do(sleep_long, 2))], timeout=1)
        assert (caught.value.message.number, caught.value.begun) == (2, True)
        await trio.sleep(100)
        assert dict(root.dead_letters.counts) == {"late reply": 1}


@BOTH
async def test_mail_that_comes_while_requests_are_read_is_not_lost_if_one_is_refused(factory: Any) -> None:
    """P14: what was not sent changes nothing where it would have gone."""
    async with open_tree("stage") as root:
        noted: list[Any] = []
        ref, full = root.start_soon(factory, noted), root.start_soon(factory, mailbox=MailboxSpec(1))
        full.tell("in the way")

        def requests() -> Iterator[tuple[Any, Do]]:
            yield full, Do(None, 1)
            yield ref, Do(None, 2)
            yield ref, Do(None, 3)
            ref.tell("urgent", urgent=True)

        with pytest.raises(MailboxFull):
            await ask_many(requests())
        await settle()
        assert noted == ["urgent"]


@BOTH
async def test_a_pinned_one_between_them_is_handled_between_them(factory: Any) -> None:
    """P17."""
    async with open_tree("stage") as root:
        noted: list[Any] = []
        ref = root.start_soon(factory, noted)
        await ref.wait_ready()
        refs = [ref, ref, ref.pin(), ref, ref, ref.pin(), ref]
        assert await ask_many((each, Do(None, n)) for n, each in enumerate(refs)) == [*range(7)]
        assert noted == [*range(7)]


@BOTH
@pytest.mark.parametrize("place", [0, 1, 2])
async def test_one_that_asks_back_is_a_deadlock_until_the_last_is_answered(factory: Any, place: int) -> None:
    """P18."""
    async with open_tree("stage") as root:
        ref, asker = root.start_soon(factory), root.start_soon(factory)

        async def ask_back(_ctx: Context) -> Any:
            with pytest.raises(Deadlock) as caught:
                await asker.ask(Do())
            return caught.value.message.number

        async def ask(_ctx: Context) -> Any:
            requests = [Do(None, n) for n in range(3)]
            requests[place].what = ask_back
            return await ask_many((ref, each) for each in requests)

        assert await asker.ask(Do(ask)) == [0 if n == place else n for n in range(3)]


async def test_the_first_that_closes_a_circle_is_named() -> None:
    """P18."""
    async with open_tree("stage") as root:
        spec = MailboxSpec(100)  # so that each is a letter
        asker, other = root.start_soon(Doer, mailbox=spec), root.start_soon(Doer, mailbox=spec)

        async def ask(ctx: Context) -> Any:
            with pytest.raises(Deadlock) as caught:
                await ask_many([(other, Do(None, 1)), (ctx.ref, Do(None, 2)), (other, Do()), (ctx.ref, Do(None, 4))])
            return caught.value.message.number

        assert await asker.ask(Do(ask)) == 2


@pytest.mark.parametrize("is_looked_at", [False, True])
async def test_a_nested_ask_has_the_deadline_of_the_many(is_looked_at: bool) -> None:
    """P17: also if the handler has looked at what it has in hand."""
    async with open_tree("stage") as root:
        ref, slow = root.start_soon(Doer), root.start_soon(Doer)
        ends: list[Any] = []

        async def ask(ctx: Context) -> None:
            assert not is_looked_at or ctx.mail is not None
            with trio.move_on_after(50):
                try:
                    await slow.ask(Do(sleep_long))
                except AskTimeout:
                    ends.append(trio.current_time())

        with pytest.raises(AskTimeout):
            await ask_many([(ref, Do(ask)), (ref, Do())], timeout=2)
        await trio.sleep(100)
        assert ends == [2]


@BOTH
async def test_who_ends_while_requests_are_read_is_told_in_the_place_of_an_answer(factory: Any) -> None:
    """P16: and the others are asked."""
    async with open_tree("stage") as root:
        refs = [root.start_soon(factory) for _ in range(3)]
        await refs[1].wait_ready()

        def requests() -> Iterator[tuple[Any, Do]]:
            for number, ref in enumerate(refs):
                yield ref, Do(None, number)
            refs[1].request_stop()

        answers: list[Any] = await ask_many(requests(), return_errors=True)
        assert (answers[0], answers[2]) == (0, 2)
        assert isinstance(answers[1], (ActorStopping, ActorStopped))
        assert answers[1].message.number == 1


async def test_a_mailbox_that_nothing_was_sent_to_is_as_it_was() -> None:
    """Though one before it was refused."""
    async with open_tree("stage") as root:
        noted: list[Any] = []
        full, other = root.start_soon(Doer, mailbox=MailboxSpec(1)), root.start_soon(Doer, noted)
        full.tell("in the way")
        other.tell("waits")
        with pytest.raises(MailboxFull):
            await ask_many([(full, Do()), (other, Do()), (other, Do())])
        assert other._slot.fast
        assert other._slot.box.seq == 1
        await settle()
        assert noted == ["waits"]


async def test_given_up_ones_leave_what_lies_around_them_where_it_is() -> None:
    """P13, P17: in a mailbox that stays in the fast mode."""
    async with open_tree("stage") as root:
        noted: list[Any] = []
        ref = root.start_soon(Doer, noted)
        async with root.dead_letters.subscribe() as feed, trio.open_nursery() as nursery:
            nursery.start_soon(ref.ask, Do(sleep_long, 0))
            await settle()
            ref.tell("a")
            with trio.move_on_after(1):
                await ask_many([(ref, Do(None, 1)), (ref, Do(None, 2))])
            ref.tell("b")
            with trio.move_on_after(1):
                await ask_many([(ref, Do(None, 3))])
            ref.tell("c")
            assert ref._slot.fast
            assert ref._slot.box.waiting == 3
            letters = [await anext(feed) for _ in range(3)]
        await settle()
        assert noted == [0, "a", "b", "c"]
        assert [(str(each.message), each.seq) for each in letters] == [("Do 1", 3), ("Do 2", 4), ("Do 3", 6)]


@pytest.mark.parametrize("keeps", [False, True])
async def test_what_is_left_of_one_request_keeps_none_of_the_others(keeps: bool) -> None:
    """What was given up lies in the mailbox of who hangs until that goes on."""
    async with open_tree("stage") as root:
        hangs, other = root.start_soon(Doer), root.start_soon(Doer)
        requests = [Do() for _ in range(3)]
        gone = [weakref.ref(each) for each in requests]

        async def sleep(_ctx: Context) -> None:
            await trio.sleep(1000)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hangs.ask, Do(sleep))
            await settle()
            pairs = [*((other, Do(sleep_long)) for _ in range(2)), *((other, each) for each in requests)]
            with suppress(AskTimeout):
                await ask_many([*pairs, (hangs, Do()), (hangs, Do())], timeout=1, return_errors=keeps)
            pairs.clear()
            requests.clear()
            await other.kill()
            await settle()
            gc.collect()
            assert [each() for each in gone] == [None, None, None]
            nursery.cancel_scope.cancel()


async def test_the_first_that_is_late_is_named() -> None:
    """P17: whatever has become a letter before."""
    async with open_tree("stage") as root:

        async def look(ctx: Context) -> Any:
            assert ctx.mail is not None
            await trio.sleep(10)

        one, other = root.start_soon(Doer), root.start_soon(Doer)
        with pytest.raises(AskTimeout) as caught:
            await ask_many([(one, Do(None, 1)), (one, Do(sleep_long, 2)), (other, Do(look, 3)), (one, Do())], timeout=1)
        assert caught.value.message.number == 2


async def test_errors_of_many_leave_nothing_for_the_garbage_collector() -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Doer)
        requests = [Do(), Do(sleep_long), Do()]
        gone = [weakref.ref(each) for each in requests]
        gc.collect()
        gc.disable()
        try:
            with suppress(AskTimeout):  # pytest.raises would keep it
                await ask_many(((ref, each) for each in requests), timeout=1)
                raise AssertionError("they were all answered")
            requests.clear()
            await trio.sleep(100)
            assert [each() for each in gone] == [None, None, None]
        finally:
            gc.enable()


async def test_answers_to_many_leave_nothing_for_the_garbage_collector() -> None:
    async with open_tree("stage") as root:
        ref = root.start_soon(Doer)
        requests = [Do(), Do()]
        gone = [weakref.ref(each) for each in requests]
        gc.collect()
        gc.disable()
        try:
            await ask_many((ref, each) for each in requests)
            requests.clear()
            await settle()
            assert [each() for each in gone] == [None, None]
        finally:
            gc.enable()
