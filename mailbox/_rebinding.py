"""Other bounds for a mailbox that is in use."""

from ._door import Door
from ._mailbox import ENVELOPED, Mailbox
from ._overflow import EXEMPT
from ._spec import PLAIN, MailboxSpec


def rebind(box: Mailbox, spec: MailboxSpec, *, enveloped: bool) -> None:
    """Let a mailbox go by other bounds from now on. Plain.

    What waits stays, and counts; nothing of it is dropped for a smaller capacity, and none of it is replaced by its key. Who waits for room gets in
    as soon as there is some: at once, where there are no bounds any more.
    """
    if box.fast:
        box.seal()
    rare = box.own_rare()
    old = rare.door
    rare.spec = spec if spec != PLAIN else ENVELOPED if enveloped else PLAIN
    door: Door | None = None
    if not spec.is_plain or (old is not None and old.watchers):
        door = Door(coalesces=spec.overflow == "coalesce")
        waiting = [letter for lane in (rare.urgent, box.queue) for letter in lane or ()]
        door.load = sum(not letter.void and letter.kind not in EXEMPT for letter in waiting)
    rare.door = door
    if old is None:
        return
    if door is not None:
        door.watchers = old.watchers
        if spec.capacity is not None:
            door.waiting = old.waiting
            box.let_in_senders()
            return
    while old.waiting:
        sender = old.waiting.popleft()
        box.accept(sender.envelope)
        sender.get_in()
