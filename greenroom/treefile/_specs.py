"""Specifications: what the children of a tree file come to, and all that is wrong with them.

What is wrong with a whole set (what excludes what, which copies there can be) is for the runtime to say: it is given the set in a dry run, and what
it says is told with the places of the file. A child that cannot be made is in that set all the same, with something else in the place of its
factory, so that one problem does not hide another.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, cast

import attrs

from .. import ChildSpec, InvalidSpec, RegistryKey, SupervisorSpec, check_specs
from ..actors import MAY_REST, Keyable
from ..actors._blueprint import read_blueprint
from ._absent import ABSENT, Absent
from ._factories import check_arguments, find_factory
from ._imports import BadImport, find_object
from ._levels import flags_of, levels_of_child, options_of, options_of_supervisor
from ._parameters import Values, fill
from ._problem import Problem, at
from ._rows import read_rows
from ._treefile import Child, KeyTable, Level, Supervisor, TreeFile, children_of

AnySpec = ChildSpec | SupervisorSpec

#: A line of what the runtime says: who it is about, and what.
_LINE: Final = re.compile(r"((?:\.?children\[\d+\] \('[a-z0-9_-]*'\))*)(?:: |\.|)(.*)", re.DOTALL)
_NAME: Final = re.compile(r" \('[a-z0-9_-]*'\)")
_KEYS: Final = (
    "significant", "backoff", "intensity", "max_children", "auto_shutdown", "start_retry", "partitions", "with_arguments", "children", "rest_after",
    "on_overdue", r"keys(?:\[\d+\])?",
)  # fmt: skip
_KEY: Final = re.compile(rf"({'|'.join(_KEYS)}): (.*)", re.DOTALL)
_NEXT: Final = re.compile(rf"; (?=(?:{'|'.join(_KEYS)}): )")


@attrs.frozen
class Reading:
    """Hold what the children of a tree are read with.

    Attributes:
        level: the profile.
        base: below it.
        values: of the parameters.
        folder: the tree file's.
        problems: gets what is wrong.
    """

    level: Level | Absent
    base: Level | Absent
    values: Values
    folder: Path
    problems: list[Problem]

    def children(self, above: TreeFile | Supervisor, flags: dict[str, Any], where: str = "") -> list[AnySpec]:
        """Return the specifications of what stands below, at whatever depth.

        Args:
            above: the tree, or a supervisor of it.
            flags: what that goes by.
            where: its path in the file.
        """
        specs: list[AnySpec] = []
        names: set[str] = set()
        for index, child in enumerate(children_of(above)):
            here = at(f"{where}.children" if where else "children", index)
            if child.name in names:
                self.problems.append(Problem(f"{here}.name", f"{child.name!r} is the name of another child too"))
            names.add(child.name)
            wrong: list[Problem] = []
            levels = levels_of_child(child, above, self.level, self.base)
            if isinstance(child, Child):
                options = options_of(levels, flags["auto_shutdown"], wrong)
                specs.append(self._actor(child, {**options, "keys": _keys_of(child)}, above, wrong))
                self._add(here, wrong)
            else:
                options = options_of_supervisor(levels, flags["auto_shutdown"], wrong)
                options["keys"] = _keys_of(child)
                own = flags_of((child, self.level, self.base), wrong)
                with_arguments = self._with_arguments(child, wrong)
                self._add(here, wrong)
                below = self.children(child, own, here)
                specs.append(SupervisorSpec(child.name, below, with_arguments=with_arguments, **own, **options))
        return specs

    def check(self, specs: Sequence[AnySpec], flags: dict[str, Any]) -> None:
        """Let the runtime say what is wrong with the whole."""
        try:
            check_specs(specs, **flags)
        except InvalidSpec as error:
            for line in str(error).split("\n"):
                self._add("", _problems_of(line))

    def _add(self, where: str, wrong: list[Problem]) -> None:
        joined = (Problem(".".join(filter(None, (where, each.path))), each.text) for each in wrong)
        self.problems.extend(each for each in joined if each not in self.problems)

    def _actor(
        self, child: Child, options: dict[str, Any], above: TreeFile | Supervisor, problems: list[Problem]
    ) -> ChildSpec:
        """Return an actor's specification; one that stands in for it, if it cannot be made."""
        known = len(problems)
        args = fill(() if isinstance(child.args, Absent) else child.args, self.values, "args", problems)
        kwargs = fill({} if isinstance(child.kwargs, Absent) else child.kwargs, self.values, "kwargs", problems)
        rows, wrong_rows = read_rows(options.pop("on_error"), self.folder)
        options["on_error"] = () if wrong_rows or not rows else rows
        problems += wrong_rows
        whole = ChildSpec(child.name, _stand_in, **options)
        # What depends on the kind of its factory says nothing about a stand-in.
        on_overdue = "warn" if whole.handler_timeout is not None else whole.on_overdue
        stand_in = attrs.evolve(whole, rest_after=None, on_error=(), on_overdue=on_overdue)
        try:
            factory = find_factory(child.factory, self.folder)
        except BadImport as error:
            problems.append(Problem("factory", str(error)))
            return stand_in
        has_own_arguments = isinstance(above, Supervisor) and above.with_arguments is not ABSENT
        wrong = None if has_own_arguments else check_arguments(factory, tuple(args), kwargs)
        if wrong is not None:
            problems.append(Problem("", wrong))
        if len(problems) > known:
            return stand_in
        spec = ChildSpec(child.name, factory, args, kwargs=kwargs, **options)
        return _with_rest(spec, is_own=not isinstance(child.rest_after, Absent))

    def _with_arguments(self, child: Supervisor, problems: list[Problem]) -> Callable[..., Any] | None:
        """Return the function that gives each copy its arguments. It is tried here, so that what it raises is told with its place."""
        if isinstance(child.with_arguments, Absent):
            return None
        try:
            function = find_object(child.with_arguments, self.folder, "beside the tree file")
        except BadImport as error:
            problems.append(Problem("with_arguments", str(error)))
            return None
        if not callable(function):
            problems.append(Problem("with_arguments", f"{child.with_arguments} is {function!r}, which is no function"))
            return None
        copied = next(iter(children_of(child)), None)
        args = copied.args if isinstance(copied, Child) and not isinstance(copied.args, Absent) else ()
        filled = tuple(fill(args, self.values, "", []))
        for index in range(0 if isinstance(child.partitions, Absent) else child.partitions):
            try:
                function(filled, index)
            except Exception as error:  # noqa: BLE001 -- told to the user, by its text
                text = f"{child.with_arguments}(args, {index}) failed: {type(error).__name__}: {error}"
                problems.append(Problem("with_arguments", text))
                return None
        return cast("Callable[..., Any]", function)


def _keys_of(child: Child | Supervisor) -> list[Keyable | RegistryKey]:
    """Return what a child is to hold in the registry."""
    return [
        RegistryKey(
            each.key,
            None if isinstance(each.value, Absent) else each.value,
            duplicate=not isinstance(each.duplicate, Absent) and each.duplicate,
        )
        if isinstance(each, KeyTable)
        else each
        for each in (() if isinstance(child.keys, Absent) else child.keys)
    ]


def _stand_in(*args: object) -> object:
    """Be in the place of what cannot be made, in a set that is looked at and never run; nobody knows what kind of actor it would make."""
    raise NotImplementedError(args)


def _with_rest(spec: ChildSpec, *, is_own: bool) -> ChildSpec:
    """Return the specification without a `rest_after` that another level gives: that is meant for the agents among the children."""
    if not is_own and read_blueprint(spec.bound_factory()).kind not in MAY_REST:
        return attrs.evolve(spec, rest_after=None)
    return spec


def _problems_of(line: str) -> list[Problem]:
    """Turn a line of what the runtime says into problems, with their places in the file."""
    found = _LINE.fullmatch(line)
    assert found is not None
    where, said = _NAME.sub("", found[1]), found[2]
    problems: list[Problem] = []
    for text in _NEXT.split(said):
        key = _KEY.fullmatch(text)
        if text == "the name is used twice":
            continue  # told already, and of its key
        place = where if key is None else f"{where}.{key[1]}" if where else key[1]
        problems.append(Problem(place, text if key is None else key[2]))
    return problems
