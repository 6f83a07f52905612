"""What an actor has of its services: a mapping that says of a name that is not in it why."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Never

from ._errors import ServiceNotFound
from ._service import Service


class Published(dict[str, Any]):
    """Hold the connections of one incarnation by name; shown through a read-only view, as `ctx.services`."""

    def __init__(self, values: Mapping[str, Any], path: str, why: Callable[[object], str]) -> None:
        super().__init__(values)
        self._path, self._why = path, why

    def __missing__(self, name: object) -> Never:
        """Say why there is no such service."""
        raise ServiceNotFound(self._path, name, self._why(name))


def disabled_text(service: Service[Any]) -> str:
    """Say that a service is disabled, and why."""
    return f"{service.kind} {service.name} is disabled" + (
        f": {service.disabled_reason}" if service.disabled_reason else ""
    )


def missing_text(name: object, services: Mapping[str, Service[Any]], warnings: Mapping[str, str]) -> str:
    """Say why a service is not there.

    Args:
        name: what was asked for.
        services: all that the actor has declared, by name.
        warnings: what became of optional ones.
    """
    if isinstance(name, str) and name in services:
        service = services[name]
        if not service.enabled:
            return disabled_text(service)
        return warnings.get(name) or f"optional {service.kind} {name} is not connected yet"
    close = get_close_matches(name, services, 1) if isinstance(name, str) else ()
    hint = f"did you mean {close[0]!r}?" if close else f"there is {', '.join(sorted(services)) or 'none at all'}"
    return f"there is no service {name!r}; {hint}"
