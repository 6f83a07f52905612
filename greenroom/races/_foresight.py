"""Foresight: what a schedule would do, told from what others have done, without running it.

What a part of a step does depends on what it needs: its own task, the slots that it touches. Each of these has a version, which is the name of the
part that touched it last; and the name of a part says what it is and which versions it found. So a part whose name is known does what it did before,
wherever in a schedule it comes. What could go on, and what is on the run queue, follows in the order that the schedule has. If all
parts of a schedule are known, to the end, the schedule differs from one that was run in the order of steps that do not meet, and in nothing else.

An open part (one that may have touched anything) needs the versions of all, and gives its name to all.
"""

from collections.abc import Hashable, Mapping, Sequence
from math import inf
from typing import Any, Final

import attrs

from ._crew import resolved
from ._decider import Choice
from ._errors import SharingFound
from ._part import BREATHING, GONE, NEW, PARKED, TAKE, TAKING, Part

#: How a run ended: `kind_of` its result.
Kind = tuple[str, str]
#: The kind of a choice, and what there is to choose from.
Options = tuple[str, Sequence[str]]
#: The name of a part, or what it has made of something.
Version = int | Hashable
#: Where a task of the pool has nothing of its own: one is as good as another.
PLACES: Final = frozenset((NEW, PARKED, BREATHING, TAKING))
#: How the labels of the pool's tasks end.
MEMBER: Final = ":greenroom worker"


#: How the labels of those tasks of a tree end that do nothing but wait: what wakes or cancels nobody does not meet them.
SHY: Final = (":greenroom deadlines", ":greenroom guard")


def is_shy(label: str) -> bool:
    """Return whether a task is one of those."""
    return label.endswith(SHY)


@attrs.define
class State:
    """Hold where a schedule has come to.

    Attributes:
        base: the name of the last open part.
        taint: of the last one that has cancelled something: tasks that wait for nothing in particular are as they were since.
        versions: what has been touched since -> the name of the part that touched it last, or what has come of it.
        ready: the label of each task that can go on -> since which step, and its number.
        queue: the run queue.
        free: nobody drains it.
        is_closing: the pool is being closed.
        parked: the pool's tasks that wait for work, the first one first.
        roles: the pool's other tasks that have no actor in their hands -> where they are.
        holders: slot -> the task of the pool that has it in its hands.
        begun: how many tasks have been begun.
        steps: how many there have been.
        at: how many choices.
        label: whose step is going on; "" between two steps.
        choice: what was chosen last in it.
        options: what there is to choose from now.
    """

    base: int = 0
    taint: int = 0
    versions: dict[str, Version] = attrs.field(factory=dict[str, Version])
    ready: dict[str, tuple[int, int]] = attrs.field(factory=dict[str, tuple[int, int]])
    queue: list[str] = attrs.field(factory=list[str])
    free: bool = True
    is_closing: bool = False
    parked: list[str] = attrs.field(factory=list[str])
    roles: dict[str, str] = attrs.field(factory=dict[str, str])
    holders: dict[str, str] = attrs.field(factory=dict[str, str])
    begun: int = 1
    steps: int = 0
    at: int = 0
    label: str = ""
    choice: Any = None
    options: Options = ("", ())

    def copied(self) -> "State":
        """Return the same, to go on from."""
        return State(
            self.base, self.taint, dict(self.versions), dict(self.ready), list(self.queue), self.free, self.is_closing, list(self.parked),
            dict(self.roles), dict(self.holders), self.begun, self.steps, self.at, self.label, self.choice, self.options,
        )  # fmt: skip

    def version(self, name: str) -> Version:
        """Return which part touched it last, or what came of it."""
        found = self.versions.get(name)
        if found is None:
            return self.taint if name in PLACES else self.base
        return found

    def entity(self) -> str:
        """Return how a part names the task that steps."""
        return self.named(self.label)

    def named(self, label: str) -> str:
        """Return how a task is named: of the pool's, by where it is."""
        role = self.roles.get(label)
        if role is not None:
            return role
        if label.endswith(MEMBER):
            for slot, holder in self.holders.items():
                if holder == label:
                    return f"@{slot}"
        return label


@attrs.frozen
class Known:
    """Hold a part that has been seen, with what it found: versions of what it needs, and how the pool was."""

    found: tuple[tuple[str, Version], ...]
    is_closing: bool
    begun: int | None
    part: Part
    name: int


class Foresight:
    """Learn from runs, and tell what others would do.

    Args:
        most: how many steps a run may take; what comes then is not foretold.
    """

    def __init__(self, most: float = inf) -> None:
        self._most = most
        self._names: dict[Any, int] = {}
        self._known: dict[tuple[str, Version, Any], list[Known]] = {}
        self._open: dict[tuple[str, Any, Any], tuple[Part, int]] = {}
        self._ends: dict[Any, Kind] = {}

    def learn(self, parts: Sequence[Part], labels: Sequence[str], kind: Kind) -> None:
        """Take in a run: its parts, and the label of the task that each is of.

        Raises:
            SharingFound: the same part did something else before.
        """
        state = State()
        for part, state.label in zip(parts, labels, strict=True):
            if state.entity() != part.entity:
                raise SharingFound(f"{part.entity}, where {state.entity()} was expected")
            state.choice = part.choice
            known, name = self._find(state)
            if known is None:
                name = self._keep(state, part)
            elif known != part:
                raise SharingFound(part.entity)
            self._apply(state, part, name)
        if self._ends.setdefault(self.identity(state), kind) != kind:
            raise SharingFound("the end")

    def identity(self, state: State, *, with_shy: bool = True) -> int:
        """Return what makes two states the same, whatever the order was of steps that do not meet."""
        ready = sorted(state.named(label) for label in state.ready if with_shy or not is_shy(label))
        return self._named((
            state.base, state.taint, tuple(ready), state.free, state.is_closing, tuple(state.queue), len(state.parked),
            tuple(sorted(state.roles.values())),
            frozenset(item for item in state.versions.items() if with_shy or not is_shy(item[0])),
        ))  # fmt: skip

    def begin(self) -> State:
        """Return where every schedule begins."""
        return State()

    def advance(self, state: State) -> Kind | bool:
        """Go on to the next choice; True if it has come to one, False if it is not known what comes next, or how it ends."""
        while True:
            if not state.label:
                if state.ready:
                    if state.steps >= self._most:
                        return False
                    state.options = ("task", sorted(state.ready, key=state.ready.__getitem__))
                    if len(state.ready) > 1:
                        return True
                    self._go(state, 0)
                elif state.steps:
                    end = self._ends.get(self.identity(state))
                    if end is not None:
                        return end
                    state.label, state.choice = "time", None
                else:
                    state.label, state.choice = "begin", None
            part, name = self._find(state)
            if part is None:
                return False
            self._apply(state, part, name)
            if part.then is None:
                pass
            elif part.then == TAKE:
                state.options = ("run", state.queue)
                if len(state.queue) > 1:
                    return True
                self._go(state, 0)
            else:
                state.options = part.then
                return True

    @staticmethod
    def choose(state: State, index: int) -> None:
        """Choose what goes on."""
        state.at += 1
        Foresight._go(state, index)

    @staticmethod
    def _go(state: State, index: int) -> None:
        kind, options = state.options
        if kind == "task":
            state.label, state.choice = options[index], None
        elif kind == "run":
            state.choice = (TAKE, options[index])
        else:
            state.choice = (kind, options, index)

    # -- parts

    def _named(self, key: Any) -> int:
        names = self._names
        return names.setdefault(key, len(names) + 1)

    def _find(self, state: State) -> tuple[Part, int] | tuple[None, int]:
        entity, choice = state.entity(), state.choice
        for known in self._known.get((entity, state.version(entity), choice), ()):
            part = known.part
            if (
                (part.free is None or part.free == state.free)
                and known.is_closing == state.is_closing
                and (
                    part.empty is None or part.empty == (len(state.queue) == (choice is not None and choice[0] == TAKE))
                )
                and (part.idle is None or part.idle == bool(state.parked))
                and (known.begun is None or known.begun == state.begun)
                and all(state.version(need) == version for need, version in known.found)
            ):
                return part, known.name
        found = self._open.get((entity, choice, self.identity(state, with_shy=False)))
        if found is None:
            found = self._open.get((entity, choice, (self.identity(state),)))
        return found or (None, 0)

    def _keep(self, state: State, part: Part) -> int:
        begun = state.begun if part.names else None
        if part.is_open:
            # What is not seen to wake anybody does not depend on whether those who only wait have begun to.
            meets_all = part.wakes or part.cancels
            identity: Any = (self.identity(state),) if meets_all else self.identity(state, with_shy=False)
            name = self._named(("open", part.entity, part.choice, identity, begun))
            self._open[part.entity, part.choice, identity] = part, name
            return name
        found = tuple((need, state.version(need)) for need in sorted(part.needs))
        # How the pool was is not in it: that decides what becomes of the pool, and of nothing else.
        name = self._named((part.entity, part.choice, begun, found))
        key = part.entity, state.version(part.entity), part.choice
        self._known.setdefault(key, []).append(Known(found, state.is_closing, begun, part, name))
        return name

    @staticmethod
    def _apply(state: State, part: Part, name: int) -> None:
        choice, queue, label = part.choice, state.queue, state.label
        if choice is not None and choice[0] == TAKE:
            queue.remove(choice[1])
        for gone in part.gone:
            queue.remove(gone)
        queue += part.appended
        woken = [resolved(symbol, label, state.begun, state.parked, state.holders) for symbol in part.woken]
        Foresight._call_up(state, part, woken)
        Foresight._place(state, part, label)
        if part.is_open:
            state.base = name
            if part.cancels:
                state.taint = name
                state.versions.clear()
            else:
                state.versions = {key: version for key, version in state.versions.items() if is_shy(key)}
            state.versions.update((each, name) for each in woken if is_shy(each))
        for touched in part.touched:
            state.versions[touched] = part.values.get(touched, name)
        if part.is_free is not None:
            state.free = part.is_free
        state.is_closing = part.is_closing
        if part.then is None:
            if state.ready.pop(label, None) is not None:
                state.steps += 1
            for each in woken:
                state.ready[each] = state.steps, int(each.partition(":")[0])
            state.label = ""

    @staticmethod
    def _call_up(state: State, part: Part, woken: Sequence[str]) -> None:
        """Say where those of the pool's tasks are that somebody has called up."""
        for symbol in part.unparked:
            state.roles[resolved(symbol, state.label, state.begun, state.parked, state.holders)] = PARKED
        for each in woken:
            if each.endswith(MEMBER) and int(each.partition(":")[0]) >= state.begun:
                state.roles[each] = NEW
        state.parked = [each for each in state.parked if each not in state.roles]
        state.begun += part.spawned

    @staticmethod
    def _place(state: State, part: Part, label: str) -> None:
        """Say where the pool's own task is now."""
        if part.entity[0] == "@":
            del state.holders[part.entity[1:]]
            state.versions.pop(part.entity, None)
        state.roles.pop(label, None)
        if part.holds:
            state.holders[part.holds] = label
        elif part.role == PARKED:
            state.parked.append(label)
        elif part.role not in {"", GONE}:
            state.roles[label] = part.role


def expected(choices: Sequence[Options], seen: Sequence[Choice], start: int, deviations: Mapping[int, int]) -> None:
    """Hold the choices that were to come from `start` on against what has come.

    Raises:
        SharingFound: they differ.
    """
    for at, (kind, labels) in enumerate(choices, start):
        short = tuple(label.split(" ", 2)[2] for label in labels) if kind == "run" else tuple(labels)
        if at >= len(seen) or (seen[at].kind, seen[at].labels) != (kind, short):
            raise SharingFound(f"choice {at} with deviations {dict(deviations)}")
