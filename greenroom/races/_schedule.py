"""Schedules: what was chosen, where it differed from the default, and as a token."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

from ._errors import InvalidToken

VERSION: Final = "r1"
_TOKEN: Final = re.compile(r"r(?P<version>\d+):(?P<deviations>(?:\d+\.\d+(?:-\d+\.\d+)*)?):(?P<print>[0-9a-f]{8})")


def _frozen(deviations: Mapping[int, int]) -> Mapping[int, int]:
    return MappingProxyType(dict(sorted(deviations.items())))


@attrs.frozen
class Schedule:
    """Say where a run differs from the default, which lets the one go that has been ready longest.

    Attributes:
        deviations: number of the choice, from 0 -> index of what was chosen there, oldest first; everywhere else it is 0.
        fingerprint: of the run that it was taken from; "" if it has not been run.
    """

    deviations: Mapping[int, int] = attrs.field(factory=dict[int, int], converter=_frozen)
    fingerprint: str = ""

    @property
    def token(self) -> str:
        """The same as a short text, from which `from_token` makes it again."""
        steps = "-".join(f"{at}.{index}" for at, index in self.deviations.items())
        return f"{VERSION}:{steps}:{self.fingerprint}"

    @classmethod
    def from_token(cls, token: str) -> "Schedule":
        """Read a token.

        Raises:
            InvalidToken: it is cut off, from another version, or no token at all.
        """
        if not isinstance(token, str):
            raise InvalidToken(f"{token!r} is no token; a token is a text such as 'r1:4.1-9.2:0f3a77c1'")
        found = _TOKEN.fullmatch(token.strip())
        if found is None:
            raise InvalidToken(
                f"{token!r} is no whole token; one looks like 'r1:4.1-9.2:0f3a77c1' (copy it with its last eight digits)"
            )
        if f"r{found['version']}" != VERSION:
            raise InvalidToken(
                f"{token!r} is of format r{found['version']}, and this is a greenroom that reads {VERSION}"
            )
        pairs = [pair.split(".") for pair in found["deviations"].split("-") if pair]
        deviations = {int(at): int(index) for at, index in pairs}
        if len(deviations) != len(pairs) or 0 in deviations.values():
            raise InvalidToken(f"{token!r} names a choice twice, or the default as a deviation; it has been changed")
        return cls(deviations, found["print"])
