"""The crew: the tasks of a pool, of which any may serve any actor. Here they are named by where they are, not by who they are."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ._part import BREATHING, GONE, ME, NEW, PARKED, TAKE, TAKING, Part
from ._stepper import Stepper, Task

#: In no place that is known: nothing is taken for granted of it.
ELSEWHERE: Final = "elsewhere"


class Crew:
    """Follow a run, and name its tasks so that it does not matter which of the pool's is which.

    Args:
        stepper: of the run.
        runners: task -> who runs actors in it.
        code: of what the tasks of a pool run.
    """

    def __init__(self, stepper: Stepper, runners: Any, code: Any) -> None:
        self._stepper = stepper
        self._runners = runners
        self._code = code
        self.pool: Any = None
        self._task_of: dict[str, Task] = {}
        self._roles: dict[str, str] = {}
        #: as it was when the part began: who was parked, the first one first, and how many tasks had been begun.
        self._parked: list[str] = []
        self._begun = 0
        self._me = ""
        self._name_of: Any = str

    def meet(self, labels: Sequence[str], tasks: Sequence[Task]) -> None:
        """Learn which tasks the labels are of."""
        self._task_of.update(zip(labels, tasks, strict=True))

    def is_member(self, label: str) -> bool:
        """Return whether a task is one of the pool's."""
        task = self._task_of.get(label)
        return task is not None and getattr(self._stepper.tasks[task], "cr_code", None) is self._code

    def begin(self, label: str, name_of: Any) -> str:
        """Look at who is where as a part begins; returns how its task is named."""
        self._me, self._name_of = label, name_of
        self._parked = self._parked_now()
        self._begun = len(self._stepper.tasks)
        return self._named(label) if self.is_member(label) else label

    def _named(self, label: str) -> str:
        slot = self._slot_of(label)
        return self._roles.get(label, NEW) if slot is None else f"@{self._name_of(slot)}"

    def _slot_of(self, label: str) -> Any:
        runner = self._runners.get(self._task_of.get(label))
        return None if runner is None else runner.slot

    def _parked_now(self) -> list[str]:
        pool = self.pool
        return [] if pool is None else [self._stepper.label_of(worker.task) for worker in pool.parked]

    # -- when the part is over

    def unparked(self) -> tuple[str, ...]:
        """Return who is no longer parked."""
        now = set(self._parked_now())
        return self.symbols(label for label in self._parked if label not in now)

    def spawned(self) -> int:
        """Return how many tasks the part has begun."""
        return len(self._stepper.tasks) - self._begun

    def place(self, *, is_taking: bool, breathes: bool) -> tuple[str, str]:
        """Return where the part's own task is, and which slot it holds; both are empty where they say nothing."""
        label = self._me
        task = self._task_of.get(label)
        runner = self._runners.get(task)
        slot = None if runner is None else runner.slot
        if slot is not None:
            self._roles.pop(label, None)
            return "", self._name_of(slot)
        if runner is None:
            role = GONE
        elif runner in self.pool.parked:
            role = PARKED
        elif is_taking:
            role = TAKING
        else:
            role = BREATHING if breathes else ELSEWHERE
        self._roles[label] = role
        return role, ""

    def account(self, part: Part, *, was_free: bool, was_empty: bool, is_member: bool) -> None:
        """Say what a part has to find the pool like, to do what it did."""
        kicks = bool(part.unparked) or part.spawned > 0
        if not is_member:
            part.free = was_free if part.appended or part.gone or kicks else None
        elif part.entity[0] == "@":
            part.free = was_free
            if was_free and part.holds:
                part.empty = was_empty
        elif part.role == PARKED or part.then == TAKE or part.holds:
            part.empty = was_empty
        if kicks or (is_member and part.holds):
            part.idle = bool(self._parked)

    def symbols(self, labels: Iterable[str]) -> tuple[str, ...]:
        """Return the names of some tasks."""
        return tuple(sorted(self.symbol(label) for label in labels))

    def lasting(self, label: str) -> str:
        """Return a name of a task that waits, for as long as it does: of the pool's, it has a slot in its hands then."""
        return self._named(label) if self.is_member(label) else label

    def symbol(self, label: str) -> str:
        """Return the name of a task, in terms of when the part began."""
        if label == self._me:
            return ME
        number, _, name = label.partition(":")
        if int(number) >= self._begun:
            return f"{NEW} {int(number) - self._begun}:{name}"
        if label in self._parked:
            return f"{PARKED} {len(self._parked) - 1 - self._parked.index(label)}"
        if self.is_member(label):
            slot = self._slot_of(label)
            if slot is not None:
                return f"@{self._name_of(slot)}"
        return label


def changes(before: Sequence[str], after: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is no longer in a queue, and what has come to its end."""
    gone: list[str] = []
    left = list(after)
    for name in before:
        if left and left[0] == name:
            del left[0]
        else:
            gone.append(name)
    return tuple(gone), tuple(left)


def resolved(symbol: str, me: str, begun: int, parked: Sequence[str], holders: Any) -> str:
    """Return whom a name stands for: who steps, how many tasks had begun, who was parked, and slot -> the label of who holds it."""
    if symbol == ME:
        return me
    if symbol[0] == "@":
        label: str = holders[symbol[1:]]
        return label
    if symbol.startswith(f"{NEW} "):
        number, _, name = symbol[len(NEW) + 1 :].partition(":")
        return f"{begun + int(number)}:{name}"
    if symbol.startswith(f"{PARKED} "):
        return parked[-1 - int(symbol[len(PARKED) + 1 :])]
    return symbol
