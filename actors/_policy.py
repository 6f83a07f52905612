"""Policy: what a child specification comes down to at run time. One object serves all children that were started alike."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, get_args

import attrs

from ..mailbox import PLAIN, MailboxSpec
from ._keys import RegistryKey
from ._on_error import ErrorTable

RestartType = Literal["permanent", "transient", "temporary"]
RESTART_TYPES: tuple[str, ...] = get_args(RestartType)
OverdueAction = Literal["warn", "cancel", "restart"]
OVERDUE_ACTIONS: tuple[str, ...] = get_args(OverdueAction)


def _has_a_next(policy: "Policy") -> bool:
    return policy.declared or policy.restart != "temporary"


@attrs.frozen
class Policy:
    """Say how a slot is started, bounded and ended.

    Attributes:
        restart: what its end leads to.
        shutdown: seconds that an end which was asked for may take; 0 cancels at once, None means no limit.
        startup_timeout: seconds for services and `startup` together, from when they really begin; None means no limit.
        mailbox: its bounds.
        labels: shown in snapshots, reports and logs.
        redeliver: how often the mail that an incarnation crashed on is given to the next one.
        on_error: what follows when an exception leaves `receive` or `turn`; the first row that covers it counts, without one the default.
        handler_timeout: seconds that a message or turn may take; None means no limit.
        on_overdue: what is done about one that takes longer.
        rest_after: seconds that an agent is idle before it is put to rest; None means never.
        keys: what it holds in the registry, over all incarnations.
        declared: it stands in its supervisor's specification.
        inline: who starts it waits until it is ready.
        is_noted: there may be a next incarnation, so its family wants to hear that it has become ready. Follows from the others.
    """

    restart: RestartType = "temporary"
    shutdown: float | None = 5.0
    startup_timeout: float | None = 60.0
    mailbox: MailboxSpec = PLAIN
    labels: Mapping[str, Any] = MappingProxyType({})
    redeliver: int = 0
    on_error: ErrorTable = ()
    handler_timeout: float | None = None
    on_overdue: OverdueAction = "warn"
    rest_after: float | None = None
    keys: tuple[RegistryKey, ...] = ()
    declared: bool = False
    inline: bool = False
    is_noted: bool = attrs.field(init=False, eq=False, repr=False, default=attrs.Factory(_has_a_next, takes_self=True))
