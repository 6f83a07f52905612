"""Operations: what a client asked of an object, when, and what came of it."""

from typing import Any, Final, Literal

import attrs

from ._brief import brief

Outcome = Literal["ok", "fail", "info"]
#: Containers within containers that are copied; what is deeper is kept as it is.
DEPTH: Final = 20


@attrs.frozen
class Operation:
    """Hold one operation of a history, as it was when it was looked at.

    Attributes:
        client: who asked for it; a client does one thing at a time.
        name: what it asked for.
        args: with what.
        begun: when: the number of the event, from 0; each begin and each end is one.
        ended: when it ended; None if it has not, or if nobody knows whether it has taken effect.
        outcome: "ok": it took effect, and returned `result`; "fail": it certainly did not take effect; "info": it may have, or may yet, or never.
        result: what it returned, if "ok"; else what it raised, if that was told.
    """

    client: str | int
    name: str
    args: tuple[Any, ...]
    begun: int
    ended: int | None
    outcome: Outcome
    result: Any = None

    def __str__(self) -> str:
        """Say who did what, and what came of it."""
        call = f"{self.client}: {self.name}({', '.join(map(brief, self.args))})"
        if self.outcome == "ok":
            return f"{call} -> {brief(self.result)}"
        why = "" if self.result is None else f": {brief(self.result)}"
        return f"{call} {'failed' if self.outcome == 'fail' else '-> ?'}{why}"


def snapshot(value: Any, depth: int = DEPTH) -> Any:
    """Return a value that stays as it is: what is in lists, dicts and sets is copied, all else is kept."""
    kind = _class_of(value)
    if not depth or kind not in _CONTAINERS:
        return value
    if kind is dict:
        return {key: snapshot(each, depth - 1) for key, each in value.items()}
    return kind(snapshot(each, depth - 1) for each in value)


def _class_of(value: object) -> type[Any]:
    return type(value)


_CONTAINERS: Final = frozenset[type[Any]]((tuple, list, dict, set, bytearray))
