"""What the scenarios are made of: miniatures of what any program with actors has."""

from collections import deque
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


async def work(steps: int = 1) -> None:
    """Take so many steps: what a disk, a network or another actor takes, without time."""
    for _ in range(steps):
        await trio.lowlevel.checkpoint()


class Mailbox(Generic[T]):
    """Keep mail for one reader, in order."""

    def __init__(self) -> None:
        self.mail: deque[T] = deque()
        self._reader = trio.lowlevel.ParkingLot()

    def put(self, mail: T) -> None:
        """Add mail at the end. Plain function."""
        self.mail.append(mail)
        self._reader.unpark()

    def put_back(self, mail: T) -> None:
        """Add mail at the front. Plain function."""
        self.mail.appendleft(mail)
        self._reader.unpark()

    async def get(self) -> T:
        """Take the first, once there is one.

        Checkpoint: only when it waits. Cancellation: nothing has been taken.
        """
        while not self.mail:
            await self._reader.park()
        return self.mail.popleft()
