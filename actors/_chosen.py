"""Run queues under exploration: what goes next is somebody's choice, and an actor may be crashed before it handles mail."""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..mailbox import Choices
from ._orders import note_end
from ._passage import STOP
from ._reasons import Crashed
from ._texts import describe

if TYPE_CHECKING:
    from ._slot import Slot


class ChosenQueue(deque[Any]):
    """Be a run queue whose next entry is somebody's choice."""

    def __init__(self, choices: Choices, slots: Iterable[Any] = ()) -> None:
        super().__init__(slots)
        self._choices = choices

    def popleft(self) -> Any:
        """Take the one that is chosen."""
        if len(self) > 1:
            index = self._choices.pick("run", [slot.path for slot in self])
            slot = self[index]
            del self[index]
        else:
            slot = super().popleft()
        come_to_handler(self._choices, slot)
        return slot


class TriedQueue(deque[Any]):
    """Be the run queue of one actor with a task of its own, which may crash before it handles mail."""

    def __init__(self, choices: Choices) -> None:
        super().__init__()
        self._choices = choices

    def popleft(self) -> Any:
        """Take the one that there is."""
        slot = super().popleft()
        if slot.blueprint.kind != "function" and is_at_handler(slot):
            self._choices.point("handler", slot.path)
        return slot


def is_at_handler(slot: "Slot") -> bool:
    """Return whether what follows is that it handles mail."""
    return bool(slot.started and slot.reason is None and slot.order < STOP and slot.box.has_triggers)


def come_to_handler(choices: Choices, slot: "Slot") -> None:
    """Tell of the boundary before an actor handles mail; a crash that is tried out there is the slot's, not its worker's."""
    if is_at_handler(slot):
        try:
            choices.point("handler", slot.path)
        except Exception as error:  # noqa: BLE001 -- as if the handler had raised it
            note_end(slot, Crashed(error, describe(error)))
