"""Child specifications: what is declared before a tree runs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Literal, cast

import attrs

from ..actors import Keyable, OnError, OverdueAction, RegistryKey, RestartType
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


def as_own_list(keys: Sequence[Keyable | RegistryKey]) -> Sequence[Keyable | RegistryKey]:
    """Return a list of its own; what is none is left as it is, as above."""
    return [*keys] if isinstance(keys, list) else keys


def as_own_table(rows: OnError | None) -> OnError | None:
    """Return rows that can be looked at more than once."""
    given: Any = rows
    return cast("OnError", tuple(cast("Any", given))) if isinstance(given, Iterator) else given


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
        on_error: what follows when an exception leaves `receive` or `turn`: a mapping of exception classes, or a list of pairs, to "restart" (it ends
            as `Crashed`, and the restart type decides), "resume" (it goes on, and who asked gets the exception), "stop" (it ends as
            `Shutdown(error)`, and is not restarted) or "escalate" (its supervisor gives up at once). The first row that covers it counts; a group
            is covered if all its leaves are. What no row covers: an actor crashes, an agent's turn is errored and it goes on.
        handler_timeout: seconds that a message or turn may take, with all that it waits for; None means no limit. `ctx.heartbeat()` begins anew.
        on_overdue: what is done about one that takes longer: "warn" (said once, in the log and in the snapshot's warnings), "cancel" (as an
            interrupt: the actor stays, who asked gets `HandlerOverdue`; not for functions) or "restart" (the actor ends as `Killed`, and its
            restart type decides). The last two need a `handler_timeout`.
        rest_after: seconds that an agent is idle, with nothing that keeps it, before it is put to rest; None means never. For agents alone.
        significant: its end, by itself and for good, may end its supervisor (`auto_shutdown`). Not for permanent ones.
        backoff: how long attempts to start it again wait; it is in no restart log then. None: they are immediate.
        intensity: how many restarts of it are borne, in the place of its supervisor's.
        keys: a list of what it holds in the registry, from its registration on, over restarts and rest, and while it is parked: keys as such, or
            `RegistryKey(key, value, duplicate=True)`.
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
    on_error: OnError | None = attrs.field(default=(), converter=as_own_table, kw_only=True)
    handler_timeout: float | None = attrs.field(default=None, kw_only=True)
    on_overdue: OverdueAction = attrs.field(default="warn", kw_only=True)
    rest_after: float | None = attrs.field(default=None, kw_only=True)
    significant: bool = attrs.field(default=False, kw_only=True)
    backoff: Backoff | None = attrs.field(default=None, kw_only=True)
    intensity: Intensity | None = attrs.field(default=None, kw_only=True)
    keys: Sequence[Keyable | RegistryKey] = attrs.field(
        factory=list[Keyable | RegistryKey], converter=as_own_list, kw_only=True
    )

    def bound_factory(self) -> Callable[..., Any]:
        """Return the factory with its keyword arguments."""
        return partial(self.factory, **self.kwargs) if self.kwargs else self.factory
