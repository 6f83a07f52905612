"""The public names, as a list that changes only on purpose.

`python tests/house/test_public_names.py` writes the list anew.
"""

import difflib
import importlib
import inspect
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

SNAPSHOT = Path(__file__).with_name("public_names.txt")
COMMAND = f".venv/bin/python -P {SNAPSHOT.parent.parent.name}/house/{Path(__file__).name}"
ROOT = Path(__file__).resolve().parents[2]
#: Those of the site's reference.
MODULES = runpy.run_path(str(ROOT / "docs" / "markup.py"))["MODULES"]


def is_ours(thing: object) -> bool:
    return str(getattr(thing, "__module__", "")).split(".")[0] == "greenroom"


def is_async(thing: object) -> bool:
    """Whether calling it, or entering what it returns, may be awaited."""
    function = inspect.unwrap(thing) if callable(thing) else thing
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def attributes(cls: type) -> Iterator[tuple[str, object]]:
    """Yield the public attributes that a class has from greenroom, in the order of their names."""
    bases = [base for base in cls.__mro__ if is_ours(base)]
    names = {name for base in bases for name in (*vars(base), *vars(base).get("__annotations__", {}))}
    for name in sorted(names):
        if not name.startswith("_"):
            yield name, inspect.getattr_static(cls, name, None)


def line(name: str, thing: object) -> str:
    thing = getattr(thing, "__func__", thing)  # static and class methods
    if isinstance(thing, type):
        return f"class {name}"
    if is_async(thing):
        return f"async {name}()"
    return f"{name}()" if inspect.isroutine(thing) else name


def public() -> Iterator[tuple[str, str, object]]:
    """Yield (module, qualified name, thing) of everything public."""
    for module in MODULES:
        namespace = importlib.import_module(module)
        for name in sorted(namespace.__all__):
            thing = getattr(namespace, name)
            yield module, name, thing
            if isinstance(thing, type):
                for attribute, value in attributes(thing):
                    yield module, f"{name}.{attribute}", value


def rendered() -> str:
    lines: list[str] = []
    for module, name, thing in public():
        owner, _, last = name.rpartition(".")
        lines.append(f"    {line(last, thing)}" if owner else f"{module}: {line(name, thing)}")
    return "\n".join(lines) + "\n"


def contracts_missing(functions: Iterator[tuple[str, Callable[..., object]]]) -> list[str]:
    """Say which async functions do not state their checkpoints and what a cancelled caller leaves behind."""
    return [
        f"{name}: no {word!r} in its docstring"
        for name, function in functions
        for word in ("Checkpoint:", "Cancellation:")
        if word not in (inspect.getdoc(function) or "")
    ]


def test_the_public_names_are_the_ones_that_were_agreed_on() -> None:
    agreed, found = SNAPSHOT.read_text().splitlines(), rendered().splitlines()
    difference = "\n".join(difflib.unified_diff(agreed, found, "agreed", "found", lineterm="", n=1))
    assert agreed == found, f"{difference}\nIf this is on purpose: {COMMAND}"


def test_every_public_async_function_states_its_checkpoints_and_its_cancellation() -> None:
    functions = ((name, thing) for _, name, thing in public() if callable(thing) and is_async(thing))
    assert contracts_missing(functions) == []


def test_a_docstring_without_the_contract_is_noticed() -> None:
    async def wait() -> None:
        """Wait.

        Checkpoint: always.
        """

    assert contracts_missing(iter([("wait", wait)])) == ["wait: no 'Cancellation:' in its docstring"]


if __name__ == "__main__":
    SNAPSHOT.write_text(rendered())
    sys.stdout.write(f"wrote {SNAPSHOT}\n")
