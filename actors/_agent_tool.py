"""The agent tool: an agent's own children, as something that can be dispatched.

Its arguments are plain data, as a model gives them, and so is what it returns (but for the results of its children). It reaches who is below the
agent that calls it, and nobody else; it starts what it has been told of, and nothing else.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, cast, get_args

import attrs

from ._agent_actions import ActionName, make_schema, read_action
from ._agent_view import find_below, known_to, remember, show_closely, show_missing, show_status
from ._errors import CallRefused, InvalidSpec
from ._plan import Traits
from ._reach import slot_of
from ._slot import Slot
from ._start_options import StartOptions
from ._texts import did_you_mean
from ._tool import Arguments, Tool
from ._wait import WaitMode

if TYPE_CHECKING:
    from ._context import Context

DESCRIPTION: Final = """\
Start agents and look after those that you have started. Actions:
start: start an agent by `factory`, with `arguments`, a `name` and a first `message`; returns at once, before it is ready.
status: how one `agent`, or each of them, is. peek: look closely at one `agent`. Neither disturbs anybody.
message: send a `message` to an `agent`; `trigger_turn` false leaves it until something else starts a turn.
wait: until `any` (or `all`, the default `mode`) of `agents` has done what it was told to, or ended, or `timeout` seconds have passed.
cancel: end an `agent` now; with `turn_only` its present turn alone."""

GatedAction = Literal["start", "message", "wait"]
GATED: Final[tuple[GatedAction, ...]] = get_args(GatedAction)

LOOKS: Final = Traits(needs_approval=False, read_only=True, parallel_safe=True)


@attrs.frozen
class Startable:
    """Say how an agent tool starts one kind of child.

    Attributes:
        factory: as `ctx.start_soon`; a call's `arguments` go in by keyword.
        needs_approval: each start of it does.
        options: as `ctx.start_soon`; a call's `name` and `message` go before.
    """

    factory: Callable[..., Any]
    needs_approval: bool = attrs.field(default=False, kw_only=True)
    options: StartOptions = attrs.field(factory=StartOptions, kw_only=True)


class AgentTool(Tool):
    """Let an agent start, watch, tell and end its children by calls; `description` lists the actions.

    A start is detached, and needs no approval unless it is said here. Looking (status, peek) needs none, and may go on beside other things. A wait
    and a message stand alone. A cancellation always needs approval, and is never in a batch with anything. What cannot be understood is refused.

    Args:
        factories: what it may start, by name: a factory, or a `Startable` that says more.
        name: by which it is called.
        needs_approval: the actions that need it besides "cancel": of "start", "message" and "wait".

    Raises:
        InvalidSpec: an argument is wrong.
    """

    def __init__(
        self,
        factories: Mapping[str, Callable[..., Any] | Startable] | None = None,
        *,
        name: str = "agent",
        needs_approval: Collection[GatedAction] = (),
    ) -> None:
        given: Any = {} if factories is None else factories
        if not isinstance(given, Mapping):
            raise InvalidSpec(f"AgentTool: factories is {given!r}; give a mapping of names to factories")
        self._factories: dict[str, Startable] = {}
        for word, factory in cast("Any", given).items():
            startable = factory if isinstance(factory, Startable) else Startable(factory)
            if not isinstance(word, str) or not word or not callable(startable.factory):
                raise InvalidSpec(f"AgentTool: factories has {word!r}: {factory!r}; give a name and a factory")
            self._factories[word] = startable
        for action in needs_approval:
            if action not in GATED:
                raise InvalidSpec(f"AgentTool: needs_approval has {action!r}; give of {', '.join(GATED)}")
        self._gated = frozenset(needs_approval)
        self.name = name
        self.description = DESCRIPTION
        self.schema = make_schema(self._factories)

    def traits(self, arguments: Arguments) -> Traits:
        """Say what a call is, by its action. Plain function.

        Raises:
            CallRefused: there is no such action or factory, or something is wrong with the arguments.
        """
        action, given = self._read(arguments)
        gated = action in self._gated
        match action:
            case "start":
                gated = gated or self._factories[given["factory"]].needs_approval
                return Traits(needs_approval=gated, detached=True)
            case "status" | "peek":
                return LOOKS
            case "message":
                return Traits(needs_approval=gated)
            case "wait":
                return Traits(needs_approval=gated, read_only=True)
            case "cancel":
                return Traits(cancels=True)

    def run(self, arguments: Arguments, ctx: "Context") -> Any:
        """Do it. What need not wait is plain, so that all starts of a batch are registered in one step."""
        action, given = self._read(arguments)
        me = ctx._live()  # noqa: SLF001 -- the context's own door for its room
        match action:
            case "start":
                return self._start(given, me, ctx)
            case "status":
                if "agent" in given:
                    return _show(me, given["agent"], show_status)
                return {"agents": [show_status(child, name) for name, child in known_to(me).items()]}
            case "peek":
                return _show(me, given["agent"], show_closely)
            case "message":
                seq = ctx.tell(
                    _found(me, given["agent"]).own_ref(), given["message"], trigger_turn=given.get("trigger_turn", True)
                )
                return {"agent": given["agent"], "seq": seq}
            case "wait":
                return _wait(ctx, me, given["agents"], given.get("mode", "all"), given.get("timeout"))
            case "cancel":
                return _cancel(_found(me, given["agent"]), given["agent"], turn_only=given.get("turn_only", False))

    def _read(self, arguments: Arguments) -> tuple[ActionName, Mapping[str, Any]]:
        action, given = read_action(arguments)
        if action == "start" and given["factory"] not in self._factories:
            hint = did_you_mean(given["factory"], self._factories, others="there are", none="there are none")
            raise CallRefused(f"start: no factory {given['factory']!r}; {hint}")
        return action, given

    def _start(self, given: Mapping[str, Any], me: Slot, ctx: "Context") -> dict[str, Any]:
        startable = self._factories[given["factory"]]
        factory = startable.factory
        if given.get("arguments"):
            factory = partial(factory, **given["arguments"])
        options: dict[str, Any] = dict(startable.options)
        if "name" in given:
            options["name"] = given["name"]
        if "message" in given:
            options["mail"] = given["message"]
        try:
            ref = ctx.start_soon(factory, **options)
        except InvalidSpec as error:
            raise CallRefused(f"start: {error}") from error
        remember(me, slot_of(ref))
        return {"agent": ref.name, "path": ref.path, "uid": ref.uid}


def _show(me: Slot, agent: str, show: Callable[[Slot, str], dict[str, Any]]) -> dict[str, Any]:
    slot = find_below(me, agent)
    return show_missing(agent) if slot is None else show(slot, agent)


def _found(me: Slot, agent: str) -> Slot:
    slot = find_below(me, agent)
    if slot is None:
        raise CallRefused(f"{me.path} has no agent {agent!r}; {did_you_mean(agent, known_to(me))}")
    return slot


async def _cancel(slot: Slot, agent: str, *, turn_only: bool) -> dict[str, Any]:
    ref = slot.own_ref()
    if turn_only:
        return {"interrupted": await ref.interrupt(), **show_status(slot, agent)}
    await ref.kill()
    return show_status(slot, agent)


async def _wait(ctx: "Context", me: Slot, agents: list[str], mode: WaitMode, timeout: float | None) -> dict[str, Any]:
    """Wait for agents, as `Context.wait`. Checkpoint: always. Cancellation: leaves nothing."""
    most = me.runtime.wait_bounds.most
    if timeout is not None and timeout > most:
        raise CallRefused(f"wait: 'timeout' is {timeout!r}; give a number of seconds from 0 to {most:,g}")
    found = {agent: find_below(me, agent) for agent in dict.fromkeys(agents)}
    refs = {agent: slot.own_ref() for agent, slot in found.items() if slot is not None}
    # Who is not there has ended, or never was: of any, that is one.
    is_over = mode == "any" and len(refs) < len(found)
    waited = await ctx.wait([] if is_over else refs.values(), mode=mode, timeout=timeout)
    shown = [
        show_missing(agent) if slot is None else show_status(slot, agent, waited.statuses.get(refs[agent]))
        for agent, slot in found.items()
    ]
    note = {"note": waited.note} if waited.note else {}
    return {"timed_out": waited.timed_out, **note, "agents": shown}
