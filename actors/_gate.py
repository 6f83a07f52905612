"""The startup gate: an actor's services, connected at once and published together.

Each service has a task of its own, so a connection is opened and closed in one task whatever becomes of the others. The gate is passed when
every required service, and every optional one that is waited for, has settled; failures are collected until then and reported together.
"""

import logging
from collections.abc import Iterable, Mapping
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import trio

from ._errors import InvalidSpec, ServiceEnded, ServicesFailed, StartupFailed
from ._faults import is_fatal
from ._published import Published, disabled_text, missing_text
from ._reasons import Crashed
from ._runner import stack_of
from ._service import Service
from ._texts import describe, format_seconds, without_frames

if TYPE_CHECKING:
    from ._actor import Actor
    from ._slot import Slot

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Gate:
    """Run the services of one incarnation."""

    def __init__(self, slot: "Slot", actor: "Actor[Any]") -> None:
        self._slot = slot
        self._incarnation = slot.incarnation
        self._actor = actor
        #: all that the actor has declared, the disabled ones too.
        self._declared: dict[str, Service[Any]] = {}
        #: what `ctx.services` shows: replaced as a whole, so nobody sees a half-ready set.
        self.published: Mapping[str, Any] = NOTHING
        self._values: dict[str, Any] = {}
        self._unsettled: set[str] = set()
        self._failures: dict[str, tuple[Service[Any], BaseException, str]] = {}
        #: the scope of each service's task -> the one around its connected part, once it is connected.
        self._running: dict[trio.CancelScope, trio.CancelScope | None] = {}
        self._tasks = 0
        #: who has begun and not ended: what it is -> its task.
        self._begun: dict[str, trio.lowlevel.Task] = {}
        self._is_published = False
        self._has_prewarm_begun = False
        self._closing = False
        self._lot = trio.lowlevel.ParkingLot()

    async def open(self) -> None:
        """Connect all services at once; return when those that count have settled and the set is published.

        Raises:
            ServicesFailed: required ones did not connect.
            InvalidSpec: `services()` gave something else than services, or two of one name.
        """
        declared = self._checked()
        self._declared = {service.name: service for service in declared}
        services = [service for service in declared if service.enabled]
        for service in declared:
            if not service.enabled:
                self._slot.runtime.log_later(logging.INFO, disabled_text(service), self._slot)
        self._slot.runtime.flush_log()
        self._unsettled = {service.name for service in services if service.required or service.wait}
        nursery = self._slot.runtime.nursery
        assert nursery is not None
        for service in services:
            self._tasks += 1
            nursery.start_soon(self._serve, service, name=f"{self._slot.path} {service.kind} {service.name}")
        while self._unsettled:
            await self._lot.park()
        failures = {name: entry for name, entry in sorted(self._failures.items()) if entry[0].required}
        if failures:
            raise ServicesFailed(_failures_text(failures), {name: error for name, (_, error, _) in failures.items()})
        self._is_published = True
        self._publish()

    def _publish(self) -> None:
        self.published = MappingProxyType(Published(self._values, self._slot.path, self._why_missing))

    def _why_missing(self, name: object) -> str:
        return missing_text(name, self._declared, self._slot.own_ref().warnings)

    def _checked(self) -> list[Service[Any]]:
        given: Any = self._actor.services()
        if not isinstance(given, Iterable):
            raise InvalidSpec(
                f"services() of {type(self._actor).__qualname__} returned {given!r}; give a list of services"
            )
        services: list[Any] = list(cast("Any", given))
        names: set[str] = set()
        for service in services:
            if not isinstance(service, Service):
                raise InvalidSpec(
                    f"services() of {type(self._actor).__qualname__} returned {service!r}, which is no Service"
                )
            if service.name in names:
                raise InvalidSpec(
                    f"services() of {type(self._actor).__qualname__} returned two services named {service.name!r}"
                )
            names.add(service.name)
        return services

    async def _serve(self, service: Service[Any]) -> None:
        """Be one service from its connection to its end."""
        error: BaseException | None = None
        connected = False
        timeout = service.timeout
        scope = trio.CancelScope(deadline=inf if timeout is None else self._slot.runtime.now() + timeout)
        self._running[scope] = None
        what = f"{service.kind} {service.name}"
        self._begun[what] = trio.lowlevel.current_task()
        try:
            if self._closing:
                return
            with scope:
                async with service.connect() as value:
                    scope.deadline = inf
                    connected = True
                    with trio.CancelScope() as body:
                        self._running[scope] = body
                        self._settle(service, value)
                        if self._is_closing():
                            body.cancel()
                        if service.watch is None:
                            await trio.sleep_forever()
                        else:
                            await service.watch(value)
        except BaseException as raised:  # noqa: BLE001 -- a service's failure is its actor's to judge, see `_ended`
            error = without_frames(raised)
            if is_fatal(raised):
                self._slot.runtime.die(raised)
        finally:
            if timeout is not None and not connected and scope.cancel_called and not self._closing:
                late = TimeoutError(f"timed out after {format_seconds(timeout)}")
                late.__cause__ = error
                error, cause = late, str(late)
            else:
                cause = "" if error is None else describe(error)
            del self._running[scope], self._begun[what]
            self._tasks -= 1
            self._ended(service, error, cause, connected=connected)
            self._slot.runtime.flush_log()

    def _is_closing(self) -> bool:
        return self._closing

    def _settle(self, service: Service[Any], value: Any) -> None:
        self._values[service.name] = value
        self._unsettled.discard(service.name)
        if self._is_published:
            self._publish()
            self._slot.touch()
        self._lot.unpark_all()

    def _ended(self, service: Service[Any], error: BaseException | None, cause: str, *, connected: bool) -> None:
        """Judge the end of a service: a failed connection, a crash of the actor, a warning, or what was wanted."""
        slot = self._slot
        self._values.pop(service.name, None)
        if self._closing:
            self._unsettled.discard(service.name)
            if error is not None:
                slot.runtime.log_later(
                    logging.WARNING,
                    f"{service.kind} {service.name} failed while it was closed: {cause}",
                    slot,
                    cause=cause,
                )
        elif not service.required:
            said = "ended" if connected else "failed to initialize"
            text = f"optional {service.kind} {service.name} {said}: {cause or 'without an error'}"
            slot.warn(service.name, text)
            slot.runtime.log_later(logging.WARNING, text, slot, cause=cause)
            self._unsettled.discard(service.name)
            if self._is_published and connected:
                self._publish()
            slot.touch()
        elif self._is_published:
            ended = ServiceEnded(service.name, service.kind, cause or "without an error")
            ended.__cause__ = error
            self._crash(ended)
        else:
            if error is None:
                error = ServiceEnded(service.name, service.kind, "before the actor was ready")
                cause = str(error)
            self._failures[service.name] = (service, error, cause)
            self._unsettled.discard(service.name)
        self._lot.unpark_all()

    def _crash(self, error: ServiceEnded) -> None:
        from ._orders import end_from_outside

        slot = self._slot
        if slot.incarnation != self._incarnation:
            return
        text = str(error)
        reason = StartupFailed(slot.path, error, text) if slot.starting else Crashed(error, text)
        end_from_outside(slot, reason)

    async def prewarm(self) -> None:
        """Begin what may be done ahead; returns when it has begun."""
        nursery = self._slot.runtime.nursery
        assert nursery is not None
        self._tasks += 1
        nursery.start_soon(self._prewarm, name=f"{self._slot.path} prewarm")
        while not self._has_prewarm_begun:
            await self._lot.park()

    async def _prewarm(self) -> None:
        slot = self._slot
        scope = trio.CancelScope()
        self._running[scope] = scope
        self._begun["prewarm"] = trio.lowlevel.current_task()
        self._has_prewarm_begun = True
        self._lot.unpark_all()
        try:
            ctx = slot.ctx
            if self._closing or ctx is None:
                return
            with scope:
                await self._actor.prewarm(ctx)
        except BaseException as error:  # noqa: BLE001 -- warming up is a courtesy: its failure is a warning
            if is_fatal(error):
                slot.runtime.die(error)
            text = describe(error)
            slot.warn("prewarm", f"prewarm failed: {text}")
            slot.runtime.log_later(logging.WARNING, f"prewarm failed: {text}", slot, cause=text)
        finally:
            del self._running[scope], self._begun["prewarm"]
            self._tasks -= 1
            self._lot.unpark_all()
            slot.runtime.flush_log()

    async def close(self, deadline: float) -> None:
        """Close all services, and return when their tasks have ended; one that takes longer than `deadline` is cancelled.

        What still connects is cancelled at once.
        """
        self._closing = True
        for scope, body in list(self._running.items()):
            if body is None:
                scope.cancel()
            else:
                body.cancel()
                scope.deadline = min(scope.deadline, deadline)
        while self._tasks:
            await self._lot.park()
        self.published = NOTHING

    def hurry(self, deadline: float) -> None:
        """Leave services that are being closed no more time than this; others get theirs from `close`."""
        if self._closing:
            for scope in self._running:
                scope.deadline = min(scope.deadline, deadline)

    @property
    def lingering(self) -> tuple[str, ...]:
        """What has begun and not ended, by kind and name."""
        return tuple(sorted(self._begun))

    def stacks(self) -> str:
        """Return where the services are that have not ended, as text."""
        return "".join(f"\n  {what}, at\n{stack_of(task)}" for what, task in sorted(self._begun.items()))

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """The names of the services that have not settled."""
        return tuple(sorted(self._unsettled))


def _failures_text(failures: Mapping[str, tuple[Service[Any], BaseException, str]]) -> str:
    kinds = {service.kind for service, _, _ in failures.values()}
    kind = kinds.pop() if len(kinds) == 1 else "service"
    return f"required {kind}s failed to initialize: " + "; ".join(
        f"{name}: {cause}" for name, (_, _, cause) in failures.items()
    )
