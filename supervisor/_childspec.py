"""Child specifications: what is declared before a tree runs."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal, cast

import attrs

from ..actors import RestartType
from ..mailbox import PLAIN, MailboxSpec
from ._backoff import Backoff
from ._intensity import Intensity

StartupMode = Literal["inline", "deferred"]


def is_list(value: object) -> bool:
    """Return whether a value will do as a list."""
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


def as_tuple(args: Iterable[Any]) -> tuple[Any, ...]:
    """Return arguments as a tuple; what are none is left as it is, to be told with all else that is wrong."""
    return tuple(args) if is_list(args) else cast("Any", args)


@attrs.frozen
class ChildSpec:
    """Declare a child.

    Args:
        name: unique among its siblings: 1 to 64 of a-z, 0-9, _ and -.
        factory: a class derived from Actor or Agent, a function that returns one, or an async function. Called anew for every incarnation.
        args, kwargs: given to the factory (after the context, for a function).
        restart: what its end leads to: "permanent" (always started again), "transient" (after a failure), "temporary" (never).
        shutdown: seconds that an end which was asked for may take; 0 cancels at once, None means no limit.
        startup: "inline" is waited for before the next one starts and before the supervisor is ready; "deferred" starts behind the scenes,
            and its failure is a report.
        startup_timeout: seconds for services and `startup` together; None means no limit.
        mailbox: its bounds.
        labels: shown in snapshots, reports and logs.
        redeliver: how often the mail that it crashed on is given again, before all other mail, to the incarnation that follows; then it is done
            with. Requests that were taken over with `ctx.defer_reply()`, direct turns, ticks and `Down`s are not given again.
        rest_after: seconds that an agent is idle, with nothing that keeps it, before it is put to rest; None means never. For agents alone.
        significant: its end, by itself and for good, may end its supervisor (`auto_shutdown`). Not for permanent ones.
        backoff: how long attempts to start it again wait; it is in no restart log then. None: they are immediate.
        intensity: how many restarts of it are borne, in the place of its supervisor's.
    """

    name: str
    factory: Callable[..., Any]
    args: tuple[Any, ...] = attrs.field(default=(), converter=as_tuple)
    kwargs: Mapping[str, Any] = attrs.field(factory=dict[str, Any], kw_only=True)
    restart: RestartType = attrs.field(default="permanent", kw_only=True)
    shutdown: float | None = attrs.field(default=5.0, kw_only=True)
    startup: StartupMode = attrs.field(default="inline", kw_only=True)
    startup_timeout: float | None = attrs.field(default=60.0, kw_only=True)
    mailbox: MailboxSpec = attrs.field(default=PLAIN, kw_only=True)
    labels: Mapping[str, Any] = attrs.field(factory=dict[str, Any], kw_only=True)
    redeliver: int = attrs.field(default=0, kw_only=True)
    rest_after: float | None = attrs.field(default=None, kw_only=True)
    significant: bool = attrs.field(default=False, kw_only=True)
    backoff: Backoff | None = attrs.field(default=None, kw_only=True)
    intensity: Intensity | None = attrs.field(default=None, kw_only=True)

    def bound_factory(self) -> Callable[..., Any]:
        """Return the factory with its keyword arguments."""
        return partial(self.factory, **self.kwargs) if self.kwargs else self.factory
