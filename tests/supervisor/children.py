"""Children that write down what happens to them, for tests of supervisors."""

from typing import Any

import trio

from greenroom import Actor, ChildSpec, Context, Request

Events = list[str]


class Boom(Exception):
    """What a child is told to fail with."""


class Who(Request[str]):
    """Ask a child for its name."""


class Child(Actor[Any]):
    """Write down its starts and ends; do what its mail says."""

    def __init__(
        self, events: Events, *, slow: float = 0.0, lingers: float = 0.0, failures: dict[str, int] | None = None
    ) -> None:
        self._events = events
        self._slow = slow
        self._lingers = lingers
        #: name -> how many of its next starts fail.
        self._failures = {} if failures is None else failures
        self._name = "?"

    async def startup(self, ctx: Context) -> None:
        self._name = name = ctx.path.rsplit("/", 1)[-1]
        self._events.append(f"start {name}")
        await trio.sleep(self._slow)
        if self._failures.get(name, 0) > 0:
            self._failures[name] -= 1
            raise Boom(f"{name} does not start")
        self._events.append(f"ready {name}")

    def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, BaseException):
            raise message
        if message == "finish":
            ctx.stop("done")
        return self._name

    async def shutdown(self, ctx: Context, reason: Any) -> None:
        self._events.append(f"stop {self._name}")
        await trio.sleep(self._lingers)
        self._events.append(f"gone {self._name}")


def specs(events: Events, names: str, **options: Any) -> list[ChildSpec]:
    """Return one spec for each letter."""
    return [ChildSpec(name, Child, [events], **options) for name in names]


def taken(events: Events, *kinds: str) -> str:
    """Return what has been written down since the last look, of some kinds, as short words; and forget it."""
    found = " ".join(event for event in events if event.split()[0] in kinds)
    events.clear()
    return found
