"""Schedules: what was chosen, where it differed from the default, and as a token."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import attrs

from ._errors import InvalidToken

VERSION: Final = "1"
_NUMBER: Final = "[0-9]{1,18}"
#: Stands in a token for the fingerprint of a schedule that was not run, so that a token which was cut off there is none.
_UNRUN: Final = "-"
_PRINT: Final = re.compile("[0-9a-f]{8}")
_TOKEN: Final = re.compile(
    rf"r(?P<version>[0-9]{{1,18}})(?P<time>t?)(?P<fidelity>b?):(?P<deviations>(?:{_NUMBER}\.{_NUMBER}(?:-{_NUMBER}\.{_NUMBER})*)?):(?P<print>[0-9a-f]{{8}}|-)"
    rf"(?::(?P<what>cancel|crash)\.(?P<name>\w+)\.(?P<at>{_NUMBER}))?"
)
#: Characters of a wrong token that are shown.
_SHOWN: Final = 80
_LIKE: Final = "'r1:4.1-9.2:0f3a77c1'"

#: When time passes: "exact", only when nothing else can happen; "choice", also before, so that a timeout may fire early or late.
Time = Literal["exact", "choice"]
#: Which orders of steps there are: "all", or those alone that the Trio of today may take.
Fidelity = Literal["all", "trio"]


@attrs.frozen
class Injection:
    """Say what is done to a run from outside, and when.

    A wrong word or number is a `ValueError`.

    Attributes:
        what: "cancel" a scope that the scenario has named, or "crash" an actor of a tree in it.
        name: of the scope (`sim.scope(name)`), or of the boundary ("startup", "handler", "shutdown").
        at: at which step within the scope, or at which such boundary, from 0.
    """

    what: Literal["cancel", "crash"]
    name: str
    at: int

    def __attrs_post_init__(self) -> None:
        """Refuse what is none of what there is."""
        if self.what not in ("cancel", "crash"):
            raise ValueError(f"Injection: what is {self.what!r}; give 'cancel' or 'crash'")
        name: Any = self.name
        if not (isinstance(name, str) and re.fullmatch(r"\w+", name)):
            raise ValueError(f"Injection: name is {name!r}; give one of letters and digits, such as 'victim'")
        if not _is_count(self.at):
            raise ValueError(f"Injection: at is {self.at!r}; give a number from 0")

    def __str__(self) -> str:
        """Say it in words."""
        if self.what == "cancel":
            return f"step {self.at} in the scope {self.name!r}, to cancel it there (the first is 0)"
        return f"{self.name} {self.at} of an actor, to crash it there (the first is 0)"


def shown_token(token: str) -> str:
    """Return a wrong token as it is told: its begin, if it is long."""
    return repr(token) if len(token) <= _SHOWN else f"{token[:_SHOWN]!r}… ({len(token)} characters)"


def _is_count(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


def _frozen(deviations: Any) -> Mapping[int, int]:
    pairs: dict[Any, Any] = dict(deviations) if isinstance(deviations, Mapping) else {-1: -1}  # pyright: ignore[reportUnknownArgumentType]
    if not all(map(_is_count, [*pairs, *pairs.values()])):
        raise ValueError(f"Schedule: deviations are {deviations!r}; give numbers of choices -> indices, all from 0")
    return MappingProxyType({at: index for at, index in sorted(pairs.items()) if index})


@attrs.frozen
class Schedule:
    """Say where a run differs from the default, which lets the one go that has been ready longest.

    Attributes:
        deviations: number of the choice, from 0 -> index of what was chosen there, oldest first; it is 0 everywhere else.
        fingerprint: of the run that it was taken from; "" if it has not been run.
        time: whether letting time pass is among the choices.
        fidelity: which orders its choices are among.
        injection: what was done to the run from outside, if anything was.
    """

    deviations: Mapping[int, int] = attrs.field(factory=dict[int, int], converter=_frozen)
    fingerprint: str = ""
    time: Time = "exact"
    injection: Injection | None = None
    fidelity: Fidelity = "all"

    def __attrs_post_init__(self) -> None:
        """Refuse what is none of what there is."""
        fingerprint: Any = self.fingerprint
        if fingerprint and not (isinstance(fingerprint, str) and _PRINT.fullmatch(fingerprint)):
            text = "give that of a result's schedule, or '' for one that was not run"
            raise ValueError(f"Schedule: fingerprint is {fingerprint!r}; {text}")
        if self.time not in ("exact", "choice"):
            raise ValueError(f"Schedule: time is {self.time!r}; give 'exact' or 'choice'")
        if self.fidelity not in ("all", "trio"):
            raise ValueError(f"Schedule: fidelity is {self.fidelity!r}; give 'all' or 'trio'")
        if not (self.injection is None or isinstance(self.injection, Injection)):
            raise ValueError(f"Schedule: injection is {self.injection!r}; give an Injection, or None")

    @property
    def token(self) -> str:
        """The same as a short text, from which `from_token` makes it again."""
        steps = "-".join(f"{at}.{index}" for at, index in self.deviations.items())
        ways = f"{'t' if self.time == 'choice' else ''}{'b' if self.fidelity == 'trio' else ''}"
        token = f"r{VERSION}{ways}:{steps}:{self.fingerprint or _UNRUN}"
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
        token = token.strip()
        shown = shown_token(token)
        found = _TOKEN.fullmatch(token)
        if found is None:
            raise InvalidToken(f"{shown} is no whole token; one looks like {_LIKE} (copy all of it)")
        if found["version"] != VERSION:
            raise InvalidToken(
                f"{shown} is of format r{found['version']}, and this is a greenroom that reads r{VERSION}"
            )
        pairs = [pair.split(".") for pair in found["deviations"].split("-") if pair]
        deviations = {int(at): int(index) for at, index in pairs}
        what: Any = found["what"]
        injection = None if what is None else Injection(what, found["name"], int(found["at"]))
        fingerprint = "" if found["print"] == _UNRUN else found["print"]
        time: Time = "choice" if found["time"] else "exact"
        schedule = cls(deviations, fingerprint, time, injection, "trio" if found["fidelity"] else "all")
        if schedule.token != token:
            text = (
                "it names a choice twice or out of order, the default as a deviation, or a number with zeros before it"
            )
            raise InvalidToken(f"{shown} has been changed: {text}")
        return schedule
