"""What a call may leave behind."""

from greenroom import Supervisor


def no_traces(root: Supervisor) -> None:
    """Nobody waits for anything: no parked task, no deadline, no edge of the deadlock check, no sender at a door."""
    assert len(root._slot.runtime.deadlines) == 0
    for ref in root.which_children():
        slot = ref._slot
        assert slot.box.waiting_senders == 0
        assert slot.box.waiting == 0
        if slot.more is not None:
            assert slot.more.waiting_for is None
            assert slot.more.changes is None or slot.more.changes.statistics().tasks_waiting == 0
