"""Tokens of machines: a program and its schedule as one text."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final
from zlib import compress, decompress

from ._errors import InvalidToken
from ._schedule import Schedule, shown_token

if TYPE_CHECKING:
    from ._machine_drawing import Step

PREFIX: Final = "m1:"
_TOKEN: Final = re.compile(rf"{PREFIX}(?P<program>[A-Za-z0-9_-]*):(?P<schedule>r.*)")
_LIKE: Final = "'m1:eJxjZGBgYAQAAAsAAw:r1:4.1-9.2:0f3a77c1'"


def machine_token(steps: Sequence["Step"], schedule: Schedule) -> str:
    """Return a program, as what Hypothesis has chosen for it, and its schedule as a short text."""
    from hypothesis.database import choices_to_bytes

    choices = [each for step in steps for each in (step.number, len(step.choices), *step.choices)]
    packed = urlsafe_b64encode(compress(choices_to_bytes(choices), 9)).decode().rstrip("=")
    return f"{PREFIX}{packed}:{schedule.token}"


def read_machine_token(token: str) -> tuple[Sequence["Step"], Schedule]:
    """Read it.

    Raises:
        InvalidToken: it is cut off, of a scenario, or none at all.
    """
    from hypothesis.database import choices_from_bytes

    from ._machine_drawing import Step

    text = token.strip()
    shown = shown_token(text)
    found = _TOKEN.fullmatch(text)
    if found is None:
        raise InvalidToken(f"{shown} is no whole token of a machine; one looks like {_LIKE} (copy all of it)")
    schedule = Schedule.from_token(found["schedule"])
    packed = found["program"]
    steps: list[Step] = []  # there may be none: some machines fail before their first step
    try:
        left: Any = choices_from_bytes(decompress(urlsafe_b64decode(packed + "=" * (-len(packed) % 4))))
        while left:
            number, length, *others = left
            steps.append(Step(number, tuple(others[:length])))
            left = others[length:]
    except Exception:  # noqa: BLE001 -- whatever is wrong with it, it is no program
        raise InvalidToken(f"{shown} has no program that can be read; copy all of it") from None
    return steps, schedule


def check_token(token: str) -> None:
    """Refuse what is neither the token of a scenario nor that of a machine.

    Raises:
        InvalidToken: with what it was.
    """
    if token.strip().startswith(PREFIX):
        read_machine_token(token)
    else:
        Schedule.from_token(token)
