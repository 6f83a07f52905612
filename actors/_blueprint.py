"""Blueprint: what can be known of a factory before it is called. Looked at once per factory and tree."""

import inspect
import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, cast, get_type_hints

import attrs
import trio

from ..mailbox import shown
from ._actor import Actor
from ._agent import Agent
from ._errors import InvalidSpec
from ._own_intensity import wrong_intensity

FactoryKind = Literal["actor", "agent", "function", "unknown"]
MAX_PREFIX = 40


def _exactly(blueprint: "Blueprint") -> int:
    return blueprint.least if blueprint.least == blueprint.most and not blueprint.wrong else -1


def _ends_plainly(blueprint: "Blueprint") -> bool:
    return not blueprint.has_shutdown and not blueprint.needs_permit


@attrs.frozen
class Blueprint:
    """Hold the facts that decide how a slot is run.

    Attributes:
        kind: what the factory makes; "unknown" is a function that does not say.
        prefix: of automatic names.
        solo: it gets a task of its own.
        enveloped: its mail is kept in envelopes, as it may be put back.
        has_startup, has_shutdown: the hook is defined.
        has_services: it has services, or something to warm up.
        needs_permit: its start may take long, so the launch gate counts it.
        least, most: how many positional arguments it takes.
        is_plain: an actor in the pool whose start is nothing but making it.
        made: the class that it makes, as far as it is known.
        wrong: why none of it may be started; empty, as a rule.
        exactly: how many positional arguments it takes, if that is one number and nothing is wrong with it; else -1. Follows from the others.
        ends_plainly: its end is nobody's work: no hook, no permit. Follows from the others.
    """

    kind: FactoryKind
    prefix: str
    solo: bool
    enveloped: bool
    has_startup: bool
    has_shutdown: bool
    has_services: bool
    needs_permit: bool
    least: int
    most: float
    is_plain: bool = False
    made: type[Actor[Any]] | None = None
    wrong: str = ""
    exactly: int = attrs.field(init=False, eq=False, repr=False, default=attrs.Factory(_exactly, takes_self=True))
    ends_plainly: bool = attrs.field(
        init=False, eq=False, repr=False, default=attrs.Factory(_ends_plainly, takes_self=True)
    )


def read_blueprint(factory: Any) -> Blueprint:
    """Look at a factory: a class, a function that returns an actor, or an async function.

    Raises:
        InvalidSpec: it is none of these.
    """
    core = factory
    while isinstance(core, partial):
        core = core.func
    if not callable(factory):
        raise InvalidSpec(
            f"{shown(factory)} is not a factory: give a class derived from Actor, a function that returns one, or an async function"
        )
    least, most, signature = _arity(factory)
    name = getattr(core, "__name__", type(core).__name__)
    if inspect.iscoroutinefunction(core) or inspect.iscoroutinefunction(getattr(core, "__call__", None)):  # noqa: B004 -- async callables
        if most < 1:
            raise InvalidSpec(
                f"{name}{signature}: an async function that is an actor takes the context first: async def {name}(ctx, ...)"
            )
        _let_interrupts_in(core)
        return Blueprint("function", _prefix(name), True, True, False, False, False, False, max(least - 1, 0), most - 1)
    if inspect.isasyncgenfunction(core) or inspect.isgeneratorfunction(core):
        raise InvalidSpec(
            f"{name}: a generator function is no factory; give a class derived from Actor or an async function"
        )
    made = core if isinstance(core, type) else _returned_class(core)
    if isinstance(core, type) and not issubclass(core, Actor):
        raise InvalidSpec(f"{name} is a class, but not one derived from Actor or Agent")
    if made is None:
        return Blueprint("unknown", _prefix(name), True, True, True, True, True, True, least, most)
    known = _class_blueprint(made, _prefix(name), least, most)
    # A function may return something derived from what it is annotated with.
    return known if isinstance(core, type) else attrs.evolve(known, is_plain=False)


def _class_blueprint(made: type[Actor[Any]], prefix: str, least: int, most: float) -> Blueprint:
    if made is Actor or made is Agent:
        hook = "turn(self, turn, ctx)" if made is Agent else "receive(self, message, ctx)"
        raise InvalidSpec(f"{made.__name__} itself can handle nothing; derive a class from it that defines {hook}")
    agent = issubclass(made, Agent)
    services = has_own(made, "services") or has_own(made, "prewarm")
    for hook in ("__init__", "receive", "turn", "startup", "shutdown", "services", "prewarm", "tools"):
        _let_interrupts_in(getattr(made, hook, None))
    return Blueprint(
        kind="agent" if agent else "actor",
        prefix=prefix,
        solo=agent or services or made.own_task,
        enveloped=agent,
        has_startup=has_own(made, "startup"),
        has_shutdown=has_own(made, "shutdown"),
        has_services=services,
        needs_permit=made.counts_as_startup and (services or has_own(made, "startup")),
        least=least,
        most=most,
        is_plain=not agent and not services and not made.own_task and not has_own(made, "startup"),
        made=made,
        wrong=wrong_intensity(made),
    )


def has_own(made: type[Actor[Any]], hook: str) -> bool:
    """Return whether a class defines a hook of its own."""
    own: object = getattr(made, hook)
    return own is not getattr(Actor, hook)


def refine(blueprint: Blueprint, actor: Actor[Any]) -> Blueprint:
    """Replace what was unknown of a factory by what it made. Where it runs stays, and so does the permit that it took.

    Raises:
        InvalidSpec: the factory's annotation promised less than what it made needs, or its class is wrong.
    """
    made = type(actor)
    known = _class_blueprint(made, blueprint.prefix, blueprint.least, blueprint.most)
    if known.solo and not blueprint.solo:
        assert blueprint.made is not None
        raise InvalidSpec(
            f"the factory is annotated to return {blueprint.made.__qualname__} and returned {made.__qualname__}, "
            "which needs a task of its own; annotate it with that class"
        )
    if known.wrong:
        raise InvalidSpec(known.wrong)
    return attrs.evolve(known, solo=blueprint.solo, needs_permit=blueprint.needs_permit, is_plain=False)


def key_of(factory: Any) -> Any:
    """Return what a factory's blueprint is remembered by: a partial, mostly made for one call, by what it is made of but for the values."""
    if type(factory) is partial:
        return factory.func, len(factory.args), tuple(factory.keywords)
    return factory


def check_arguments(blueprint: Blueprint, factory: Any, args: tuple[Any, ...]) -> None:
    """Raise InvalidSpec unless the factory takes these positional arguments."""
    if blueprint.least <= len(args) <= blueprint.most:
        return
    core = factory
    while isinstance(core, partial):
        core = core.func
    name = getattr(core, "__qualname__", None) or shown(core)
    expected = f"{blueprint.least}" if blueprint.least == blueprint.most else f"{blueprint.least} to {blueprint.most}"
    what = "argument" if expected == "1" else "arguments"
    context = " (after the context)" if blueprint.kind == "function" else ""
    signature = _arity(factory)[2]
    raise InvalidSpec(
        f"{name}{signature}: takes {expected} positional {what}{context}, got {len(args)}; "
        "keyword arguments go in with functools.partial, or as kwargs of a ChildSpec"
    )


def _arity(factory: Any) -> tuple[int, float, str]:
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        if issubclass(type(factory), partial):
            _check_partial(factory)
        return 0, math.inf, "(...)"
    least, most = 0, 0.0
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            most += 1
            if parameter.default is parameter.empty:
                least += 1
        elif parameter.kind is parameter.VAR_POSITIONAL:
            most = math.inf
        elif parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            raise InvalidSpec(
                f"{getattr(factory, '__qualname__', factory)}{signature}: needs the keyword argument {parameter.name!r}; "
                "give it with functools.partial, or as kwargs of a ChildSpec"
            )
    return least, most if most == math.inf else int(most), str(signature)


def _check_partial(factory: Any) -> None:
    """Raise InvalidSpec if a partial has no signature because what it gives does not fit; not if nobody knows one."""
    try:
        signature = inspect.signature(factory.func)
    except (TypeError, ValueError):
        return
    try:
        signature.bind_partial(*factory.args, **factory.keywords)
    except TypeError as error:
        name = getattr(factory.func, "__qualname__", None) or shown(factory.func)
        raise InvalidSpec(f"{name}{signature}: {error}; it was given with functools.partial, or as kwargs") from None


def _returned_class(function: Any) -> type[Actor[Any]] | None:
    try:
        hint: Any = get_type_hints(function).get("return")
    except Exception:  # noqa: BLE001 -- hints of user code may name what is not there; then they say nothing
        return None
    hint = getattr(hint, "__origin__", hint)
    # `-> Actor` promises no more than any actor: only a subclass tells how to run it.
    if not isinstance(hint, type) or not issubclass(hint, Actor) or hint in (Actor, Agent):
        return None
    made: type[Actor[Any]] = cast("Any", hint)
    return made


def _prefix(name: str) -> str:
    """Turn a class name into the first part of automatic names: `HttpWorker` into `http-worker`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()
    return re.sub(r"[^a-z0-9_-]+", "-", words).strip("-")[:MAX_PREFIX] or "actor"


def _let_interrupts_in(hook: Callable[..., Any] | None) -> None:
    """Let Ctrl-C arrive inside user code; the runtime's own steps around it are protected."""
    if hook is not None:
        try:
            trio.lowlevel.disable_ki_protection(hook)
        except (AttributeError, TypeError):
            return  # a callable without a code object: Ctrl-C is then delivered at the next step outside it
