"""Reading specifications: a whole set is checked before anything of it starts, and all that is wrong with it is told at once.

What comes out is a plan, with a plan for each supervisor in it. Not by recursion: a set may be nested as deep as a tree.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from typing import Any, Final, cast

import attrs

from ..actors import InvalidSpec, RegistryKey, describe, read_blueprint, read_keys
from ..mailbox import is_count, shown
from ._backoff import Backoff
from ._childspec import ChildSpec, as_tuple, is_list
from ._declared import Declared
from ._factory import Read, factory_problems
from ._intensity import Intensity
from ._key_book import KeyBook
from ._options import RULES, check_name, compile_policy
from ._plan import Plan
from ._policy import SUPERVISORS_ERRORS, ChildPolicy
from ._strategy import AUTO_SHUTDOWNS, STRATEGIES
from ._supervisorspec import SupervisorSpec

#: What a plan is made of besides the children.
FLAGS: Final = (
    "strategy", "intensity", "auto_shutdown", "max_children", "start_retry", "partitions", "with_arguments",
)  # fmt: skip
STARTUPS: Final = ("inline", "deferred")


def check_specs(children: Iterable[ChildSpec | SupervisorSpec], **flags: Any) -> None:
    """Check specifications without starting anything: a dry run of `open_supervisor`, `start_supervisor` and `update_specs`. Plain function.

    Args:
        children: the whole set.
        flags: of the supervisor that is to have them: `strategy`, `intensity`, `auto_shutdown`, `max_children`, `start_retry`, `partitions`,
            `with_arguments`.

    Raises:
        InvalidSpec: all that is wrong with any of them, in one text, a line each.
    """
    unknown = [f"{key}: there is no such flag{_hint(key, FLAGS)}" for key in flags if key not in FLAGS]
    check_plan({key: value for key, value in flags.items() if key in FLAGS}, children, problems=unknown)


def check_plan(flags: Mapping[str, Any], children: Any, *, problems: list[str]) -> None:
    """Raise InvalidSpec, as `read_plan`, for a supervisor of which there is no runtime yet."""
    read_plan(flags, children, read_blueprint, problems=problems)


def read_plan(
    flags: Mapping[str, Any],
    children: Any,
    read: Read,
    *,
    problems: list[str] | None = None,
    own_keys: Iterable[RegistryKey] = (),
) -> Plan:
    """Return the plan of a supervisor.

    Args:
        flags: given ones of FLAGS; those left out have their defaults.
        children: a list of specifications.
        read: finds out about a factory.
        problems: what is known to be wrong already.
        own_keys: which the supervisor itself is to hold.

    Raises:
        InvalidSpec: all that is wrong, in one text.
    """
    return _Reading(read, [] if problems is None else problems, own_keys).whole(flags, children)


@attrs.frozen
class _Level:
    """Be one supervisor of a set, whose plan is to be filled in."""

    where: str
    plan: Plan
    flags: Mapping[str, Any]
    children: Any
    #: there is more than one of it, as it lies below a supervisor that is a copy of a partition.
    is_copied: bool = False


class _Reading:
    """Read one set."""

    def __init__(self, read: Read, problems: list[str], own_keys: Iterable[RegistryKey] = ()) -> None:
        self._read = read
        self._problems = problems
        self._open: deque[_Level] = deque()
        self._keys = KeyBook()
        self._problems += self._keys.note("the supervisor itself", own_keys)
        #: what functions of the user's have raised.
        self._raised: list[Exception] = []

    def whole(self, flags: Mapping[str, Any], children: Any) -> Plan:
        """Return the plan of the set. Raises InvalidSpec."""
        plan = Plan()
        self._open.append(_Level("", plan, flags, as_tuple(children)))  # once: it may be an iterator
        while self._open:
            self._read_level(self._open.popleft())
        if self._problems:
            raise InvalidSpec("\n".join(self._problems)) from self._cause()
        return plan

    def _cause(self) -> Exception | None:
        if len(self._raised) > 1:
            return ExceptionGroup("with_arguments", self._raised)
        return self._raised[0] if self._raised else None

    def _read_level(self, level: _Level) -> None:
        self._problems += [f"{level.where}{problem}" for problem in _flag_problems(level.flags, level.children)]
        for key, value in level.flags.items():
            if value is not None and (isinstance(value, str) or key not in ("strategy", "auto_shutdown")):
                setattr(level.plan, key, value)
        if not is_list(level.children):
            self._problems.append(f"{level.where}children: {shown(level.children)} is no list of ChildSpecs")
            return
        found: list[Declared] = []
        names: set[str] = set()
        for index, spec in enumerate(level.children):
            where = f"{level.where}children[{index}]"
            if not isinstance(spec, (ChildSpec, SupervisorSpec)):
                self._problems.append(f"{where}: {shown(spec)} is no ChildSpec and no SupervisorSpec")
                continue
            where += f" ({shown(spec.name)})"
            wrong = _spec_problems(spec, level.plan, self._read, names)
            self._problems += [f"{where}: {problem}" for problem in wrong]
            below: Plan | None = None
            copies = level.plan.partitions if is_count(level.plan.partitions) else None
            if isinstance(spec, SupervisorSpec):
                below = Plan()
                is_copied = level.is_copied or (copies or 1) > 1
                self._open.append(_Level(f"{where}.", below, flags_of(spec), spec.children, is_copied))
            self._note_keys(keys_of(spec), where, copies, is_copied=level.is_copied)
            if copies is not None:
                level.plan.copied = spec
                found += self._copies(spec, level.plan, below, where, is_sound=not wrong)
            elif not wrong:
                found.append(_made(spec, below))
        level.plan.specs = tuple(found)

    def _note_keys(self, keys: Sequence[RegistryKey], where: str, copies: int | None, *, is_copied: bool) -> None:
        """Note the keys of a child, and of one more of it, if there is more than one."""
        if is_copied:
            self._problems += self._keys.note(f"{where} of the one copy", keys)
            self._problems += self._keys.note(f"{where} of the other copy", keys)
        elif copies is None:
            self._problems += self._keys.note(where, keys)
        else:
            for index in range(min(copies, 2)):
                self._problems += self._keys.note(f"{where}: partition {index}", keys)

    def _copies(
        self, spec: ChildSpec | SupervisorSpec, plan: Plan, below: Plan | None, where: str, *, is_sound: bool
    ) -> list[Declared]:
        """Return the copies of a declared child; of one that is not sound none, but what is wrong with them is told all the same."""
        assert plan.partitions is not None
        copies: list[Declared] = []
        for index in range(plan.partitions):
            copy = attrs.evolve(spec, name=f"{spec.name}-{index}")
            problems: list[str] = []
            try:
                if is_sound:
                    check_name(copy.name)
                if isinstance(copy, ChildSpec) and callable(plan.with_arguments):
                    copy = self._with_arguments(copy, plan.with_arguments, index)
            except InvalidSpec as error:
                problems.append(str(error))
            if isinstance(copy, ChildSpec):
                problems += factory_problems(copy, self._read, checks_args=not problems)
            if problems:
                self._problems += [f"{where}: partition {index}: {problem}" for problem in problems]
                break  # the others will hardly be better
            if is_sound:
                copies.append(_made(copy, below))
        return copies

    def _with_arguments(self, copy: ChildSpec, function: Callable[..., Any], index: int) -> ChildSpec:
        """Give a copy its own arguments. Raises InvalidSpec if the user's function raises."""
        try:
            return attrs.evolve(copy, args=function(copy.args, index))
        except Exception as error:  # whatever it is, it must not hide what else is wrong
            self._raised.append(error)
            raise InvalidSpec(f"with_arguments raised {' '.join(describe(error).splitlines())}") from error


def _made(spec: ChildSpec | SupervisorSpec, below: Plan | None) -> Declared:
    policy = policy_of_spec(spec)
    if isinstance(spec, SupervisorSpec):
        return Declared(spec.name, None, (), policy, below, spec)
    return Declared(spec.name, spec.bound_factory(), spec.args, policy, None, spec)


def read_supervisor(spec: SupervisorSpec, above: Plan, read: Read, known_problems: Iterable[str] = ()) -> Declared:
    """Return what the specification of one supervisor comes to, which is to be started below another at run time. Raises InvalidSpec."""
    problems = [*known_problems, *_spec_problems(spec, above, read, set())]
    plan = read_plan(flags_of(spec), spec.children, read, problems=problems, own_keys=keys_of(spec))
    policy = attrs.evolve(policy_of_spec(spec), declared=False, inline=False)
    return Declared(spec.name, None, (), policy, plan, spec)


def keys_of(spec: ChildSpec | SupervisorSpec) -> Sequence[RegistryKey]:
    """Return the keys of a specification; none if something is wrong with them, which is told with the rest of it."""
    given = spec.keys
    try:
        return read_keys(given) if isinstance(given, list) else ()
    except (TypeError, ValueError):
        return ()


def flags_of(spec: SupervisorSpec) -> dict[str, Any]:
    """Return what a specification says of the supervisor itself."""
    return {key: getattr(spec, key) for key in FLAGS}


def _flag_problems(flags: Mapping[str, Any], children: Any) -> list[str]:
    problems: list[str] = []
    strategy, shutdown = flags.get("strategy", "one_for_one"), flags.get("auto_shutdown", "never")
    dynamic = isinstance(strategy, str) and strategy == "dynamic"
    for key, value, known in (("strategy", strategy, STRATEGIES), ("auto_shutdown", shutdown, AUTO_SHUTDOWNS)):
        if not isinstance(value, str) or value not in known:
            problems.append(f"{key}: {shown(value)} is not known{_hint(value, known)}")
    for key, kind in (("intensity", Intensity), ("start_retry", Backoff)):
        value = flags.get(key)
        if value is not None and not isinstance(value, kind):
            problems.append(f"{key}: {shown(value)} is no {kind.__name__}")
    most = flags.get("max_children")
    if most is not None and not is_count(most):
        problems.append(f"max_children: {shown(most)} is not a whole number from 1; None means any number")
    if most is not None and not dynamic:
        problems.append("max_children: only a supervisor with strategy='dynamic' has it")
    if dynamic:
        if flags.get("start_retry") is not None:
            problems.append(
                "start_retry: a dynamic supervisor declares no children, so none of them can make its start fail; leave it out"
            )
        if isinstance(children, tuple) and children:
            problems.append("children: a dynamic supervisor declares none; start them with start_soon()")
        if isinstance(shutdown, str) and shutdown in AUTO_SHUTDOWNS and shutdown != "never":
            problems.append("auto_shutdown: a dynamic supervisor has no significant children")
    return problems + _partition_problems(flags, children, dynamic=dynamic)


def _partition_problems(flags: Mapping[str, Any], children: Any, *, dynamic: bool) -> list[str]:
    problems: list[str] = []
    partitions, arguments = flags.get("partitions"), flags.get("with_arguments")
    if arguments is not None and not callable(arguments):
        problems.append(f"with_arguments: {shown(arguments)} is no function of the arguments and the partition's index")
    if partitions is None:
        if arguments is not None:
            problems.append("with_arguments: only a supervisor with partitions has it")
        return problems
    if not is_count(partitions):
        problems.append(f"partitions: {shown(partitions)} is not a whole number from 1; None means none")
    if dynamic:
        problems.append("partitions: they are declared, and a dynamic supervisor declares no children")
    elif isinstance(children, tuple):
        kinds: list[type[object]] = [type(child) for child in cast("tuple[object, ...]", children)]
        if kinds not in ([ChildSpec], [SupervisorSpec]):
            problems.append("partitions: give exactly one ChildSpec or SupervisorSpec, of which there are to be copies")
        elif kinds == [SupervisorSpec] and arguments is not None:
            problems.append("with_arguments: a supervisor takes none")
    return problems


def _hint(value: Any, known: Iterable[str]) -> str:
    close = get_close_matches(value, list(known), 1) if isinstance(value, str) else []
    return f"; did you mean {close[0]!r}?" if close else f"; there is {', '.join(map(repr, known))}"


def _spec_problems(spec: ChildSpec | SupervisorSpec, plan: Plan, read: Read, names: set[str]) -> list[str]:
    problems: list[str] = []
    checks: tuple[Callable[[], object], ...] = (partial(check_name, spec.name), partial(policy_of_spec, spec))
    for check in checks:
        try:
            check()
        except InvalidSpec as error:
            problems.append(str(error))
    if isinstance(spec, ChildSpec) and not is_count(plan.partitions):  # else each copy is checked
        problems += factory_problems(spec, read, checks_args=plan.with_arguments is None)
    if isinstance(spec.name, str):
        if spec.name in names:
            problems.append("the name is used twice")
        names.add(spec.name)
    startup: object = spec.startup
    if not isinstance(startup, str) or startup not in STARTUPS:
        problems.append(f"startup: {shown(startup)} is neither 'inline' nor 'deferred'")
    if spec.significant is True:
        problems += significant_problems(plan)
    return problems


def significant_problems(plan: Plan) -> list[str]:
    """Say that a child of such a supervisor cannot be significant, and what to do; nothing, if it can."""
    if plan.strategy == "dynamic":
        return ["significant: the end of a child never ends a dynamic supervisor; leave it out"]
    if plan.auto_shutdown == "never":
        return [
            "significant: its supervisor has auto_shutdown='never'; give that 'any_significant' or 'all_significant'"
        ]
    return []


def policy_of_spec(spec: ChildSpec | SupervisorSpec) -> ChildPolicy:
    """Return what a specification comes to at run time. Raises InvalidSpec: all that is wrong, in one text."""
    options = {key: getattr(spec, key) for key in RULES if hasattr(spec, key)}
    if isinstance(spec, SupervisorSpec):
        options.pop("intensity", None)  # that is how much it bears of its own children
        options["on_error"] = SUPERVISORS_ERRORS
    return compile_policy(
        options, declared=True, inline=isinstance(cast("object", spec.startup), str) and spec.startup == "inline"
    )
