"""Tools: what an agent may call by name.

Why are traits asked of the arguments, and not of the tool alone? Since one tool can do much: an agent tool looks at a child, which is harmless, and
ends one, which is not. What a call is can only be said when it is known what is called for.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

from ._errors import CallRefused, InvalidSpec
from ._plan import Traits
from ._texts import did_you_mean

if TYPE_CHECKING:
    from ._context import Context

Arguments = Mapping[str, Any]
ToolFunction = Callable[[Arguments, "Context"], Any]


class TraitFlags(TypedDict, total=False):
    """The flags of `Traits`, as keywords of `tool`."""

    blocked: bool
    needs_approval: bool
    interactive: bool
    read_only: bool
    parallel_safe: bool
    detached: bool
    cancels: bool


class Tool:
    """Derive from it and define `name` and `run`; define `traits`, or every call needs approval and stands alone.

    Attributes:
        name: by which it is called.
        description: what it does, for who chooses among tools.
        schema: the JSON schema of its arguments, for the same; a dispatch does not check by it.
    """

    name: str = ""
    description: str = ""
    schema: Mapping[str, Any] = {"type": "object"}

    def traits(self, arguments: Arguments) -> Traits:
        """Say what a call with these arguments is. Plain function, asked once for each call, before the first one runs.

        An exception means that nothing is known of the call: not read-only, not parallel, approval needed. A `CallRefused` refuses it.
        """
        return Traits()

    def run(self, arguments: Arguments, ctx: "Context") -> Any:
        """Do it; `async def` or `def`. What it returns is the call's result, and what it raises is its error.

        A plain `def` (or what a plain one does before it returns an awaitable) is run in the dispatching task: all of a batch in one step, in
        order. So starts of children that are plain are registered before the first of them begins. The rest of a batch runs in a task for each call.
        """
        raise NotImplementedError(
            f"{type(self).__qualname__} got {arguments!r}, but defines no run(self, arguments, ctx)"
        )

    def __repr__(self) -> str:
        """Show its name."""
        return f"<{type(self).__name__} {self.name!r}>"


class FunctionTool(Tool):
    """Be the tool that a function is; made by `tool`."""

    def __init__(
        self,
        function: ToolFunction,
        traits: Traits | Callable[[Arguments], Traits],
        *,
        name: str | None = None,
        schema: Mapping[str, Any] | None = None,
    ) -> None:
        self._function = function
        self._traits = traits
        self.name = getattr(function, "__name__", "") if name is None else name
        self.description = (getattr(function, "__doc__", None) or "").strip()
        if schema is not None:
            self.schema = schema

    def traits(self, arguments: Arguments) -> Traits:
        """Say what a call is: the same for all, or as its own function says."""
        return self._traits if isinstance(self._traits, Traits) else self._traits(arguments)

    def run(self, arguments: Arguments, ctx: "Context") -> Any:
        """Call the function."""
        return self._function(arguments, ctx)


@overload
def tool(
    function: ToolFunction,
    /,
    *,
    name: str | None = None,
    schema: Mapping[str, Any] | None = None,
    traits: Callable[[Arguments], Traits] | None = None,
    **flags: Unpack[TraitFlags],
) -> FunctionTool: ...
@overload
def tool(
    *,
    name: str | None = None,
    schema: Mapping[str, Any] | None = None,
    traits: Callable[[Arguments], Traits] | None = None,
    **flags: Unpack[TraitFlags],
) -> Callable[[ToolFunction], FunctionTool]: ...
def tool(
    function: ToolFunction | None = None,
    /,
    *,
    name: str | None = None,
    schema: Mapping[str, Any] | None = None,
    traits: Callable[[Arguments], Traits] | None = None,
    **flags: Unpack[TraitFlags],
) -> Any:
    """Make a tool of a function `def` or `async def f(arguments, ctx)`; as a decorator, or as a call: `tool(self.search, read_only=True)`.

    Args:
        function: does it; its first name and its docstring are the tool's.
        name: another name.
        schema: the JSON schema of its arguments.
        traits: says what a call is, from its arguments; or else give the flags.
        flags: of `Traits`, the same for all calls; without any, every call needs approval and stands alone.

    Raises:
        InvalidSpec: there is no function or no name, an unknown flag, or both traits and flags.
    """
    if function is None:
        return partial(tool, name=name, schema=schema, traits=traits, **flags)
    if not callable(function):
        raise InvalidSpec(f"tool: {function!r} is no function")
    if traits is not None and flags:
        raise InvalidSpec("tool: give either traits, as a function of the arguments, or flags")
    if traits is not None and not callable(traits):
        raise InvalidSpec(f"tool: traits is {traits!r}; give a function of the arguments")
    try:
        made = FunctionTool(function, traits or Traits(**flags), name=name, schema=schema)
    except TypeError as error:
        raise InvalidSpec(f"tool: {error}") from None
    tools_by_name([made])
    return made


def tools_by_name(tools: Iterable[object]) -> dict[str, Tool]:
    """Return tools by their names.

    Raises:
        InvalidSpec: something is no tool, has no name, or the name of another.
    """
    found: dict[str, Tool] = {}
    for each in tools:
        if not isinstance(each, Tool):
            raise InvalidSpec(f"tools: {each!r} is no Tool; make one of a function by tool(...)")
        name: object = each.name
        if not isinstance(name, str) or not name:
            raise InvalidSpec(f"tools: {each!r} has no name; give it one")
        if name in found:
            raise InvalidSpec(f"tools: two are called {name!r}; a name calls one tool")
        found[name] = each
    return found


def find_tool(name: object, tools: Mapping[str, Tool]) -> Tool:
    """Return the tool of a name. Raises CallRefused, with the names that there are."""
    if not isinstance(name, str):
        raise CallRefused(f"the name of a tool is a string, not of type {type(name).__name__}")
    if name not in tools:
        raise CallRefused(f"no tool {name!r}; {did_you_mean(name, tools, others='there are', none='there are none')}")
    return tools[name]
