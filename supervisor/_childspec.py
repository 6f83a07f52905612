"""Child specifications: what is declared before a tree runs."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal, cast

import attrs

from ..actors import Blueprint, InvalidSpec, OnError, OverdueAction, Policy, RestartType, check_arguments
from ..mailbox import PLAIN, MailboxSpec
from ._options import RULES, check_kind, check_name, compile_policy

StartupMode = Literal["inline", "deferred"]


def _is_list(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))


def _are_keywords(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in cast("Any", value))


def _as_tuple(args: Iterable[Any]) -> tuple[Any, ...]:
    """Return arguments as a tuple; what are none is left as it is, to be told with all else that is wrong."""
    return tuple(args) if _is_list(args) else cast("Any", args)


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
            restart type decides).
        rest_after: seconds that an agent is idle, with nothing that keeps it, before it is put to rest; None means never. For agents alone.
    """

    name: str
    factory: Callable[..., Any]
    args: tuple[Any, ...] = attrs.field(default=(), converter=_as_tuple)
    kwargs: Mapping[str, Any] = attrs.field(factory=dict[str, Any], kw_only=True)
    restart: RestartType = attrs.field(default="permanent", kw_only=True)
    shutdown: float | None = attrs.field(default=5.0, kw_only=True)
    startup: StartupMode = attrs.field(default="inline", kw_only=True)
    startup_timeout: float | None = attrs.field(default=60.0, kw_only=True)
    mailbox: MailboxSpec = attrs.field(default=PLAIN, kw_only=True)
    labels: Mapping[str, Any] = attrs.field(factory=dict[str, Any], kw_only=True)
    redeliver: int = attrs.field(default=0, kw_only=True)
    on_error: OnError | None = attrs.field(default=None, kw_only=True)
    handler_timeout: float | None = attrs.field(default=None, kw_only=True)
    on_overdue: OverdueAction = attrs.field(default="warn", kw_only=True)
    rest_after: float | None = attrs.field(default=None, kw_only=True)

    def bound_factory(self) -> Callable[..., Any]:
        """Return the factory with its keyword arguments."""
        return partial(self.factory, **self.kwargs) if self.kwargs else self.factory

    def policy(self) -> Policy:
        """Return what it comes to at run time. Raises InvalidSpec."""
        options = {key: getattr(self, key) for key in RULES}
        return compile_policy(options, declared=True, inline=self.startup == "inline")


def check_specs(specs: Any, read: Callable[[Any], Blueprint]) -> list[ChildSpec]:
    """Check a whole set before anything starts.

    Raises:
        InvalidSpec: all that is wrong with any of them, in one text.
    """
    if not _is_list(specs):
        raise InvalidSpec(f"children: {specs!r} is no list of ChildSpecs")
    problems: list[str] = []
    checked: list[ChildSpec] = []
    names: set[str] = set()
    for index, spec in enumerate(specs):
        if not isinstance(spec, ChildSpec):
            problems.append(f"children[{index}]: {spec!r} is no ChildSpec")
            continue
        where = f"children[{index}] ({spec.name!r})"
        try:
            check_name(spec.name)
            if spec.name in names:
                problems.append(f"{where}: the name is used twice")
            names.add(spec.name)
        except InvalidSpec as error:
            problems.append(f"{where}: {error}")
        if spec.startup not in ("inline", "deferred"):
            problems.append(f"{where}: startup: {spec.startup!r} is neither 'inline' nor 'deferred'")
        for check in (spec.policy, partial(_check_factory, spec, read)):
            try:
                check()
            except InvalidSpec as error:
                problems.append(f"{where}: {error}")
        checked.append(spec)
    if problems:
        raise InvalidSpec("\n".join(problems) if len(problems) > 1 else problems[0])
    return checked


def _check_factory(spec: ChildSpec, read: Callable[[Any], Blueprint]) -> None:
    problems: list[str] = []
    if not _is_list(spec.args):
        problems.append(f"args: {spec.args!r} is no list of arguments")
    if not _are_keywords(spec.kwargs):
        problems.append(f"kwargs: {spec.kwargs!r} is not a mapping of names to arguments")
    if problems:
        raise InvalidSpec("; ".join(problems))
    factory = spec.bound_factory()
    blueprint = read(factory)
    check_arguments(blueprint, factory, spec.args)
    try:
        policy = spec.policy()
    except InvalidSpec:
        return  # told already
    check_kind(blueprint, policy)
