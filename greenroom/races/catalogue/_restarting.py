"""Restarting: what was under way when an actor crashed, was interrupted, or was given up on."""

from functools import partial

import trio

from .._sim import Sim
from ._parts import Mailbox, work


async def double_start(sim: Sim, *, fixed: bool) -> None:
    """A supervisor that restarts a crashed child and a user who starts it find it stopped, and then two of it run."""
    state = "stopped"
    running = 0

    async def run(*, crashes: bool) -> None:
        nonlocal running, state
        running += 1
        assert running == 1, "two of the child run"
        await work(2)
        running -= 1
        state = "stopped"
        if crashes:
            nursery.start_soon(start)  # the supervisor

    async def start(*, crashes: bool = False) -> None:
        nonlocal state
        if state != "stopped":
            return
        if fixed:
            state = "starting"
        await work(1)  # makes the child from its specification
        state = "running"
        nursery.start_soon(partial(run, crashes=crashes))

    async def user() -> None:
        await work(5)
        await start()

    async with trio.open_nursery() as nursery:
        await start(crashes=True)
        nursery.start_soon(user)


async def reordered_by_restart(sim: Sim, *, fixed: bool) -> None:
    """The mail on which an actor crashed is queued again behind what has come in meanwhile, and is handled out of order."""
    mailbox: Mailbox[int] = Mailbox()
    mails = [0, 1, 2]
    handled: list[int] = []
    crashed = False

    async def handle(mail: int) -> None:
        nonlocal crashed
        await work(1)
        if mail == mails[1] and not crashed:
            crashed = True
            raise ConnectionError
        handled.append(mail)

    async def run() -> None:
        while len(handled) < len(mails):
            mail = await mailbox.get()
            try:
                await handle(mail)
            except ConnectionError:
                if fixed:
                    mailbox.put_back(mail)
                else:
                    mailbox.put(mail)
                raise

    async def supervisor() -> None:
        while True:
            try:
                return await run()
            except ConnectionError:
                await work(1)  # backs off

    async def sender() -> None:
        for mail in mails:
            mailbox.put(mail)
            await work(3)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(supervisor)
        nursery.start_soon(sender)
    assert handled == mails


async def interrupt_loses_mail(sim: Sim, *, fixed: bool) -> None:
    """An interrupt ends an agent's turn after it has taken the next mail, and that mail is gone."""
    mailbox: Mailbox[int] = Mailbox()
    mails = [0, 1]
    answered: list[int] = []
    turn = trio.CancelScope()

    async def agent() -> None:
        nonlocal turn
        while len(answered) < len(mails):
            mail = await mailbox.get()
            with trio.CancelScope() as turn:
                await work(2)  # thinks
                answered.append(mail)
            if turn.cancelled_caught and fixed:
                mailbox.put_back(mail)

    async def user() -> None:
        for mail in mails:
            mailbox.put(mail)
            await work(3)
            turn.cancel()
            await work(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(agent)
        nursery.start_soon(user)
    assert answered == mails


async def reply_to_another_question(sim: Sim, *, fixed: bool) -> None:
    """A client gives up on a question and asks the next one, and takes the late answer to the first for that to the second."""
    questions: Mailbox[tuple[int, str]] = Mailbox()
    replies: Mailbox[tuple[int, str]] = Mailbox()
    scope = trio.CancelScope()

    async def server() -> None:
        for _ in range(2):
            number, question = await questions.get()
            await work(2)
            replies.put((number, question.upper()))

    async def ask(number: int, question: str) -> str:
        questions.put((number, question))
        while True:
            of, answer = await replies.get()
            if of == number or not fixed:
                return answer

    async def client() -> None:
        with scope:
            assert await ask(0, "name") == "NAME"
        assert await ask(1, "age") == "AGE"

    async with trio.open_nursery() as nursery:
        nursery.start_soon(server)
        nursery.start_soon(client)
        await work(6)
        scope.cancel()  # the user has no more patience
