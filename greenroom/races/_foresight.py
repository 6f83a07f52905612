"""Foresight: what a schedule would do, told from what others have done, without running it.

What a part of a step does depends on what it needs: its own task, the slots that it touches. Each of these has a version, which is the name of the
part that touched it last; and the name of a part says what it is and which versions it found. So a part whose name is known does what it did before,
wherever in a schedule it comes. What could go on, and what is on the run queue, follows in the order that the schedule has. If all
parts of a schedule are known, to the end, the schedule differs from one that was run in the order of steps that do not meet, and in nothing else.

An open part (one that may have touched anything) needs the versions of all, and gives its name to all.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ._decider import Choice
from ._errors import SharingFound
from ._footprints import TAKE, Part

#: How a run ended: `kind_of` its result.
Kind = tuple[str, str]
#: The kind of a choice, and what there is to choose from.
Options = tuple[str, Sequence[str]]


@attrs.define
class State:
    """Hold where a schedule has come to.

    Attributes:
        base: the name of the last open part.
        versions: what has been touched since -> the name of the part that touched it last.
        ready: the label of each task that can go on -> since which step, and its number.
        queue: the run queue.
        free: nobody drains it.
        steps: how many there have been.
        at: how many choices.
        entity: whose step is going on; "" between two steps.
        choice: what was chosen last in it.
        options: what there is to choose from now.
    """

    base: int = 0
    versions: dict[str, int] = attrs.field(factory=dict[str, int])
    ready: dict[str, tuple[int, int]] = attrs.field(factory=dict[str, tuple[int, int]])
    queue: list[str] = attrs.field(factory=list[str])
    free: bool = True
    steps: int = 0
    at: int = 0
    entity: str = ""
    choice: Any = None
    options: Options = ("", ())

    def copied(self) -> "State":
        """Return the same, to go on from."""
        return State(
            self.base, dict(self.versions), dict(self.ready), list(self.queue), self.free, self.steps, self.at,
            self.entity, self.choice, self.options,
        )  # fmt: skip

    def version(self, name: str) -> int:
        """Return which part touched it last."""
        return self.versions.get(name, self.base)


@attrs.frozen
class Known:
    """Hold a part that has been seen, with what it found: versions of what it needs, and whether somebody drained the run queue, and it was empty."""

    found: tuple[tuple[str, int], ...]
    free: bool | None
    empty: bool | None
    part: Part
    name: int


class Foresight:
    """Learn from runs, and tell what others would do."""

    def __init__(self) -> None:
        self._names: dict[Any, int] = {}
        self._known: dict[tuple[str, int, Any], list[Known]] = {}
        self._open: dict[tuple[str, Any, int], tuple[Part, int]] = {}
        self._ends: dict[int, Kind] = {}

    def learn(self, parts: Sequence[Part], kind: Kind) -> None:
        """Take in a run.

        Raises:
            SharingFound: the same part did something else before.
        """
        state = State()
        for part in parts:
            known, name = self._find(state, part.entity, part.choice)
            if known is None:
                name = self._keep(state, part)
            elif known != part:
                raise SharingFound(part.entity)
            self._apply(state, part, name)
        if self._ends.setdefault(self.identity(state), kind) != kind:
            raise SharingFound("the end")

    def identity(self, state: State) -> int:
        """Return a name for all that has happened, whatever the order was of steps that do not meet."""
        return self._named((state.base, frozenset(state.versions.items())))

    def begin(self) -> State:
        """Return where every schedule begins."""
        return State()

    def advance(self, state: State) -> Kind | bool:
        """Go on to the next choice; True if it has come to one, False if it is not known what comes next, or how it ends."""
        while True:
            if not state.entity:
                if state.ready:
                    state.options = ("task", sorted(state.ready, key=state.ready.__getitem__))
                    if len(state.ready) > 1:
                        return True
                    self._go(state, 0)
                elif state.steps:
                    end = self._ends.get(self.identity(state))
                    if end is not None:
                        return end
                    state.entity, state.choice = "time", None
                else:
                    state.entity, state.choice = "begin", None
            part, name = self._find(state, state.entity, state.choice)
            if part is None:
                return False
            self._apply(state, part, name)
            if part.then is None:
                state.entity = ""
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
            state.entity, state.choice = options[index], None
        elif kind == "run":
            state.choice = (TAKE, options[index])
        else:
            state.choice = (kind, options, index)

    # -- parts

    def _named(self, key: Any) -> int:
        names = self._names
        return names.setdefault(key, len(names) + 1)

    def _find(self, state: State, entity: str, choice: Any) -> tuple[Part, int] | tuple[None, int]:
        for known in self._known.get((entity, state.version(entity), choice), ()):
            versions, base = state.versions, state.base
            if (
                (known.free is None or known.free == state.free)
                and (
                    known.empty is None
                    or known.empty == (len(state.queue) == (choice is not None and choice[0] == TAKE))
                )
                and all(versions.get(need, base) == version for need, version in known.found)
            ):
                return known.part, known.name
        return self._open.get((entity, choice, self.identity(state)), (None, 0))

    def _keep(self, state: State, part: Part) -> int:
        if part.is_open:
            identity = self.identity(state)
            name = self._named(("open", part.entity, part.choice, identity))
            self._open[part.entity, part.choice, identity] = part, name
            return name
        found = tuple((need, state.version(need)) for need in sorted(part.needs))
        name = self._named((part.entity, part.choice, part.free, part.empty, found))
        key = part.entity, state.version(part.entity), part.choice
        self._known.setdefault(key, []).append(Known(found, part.free, part.empty, part, name))
        return name

    @staticmethod
    def _apply(state: State, part: Part, name: int) -> None:
        choice, queue = part.choice, state.queue
        if choice is not None and choice[0] == TAKE:
            queue.remove(choice[1])
        for gone in part.gone:
            queue.remove(gone)
        queue += part.appended
        if part.is_open:
            state.base = name
            state.versions.clear()
        else:
            for touched in part.touched:
                state.versions[touched] = name
        if part.is_open or "pool" in part.touched:
            state.free = part.is_free
        if part.then is None:
            if state.ready.pop(part.entity, None) is not None:
                state.steps += 1
            for label in part.woken:
                state.ready[label] = state.steps, int(label.partition(":")[0])


def expected(choices: Sequence[Options], seen: Sequence[Choice], start: int, deviations: Mapping[int, int]) -> None:
    """Hold the choices that were to come from `start` on against what has come.

    Raises:
        SharingFound: they differ.
    """
    for at, (kind, labels) in enumerate(choices, start):
        short = tuple(label.split(" ", 2)[2] for label in labels) if kind == "run" else tuple(labels)
        if at >= len(seen) or (seen[at].kind, seen[at].labels) != (kind, short):
            raise SharingFound(f"choice {at} with deviations {dict(deviations)}")
