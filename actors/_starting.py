"""Starts: from registered to ready, or to the reason why not. Runs once per incarnation, in the child's own time."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from math import inf
from typing import Any, Protocol

import trio

from ._actor import Actor
from ._agent import Agent
from ._blueprint import has_own, refine
from ._context import Context, make_context
from ._errors import Ignore, InvalidSpec, StartupFailed
from ._gate import Gate
from ._lifecycle import INITIALIZING, READY
from ._orders import note_end, start_draining
from ._passage import DRAIN, NO_ORDER, SETTLED, STOP
from ._passivation import settle_kind
from ._reasons import Ignored
from ._slot import STARTED, STARTING, Slot
from ._texts import describe, format_seconds, without_frames


class StartsActors(Protocol):
    """Be the runner of a startup."""

    held: Sequence[trio.Nursery]

    async def close_held(self, slot: Slot) -> Exception:
        """Close what was left open in a shared task; returns what to say of it."""
        ...

    def startup_limit(self, deadline: float) -> AbstractContextManager[trio.CancelScope]:
        """Bound the startup; the scope may end with the startup, or with the incarnation."""
        ...


async def begin(slot: Slot, runner: StartsActors) -> None:
    """Start an incarnation. Afterwards the slot is ready, or has a reason to end."""
    choices = slot.runtime.choices
    if slot.reason is not None:
        return
    slot.phase = STARTING
    try:
        if choices is not None and slot.parent is not None:
            choices.point("startup", slot.path)
        ctx = make_context(slot)
        if slot.blueprint.kind != "function":
            actor = _make_actor(slot)
            if type(actor) is not slot.blueprint.made:
                slot.blueprint = refine(slot.blueprint, actor)
                settle_kind(slot)
                if not slot.blueprint.enveloped:
                    slot.box.relax()
            if slot.passage.order >= STOP or slot.reason is not None:
                pass  # by the very code that made it: nothing is begun any more
            elif slot.blueprint.has_services or slot.blueprint.has_startup:
                await _start_up(slot, actor, ctx, runner)
            else:
                slot.phase |= STARTED
    except Ignore:
        note_end(slot, Ignored())
    except Exception as error:  # noqa: BLE001 -- whatever user code raises here is a failed startup, and nothing else
        fail_startup(slot, error)
    slot.phase &= STARTED
    if slot.reason is None:
        become_ready(slot)


def _make_actor(slot: Slot) -> Actor[Any]:
    """Call the factory. Raises what it raises, and InvalidSpec if it returns something else than an actor."""
    assert slot.factory is not None
    return _take_in(slot, slot.factory(*slot.args))


def _take_in(slot: Slot, made: object) -> Actor[Any]:
    """Make what the factory has returned the slot's actor; `begin_at_once` does so by itself with what it expects."""
    if not isinstance(made, Actor):
        raise InvalidSpec(f"the factory returned {made!r}, which is no Actor")
    slot.actor = made
    if not slot.policy.is_noted and not isinstance(made, Agent):
        slot.args = ()  # there is no next incarnation to make of them, and they may be large; an agent that rests is woken with them
    return slot.actor  # type: ignore[no-any-return]


def begin_at_once(slot: Slot) -> bool:
    """Start an incarnation that has nothing to wait for; False if `begin` has to see to it. The same steps, without a coroutine."""
    blueprint = slot.blueprint
    if (
        not blueprint.is_plain
        or slot.life is not INITIALIZING
        or slot.reason is not None
        or slot.passage.order is not NO_ORDER
        or slot.runtime.choices is not None
        or (slot.more is not None and slot.more.vars is not None)
    ):
        return False
    slot.phase = STARTING
    try:
        made = slot.factory(*slot.args)  # type: ignore[misc]  # it is not None before it has ended
        if made.__class__ is blueprint.made:
            slot.actor = made
            if not slot.policy.is_noted:
                slot.args = ()
        else:
            _take_in(slot, made)
    except Ignore:
        note_end(slot, Ignored())
    except Exception as error:  # noqa: BLE001 -- whatever user code raises here is a failed startup, and nothing else
        fail_startup(slot, error)
    else:
        slot.phase = STARTED
        # As a rule nothing came of its making, and nobody looks on.
        if slot.passage is not SETTLED or slot.reason is not None or slot.more is not None or slot.runtime.feeds:  # type: ignore[redundant-expr]
            become_ready(slot)
            return not slot.attention
        slot.attention = False
        slot.life = READY
        return True
    slot.phase = 0
    return False


async def _start_up(slot: Slot, actor: Actor[Any], ctx: Context, runner: StartsActors) -> None:
    limit = slot.policy.startup_timeout
    deadline = inf if limit is None else slot.runtime.now() + limit
    with runner.startup_limit(deadline) as scope:
        try:
            if slot.blueprint.has_services:
                gate = slot.get_more().gate = Gate(slot, actor)
                await gate.open()
                if has_own(type(actor), "prewarm"):
                    await gate.prewarm()
            slot.phase |= STARTED
            await actor.startup(ctx)
        finally:
            if runner.held:
                raise await runner.close_held(slot)
            # Also when it came to an end in spite of its cancellation: late is late, and the scope may be the incarnation's.
            if scope.cancel_called and slot.reason is None and slot.order < STOP:
                assert limit is not None
                cause = f"startup took longer than {format_seconds(limit)}"
                note_end(slot, StartupFailed(slot.path, TimeoutError(cause), cause))


def fail_startup(slot: Slot, error: Exception) -> None:
    """Note that a startup failed, with its cause as text."""
    cause = describe(error)
    note_end(slot, StartupFailed(slot.path, without_frames(error), cause))


@trio.lowlevel.enable_ki_protection
def become_ready(slot: Slot) -> None:
    """Take the step from initializing to ready, unless a stop came first."""
    order = slot.passage.order
    if slot.reason is not None or order >= STOP:
        return
    blueprint = slot.blueprint
    if blueprint.needs_permit:
        slot.runtime.launcher.release(slot)
    slot.attention = False
    more = slot.more
    if more is not None:
        more.awaited = False
        more.readied = slot.incarnation
    slot.advance(READY)
    if order is DRAIN:
        start_draining(slot)
    if more is not None and slot.policy.is_noted:
        parent = slot.parent
        family = None if parent is None or parent.more is None else parent.more.family
        if family is not None:
            family.note_ready(slot)
