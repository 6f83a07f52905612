from collections.abc import Callable
from typing import Any

import pytest

from greenroom.mailbox import Mailbox, MailboxSpec, OwnedMailbox

from .register import Owner


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def make_box(owner: Owner) -> Callable[..., Mailbox]:
    def make(*, enveloped: bool = False, **options: Any) -> Mailbox:
        return OwnedMailbox(owner, MailboxSpec(**options), enveloped=enveloped)

    return make
