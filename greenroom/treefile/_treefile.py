"""The tree file: one class for each kind of table in it. What a file leaves out is ABSENT, never the default.

Whatever decides how a child runs can stand on four levels, and the first that gives it wins:

    [[children]]        the child itself
    [defaults]          its supervisor's: for all children of it
    [profiles.NAME]     the profile that was asked for
    [base]              below all profiles
    (the default)

Tables are taken key by key: a mailbox's capacity may come from one level and its overflow policy from another. What a supervisor itself
leaves out (strategy, intensity, auto_shutdown, start_retry), and what the tree does (limits, unread, approval, and the values of its parameters),
goes by the same rule, without the second level.

A supervisor stands among the children, in their order, as it starts in that order; what makes it one is that it has no factory. A second array
beside `children` would have lost the order. Its `defaults` are for its own children, and reach no further down: what is meant for all stands in the
base.
"""

# ruff: noqa: RUF009 -- given() and needed() are attrs.field, with a word about it

from typing import Any, Final

import attrs

from ._absent import ABSENT, Absent
from ._kinds import (
    ActorPath,
    ApprovalWord,
    Arguments,
    Attempts,
    AutoShutdownWord,
    Count,
    Delay,
    ErrorName,
    ErrorWord,
    Factor,
    Flag,
    GroupStrategyWord,
    ImportPath,
    Jitter,
    KeyPart,
    Keywords,
    Labels,
    Name,
    Natural,
    NoTable,
    Number,
    OverdueWord,
    OverflowWord,
    ParameterName,
    Plain,
    PositiveSeconds,
    Restart,
    Scalar,
    Seconds,
    Startup,
    StrategyWord,
    Text,
    Unread,
    Window,
)


def given(says: str) -> Any:
    """Declare a key that may be left out; `says` goes into the schema."""
    return attrs.field(default=ABSENT, kw_only=True, metadata={"says": says})


def needed(says: str) -> Any:
    """Declare a key that has to be there."""
    return attrs.field(kw_only=True, metadata={"says": says})


@attrs.frozen
class MailboxTable:
    """Bound a mailbox."""

    capacity: Count | Absent = given('How many mails may wait; "unlimited" (the default) is no bound.')
    overflow: OverflowWord | Absent = given('What a full mailbox does; the default is "reject".')


@attrs.frozen
class IntensityTable:
    """Say how many restarts are borne."""

    max_restarts: Natural | Absent = given("Restarts within the window (default 3).")
    within: Window | Absent = given("The window, in seconds (default 5).")


@attrs.frozen
class BackoffTable:
    """Say how long attempts wait; `initial` and `maximum` have to be given, be it on different levels."""

    initial: Window | Absent = given("Seconds before the second attempt in a row; the first comes at once.")
    maximum: Window | Absent = given("Seconds that no attempt waits longer than.")
    factor: Factor | Absent = given("By which each wait is longer than the one before (default 2).")
    jitter: Jitter | Absent = given("How far chance moves each wait, as a part of it (default 0).")
    reset_after: Delay | Absent = given(
        "Seconds of being ready after which attempts are counted anew (default: as many as maximum)."
    )
    max_attempts: Attempts | Absent = given('Attempts in a row, at most; "unlimited" (the default) is any number.')


#: Of the keys that several tables have.
LABELS: Final = "Shown in snapshots, reports and logs; taken key by key from all levels."
STARTUP: Final = '"inline" (the default) is waited for before the next one starts.'
RESTART: Final = 'What its end leads to; the default is "permanent".'
SIGNIFICANT: Final = (
    "Whether its end, by itself and for good, may end its supervisor (default false); not for permanent ones."
)
BACKOFF: Final = 'How long attempts to start it again wait; "none" (the default): they are immediate.'
INTENSITY: Final = "How many restarts of its children a supervisor bears."
STRATEGY: Final = 'Whom the restart of a failed child takes along; the default is "one_for_one".'
AUTO_SHUTDOWN: Final = 'Whether the ends of significant children end it; the default is "never".'
KEYS: Final = "What it holds in the registry, from its registration on, over restarts: keys, or tables of a key and more about it."
START_RETRY: Final = (
    'How its start is tried again when an inline child fails to start; "none" (the default): it is not.'
)


@attrs.frozen
class Options:
    """Say how a child runs; what is left out comes from the next level."""

    restart: Restart | Absent = given(RESTART)
    shutdown: Seconds | Absent = given(
        "Seconds that an end which was asked for may take (default 5); 0 cancels at once."
    )
    startup: Startup | Absent = given(STARTUP)
    startup_timeout: PositiveSeconds | Absent = given("Seconds for services and startup together (default 60).")
    mailbox: MailboxTable | Absent = given("Bounds of its mailbox.")
    labels: Labels | Absent = given(LABELS)
    redeliver: Natural | Absent = given("How often the message that it crashed on is given again (default 0).")
    on_error: dict[ErrorName, ErrorWord] | Absent = given(
        "What follows when an exception leaves its code, by class, in the order of the table: the first that covers it counts; taken as a whole."
    )
    handler_timeout: PositiveSeconds | Absent = given(
        'Seconds that a message or turn may take; "unlimited" (the default) is no bound.'
    )
    on_overdue: OverdueWord | Absent = given('What is done about one that takes longer; the default is "warn".')
    rest_after: PositiveSeconds | Absent = given(
        'Seconds of idleness after which an agent is put to rest, until mail comes for it; "unlimited" (the default) is never.'
    )
    significant: Flag | Absent = given(SIGNIFICANT)
    backoff: BackoffTable | NoTable | Absent = given(BACKOFF)
    intensity: IntensityTable | Absent = given("How many restarts of it are borne, in the place of its supervisor's.")


@attrs.frozen
class KeyTable:
    """Name a key with a value, or one that others may have, too."""

    key: KeyPart = needed("What it is found by.")
    value: Plain | Absent = given("Shown beside the ref by who looks it up.")
    duplicate: Flag | Absent = given("true: others may have the key, too, if they say the same.")


@attrs.frozen
class Child(Options):
    """Declare a child."""

    name: Name = needed("Unique among the children.")
    factory: ImportPath = needed(
        '"module:Name" of a class derived from Actor or Agent, of a function that returns one, or of an async function.'
    )
    args: Arguments | Absent = given(
        'Positional arguments of the factory; "{name}" in a string is a parameter\'s value.'
    )
    kwargs: Keywords | Absent = given('Keyword arguments of the factory; "{name}" in a string is a parameter\'s value.')
    keys: list[KeyPart | KeyTable] | Absent = given(KEYS)


@attrs.frozen
class Supervisor:
    """Declare a child that is a supervisor: it has no factory, and children of its own."""

    name: Name = needed("Unique among the children.")
    strategy: StrategyWord | Absent = given(STRATEGY)
    intensity: IntensityTable | Absent = given(INTENSITY)
    auto_shutdown: AutoShutdownWord | Absent = given(AUTO_SHUTDOWN)
    max_children: Count | Absent = given("Children that a dynamic one may have at once.")
    start_retry: BackoffTable | NoTable | Absent = given(START_RETRY)
    partitions: Number | Absent = given("Copies of its one child, which are named by it and a number from 0.")
    with_arguments: ImportPath | Absent = given(
        '"module:name" of a function that returns the arguments of one copy, of those declared and its number.'
    )
    restart: Restart | Absent = given(RESTART)
    shutdown: Seconds | Absent = given('Seconds that it may take to end with all below it (default "unlimited").')
    startup: Startup | Absent = given(STARTUP)
    startup_timeout: PositiveSeconds | Absent = given(
        'Seconds for the startups of its inline children together (default "unlimited").'
    )
    significant: Flag | Absent = given(SIGNIFICANT)
    backoff: BackoffTable | NoTable | Absent = given(BACKOFF)
    labels: Labels | Absent = given(LABELS)
    keys: list[KeyPart | KeyTable] | Absent = given(KEYS)
    defaults: Options | Absent = given("What its children leave out.")
    children: "list[Child | Supervisor] | Absent" = given("Started in this order; a dynamic one declares none.")


@attrs.frozen
class LimitsTable:
    """Bound the tree."""

    max_actors: Count | Absent = given("Actors that may be there at once, the root included.")
    max_depth: Count | Absent = given("How deep an actor may lie below the root.")
    max_concurrent_startups: Count | Absent = given("Startups that may run at once; more wait their turn.")
    max_running_turns: Count | Absent = given("Agents that may be in a turn at once; mail for more waits.")
    max_live: Count | Absent = given("Agents that may be live at once; the others rest.")
    stale_after: PositiveSeconds | Absent = given(
        "Seconds in a passing state after which an actor shows as stale, and is ended by the reaper."
    )
    reap_every: PositiveSeconds | Absent = given(
        'Seconds between two looks for what is to be ended (default 1); "unlimited" ends nothing.'
    )
    retention: Seconds | Absent = given("Seconds for which it is known how an actor ended (default 3600).")
    default_wait: Seconds | Absent = given("Seconds that an actor waits for others when it does not say (default 30).")
    min_wait: Seconds | Absent = given("Smaller timeouts of such waits are raised to it (default 0).")
    max_wait: Seconds | Absent = given("Larger timeouts of such waits are refused (default 3600).")


@attrs.frozen
class Parameter:
    """Declare a parameter of the tree: `--name value` of `greenroom run`, "{name}" in arguments."""

    default: Scalar | Absent = given(
        "Its value when none is given, and its type; without one, the parameter has to be given, and is a string."
    )
    help: Text | Absent = given("What it is.")


@attrs.frozen
class Level(Options):
    """Give what children, supervisors and tree leave out: the base, or one profile."""

    strategy: GroupStrategyWord | Absent = given(STRATEGY)
    intensity: IntensityTable | Absent = given(INTENSITY)
    auto_shutdown: AutoShutdownWord | Absent = given(AUTO_SHUTDOWN)
    start_retry: BackoffTable | NoTable | Absent = given(START_RETRY)
    limits: LimitsTable | Absent = given("Bounds of the tree.")
    unread: Unread | Absent = given("What to do about failures that nobody has read.")
    approval: ApprovalWord | Absent = given("What a dispatched call that needs approval needs.")
    parameters: dict[ParameterName, Scalar] | Absent = given("Values of parameters.")


@attrs.frozen
class TreeFile:
    """Declare a tree of supervised actors."""

    name: Name = needed("The first part of all paths.")
    main: ActorPath | Absent = given(
        'The child whose end ends the run, "name" or "supervisor/name"; without it, the tree runs until it is stopped.'
    )
    unread: Unread | Absent = given('What to do about failures that nobody has read: "log" (the default) or "raise".')
    approval: ApprovalWord | Absent = given(
        'What a dispatched call that needs approval needs: to "ask" its approver (the default), "auto": nothing, "deny": it is not made.'
    )
    strategy: GroupStrategyWord | Absent = given(STRATEGY)
    intensity: IntensityTable | Absent = given(INTENSITY)
    auto_shutdown: AutoShutdownWord | Absent = given(AUTO_SHUTDOWN)
    start_retry: BackoffTable | NoTable | Absent = given(START_RETRY)
    limits: LimitsTable | Absent = given("Bounds of the tree.")
    parameters: dict[ParameterName, Parameter] | Absent = given("What may be given on the command line.")
    defaults: Options | Absent = given("What the children leave out.")
    base: Level | Absent = given("What children, defaults and profile leave out.")
    profiles: dict[Name, Level] | Absent = given("Chosen by --profile: what children and defaults leave out.")
    children: list[Child | Supervisor] = needed("Started in this order.")


for _table in (Supervisor, TreeFile):
    attrs.resolve_types(_table, include_extras=True)

#: Keys that say that a child is a supervisor, and keys that only actors have.
OF_SUPERVISORS: Final = frozenset(attrs.fields_dict(Supervisor)) - frozenset(attrs.fields_dict(Child))
OF_ACTORS: Final = frozenset(attrs.fields_dict(Child)) - frozenset(attrs.fields_dict(Supervisor))


def kind_of_child(table: Any) -> type[Child | Supervisor]:
    """Return what a table among the children declares: an actor, unless it has no factory and a key that only supervisors have."""
    keys: set[Any] = {*table} if isinstance(table, dict) else set()
    return Supervisor if keys & OF_SUPERVISORS and "factory" not in keys else Child


def children_of(above: TreeFile | Supervisor) -> list[Child | Supervisor]:
    """Return what stands directly below."""
    return [] if isinstance(above.children, Absent) else above.children
