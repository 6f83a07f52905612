"""All that a user can say about an MCP server, checked."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import attrs

from ..actors._plan import APPROVALS
from ..actors._plan import Approval as Approval
from ..actors._texts import did_you_mean
from ..mailbox import InvalidSpec, is_seconds
from ._http import Endpoint
from ._process import Command
from ._versions import known_versions

if TYPE_CHECKING:
    from mcp.client.session import ElicitationFnT, ListRootsFnT, LoggingFnT, SamplingFnT

_DATED = re.compile(r"\d{4}-\d{2}-\d{2}")
# Source: RFC 9110, "field-name".
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@attrs.frozen
class Handlers:
    """The user's answers to what a server asks of its client; None declines."""

    elicitation: ElicitationFnT | None
    sampling: SamplingFnT | None
    roots: ListRootsFnT | None
    log: LoggingFnT | None


@attrs.frozen
class ServerSpec:
    """One MCP server, as checked by `mcp_server`."""

    name: str
    where: Command | Endpoint
    startup_timeout: float
    tool_timeout: float
    enabled_tools: frozenset[str] | None
    disabled_tools: frozenset[str]
    supports_parallel_tool_calls: bool
    approval: Approval
    tool_approval: Mapping[str, Approval]
    mode: str
    handlers: Handlers

    def excluded_by(self, tool: str) -> str:
        """Name the option that keeps a tool from the actor; empty when none does."""
        if tool in self.disabled_tools:
            return "disabled_tools"
        if self.enabled_tools is not None and tool not in self.enabled_tools:
            return "enabled_tools"
        return ""

    def misnamed(self, tools: Collection[str]) -> str:
        """Say which of the tools that the options name the server does not have; empty when it has them all."""
        named = (
            ("enabled_tools", self.enabled_tools or ()),
            ("disabled_tools", self.disabled_tools),
            ("tool_approval", self.tool_approval),
        )
        wrong = [
            f"{option} names {tool!r}, which the server does not have; {did_you_mean(tool, tools, none='it has no tools')}"
            for option, names in named
            for tool in sorted(names)
            if tool not in tools
        ]
        return "; ".join(wrong)


class Check:
    """Checks the arguments of one `mcp_server` call; what is wrong is an `InvalidSpec` that names server, argument and value."""

    def __init__(self, name: object) -> None:
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise InvalidSpec(f"mcp_server: name: {name!r} is not a non-empty string on one line")
        self._name = name

    def wrong(self, argument: str, problem: str) -> InvalidSpec:
        """Make the error."""
        return InvalidSpec(f"mcp_server({self._name!r}): {argument}: {problem}")

    def any_text(self, argument: str, value: object) -> str:
        """Take a string, be it empty."""
        if not isinstance(value, str):
            raise self.wrong(argument, f"{value!r} is not a string")
        return value

    def text(self, argument: str, value: object) -> str:
        """Take a non-empty string that can be handed to the operating system."""
        found = self.any_text(argument, value)
        if not found.strip():
            raise self.wrong(argument, f"{found!r} is empty")
        return self.without_nul(argument, found)

    def without_nul(self, argument: str, value: str) -> str:
        """Refuse what no process can be given."""
        if "\0" in value:
            raise self.wrong(argument, f"{value!r} has a NUL character")
        return value

    def path(self, argument: str, value: Any) -> str:
        """Take a path, as a string or as a path object of strings."""
        return self.text(argument, value if isinstance(value, str) else _as_text(value))

    def seconds(self, argument: str, value: object, *, zero: bool = False, none: str = "no limit") -> float:
        """Take a number of seconds; None is no limit where zero makes no sense; `none` says what it means there."""
        if value is None and not zero:
            return math.inf
        takes = "of at least 0" if zero else f"above 0; None means {none}"
        is_infinite = isinstance(value, float) and math.isinf(value) and value > 0
        if zero and is_infinite:
            raise self.wrong(argument, "it must be finite, or a hung server could never be closed")
        if not is_infinite and not is_seconds(value, above_zero=not zero):
            raise self.wrong(argument, f"{value!r} is not a number of seconds {takes}")
        return float(cast("float", value))

    def flag(self, argument: str, value: object) -> bool:
        """Take True or False, and nothing that merely looks like it."""
        if not isinstance(value, bool):
            raise self.wrong(argument, f"{value!r} is neither True nor False")
        return value

    def texts(self, argument: str, value: object, *, empty: bool = False) -> tuple[str, ...]:
        """Take several strings, not one."""
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
            raise self.wrong(argument, f"{value!r} is not a list of strings")
        items = tuple(cast("Iterable[object]", value))
        return tuple(
            self.without_nul(f"{argument}[{i}]", item)
            if empty and isinstance(item, str)
            else self.text(f"{argument}[{i}]", item)
            for i, item in enumerate(items)
        )

    def mapping(self, argument: str, value: object) -> dict[str, object]:
        """Take a mapping whose keys are non-empty strings."""
        if not isinstance(value, Mapping):
            raise self.wrong(argument, f"{value!r} is not a mapping")
        items = cast("Mapping[object, object]", value)
        return {self.text(f"{argument} (a key)", key): items[key] for key in items}

    def variables(self, argument: str, value: object) -> dict[str, str]:
        """Take environment variables. The values may be secrets: no error shows them."""
        found: dict[str, str] = {}
        for key, text in self.mapping(argument, value).items():
            if "=" in key:
                raise self.wrong(f"{argument} (a key)", f"{key!r} has an equals sign")
            found[key] = self._secret(f"{argument}[{key!r}]", text)
            if "\0" in found[key]:
                raise self.wrong(f"{argument}[{key!r}]", "the value has a NUL character")
        return found

    def headers(self, argument: str, value: object) -> dict[str, str]:
        """Take HTTP headers. The values may be secrets: no error shows them."""
        found: dict[str, str] = {}
        for key, text in self.mapping(argument, value).items():
            if not _HEADER_NAME.fullmatch(key):
                raise self.wrong(f"{argument} (a key)", f"{key!r} is not the name of an HTTP header")
            found[key] = self._secret(f"{argument}[{key!r}]", text)
            if not found[key].isascii() or not (found[key].isprintable() or "\t" in found[key]) or "\n" in found[key]:
                raise self.wrong(f"{argument}[{key!r}]", "the value has characters that an HTTP header cannot carry")
        return found

    def _secret(self, argument: str, value: object) -> str:
        if not isinstance(value, str):
            raise self.wrong(argument, f"the value is of type {type(value).__name__}, not a string")
        return value

    def url(self, argument: str, value: object) -> str:
        """Take the address of an HTTP endpoint."""
        text = self.text(argument, value)
        problem = f"{text!r} is not an http:// or https:// URL with a host"
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise self.wrong(argument, f"{text!r} is not a URL: {error}") from None
        if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
            raise self.wrong(argument, problem)
        if any(not c.isprintable() or c.isspace() for c in text):
            raise self.wrong(argument, f"{text!r} has white space in it")
        return text

    def choice(self, argument: str, value: object, choices: tuple[str, ...]) -> str:
        """Take one of a few words."""
        if not isinstance(value, str) or value not in choices:
            raise self.wrong(argument, f"{value!r} is not one of {', '.join(map(repr, choices))}")
        return value

    def approval(self, argument: str, value: object) -> Approval:
        """Take a mode of approval."""
        return cast("Approval", self.choice(argument, value, APPROVALS))

    def mode(self, argument: str, value: object) -> str:
        """Take a way to agree on the protocol's version."""
        if isinstance(value, str) and value in {"auto", "legacy"}:
            return value
        if not isinstance(value, str) or not _DATED.fullmatch(value) or not _is_date(value):
            raise self.wrong(argument, f"{value!r} is neither 'auto' nor 'legacy' nor the date of a protocol version")
        known = known_versions()
        if known and value not in known:
            hint = "; versions of before that are agreed on by 'legacy'" if value < known[0] else ""
            raise self.wrong(argument, f"the MCP SDK has no version {value!r}; it has {', '.join(known)}{hint}")
        return value

    def handler(self, argument: str, value: object) -> Any:
        """Take an async function, or None."""
        if value is not None and not callable(cast("Callable[..., Any]", value)):
            raise self.wrong(argument, f"{value!r} is not callable")
        return value


def _is_date(value: str) -> bool:
    """Return whether there is such a day."""
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _as_text(path: Any) -> Any:
    """Give the string of a path object, and everything else as it is."""
    return os.fspath(cast("os.PathLike[str]", path)) if isinstance(path, os.PathLike) else path
