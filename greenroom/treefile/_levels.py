"""Levels: what a child or a supervisor leaves out, taken from the first of its levels that gives it.

What another level than the child's own gives is meant for those of the children that it can be for, and passed over by the others: a backoff by
temporary children, significance by permanent ones, a rest by all that are no agents, what is done about the overdue by those that have no
`handler_timeout`, a time to start or to stop by supervisors, which would have to share it among all below them, a retry of the start by dynamic
supervisors. Of a backoff and an intensity, which exclude each other, the nearer one counts.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeVar

import attrs

from .. import Backoff, Intensity, InvalidSpec, Limits, MailboxSpec
from ._absent import ABSENT, Absent, first_given
from ._problem import Problem
from ._treefile import Child, Level, Options, Supervisor, TreeFile

T = TypeVar("T")

#: What a declared child has if no level gives it.
DEFAULTS: Final[Mapping[str, Any]] = {
    "restart": "permanent",
    "shutdown": 5.0,
    "startup": "inline",
    "startup_timeout": 60.0,
    "redeliver": 0,
    "handler_timeout": None,
    "on_overdue": "warn",
    "rest_after": None,
    "significant": False,
}
NO_ROWS: Final[Mapping[str, Any]] = MappingProxyType({})
#: What a supervisor has if no level gives it.
SUPERVISOR_DEFAULTS: Final[Mapping[str, Any]] = {
    "strategy": "one_for_one",
    "auto_shutdown": "never",
}
#: What a supervisor has that is a child, if it does not say; and all that no other level says for it.
OWN_OF_SUPERVISORS: Final[Mapping[str, Any]] = {
    "shutdown": None,
    "startup_timeout": None,
    "max_children": None,
    "partitions": None,
}

Levels = Sequence[Any]


def options_of(levels: Levels, auto_shutdown: str, problems: list[Problem]) -> dict[str, Any]:
    """Return what an actor runs by: of each option, what the first level gives; of tables, key by key.

    Args:
        levels: the child itself, its supervisor's defaults, the profile, the base.
        auto_shutdown: its supervisor's.
        problems: gets what is wrong.
    """
    options = {key: _first(key, levels, default) for key, default in DEFAULTS.items()}
    if options["handler_timeout"] is None and levels[0].on_overdue is ABSENT:
        options["on_overdue"] = DEFAULTS["on_overdue"]
    # As a whole, since the order of its rows counts.
    options["on_error"] = _first("on_error", levels, NO_ROWS)
    options["mailbox"] = _made(MailboxSpec, _mailbox(levels), "mailbox", problems) or MailboxSpec()
    options |= _placed(levels, options, auto_shutdown, problems)
    # What a profile or the base says of intensity is said of supervisors; it reaches the child by its own.
    given = _table("intensity", levels[:2])
    if given and _is_meant("intensity", levels, options["restart"]):
        nearer, further = _level_of("intensity", levels), _level_of("backoff", levels)
        if options["backoff"] is None or nearer <= further:
            intensity = _made(Intensity, _table("intensity", levels), "intensity", problems)
            options["intensity"] = intensity
            if nearer < further:
                options["backoff"] = None
    return options


def options_of_supervisor(levels: Levels, auto_shutdown: str, problems: list[Problem]) -> dict[str, Any]:
    """Return what a supervisor that is a child runs by. The arguments are those of `options_of`."""
    options = {key: _first(key, levels, DEFAULTS[key]) for key in ("restart", "startup", "significant")}
    options |= {key: _first(key, levels[:1], default) for key, default in OWN_OF_SUPERVISORS.items()}
    return options | _placed(levels, options, auto_shutdown, problems)


def flags_of(levels: Levels, problems: list[Problem]) -> dict[str, Any]:
    """Return what a supervisor goes by, the tree's root or another.

    Args:
        levels: the supervisor itself or the tree, the profile, the base.
        problems: gets what is wrong.
    """
    flags = {key: _first(key, levels, default) for key, default in SUPERVISOR_DEFAULTS.items()}
    if flags["strategy"] == "dynamic" and levels[0].auto_shutdown is ABSENT:
        flags["auto_shutdown"] = "never"
    flags["intensity"] = _made(Intensity, _table("intensity", levels), "intensity", problems) or Intensity()
    is_meant = flags["strategy"] != "dynamic" or levels[0].start_retry is not ABSENT
    flags["start_retry"] = _backoff("start_retry", levels, problems) if is_meant else None
    return flags


def settings_of(levels: Levels, problems: list[Problem]) -> dict[str, Any]:
    """Return what the whole tree goes by. The arguments are those of `flags_of`."""
    return {
        "unread": _first("unread", levels, "log"),
        "approval": _first("approval", levels, "ask"),
        "limits": _made(Limits, _table("limits", levels), "limits", problems) or Limits(),
    }


def levels_of_child(
    child: Child | Supervisor, above: TreeFile | Supervisor, level: Level | Absent, base: Level | Absent
) -> Levels:
    """Return who gives what a child leaves out, the child itself first."""
    defaults: Options | Absent = above.defaults
    return (child, defaults, level, base)


def restart_of(levels: Levels) -> str:
    """Return what a child's end leads to."""
    return str(_first("restart", levels, DEFAULTS["restart"]))


def _placed(levels: Levels, options: Mapping[str, Any], auto_shutdown: str, problems: list[Problem]) -> dict[str, Any]:
    """Return what actors and supervisors have in common besides: how they stand to their own supervisor."""
    placed: dict[str, Any] = {"labels": _labels(levels), "backoff": None, "significant": options["significant"]}
    if _is_meant("backoff", levels, options["restart"]):
        placed["backoff"] = _backoff("backoff", levels, problems)
    if levels[0].significant is ABSENT and (options["restart"] == "permanent" or auto_shutdown == "never"):
        placed["significant"] = False
    return placed


def _is_meant(key: str, levels: Levels, restart: str) -> bool:
    """Return whether what the levels say of restarts is said for a child: not for temporary ones, unless they say it themselves."""
    return restart != "temporary" or getattr(levels[0], key) is not ABSENT


def _level_of(key: str, levels: Levels) -> int:
    """Return the number of the first level that gives a key."""
    return next((n for n, each in enumerate(levels) if getattr(each, key, ABSENT) is not ABSENT), len(levels))


def _first(key: str, levels: Levels, default: Any) -> Any:
    return first_given(*(getattr(each, key, ABSENT) for each in levels), default=default)


def _table(key: str, levels: Levels) -> dict[str, Any]:
    """Return what the levels give of a table, key by key; what nobody gives is left out, and what stands behind a "none" too."""
    merged: dict[str, Any] = {}
    for level in levels:
        table = getattr(level, key, ABSENT)
        if table is None:
            break
        if not isinstance(table, Absent):
            given = attrs.asdict(table)
            merged |= {k: v for k, v in given.items() if k not in merged and not isinstance(v, Absent)}
    return merged


def _mailbox(levels: Levels) -> dict[str, Any]:
    """Return the table of a mailbox; what another level says of a full one is not said of one that is never full."""
    table = _table("mailbox", levels)
    if table.get("capacity") is None and "overflow" not in _table("mailbox", levels[:1]):
        table.pop("overflow", None)
    return table


def _labels(levels: Levels) -> dict[str, Any]:
    labels: dict[str, Any] = {}
    for level in reversed(levels):
        given = getattr(level, "labels", ABSENT)
        labels |= {} if isinstance(given, Absent) else given
    return labels


def _backoff(key: str, levels: Levels, problems: list[Problem]) -> Backoff | None:
    if _first(key, levels, None) is None:
        return None
    table = _table(key, levels)
    missing = [each for each in ("initial", "maximum") if each not in table]
    problems += [Problem(f"{key}.{each}", "is needed, and no level gives it") for each in missing]
    return None if missing else _made(Backoff, table, key, problems)


def _made(make: Callable[..., T], table: Mapping[str, Any], key: str, problems: list[Problem]) -> T | None:
    """Return what a table comes to; None if the runtime refuses it."""
    try:
        return make(**table)
    except InvalidSpec as error:
        problems.append(Problem(key, str(error)))
        return None
