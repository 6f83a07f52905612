"""Options of a child: checked, and compiled to the policy that its slot runs by."""

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from types import MappingProxyType
from typing import Any, Final, cast

import attrs

from ..actors import MAY_REST, OVERDUE_ACTIONS, RESTART_TYPES, Blueprint, InvalidSpec, Policy, no_agent, read_keys
from ..mailbox import MailboxSpec, is_count, is_seconds, shown
from ._backoff import Backoff
from ._intensity import Intensity
from ._on_error import check_resumable, read_on_error
from ._policy import ChildPolicy

NAME: Final = re.compile(r"[a-z0-9_-]{1,64}")
NO_MAIL: Final = object()
#: More than a lifetime; a larger int would not even fit into a clock's float.
MAX_SECONDS: Final = 1e10

_text_labels: Final = (str, int, float, bool, type(None))


def _are_labels(labels: Any) -> bool:
    if not isinstance(labels, Mapping):
        return False
    given = cast("Any", labels)
    return all(isinstance(key, str) and isinstance(value, _text_labels) for key, value in given.items())


@attrs.frozen
class Rule:
    """Know what an option may be.

    Attributes:
        fits: whether a value will do; runs no user code.
        wrong: what is said of one that will not, after "is".
    """

    fits: Callable[[Any], bool]
    wrong: str


#: What a child may be given that its policy holds, by name; without a word the policy's default stands.
RULES: Final[Mapping[str, Rule]] = {
    "restart": Rule(
        lambda value: isinstance(value, str) and value in RESTART_TYPES, f"not one of {', '.join(RESTART_TYPES)}"
    ),
    "shutdown": Rule(
        lambda value: value is None or is_seconds(value), "not a number of seconds from 0; None means no limit"
    ),
    "startup_timeout": Rule(
        lambda value: value is None or is_seconds(value, above_zero=True),
        "not a number of seconds above 0; None means no limit",
    ),
    "mailbox": Rule(lambda value: isinstance(value, MailboxSpec), "no MailboxSpec"),
    "labels": Rule(_are_labels, "not a mapping of strings to strings, numbers or booleans"),
    "redeliver": Rule(lambda value: is_count(value, least=0), "not a whole number from 0"),
    "on_error": Rule(lambda value: not read_on_error(value)[1], "no such table"),  # its problems are told one by one
    "handler_timeout": Rule(
        lambda value: value is None or is_seconds(value, above_zero=True),
        "not a number of seconds above 0; None means no limit",
    ),
    "on_overdue": Rule(
        lambda value: isinstance(value, str) and value in OVERDUE_ACTIONS, f"not one of {', '.join(OVERDUE_ACTIONS)}"
    ),
    "rest_after": Rule(
        lambda value: value is None or is_seconds(value, above_zero=True),
        "not a number of seconds above 0; None means never",
    ),
    "significant": Rule(lambda value: type(value) is bool, "neither True nor False"),
    "backoff": Rule(lambda value: value is None or isinstance(value, Backoff), "no Backoff; None means none"),
    "intensity": Rule(
        lambda value: value is None or isinstance(value, Intensity), "no Intensity; None means its supervisor's"
    ),
    # A tuple is one key: given here, it would be taken for several.
    "keys": Rule(lambda value: isinstance(value, list), "no list of keys; a single one stands in a list, too"),
}
#: What `start_soon` and `start` take besides the factory and its arguments.
OPTIONS: Final = ("name", *RULES, "mail", "wake_parent")


def check_name(name: object, what: str = "name") -> str:
    """Return a name, or raise InvalidSpec."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidSpec(f"{what}: {shown(name)} is no name; use 1 to 64 of the characters a-z, 0-9, _ and -")
    return name


def check_known(options: Mapping[str, Any]) -> None:
    """Raise InvalidSpec for options that there are not."""
    for key in options:
        if key not in OPTIONS:
            raise InvalidSpec(
                f"{unknown_option(key, OPTIONS)} (keyword arguments of the factory go in with functools.partial)"
            )


def unknown_option(key: str, known: Sequence[str]) -> str:
    """Say that there is no such option, and which might have been meant."""
    close = get_close_matches(key, known, 1)
    return f"unknown option {shown(key)}" + (
        f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
    )


def check_rest(blueprint: Blueprint, rest_after: float | None) -> None:
    """Raise InvalidSpec if what can never rest is told to."""
    if rest_after is not None and blueprint.kind not in MAY_REST:
        raise InvalidSpec(no_agent(blueprint))


def check_overdue(blueprint: Blueprint, on_overdue: str) -> None:
    """Raise InvalidSpec if messages are to be cancelled one by one where no message has a scope of its own."""
    if on_overdue == "cancel" and blueprint.kind == "function":
        raise InvalidSpec(
            f"on_overdue: {blueprint.prefix} is a function, and a message of it cannot be cancelled without the function itself; "
            "give 'restart' or 'warn'"
        )


def check_kind(blueprint: Blueprint, policy: Policy) -> None:
    """Raise InvalidSpec for options that have no meaning for what the factory makes: all of them in one text."""
    problems: list[str] = []
    for check in (
        partial(check_rest, blueprint, policy.rest_after),
        partial(check_resumable, blueprint, policy.on_error),
        partial(check_overdue, blueprint, policy.on_overdue),
    ):
        try:
            check()
        except InvalidSpec as error:
            problems.append(str(error))
    if problems:
        raise InvalidSpec("; ".join(problems))


def given_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is given as the default."""
    return {
        key: value
        for key, value in options.items()
        if not (value is None and key in ("name", "mailbox", "labels")) and value is not NO_MAIL
    }


def compile_policy(options: Mapping[str, Any], *, declared: bool = False, inline: bool = False) -> ChildPolicy:
    """Check options and return what they come to.

    Raises:
        InvalidSpec: all that is wrong, in one text.
    """
    given = {key: options[key] for key in RULES if key in options}
    table, problems = read_on_error(given.pop("on_error", None))
    problems += [
        f"{key}: {shown(value)} is {RULES[key].wrong}" for key, value in given.items() if not RULES[key].fits(value)
    ]
    if given.get("significant") is True and given.get("restart", ChildPolicy().restart) == "permanent":
        problems.append(
            "significant: a permanent child is always restarted, so its end can never end its supervisor; "
            "give restart='transient' or 'temporary'"
        )
    if given.get("backoff") is not None and given.get("intensity") is not None:
        problems.append("intensity: a child with a backoff is in no restart log; bound it by Backoff(max_attempts=...)")
    problems += [
        f"{key}: a temporary child is never restarted; give restart='transient' or 'permanent'"
        for key in ("backoff", "intensity")
        if given.get(key) is not None and given.get("restart", ChildPolicy().restart) == "temporary"
    ]
    if given.get("on_overdue") in ("cancel", "restart") and given.get("handler_timeout") is None:
        problems.append(
            f"on_overdue: {shown(given['on_overdue'])} never happens without a handler_timeout: nothing is overdue then; give that, in seconds"
        )
    if type(options.get("wake_parent", False)) is not bool:
        problems.append(f"wake_parent: {shown(options['wake_parent'])} is neither True nor False")
    if isinstance(given.get("keys"), list):
        try:
            given["keys"] = read_keys(given["keys"])
        except (TypeError, ValueError) as error:
            problems.append(str(error))
    if problems:
        raise InvalidSpec("; ".join(problems))
    if "labels" in given:
        given["labels"] = MappingProxyType(dict(given["labels"]))
    return ChildPolicy(**given, on_error=table, declared=declared, inline=inline)
