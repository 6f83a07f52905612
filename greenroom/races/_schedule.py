"""Schedules: what was chosen, where it differed from the default, and as a token."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import attrs

from ._errors import InvalidToken

VERSION: Final = "1"
_TOKEN: Final = re.compile(
    r"r(?P<version>\d+)(?P<time>t?):(?P<deviations>(?:\d+\.\d+(?:-\d+\.\d+)*)?):(?P<print>[0-9a-f]{8})"
    r"(?::(?P<what>cancel|crash)\.(?P<name>\w+)\.(?P<at>\d+))?"
)
_LIKE: Final = "'r1:4.1-9.2:0f3a77c1'"

#: When time passes: "exact", only when nothing else can happen; "choice", also before, so that a timeout may fire early or late.
Time = Literal["exact", "choice"]


@attrs.frozen
class Injection:
    """Say what is done to a run from outside, and when.

    Attributes:
        what: "cancel" a scope that the scenario has named, or "crash" an actor of a tree in it.
        name: of the scope (`sim.scope(name)`), or of the boundary ("startup", "handler", "shutdown").
        at: at which step within the scope, or at which such boundary, from 0.
    """

    what: Literal["cancel", "crash"]
    name: str
    at: int


def _frozen(deviations: Mapping[int, int]) -> Mapping[int, int]:
    return MappingProxyType(dict(sorted(deviations.items())))


@attrs.frozen
class Schedule:
    """Say where a run differs from the default, which lets the one go that has been ready longest.

    Attributes:
        deviations: number of the choice, from 0 -> index of what was chosen there, oldest first; everywhere else it is 0.
        fingerprint: of the run that it was taken from; "" if it has not been run.
        time: whether letting time pass is among the choices.
        injection: what was done to the run from outside, if anything was.
    """

    deviations: Mapping[int, int] = attrs.field(factory=dict[int, int], converter=_frozen)
    fingerprint: str = ""
    time: Time = "exact"
    injection: Injection | None = None

    @property
    def token(self) -> str:
        """The same as a short text, from which `from_token` makes it again."""
        steps = "-".join(f"{at}.{index}" for at, index in self.deviations.items())
        token = f"r{VERSION}{'t' if self.time == 'choice' else ''}:{steps}:{self.fingerprint}"
        injection = self.injection
        return token if injection is None else f"{token}:{injection.what}.{injection.name}.{injection.at}"

    @classmethod
    def from_token(cls, token: str) -> "Schedule":
        """Read a token.

        Raises:
            InvalidToken: it is cut off, from another version, or no token at all.
        """
        if not isinstance(token, str):
            raise InvalidToken(f"{token!r} is no token; a token is a text such as {_LIKE}")
        found = _TOKEN.fullmatch(token.strip())
        if found is None:
            raise InvalidToken(f"{token!r} is no whole token; one looks like {_LIKE} (copy all of it)")
        if found["version"] != VERSION:
            raise InvalidToken(
                f"{token!r} is of format r{found['version']}, and this is a greenroom that reads r{VERSION}"
            )
        pairs = [pair.split(".") for pair in found["deviations"].split("-") if pair]
        deviations = {int(at): int(index) for at, index in pairs}
        if len(deviations) != len(pairs) or 0 in deviations.values():
            raise InvalidToken(f"{token!r} names a choice twice, or the default as a deviation; it has been changed")
        what: Any = found["what"]
        injection = None if what is None else Injection(what, found["name"], int(found["at"]))
        return cls(deviations, found["print"], "choice" if found["time"] else "exact", injection)
