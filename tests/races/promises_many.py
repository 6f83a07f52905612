"""The promises of `ask_many`, as scenarios: P17 and P18 of many requests with one waiter."""

from collections import Counter
from typing import Any

import trio

from greenroom import (
    ActorRef,
    Agent,
    AskTimeout,
    Context,
    Deadlock,
    GreenroomError,
    Intensity,
    MailboxSpec,
    Request,
    Supervisor,
    Turn,
    ask_many,
)
from greenroom.races import Sim

from .promise import Boom, Quiet, choose_class, promise, settle, stage, together


class Word(Request[Any]):
    """Be asked, and told apart."""


class Slow(Quiet):
    """Note what it begins, and answer with it after a while."""

    def __init__(self, begun: Counter[Any]) -> None:
        self.begun = begun

    async def receive(self, message: Any, ctx: Context) -> Any:
        self.begun[message] += 1
        await trio.sleep(0.5)
        return message


class SlowAlone(Slow):
    own_task = True


class SlowByTurn(Agent[Any]):
    def __init__(self, begun: Counter[Any]) -> None:
        self.begun = begun

    async def turn(self, turn: Turn[Any], ctx: Context) -> Any:
        self.begun.update(mail.message for mail in turn.mail)
        await trio.sleep(0.5)
        return turn.mail[0].message


def are_free(root: Supervisor) -> bool:
    """Nothing waits, in a mailbox or for room, and no turn waits for others."""
    slots = [ref._slot for ref in root.which_children()]
    waits = [slot.more.poll or slot.more.waiting_for for slot in slots if slot.more is not None]
    return not any(waits) and not any(
        slot.box.waiting or slot.box.waiting_senders for slot in slots if not slot.has_ended
    )


@promise("P17", time="choice")
async def each_of_many_asks_ends_once_and_what_nobody_wants_is_not_done(sim: Sim) -> None:
    begun: Counter[Any] = Counter()
    async with stage(intensity=Intensity(500, 5)) as root:
        kind = choose_class(sim, Slow, SlowAlone, SlowByTurn)
        spec = sim.choose([MailboxSpec(), MailboxSpec(1, "wait"), MailboxSpec(1)])
        refs = [root.start_soon(kind, begun, restart="permanent", mailbox=spec, startup_timeout=None) for _ in range(3)]
        over: dict[Any, bool] = {}

        async def ask(targets: list[ActorRef[Any]], timeout: float | None) -> None:
            requests = [Word() for _ in targets]
            answers: list[Any] = []
            try:
                answers = await ask_many(
                    zip(targets, requests, strict=True), timeout=timeout, return_errors=sim.choose([False, True])
                )
            finally:
                for request in requests:
                    over[request] = request in begun
            assert len(answers) == len(requests)
            for request, answer in zip(requests, answers, strict=True):
                if isinstance(answer, AskTimeout):
                    assert answer.begun == (request in begun)
                elif not isinstance(answer, GreenroomError):
                    assert request in begun
                    assert answer is request or kind is SlowByTurn

        async def crash() -> None:
            await trio.sleep(0.75)
            refs[0].crash(Boom())

        async def stop() -> None:
            await trio.sleep(0.25)
            await refs[1].stop()

        await together(
            sim,
            lambda: ask([refs[0], refs[1], refs[0], refs[2]], None),
            lambda: ask([refs[2], refs[0], refs[2]], 0.75),
            crash,
            stop,
        )
        await settle()
        assert {request: request in begun for request in over} == over
        assert all(times == 1 for times in begun.values())
        assert are_free(root)


class Together(Request[Any]):
    """Ask these, all at once."""

    def __init__(self, *refs: ActorRef[Any]) -> None:
        self.refs = refs


class Asks(Quiet):
    async def receive(self, message: Any, ctx: Context) -> Any:
        if not isinstance(message, Together):
            return await super().receive(message, ctx)
        try:
            return await ask_many(((ref, Word()) for ref in message.refs), timeout=9)
        except GreenroomError as error:
            return error


class AsksAlone(Asks):
    own_task = True


@promise("P18")
async def actors_that_each_ask_many_never_wait_for_each_other(sim: Sim) -> None:
    async with stage(intensity=Intensity(500, 5)) as root:
        kind = choose_class(sim, Asks, AsksAlone)
        one, two, three = [root.start_soon(kind, restart="permanent") for _ in range(3)]
        answers: list[Any] = []
        before = trio.current_time()

        async def ask(ref: ActorRef[Any], *others: ActorRef[Any]) -> None:
            answers.append(await ref.ask(Together(*others)))

        await together(sim, lambda: ask(one, three, two), lambda: ask(two, three, one), lambda: ask(three, two))
        assert trio.current_time() < before + 9
        await settle()
        assert all(len(answer) in (1, 2) for answer in answers if not isinstance(answer, GreenroomError))
        assert not any(isinstance(answer, AskTimeout) for answer in answers)
        for answer in answers:
            if isinstance(answer, Deadlock):
                assert answer.cycle[0] == answer.cycle[-1]
        assert are_free(root)
