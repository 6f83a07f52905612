from collections.abc import Callable
from typing import Any

import pytest

from greenroom.mailbox import PLAIN, Mailbox, MailboxSpec, OwnedMailbox

from .register import Owner


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def make_box(owner: Owner) -> Callable[..., Mailbox]:
    def make(*, enveloped: bool = False, **options: Any) -> Mailbox:
        spec = (
            MailboxSpec(**options) if options else PLAIN
        )  # the very one: such mailboxes share what they have nothing special in
        return OwnedMailbox(owner, spec, enveloped=enveloped)

    return make
