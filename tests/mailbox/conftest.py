from collections.abc import Callable
from typing import Any

import pytest

from greenroom.mailbox import DeadLetter, DeadLetters, Mailbox, MailboxSpec, OwnedMailbox


class Owner:
    """Own a mailbox, and keep its dead letters to look at."""

    path = "/stage/owner"
    uid = 7

    def __init__(self) -> None:
        self.buried: list[DeadLetter] = []
        self.dead_letters = Register(self.buried)


class Register(DeadLetters):
    def __init__(self, kept: list[DeadLetter]) -> None:
        super().__init__()
        self.kept = kept

    def add(self, letter: DeadLetter) -> None:
        super().add(letter)
        self.kept.append(letter)


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def make_box(owner: Owner) -> Callable[..., Mailbox]:
    def make(*, enveloped: bool = False, **options: Any) -> Mailbox:
        return OwnedMailbox(owner, MailboxSpec(**options), enveloped=enveloped)

    return make
