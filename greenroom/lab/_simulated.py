"""Simulated actors: real ones to the runtime; what they do in their hooks is what their model says."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any

import attrs
import trio

from .. import Actor, ChildSpec, Context, ExitReason, Service
from ._distribution import Distribution
from ._model import ActorModel
from ._request import Request
from ._shared import SharedService
from ._streams import stream

if TYPE_CHECKING:
    from ._recorder import Recorder


class SimulatedCrash(Exception):
    """A simulated actor broke, as its experiment has it; `on_error` judges what a request brought about."""


class Poisoned(SimulatedCrash):
    """A request was poison."""


def _nobody_to_crash(_error: Exception) -> bool:
    return False


class Stale(SimulatedCrash):
    """An actor used another one, and the incarnation that it had looked up was gone."""


class Behaviour:
    """Be what one actor does over all its incarnations: its model, and its own random streams."""

    def __init__(
        self,
        path: str,
        model: ActorModel,
        services: dict[str, SharedService],
        recorder: "Recorder",
        seed: int,
    ) -> None:
        self.path = path
        self.model = model
        self.recorder = recorder
        self.needs = [services[name] for name in model.needs]
        self.calls = [services[name] for name in model.calls]
        self._startup = stream(seed, "startup", path).random
        self._failure = stream(seed, "startup failure", path).random
        self._lifetime = stream(seed, "lifetime", path).random
        self._shutdown = stream(seed, "shutdown", path).random
        self._calls = stream(seed, "calls", path)
        #: ends this incarnation; set by who runs the trial.
        self.crash: Callable[[Exception], bool] = _nobody_to_crash

    def startup(self) -> float:
        """Draw how long the next startup takes."""
        return self.model.startup.at(self._startup())

    def startup_fails(self) -> bool:
        """Draw whether it fails."""
        return self._failure() < self.model.startup_failure

    def lifetime(self) -> float | None:
        """Draw how long an incarnation is up before it crashes."""
        lifetime: Distribution | None = self.model.lifetime
        return None if lifetime is None else lifetime.at(self._lifetime())

    def shutdown(self) -> float:
        """Draw how long its end takes."""
        return self.model.shutdown.at(self._shutdown())

    @property
    def chance(self) -> Random:
        """What its calls are drawn from."""
        return self._calls


class Simulated(Actor[Request]):
    """Handle requests for as long as they take."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._is = behaviour

    async def startup(self, ctx: Context) -> None:
        """Take the time of a startup."""
        behaviour = self._is
        seconds = behaviour.startup()
        if seconds:
            await trio.sleep(seconds)
        if behaviour.startup_fails():
            raise SimulatedCrash("its startup failed")
        self._found = {path: behaviour.recorder.incarnation_of(path) for path in behaviour.model.relies}

    async def receive(self, message: Request, ctx: Context) -> None:
        """Handle a request."""
        behaviour = self._is
        traffic = behaviour.recorder.traffic
        traffic.begin(message)
        try:
            if message.service:
                await trio.sleep(message.service)
            for service in behaviour.calls:
                await service.call(behaviour.chance)
            for path, found in self._found.items():
                if found is None or behaviour.recorder.incarnation_of(path) != found:
                    raise Stale(f"the {path} that it knew is gone")  # noqa: TRY301 -- as its own code would
            if message.hangs:
                behaviour.recorder.happen(behaviour.path, "hang", f"with a request of {message.source}")
                await trio.sleep_forever()
            if message.is_poison:
                raise Poisoned(f"poison of {message.source}")  # noqa: TRY301 -- as its own code would
        except BaseException as error:
            traffic.interrupt(message, error)
            raise
        traffic.answer(message)


class SimulatedWithEnd(Simulated):
    """Take time to end, too."""

    async def shutdown(self, ctx: Context, reason: ExitReason) -> None:
        """Take the time of an end."""
        behaviour = self._is
        behaviour.recorder.fall(behaviour.path)
        seconds = behaviour.shutdown()
        if seconds:
            await trio.sleep(seconds)


@asynccontextmanager
async def _connection(service: SharedService, behaviour: Behaviour) -> AsyncGenerator[None]:
    await service.connect()
    service.users[behaviour.path] = behaviour.crash
    try:
        yield
    finally:
        service.users.pop(behaviour.path, None)


class SimulatedWithServices(SimulatedWithEnd):
    """Connect to shared services before it is ready."""

    def services(self) -> list[Service[Any]]:
        """Name them."""
        behaviour = self._is
        return [
            Service(each.name, partial(_connection, each, behaviour), timeout=each.model.timeout)
            for each in behaviour.needs
        ]


def stand_in(*args: Any) -> Simulated:
    """Stand where an actor's factory stood, in a tree that is looked at and not run."""
    raise NotImplementedError(args)


def simulate(spec: ChildSpec, factory: Callable[..., Simulated], *args: Any) -> ChildSpec:
    """Return a specification of an actor that is simulated; all else of it stays, but for what only agents have."""
    return attrs.evolve(spec, factory=factory, args=args, kwargs={}, rest_after=None)


def factory_for(model: ActorModel) -> type[Simulated]:
    """Return the class that does no more than the model needs: hooks cost tasks and steps."""
    if model.needs:
        return SimulatedWithServices
    return Simulated if model.shutdown.is_zero else SimulatedWithEnd
