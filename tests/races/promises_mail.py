"""The promises of mail, as scenarios: P12 to P17."""

from collections import Counter
from contextlib import suppress
from typing import Any

import trio

from greenroom import (
    ActorCrashed,
    Agent,
    AskTimeout,
    Context,
    GreenroomError,
    Intensity,
    MailboxFull,
    MailboxSpec,
    Request,
    StartupFailed,
    Turn,
)
from greenroom.races import Sim

from .promise import Boom, Quiet, choose_class, promise, settle, stage, steps, together


class Notes(Quiet):
    """Note what it handles, in a step or two."""

    def __init__(self, got: list[Any]) -> None:
        self.got = got

    async def receive(self, message: Any, ctx: Context) -> Any:
        self.got.append(message)
        await trio.lowlevel.checkpoint()
        return message


class NotesAlone(Notes):
    own_task = True


class NotesByTurn(Agent[Any]):
    """Note what it has in its turns; half of them drain."""

    def __init__(self, got: list[Any]) -> None:
        self.got = got

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        self.got += [mail.message for mail in turn.mail]
        await trio.lowlevel.checkpoint()
        drained = turn.drain()
        await steps(2)
        turn.commit()
        self.got += [mail.message for mail in drained if mail.kind == "message"]
        await trio.lowlevel.checkpoint()
        return turn.mail[0].message if turn.mail else None

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


KINDS = [NotesByTurn, Notes, NotesAlone]


@promise("P12")
async def mail_is_handled_in_the_order_of_its_acceptance(sim: Sim) -> None:
    got: list[Any] = []
    accepted: list[Any] = []
    async with stage() as root:
        ref = root.start_soon(choose_class(sim, *KINDS), got, restart="permanent")
        root.start_soon(Quiet, mail="x")

        async def send(who: str) -> None:
            for number in range(4):
                ref.tell((who, number))
                accepted.append((who, number))
                await steps(2 * number)

        async def disturb() -> None:
            for _ in range(3):
                await steps(4)
                await ref.interrupt()

        async def urgent() -> None:
            for number in range(2):
                ref.tell(("urgent", number), urgent=True)
                await trio.lowlevel.checkpoint()

        await together(sim, lambda: send("a"), lambda: send("b"), disturb, urgent)
        await settle()
        normal = [message for message in got if message[0] != "urgent"]
        assert normal == [message for message in accepted if message in normal]
        fast = [message for message in got if message[0] == "urgent"]
        assert fast == sorted(fast)


@promise("P13")
async def no_mail_is_stranded(sim: Sim) -> None:
    got: list[Any] = []
    async with stage() as root:
        ref = root.start_soon(choose_class(sim, *KINDS), got, restart="permanent")
        quiet = root.start_soon(choose_class(sim, Notes, NotesAlone), list[Any](), restart="permanent")
        root.start_soon(Quiet, mail="x")

        async def send(number: int) -> None:
            for _ in range(2):
                quiet.tell(number, trigger_turn=False)
                ref.tell(number)
                await steps(number)

        async def interrupt() -> None:
            await steps(2)
            await ref.interrupt()

        async def look() -> None:
            async with root.subscribe() as feed:  # who shows a message in hand wants to hear of its end
                async for _ in feed:
                    pass

        async with trio.open_nursery() as nursery:
            nursery.start_soon(look)
            await together(sim, lambda: send(1), lambda: send(2), lambda: send(3), interrupt)
            await settle()
            nursery.cancel_scope.cancel()
        for each in (ref, quiet):
            slot = each._slot
            assert slot.has_ended or (slot.life.value == "ready" and slot.idle and not slot.box.has_triggers)
        assert quiet._slot.box.waiting == quiet._slot.box.seq, "mail that asks for no turn started one"


class Counts(Agent[Any]):
    """Count what it has in its hands, and what it is done with; drain, and keep only a part."""

    def __init__(self, done: Counter[int]) -> None:
        self.done = done

    async def startup(self, ctx: Context) -> None:
        await trio.lowlevel.checkpoint()

    async def turn(self, turn: Turn[Any], ctx: Context) -> None:
        for mail in turn.mail:
            self.done[mail.message] += 1
        await trio.lowlevel.checkpoint()
        drained = turn.drain()
        await trio.lowlevel.checkpoint()
        turn.commit()
        for mail in drained:
            if mail.kind == "message":
                self.done[mail.message] += 1
        turn.drain()
        await trio.lowlevel.checkpoint()
        raise Boom  # what it has drained last goes back

    async def shutdown(self, ctx: Context, reason: object) -> None:
        await trio.lowlevel.checkpoint()


class CountsOne(Quiet):
    def __init__(self, done: Counter[int]) -> None:
        self.done = done

    async def receive(self, message: Any, ctx: Context) -> Any:
        self.done[message] += 1
        await trio.lowlevel.checkpoint()


@promise("P14")
async def each_mail_has_one_fate(sim: Sim) -> None:
    done: Counter[int] = Counter()
    dead: Counter[int] = Counter()
    accepted: list[int] = []
    feed: Any = None
    async with stage() as root:
        ref = root.start_soon(choose_class(sim, CountsOne, Counts), done, restart="permanent")
        async with root.dead_letters.subscribe() as feed:

            async def send(first: int) -> None:
                for number in range(first, first + 3):
                    ref.tell(number)
                    accepted.append(number)
                    await trio.lowlevel.checkpoint()

            async def interrupt() -> None:
                await steps(4)
                await ref.interrupt()
                ref.crash(Boom())
                await steps(4)
                await ref.stop()

            await together(sim, lambda: send(0), lambda: send(10), interrupt)
            await settle()
            await ref.kill()
            with trio.move_on_after(1):
                async for letter in feed:
                    dead[letter.message] += 1
    in_hand = [number for number in accepted if done[number] + dead[number] == 0]
    assert not in_hand or len(in_hand) == 1  # a crash that is tried out comes before its mail is noted
    assert all(done[number] + dead[number] <= 1 for number in accepted)


POLICIES = {
    "wait": MailboxSpec(2, "wait"),
    "reject": MailboxSpec(2, "reject"),
    "drop_oldest": MailboxSpec(2, "drop_oldest"),
    "drop_newest": MailboxSpec(2, "drop_newest"),
    "coalesce": MailboxSpec(
        2, "coalesce", coalesce_key=lambda message: message % 3 if isinstance(message, int) else None
    ),
}


class Hello(Request[Any]):
    pass


@promise("P15")
async def a_bounded_mailbox_keeps_its_bound_and_its_books(sim: Sim) -> None:
    got: list[Any] = []
    begun: list[int] = []
    seqs: dict[int, int] = {}
    accepted = 0
    async with stage() as root, root.dead_letters.subscribe() as feed:
        ref = root.start_soon(
            choose_class(sim, Notes, NotesAlone), got, mailbox=POLICIES[sim.choose(list(POLICIES))], restart="permanent"
        )
        box = ref._slot.box

        async def send(first: int) -> None:
            nonlocal accepted
            for number in range(first, first + 3):
                begun.append(number)
                with suppress(MailboxFull):
                    seqs[number] = await ref.send(number)
                    accepted += 1
                assert box.load <= 2

        async def ask() -> None:
            with suppress(MailboxFull):
                await ref.ask(Hello(), timeout=5)

        async def tell() -> None:
            nonlocal accepted
            for number in range(3):
                with suppress(MailboxFull):
                    ref.tell(number)
                    accepted += 1
                assert box.load <= 2
                await trio.lowlevel.checkpoint()

        await together(sim, ask, lambda: send(10), lambda: send(20), tell)
        await settle()
        assert (box.waiting_senders, box.load) == (0, 0)
        handled = sum(1 for message in got if not isinstance(message, Hello))
        with trio.move_on_after(1):
            async for letter in feed:
                handled += not isinstance(letter.message, Hello)
        assert 0 <= accepted - handled <= 1  # in the hands of who crashed
        if box.spec.overflow == "wait":
            assert sorted(seqs, key=seqs.__getitem__) == [number for number in begun if number in seqs]


@promise("P16")
async def what_is_queued_at_the_end_is_returned_once(sim: Sim) -> None:
    ends: Counter[str] = Counter()
    told = 0
    got: list[Any] = []
    async with stage() as root, root.dead_letters.subscribe() as feed:
        ref = root.start_soon(choose_class(sim, *KINDS), got)
        root.start_soon(Quiet, mail="x")

        async def ask(name: str) -> None:
            try:
                await ref.ask(Hello())
            except (GreenroomError, trio.Cancelled):
                ends[name] += 1
                raise
            else:
                ends[name] += 1

        async def tell() -> None:
            nonlocal told
            for number in range(3):
                ref.tell(number)
                told += 1
                await trio.lowlevel.checkpoint()

        async def stop() -> None:
            await steps(3)
            ref.crash(Boom()) if sim.choose([True, False]) else ref.request_stop()
            await ref.wait_stopped()

        start = trio.current_time()
        await together(sim, lambda: ask("a"), lambda: ask("b"), tell, stop)
        assert trio.current_time() == start
        assert (ends["a"], ends["b"]) == (1, 1)
        await settle()
        gone: Counter[Any] = Counter(message for message in got if not isinstance(message, Hello))
        with trio.move_on_after(1):
            async for letter in feed:
                if letter.path == ref.path and letter.reason != "late reply":  # which is an answer, and no mail
                    gone[letter.message] += 1
        assert set(gone.values()) <= {1}
        assert sum(1 for message in gone if not isinstance(message, Hello)) >= told - 1


@promise("P17", time="choice")
async def an_ask_ends_once_and_what_nobody_wants_is_not_done(sim: Sim) -> None:
    begun: list[Any] = []

    class Slow(Quiet):
        async def receive(self, message: Any, ctx: Context) -> Any:
            begun.append(message)
            await trio.sleep(0.5)
            return message

    class SlowAlone(Slow):
        own_task = True

    async with stage(intensity=Intensity(500, 5)) as root:
        box = sim.choose([None, 1])
        ref = root.start_soon(
            choose_class(sim, Slow, SlowAlone),
            restart="permanent",
            mailbox=MailboxSpec() if box is None else MailboxSpec(box, "wait"),
            startup_timeout=None,
        )
        over: dict[Any, bool] = {}

        async def ask(timeout: float | None) -> None:
            request = Hello()
            try:
                assert await ref.ask(request, timeout=timeout) is request
            except AskTimeout as error:
                over[request] = error.begun
            except trio.Cancelled:
                over[request] = request in begun
                raise
            except (ActorCrashed, StartupFailed):
                over[request] = request in begun
            else:
                assert request in begun

        async def crash() -> None:
            await trio.sleep(0.75)
            ref.crash(Boom())

        await together(sim, lambda: ask(None), lambda: ask(0.75), lambda: ask(None), lambda: ask(0.25), crash)
        await settle()
        assert [request in begun for request in over] == list(over.values())
        assert len(set(begun)) == len(begun)
