"""Options of a child: checked, and compiled to the policy that its slot runs by."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, cast

from ..actors import MAY_REST, RESTART_TYPES, Blueprint, InvalidSpec, Policy, no_agent
from ..mailbox import MailboxSpec, is_count, is_seconds

NAME: Final = re.compile(r"[a-z0-9_-]{1,64}")
#: What `start_soon` and `start` take besides the factory and its arguments.
OPTIONS: Final = (
    "name",
    "restart",
    "shutdown",
    "startup_timeout",
    "mailbox",
    "labels",
    "mail",
    "wake_parent",
    "redeliver",
    "rest_after",
)
NO_MAIL: Final = object()
#: More than a lifetime; a larger int would not even fit into a clock's float.
MAX_SECONDS: Final = 1e10
RUN_TIME_POLICY: Final = Policy()

_text_labels: Final = (str, int, float, bool, type(None))


def check_name(name: object, what: str = "name") -> str:
    """Return a name, or raise InvalidSpec."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidSpec(f"{what}: {name!r} is no name; use 1 to 64 of the characters a-z, 0-9, _ and -")
    return name


def check_known(options: Mapping[str, Any]) -> None:
    """Raise InvalidSpec for options that there are not."""
    for key in options:
        if key not in OPTIONS:
            close = get_close_matches(key, OPTIONS, 1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(OPTIONS)}"
            raise InvalidSpec(
                f"unknown option {key!r}{hint} (keyword arguments of the factory go in with functools.partial)"
            )


def check_rest(blueprint: Blueprint, rest_after: float | None) -> None:
    """Raise InvalidSpec if what can never rest is told to."""
    if rest_after is not None and blueprint.kind not in MAY_REST:
        raise InvalidSpec(no_agent(blueprint))


def given_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is given as the default."""
    return {
        key: value
        for key, value in options.items()
        if not (value is None and key in ("name", "mailbox", "labels")) and value is not NO_MAIL
    }


def _are_labels(labels: Any) -> bool:
    if not isinstance(labels, Mapping):
        return False
    given = cast("Any", labels)
    return all(isinstance(key, str) and isinstance(value, _text_labels) for key, value in given.items())


def compile_policy(options: Mapping[str, Any], *, declared: bool = False, inline: bool = False) -> Policy:
    """Check options and return what they come to.

    Raises:
        InvalidSpec: all that is wrong, in one text.
    """
    problems: list[str] = []
    restart = options.get("restart", "temporary")
    if restart not in RESTART_TYPES:
        problems.append(f"restart: {restart!r} is not one of {', '.join(RESTART_TYPES)}")
    shutdown = options.get("shutdown", 5.0)
    if shutdown is not None and not is_seconds(shutdown):
        problems.append(f"shutdown: {shutdown!r} is not a number of seconds from 0; None means no limit")
    timeout = options.get("startup_timeout", 60.0)
    if timeout is not None and not is_seconds(timeout, above_zero=True):
        problems.append(f"startup_timeout: {timeout!r} is not a number of seconds above 0; None means no limit")
    mailbox = options.get("mailbox", RUN_TIME_POLICY.mailbox)
    if not isinstance(mailbox, MailboxSpec):
        problems.append(f"mailbox: {mailbox!r} is no MailboxSpec")
    labels = options.get("labels", {})
    if not _are_labels(labels):
        problems.append(f"labels: {labels!r} is not a mapping of strings to strings, numbers or booleans")
    redeliver = options.get("redeliver", 0)
    if not is_count(redeliver, least=0):
        problems.append(f"redeliver: {redeliver!r} is not a whole number from 0")
    rest_after = options.get("rest_after")
    if rest_after is not None and not is_seconds(rest_after, above_zero=True):
        problems.append(f"rest_after: {rest_after!r} is not a number of seconds above 0; None means never")
    if type(options.get("wake_parent", False)) is not bool:
        problems.append(f"wake_parent: {options['wake_parent']!r} is neither True nor False")
    if problems:
        raise InvalidSpec("; ".join(problems))
    return Policy(
        restart=restart,
        shutdown=shutdown,
        startup_timeout=timeout,
        mailbox=mailbox,
        labels=MappingProxyType(dict(labels)),
        redeliver=redeliver,
        rest_after=rest_after,
        declared=declared,
        inline=inline,
    )
