"""Options of a child: checked, and compiled to the policy that its slot runs by."""

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, cast

import attrs

from ..actors import (
    MAY_REST,
    OVERDUE_ACTIONS,
    RESTART_TYPES,
    Blueprint,
    ErrorTable,
    InvalidSpec,
    Policy,
    no_agent,
    read_keys,
)
from ..mailbox import MailboxSpec, is_count, is_seconds, shown
from ._backoff import Backoff
from ._intensity import Intensity
from ._on_error import read_on_error
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
NO_STARTUP: Final = (
    "startup: what is started at run time is always deferred, and nobody is held up by it (`await start(...)` waits until an actor is ready); "
    "leave it out: it is for what a ChildSpec or SupervisorSpec declares"
)


def check_name(name: object, what: str = "name") -> str:
    """Return a name, or raise InvalidSpec."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidSpec(f"{what}: {shown(name)} is no name; use 1 to 64 of the characters a-z, 0-9, _ and -")
    return name


def unknown_options(options: Mapping[str, Any], known: Sequence[str] = OPTIONS) -> list[str]:
    """Say of each option that there is not that there is none."""
    hint = " (keyword arguments of the factory go in with functools.partial)" if known is OPTIONS else ""
    return [
        NO_STARTUP if key == "startup" else f"{unknown_option(key, known)}{hint}" for key in options if key not in known
    ]


def unknown_option(key: str, known: Sequence[str]) -> str:
    """Say that there is no such option, and which might have been meant."""
    close = get_close_matches(key, known, 1)
    return f"unknown option {shown(key)}" + (
        f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
    )


def check_kind(blueprint: Blueprint, policy: Policy) -> None:
    """Raise InvalidSpec for options that have no meaning for what the factory makes: all of them in one text."""
    problems = kind_problems(blueprint, policy.rest_after, policy.on_error, policy.on_overdue)
    if problems:
        raise InvalidSpec("\n".join(problems))


def kind_problems(blueprint: Blueprint, rest_after: Any, table: ErrorTable, on_overdue: Any) -> list[str]:
    """Say which options have no meaning for what a factory makes, whatever else is wrong with them."""
    problems: list[str] = []
    if rest_after is not None and blueprint.kind not in MAY_REST:
        problems.append(no_agent(blueprint))
    if blueprint.kind == "function":
        if any(action == "resume" for _, action in table):
            problems.append(
                f"on_error: {blueprint.prefix} is a function, and ends with what leaves it: there is nothing to resume; "
                "catch it in the function, or give 'restart', 'stop' or 'escalate'"
            )
        if isinstance(on_overdue, str) and on_overdue == "cancel":
            problems.append(
                f"on_overdue: {blueprint.prefix} is a function, and a message of it cannot be cancelled without the function itself; "
                "give 'restart' or 'warn'"
            )
    return problems


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
    restart = given.get("restart", ChildPolicy().restart)
    restart = restart if isinstance(restart, str) else ""  # whatever else it is, it may have a comparison of its own
    if given.get("significant") is True and restart == "permanent":
        problems.append(
            "significant: a permanent child is always restarted, so its end can never end its supervisor; "
            "give restart='transient' or 'temporary'"
        )
    if given.get("backoff") is not None and given.get("intensity") is not None:
        problems.append("intensity: a child with a backoff is in no restart log; bound it by Backoff(max_attempts=...)")
    problems += [
        f"{key}: a temporary child is never restarted; give restart='transient' or 'permanent'"
        for key in ("backoff", "intensity")
        if given.get(key) is not None and restart == "temporary"
    ]
    overdue = given.get("on_overdue")
    if isinstance(overdue, str) and overdue in ("cancel", "restart") and given.get("handler_timeout") is None:
        problems.append(
            f"on_overdue: {shown(overdue)} never happens without a handler_timeout: nothing is overdue then; give that, in seconds"
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
