"""The door of a full mailbox: whatever happens to those who wait there, nothing is lost."""

from random import Random

import pytest
import trio
import trio.testing

from greenroom.mailbox import Envelope, MailboxSpec, OwnedMailbox

from .register import Owner


class Door:
    """Send through the door of a full mailbox, and keep what became of each."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.box = OwnedMailbox(Owner(), MailboxSpec(random.randint(1, 3), "wait"))
        self.accepted: list[int] = []
        self.refused: list[int] = []
        self.gone: list[int] = []
        self.taken: list[int] = []
        self.scopes: list[trio.CancelScope] = []

    async def send(self, number: int) -> None:
        with trio.CancelScope() as scope:
            self.scopes.append(scope)
            try:
                await self.box.accept_when_room(Envelope(number, trigger=self.random.random() < 0.8))
            except RuntimeError:
                self.refused.append(number)
            else:
                self.accepted.append(number)
        if scope.cancelled_caught:
            self.gone.append(number)

    def take(self) -> bool:
        letter = self.box.take(1)
        if letter is not None:
            self.taken.append(letter.message)
        return letter is not None

    async def run(self) -> None:
        random = self.random
        async with trio.open_nursery() as nursery:
            for number in range(30):
                nursery.start_soon(self.send, number)
                for _ in range(random.randint(0, 2)):
                    await trio.lowlevel.checkpoint()
                if random.random() < 0.3:
                    self.take()
                if random.random() < 0.2 and self.scopes:
                    random.choice(self.scopes).cancel()
                assert self.box.load <= (self.box.spec.capacity or 0)
            while self.take():
                await trio.lowlevel.checkpoint()
            await trio.testing.wait_all_tasks_blocked()
            self.box.shut()
            self.taken += [letter.message for letter in self.box.clear()]
            self.box.refuse_senders(RuntimeError)


@pytest.mark.parametrize("seed", range(100))
def test_senders_who_wait_lose_nothing_whatever_happens(seed: int) -> None:
    """P14, P15: conservation with tasks at the door, some of whom leave."""
    door = Door(Random(seed))
    trio.run(door.run)
    assert sorted(door.taken) == sorted(door.accepted)
    assert sorted(door.accepted + door.refused + door.gone) == list(range(30))
