"""The stash, by the rules of Akka's."""

from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from greenroom import (
    Actor,
    ActorCrashed,
    ActorRef,
    ActorStopped,
    Agent,
    AskTimeout,
    Context,
    Deadlock,
    Intensity,
    MailboxSpec,
    NotInTurn,
    Request,
    StashFull,
    Turn,
)
from greenroom.testing import open_tree

Log = list[Any]


class Ask(Request[Any]):
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


class Door(Actor[Any]):
    """Keep everything until it is told "open"; write down what it handles, with its seq."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.is_open = False

    def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Exception):
            raise message
        if message == "open":
            self.is_open = True
            self.log.append(("open", ctx.unstash_all()))
            return None
        if not self.is_open:
            ctx.stash()
            return "not an answer"
        mail = ctx.mail
        assert mail is not None
        self.log.append((repr(message), mail.seq))
        return f"answer to {message!r}"


class OwnDoor(Door):
    own_task = True


class WaitingDoor(Door):
    """Wait before and after each step."""

    async def receive(self, message: Any, ctx: Context) -> Any:
        await trio.lowlevel.checkpoint()
        result = super().receive(message, ctx)
        await trio.lowlevel.checkpoint()
        return result


async def function(ctx: Context, log: Log) -> None:
    door = Door(log)
    async for message in ctx:
        answer = door.receive(message, ctx)
        if ctx.mail is not None and ctx.mail.kind == "request" and door.is_open:
            ctx.defer_reply().reply(answer)


ACTORS: list[Any] = [Door, OwnDoor, WaitingDoor]
KINDS: list[Any] = [*ACTORS, function]
BOXES = [MailboxSpec(), MailboxSpec(capacity=100)]
every_kind = pytest.mark.parametrize("kind", KINDS)
every_box = pytest.mark.parametrize("mailbox", BOXES, ids=["plain", "bounded"])


async def ask(ref: ActorRef[Any], name: str, got: Log, **options: Any) -> None:
    try:
        got.append(await ref.ask(Ask(name), **options))
    except Exception as error:  # noqa: BLE001 -- looked at by the test
        got.append(error)


@every_box
@every_kind
async def test_what_is_stashed_comes_back_before_other_mail_in_order(kind: Any, mailbox: MailboxSpec) -> None:
    """Source: Akka Stash, unstashAll prepends — all that is stashed goes to the front of the mailbox, in the order in which it was stashed."""
    log = Log()
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, log, mailbox=mailbox)
        for message in ("a", "b", "c", "open", "d"):
            ref.tell(message)
        await wait_all_tasks_blocked()
        ref.tell("e")
        await wait_all_tasks_blocked()
    assert log == [("open", 3), ("'a'", 1), ("'b'", 2), ("'c'", 3), ("'d'", 5), ("'e'", 6)]


@every_kind
async def test_a_stash_is_empty_once_it_has_been_put_back(kind: Any) -> None:
    """Source: Akka Stash, the stash is empty after unstashAll — a second call puts nothing back, and nothing is handled twice."""
    log = Log()
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, log)
        for message in ("a", "open", "open"):
            ref.tell(message)
        await wait_all_tasks_blocked()
    assert log == [("open", 1), ("'a'", 1), ("open", 0)]


@every_kind
async def test_a_stashed_ask_stays_unanswered_until_it_is_handled(kind: Any) -> None:
    """Source: Akka Stash, the sender is kept — a stashed message is handled later as if it came then: its asker waits, and gets that answer."""
    log, got = Log(), Log()
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = root.start_soon(kind, log)
        nursery.start_soon(ask, ref, "x", got)
        await wait_all_tasks_blocked()
        nursery.start_soon(ask, ref, "y", got)
        await trio.sleep(100)
        assert got == []
        ref.tell("open")
        await wait_all_tasks_blocked()
        assert sorted(got) == ["answer to x", "answer to y"]


@every_kind
async def test_stashing_one_message_twice_is_refused(kind: Any) -> None:
    """Source: Akka Stash, the same message may not be stashed twice — the second call raises, and the message is stashed once."""
    log, errors = Log(), Log()

    class Twice(Door):
        def receive(self, message: Any, ctx: Context) -> Any:
            if message == "a" and not self.is_open:
                ctx.stash()
                try:
                    ctx.stash()
                except NotInTurn as error:
                    errors.append(str(error))
                assert ctx.mail is not None
                assert ctx.mail.message == "a"
                return None
            return super().receive(message, ctx)

    class OwnTwice(Twice):
        own_task = True

    async with open_tree("stage") as root:
        ref: Any = root.start_soon(OwnTwice if kind is OwnDoor else Twice, log, name="a")
        for message in ("a", "open"):
            ref.tell(message)
        await wait_all_tasks_blocked()
    assert log == [("open", 1), ("'a'", 1)]
    assert errors == ["/stage/a: ctx.stash() needs a message in hand, and it has been stashed already"]


@every_kind
async def test_a_stash_is_bounded_by_the_capacity_of_the_mailbox(kind: Any) -> None:
    """Source: Akka Stash, StashOverflowException — past its capacity a stash refuses with an error, and the message stays in hand."""
    log = Log()
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, log, name="a", mailbox=MailboxSpec(capacity=3))
        for message in ("a", "b", "c"):
            ref.tell(message)
            await wait_all_tasks_blocked()
        ref.tell("d")
        reason = await ref.wait_stopped()
        error = getattr(reason, "error", None)
        assert isinstance(error, StashFull)
        assert (error.path, error.message, error.capacity) == ("/stage/a", "d", 3)
        root.expect_dead_letters("stopped", 3)
        root.reports.drain()


@every_kind
async def test_a_restart_gives_the_stash_to_the_next_incarnation_before_other_mail(kind: Any) -> None:
    """Source: Akka Stash, preRestart unstashes all — what an incarnation that crashed had stashed is handled by the next one, before all else."""
    log, got = Log(), Log()
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = root.start_soon(kind, log, restart="permanent")
        ref.tell("a")
        nursery.start_soon(ask, ref, "x", got)
        await wait_all_tasks_blocked()
        ref.tell(OSError("crash"))
        ref.tell("b")
        ref.tell("open")
        await wait_all_tasks_blocked()
        assert ref.incarnation == 2
        assert log == [("open", 3), ("'a'", 1), ("x", 2), ("'b'", 4)]
        assert got == ["answer to x"]
        root.reports.drain()


async def test_what_is_given_again_after_a_crash_comes_behind_what_was_stashed_before_it() -> None:
    """Source: Akka Stash, preRestart unstashes all — the message in hand is younger than the stash, and comes behind it if it is given again."""
    log = Log()

    class Picky(Door):
        def receive(self, message: Any, ctx: Context) -> Any:
            if message == "bad" and ctx.ref.incarnation == 1:
                raise OSError
            return super().receive(message, ctx)

    async with open_tree("stage", intensity=Intensity(50, 1)) as root:
        ref = root.start_soon(Picky, log, restart="permanent", redeliver=1)
        for message in ("a", "bad", "b", "open"):
            ref.tell(message)
        await wait_all_tasks_blocked()
        assert log == [("open", 3), ("'a'", 1), ("'bad'", 2), ("'b'", 3)]
        root.reports.drain()


@every_kind
@pytest.mark.parametrize("end", ["stop", "kill", "drain", "crash"])
async def test_an_end_for_good_fails_stashed_asks_and_makes_dead_letters_of_the_rest(kind: Any, end: str) -> None:
    """Source: Akka Stash, postStop unstashes all — what is stashed when its actor ends for good goes the way of what waits in the mailbox (P16)."""
    log, got = Log(), Log()
    async with open_tree("stage") as root, trio.open_nursery() as nursery:
        ref = root.start_soon(kind, log)
        ref.tell("a")
        nursery.start_soon(ask, ref, "x", got)
        await wait_all_tasks_blocked()
        ref.tell("b")
        await wait_all_tasks_blocked()
        if end == "crash":
            ref.crash(OSError("x"))
            await ref.wait_stopped()
        else:
            await getattr(ref, end)()
        await wait_all_tasks_blocked()
        assert [type(error) for error in got] == [ActorCrashed if end == "crash" else ActorStopped]
        assert log == []
        root.expect_dead_letters("stopped", 2)
        root.reports.drain()


@every_kind
async def test_an_asker_who_leaves_takes_the_stashed_request_along(kind: Any) -> None:
    """Source: Akka ask, a timeout ends the wait — a request that is stashed when its asker gives up is not handled any more."""
    log, got = Log(), Log()
    async with open_tree("stage") as root:
        ref = root.start_soon(kind, log)
        await ask(ref, "x", got, timeout=5.0)
        assert isinstance(got[0], AskTimeout)
        ref.tell("open")
        await wait_all_tasks_blocked()
        assert log == [("open", 0)]
        assert root.dead_letters.counts == {"caller gone": 1}


async def test_what_is_stashed_and_put_back_by_one_handler_is_handled_next_and_not_answered_before() -> None:
    """Source: Akka Stash, unstashAll in the same message — the message goes to the front of the mailbox; its asker gets the later answer."""
    log, got = Log(), Log()

    class Spins(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> Any:
            log.append(message.name)
            if len(log) < 4:
                ctx.stash()
                assert ctx.unstash_all() == 1
            return len(log)

    async with open_tree("stage") as root:
        ref = root.start_soon(Spins)
        await ask(ref, "x", got)
        assert (log, got) == (["x"] * 4, [4])


async def test_unstashing_from_beside_wakes_an_idle_actor() -> None:
    """Source: Akka Stash, unstashed messages are dequeued — an actor that is idle is woken for what is put back into its mailbox."""
    log = Log()

    class Opens(Door):
        async def startup(self, ctx: Context) -> None:
            ctx.run_in_background(self.opens, ctx)

        async def opens(self, ctx: Context) -> None:
            await trio.sleep(5)
            self.is_open = True
            ctx.unstash_all()

    async with open_tree("stage") as root:
        ref = await root.start(Opens, log)
        ref.tell("a")
        await trio.sleep(10)
        assert log == [("'a'", 1)]


async def test_an_asker_in_its_own_turn_still_waits_for_the_actor_that_has_stashed_its_request() -> None:
    """Source: Akka Stash, the sender is kept — the asker waits for a later turn of this actor, so a request back to it closes a cycle (P18)."""
    errors = Log()

    class Caller(Actor[Any]):
        async def receive(self, message: Any, ctx: Context) -> Any:
            return await message.ask(Ask("x"), timeout=10.0)

    class Keeper(Actor[Any]):
        def __init__(self, caller: list[ActorRef[Any]]) -> None:
            self.caller = caller

        async def receive(self, message: Any, ctx: Context) -> Any:
            if isinstance(message, Ask):
                ctx.stash()
                return
            try:
                await self.caller[0].ask(Ask("back"))
            except Deadlock as error:
                errors.append(error.cycle)

    async with open_tree("stage") as root:
        callers: list[ActorRef[Any]] = []
        keeper = root.start_soon(Keeper, callers, name="keeper")
        callers.append(root.start_soon(Caller, name="caller"))
        callers[0].tell(keeper)
        await wait_all_tasks_blocked()
        keeper.tell("now")
        await wait_all_tasks_blocked()
        assert errors == [("/stage/keeper", "/stage/caller", "/stage/keeper")]
        await trio.sleep(20)
        await keeper.stop()
        root.reports.drain()


async def test_ticks_and_urgent_mail_keep_what_they_are_in_the_stash() -> None:
    """Source: Akka Stash, messages are kept as they were — a timer that is called off is not heard of again; urgent mail comes back urgent."""
    log = Log()

    class Ticks(Door):
        def receive(self, message: Any, ctx: Context) -> Any:
            if message == "start":
                self.timer = ctx.send_after(1, "tick")
                ctx.send_after(1, "tock")
                return None
            if message == "open":
                self.timer.cancel()
            return super().receive(message, ctx)

    async with open_tree("stage") as root:
        ref = root.start_soon(Ticks, log)
        for message in ("start", "a"):
            ref.tell(message)
        await trio.sleep(2)
        ref.tell("urgent", urgent=True)
        await wait_all_tasks_blocked()
        ref.tell("open")
        await wait_all_tasks_blocked()
        assert [name for name, _ in log] == ["open", "'urgent'", "'a'", "'tock'"]
        assert root.dead_letters.counts == {"cancelled": 1}


async def test_an_agent_is_told_what_to_do_instead() -> None:
    """Source: Akka Stash, a stash is for a mailbox that hands out one message at a time — an agent drains its mail, and is refused."""
    errors = Log()

    class Turns(Agent[Any]):
        async def turn(self, turn: Turn[Any], ctx: Context) -> None:
            assert ctx.unstash_all() == 0
            try:
                ctx.stash()
            except TypeError as error:
                errors.append(str(error))

    async with open_tree("stage") as root:
        ref = root.start_soon(Turns, name="a")
        ref.tell(1)
        await wait_all_tasks_blocked()
        root.reports.drain()
    assert errors[0].startswith("/stage/a: ctx.stash() is for actors that take one message at a time")


class Misuses(Actor[Any]):
    """Try to stash where there is nothing that could be."""

    def __init__(self, where: str, errors: Log) -> None:
        self.where, self.errors = where, errors

    def tries(self, where: str, ctx: Context) -> None:
        if where == self.where:
            try:
                ctx.stash()
            except NotInTurn as error:
                self.errors.append(str(error))

    async def startup(self, ctx: Context) -> None:
        self.tries("startup", ctx)

    async def receive(self, message: Any, ctx: Context) -> None:
        if self.where == "deferred":
            token = ctx.defer_reply()
            self.tries("deferred", ctx)
            token.reply("answer")
        if self.where == "background":
            ctx.run_in_background(self.beside, ctx)

    async def beside(self, ctx: Context) -> None:
        await trio.sleep(1)
        self.tries("background", ctx)

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self.tries("shutdown", ctx)


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ("startup", "needs a message in hand, and there is none"),
        ("background", "needs a message in hand, and there is none"),
        ("shutdown", "needs a message in hand, and there is none"),
        ("deferred", "the request in hand was taken over with ctx.defer_reply(); answer it by its token"),
    ],
)
async def test_without_a_message_that_could_be_kept_it_is_refused(where: str, text: str) -> None:
    """Source: Akka Stash, stash outside of a message — there is nothing that could be kept, so it is refused, and nothing changes."""
    errors, got = Log(), Log()
    async with open_tree("stage") as root:
        ref = await root.start(Misuses, where, errors)
        await ask(ref, "x", got)
        await trio.sleep(2)
        await ref.stop()
    assert len(errors) == 1
    assert text in errors[0]
    assert len(got) == 1


async def test_the_context_of_an_incarnation_that_has_ended_stashes_nothing() -> None:
    """Source: Akka Stash, a stash is of its incarnation — past that both calls are refused."""
    kept: list[Context] = []

    class Keeps(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> None:
            kept.append(ctx)

    async with open_tree("stage") as root:
        ref = await root.start(Keeps)
        ref.tell(1)
        await ref.drain()
        for call in (kept[0].stash, kept[0].unstash_all):
            with pytest.raises(ActorStopped):
                call()
