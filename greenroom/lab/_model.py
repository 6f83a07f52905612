"""What a tree lives through: how its actors behave, who asks them, what they depend on, and what breaks.

All times are seconds. Who is meant is said by patterns of paths below the root, as in a shell: `web-*`, `team/worker-0`; a `*` goes past a `/` too.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import attrs

from ..treefile._kinds import Flag, Number
from ..treefile._kinds import Jitter as Chance
from ._distribution import Distribution, as_given, constant
from ._errors import InvalidExperiment
from ._fields import (
    FromZero,
    Intervals,
    MaybeAbove,
    MaybeFrom,
    MaybeLasting,
    MaybeSeconds,
    Names,
    Seconds,
    Slowdowns,
    Times,
    Weights,
    settle,
)

ZERO = constant(0)


def _maybe(value: Distribution | float | None) -> Distribution | None:
    return None if value is None else as_given(value)


# What follows is read by the kinds of the fields, once all of them are there; until then it is what was given.


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return cast("tuple[str, ...]", given)


def _weights(given: str | Sequence[str] | Mapping[str, float]) -> Mapping[str, float]:
    return cast("Mapping[str, float]", given)


def _rows(given: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...]:
    return cast("tuple[tuple[float, ...], ...]", given)


def _times(given: Sequence[float] | None) -> tuple[float, ...] | None:
    return cast("tuple[float, ...] | None", given)


def _refuse(*problems: tuple[bool, str, str]) -> None:
    """Raise InvalidExperiment for those that are so."""
    wrong = [((key,) if key else (), text) for is_wrong, key, text in problems if is_wrong]
    if wrong:
        raise InvalidExperiment("", wrong)


@attrs.frozen(kw_only=True)
class ActorModel:
    """Say how actors behave, each by itself.

    Args:
        startup: how long a startup takes, besides what it connects to.
        startup_failure: the chance that a startup fails, at its end.
        service: how long a request is handled, where its source does not say.
        lifetime: how long an incarnation is up before it crashes by itself; None: it never does.
        shutdown: how long its shutdown hook takes, at every end of an incarnation.
        needs: services that it connects to before it is ready; it crashes when such a connection is lost.
        calls: services that it calls once in each request; it crashes when a call fails.
        relies: actors, by their paths, that it looks up when it starts and uses in each request; it crashes when one of them has ended since, as
            what it holds of it is worth nothing any more.

    Raises:
        InvalidExperiment: all that is wrong with them.
    """

    startup: Seconds = attrs.field(default=ZERO, converter=as_given)
    startup_failure: Chance = 0.0
    service: Seconds = attrs.field(default=ZERO, converter=as_given)
    lifetime: MaybeLasting = attrs.field(default=None, converter=_maybe)
    shutdown: Seconds = attrs.field(default=ZERO, converter=as_given)
    needs: Names = attrs.field(default=(), converter=_names)
    calls: Names = attrs.field(default=(), converter=_names)
    relies: Names = attrs.field(default=(), converter=_names)

    def __attrs_post_init__(self) -> None:
        """Check the fields."""
        settle(self)


@attrs.frozen(kw_only=True)
class Source:
    """Say who asks: requests that arrive, whatever becomes of those before.

    Args:
        to: whom: a pattern, several, or patterns with weights; each request goes to one of all that are meant.
        rate: arrivals each second, on average, at times that know nothing of each other (Poisson). Or:
        every: seconds between two arrivals, always the same; the first is at a random time within the first interval.
        size: requests in each arrival: more than 1 is a burst.
        each: whether each of those who are meant has arrivals of its own, of that rate.
        service: how long a request is handled; None: as the actor says.
        poison: the chance that a request crashes whoever handles it, each time, at the end of its handling.
        hang: the chance that its handling never ends by itself.
        start, until: seconds of the trial between which there are arrivals; None: to the end.

    Raises:
        InvalidExperiment: all that is wrong with them.
    """

    to: Weights = attrs.field(converter=_weights)
    rate: MaybeAbove = None
    every: MaybeAbove = None
    size: Number = 1
    each: Flag = False
    service: MaybeSeconds = attrs.field(default=None, converter=_maybe)
    poison: Chance = 0.0
    hang: Chance = 0.0
    start: FromZero = 0.0
    until: MaybeFrom = None

    def __attrs_post_init__(self) -> None:
        """Check the fields, and against each other."""
        settle(self)
        _refuse(
            ((self.rate is None) == (self.every is None), "", "give rate or every, and not both"),
            (
                self.until is not None and self.until <= self.start,
                "until",
                f"{self.until} is not after the start, {self.start:g}",
            ),
        )


@attrs.frozen(kw_only=True)
class ServiceModel:
    """Say how something behaves that actors share and that is no actor: a database, a broker, a model.

    Args:
        connect: how long a connection takes to make.
        capacity: connections that can be made at once; the others wait their turn, first come, first served. None: any number.
        timeout: seconds that who connects has, its turn included; then the startup has failed.
        latency: how long a call takes.
        failure: the chance that a call fails.
        outages: times at which it is out: connecting and calling fail, and those who need it lose their connections.
        breaks, repair: how long it works and how long it is then out, again and again, by chance. Both or none, besides `outages`.
        silent: who connects or calls during an outage hears nothing, and waits for its timeout or the outage's end, instead of failing at once.
        slow: times at which connecting and calls take longer, by a factor.

    Raises:
        InvalidExperiment: all that is wrong with them.
    """

    connect: Seconds = attrs.field(default=ZERO, converter=as_given)
    capacity: Number | None = None
    timeout: MaybeAbove = 30.0
    latency: Seconds = attrs.field(default=ZERO, converter=as_given)
    failure: Chance = 0.0
    outages: Intervals = attrs.field(default=(), converter=_rows)
    breaks: MaybeLasting = attrs.field(default=None, converter=_maybe)
    repair: MaybeLasting = attrs.field(default=None, converter=_maybe)
    silent: Flag = False
    slow: Slowdowns = attrs.field(default=(), converter=_rows)

    def __attrs_post_init__(self) -> None:
        """Check the fields, and against each other."""
        settle(self)
        _refuse(
            ((self.breaks is None) != (self.repair is None), "", "breaks and repair go together; give both or none"),
        )


@attrs.frozen(kw_only=True)
class Fault:
    """Say what breaks together: all actors that are meant crash at one moment.

    Args:
        actors: who: a pattern, or several.
        every: how long it is from one such moment to the next. Or:
        at: the moments, in seconds of the trial.
        share: the chance that one of them is hit.

    Raises:
        InvalidExperiment: all that is wrong with them.
    """

    actors: Names = attrs.field(converter=_names)
    every: MaybeLasting = attrs.field(default=None, converter=_maybe)
    at: Times | None = attrs.field(default=None, converter=_times)
    share: Chance = 1.0

    def __attrs_post_init__(self) -> None:
        """Check the fields, and against each other."""
        settle(self)
        _refuse(((self.every is None) == (self.at is None), "", "give every or at, and not both"))


for _cls in (ActorModel, Source, ServiceModel, Fault):
    attrs.resolve_types(_cls, include_extras=True)
