"""Services: the slow part of an actor's startup.

Why not connect in `startup`? A connection to a server, a database or a model takes long, fails in its own ways, and must
be closed by the task that opened it. So each service has a task of its own: all of an actor's services connect at once,
each is closed where it was opened, and one that dies later is seen at once, because its task ends.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

import attrs

from ..mailbox import is_seconds
from ._errors import InvalidSpec

T = TypeVar("T")


def _positive_or_none(_instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if value is None:
        return
    if not is_seconds(value, above_zero=True):
        raise InvalidSpec(
            f"Service.{attribute.name}: {value!r} is not a number of seconds above 0; None means no limit"
        )


def _text(_instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, str) or (attribute.name != "disabled_reason" and not value):
        kind = "string" if attribute.name == "disabled_reason" else "non-empty string"
        raise InvalidSpec(f"Service.{attribute.name}: {value!r} is not a {kind}")


def _boolean(_instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if type(value) is not bool:
        raise InvalidSpec(f"Service.{attribute.name}: {value!r} is neither True nor False")


def _callable(_instance: object, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not callable(value) and not (value is None and attribute.name == "watch"):
        raise InvalidSpec(f"Service.{attribute.name}: {value!r} is not callable")


@attrs.frozen(eq=False)
class Service(Generic[T]):
    """Describe something slow that an actor needs: an MCP server, a database, a model.

    `connect()` is called in a task of the service's own, once per incarnation of the actor, and returns an async context
    manager. What entering it gives is published to the actor as `ctx.services[name]`, together with all the other
    services, once every required one has settled. The same task leaves it when the incarnation ends.

    A required service that ends while the actor lives (its context manager raises or cancels its body, or `watch` returns
    or raises) is a crash of the actor, with that error as the cause; an optional one that ends is a warning and is taken out of `ctx.services`.

    Args:
        name: its key in `ctx.services` and its name in reports; unique within the actor.
        connect: called without arguments; returns an async context manager.
        required: a required service that cannot connect makes the actor's startup fail.
        timeout: seconds for connecting, from when it really starts; None means no limit of its own.
        enabled: a service that is not enabled is neither started nor counted.
        disabled_reason: why it is not enabled; said by the log at each start, and by the `ServiceNotFound` of who asks for it.
        wait: an optional service delays readiness only with `wait=True`.
        kind: what to call it in reports, in the singular ("MCP server").
        watch: called with the connection; ends when the connection has ended. Runs in the service's task.

    Raises:
        InvalidSpec: a field of the wrong type or range.
    """

    name: str = attrs.field(validator=_text)
    connect: Callable[[], AbstractAsyncContextManager[T]] = attrs.field(validator=_callable)
    required: bool = attrs.field(default=True, kw_only=True, validator=_boolean)
    timeout: float | None = attrs.field(default=30.0, kw_only=True, validator=_positive_or_none)
    enabled: bool = attrs.field(default=True, kw_only=True, validator=_boolean)
    disabled_reason: str = attrs.field(default="", kw_only=True, validator=_text)
    wait: bool = attrs.field(default=False, kw_only=True, validator=_boolean)
    kind: str = attrs.field(default="service", kw_only=True, validator=_text)
    watch: Callable[[T], Awaitable[object]] | None = attrs.field(default=None, kw_only=True, validator=_callable)
