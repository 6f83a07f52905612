"""What is refused of a machine before it is run."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from hypothesis.errors import InvalidDefinition
from hypothesis.stateful import INITIALIZE_RULE_MARKER, INVARIANT_MARKER, RULE_MARKER

from ._brief import brief
from ._errors import InvalidMachine
from ._history import made_model
from ._terms import Terms

OPTIONS: Final = ("model", "time", "max_steps", "backend", "threads")


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Refuse options that a machine's class does not have, and what they cannot be.

    Raises:
        TypeError, ValueError: with which, and what it was.
    """
    unknown = [each for each in options if each not in OPTIONS]
    if unknown:
        raise TypeError(f"{name}: a machine has no option {unknown[0]!r}; give some of {', '.join(OPTIONS)}")
    if options.get("model") is not None:
        made_model(name, options["model"])
    terms_from(options)


def terms_from(options: Mapping[str, Any]) -> Terms:
    """Return the terms of a machine's runs.

    Raises:
        ValueError: an option is none.
    """
    given = {name: value for name, value in options.items() if name != "model"}
    if given.get("backend", "") is None:
        del given["backend"]
    return Terms(**given)


def check_machine(machine: Any, base: Any) -> None:
    """Refuse a machine that could not be run.

    Raises:
        InvalidMachine: what of it, and what to do.
    """
    if not (isinstance(machine, type) and issubclass(machine, base) and machine is not base):
        raise InvalidMachine(f"{brief(machine)} is no machine; give a class of races.StateMachine")
    made: Any = machine
    name = made.__name__
    try:
        state: Any = made.setup_state()
    except InvalidDefinition as error:
        raise InvalidMachine(f"{name}: {error}") from None
    if not state.rules:
        raise InvalidMachine(f"{name} has no rules; give it some, by @rule() of hypothesis.stateful")
    _check_names(machine, base)
    filled = {target for rule in (*state.rules, *state.initializers) for target in rule.targets}
    for rule in (*state.rules, *state.initializers):
        rule_name = f"{name}.{rule.function.__name__}"
        if inspect.isgeneratorfunction(rule.function) or inspect.isasyncgenfunction(rule.function):
            raise InvalidMachine(f"{rule_name} has a `yield`, so it is no rule; a rule is a function, plain or async")
        _check_arguments(rule_name, rule)
        for each in rule.bundles:
            if each.name not in filled:
                raise InvalidMachine(
                    f"{rule_name} draws from the bundle {each.name!r}, into which no rule puts anything; "
                    f"give some rule target={each.name}"
                )
        _check_preconditions(rule_name, rule.preconditions)
    for invariant in state.invariants:
        function = invariant.function
        if _is_async(function) or inspect.isgeneratorfunction(function):
            kind = "has a `yield`" if not inspect.iscoroutinefunction(function) else "is async"
            raise InvalidMachine(
                f"{name}.{function.__name__} {kind}, and nothing may happen while an invariant looks; make it a plain function, "
                "and a rule of what has to wait"
            )
        _check_preconditions(f"{name}.{function.__name__}", invariant.preconditions)
    try:
        inspect.signature(machine).bind()
    except TypeError as error:
        raise InvalidMachine(f"{name}() cannot be called: {error}; a machine is made without arguments") from None


def _check_names(machine: type[Any], base: type[Any]) -> None:
    """Refuse rules and invariants in the place of what the machine itself is made of."""
    for attribute, function in inspect.getmembers(machine):
        marked = [
            each for each in (RULE_MARKER, INITIALIZE_RULE_MARKER, INVARIANT_MARKER) if getattr(function, each, None)
        ]
        if not marked:
            continue
        if hasattr(base, attribute) or attribute == "sim":
            raise InvalidMachine(
                f"{machine.__name__}.{attribute} hides a part of races.StateMachine; give the rule or invariant another name"
            )
        if function.__name__ != attribute:
            raise InvalidMachine(
                f"{machine.__name__}.{attribute} is named {function.__name__!r}; a step is told, and run again, by the name of its function"
            )


def _check_arguments(name: str, rule: Any) -> None:
    """Refuse a rule that cannot be called with what is drawn for it."""
    try:
        inspect.signature(rule.function).bind(None, **rule.arguments)
    except TypeError as error:
        drawn = ", ".join(rule.arguments) or "nothing"
        raise InvalidMachine(f"{name} cannot be called with what is drawn for it ({drawn}): {error}") from None
    odd = [target for target in rule.targets if not target.isidentifier()]
    if odd:
        raise InvalidMachine(
            f"{name} puts into the bundle {odd[0]!r}; name it as a variable, for the program that is told"
        )


def _check_preconditions(name: str, preconditions: tuple[Callable[..., Any], ...]) -> None:
    if any(_is_async(each) for each in preconditions):
        raise InvalidMachine(f"{name} has a precondition that is async; it only looks, so make it a plain function")


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
