"""What a mailbox is given, and what is taken from it."""

from typing import Any

from greenroom.mailbox import Envelope, Letter, Mailbox


def tell(box: Mailbox, *messages: Any, **options: Any) -> list[int]:
    return [box.accept(Envelope(message, **options)) for message in messages]


def taken(box: Mailbox, incarnation: int = 1) -> list[Any]:
    """Take as a receiver does: bare in the fast mode, by `take` in the other."""
    found: list[Any] = []
    while True:
        if box.fast:
            if not box.queue:
                return found
            found.append(message_of(box.queue.popleft()))
        else:
            letter = box.take(incarnation)
            if letter is None:
                return found
            found.append(letter.message)


def message_of(item: Any) -> Any:
    return item.message if isinstance(item, Letter) else item


def append_bare(box: Mailbox, *messages: Any) -> None:
    """Do what `ActorRef.tell` does in the fast mode."""
    for message in messages:
        assert box.fast
        box.lane().append(message)
        box.seq += 1
