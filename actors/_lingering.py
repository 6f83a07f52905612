"""Lingering: what an actor that has been cancelled is still at, in words and as a stack. Reads, and changes nothing."""

from ._slot import Slot

#: Children that are named.
NAMED = 5


def what_lingers(slot: Slot) -> tuple[str, str]:
    """Return what does not come to its end, and where that is."""
    runner = slot.runner
    stack = "    (no task)" if runner is None else runner.stack()
    more = slot.more
    if not slot.ending or more is None:
        return _work_of(slot), stack
    # In the order in which an end undoes things: the first that is still there is what it is at.
    if more.background is not None and more.background.is_busy:
        return "its background work", stack + more.background.stacks()
    children = [] if more.family is None else [child for child in more.family.children.values() if not child.has_ended]
    if children:
        names = ", ".join([*(child.path for child in children[:NAMED]), *(["…"] if len(children) > NAMED else ())])
        return f"the end of its children ({names})", stack
    if more.closing is not None:
        return "its shutdown hook", stack
    if more.gate is not None:
        names = ", ".join(more.gate.lingering)
        return (
            f"the closing of its services ({names})" if names else "the closing of its services",
            stack + more.gate.stacks(),
        )
    return "its end", stack


def _work_of(slot: Slot) -> str:
    if slot.starting:
        return "its startup"
    return {"agent": "its turn", "function": "its function"}.get(slot.blueprint.kind, "its message")
