"""Names that are imported when they are first asked for.

Why? pytest imports the plugin of every package that is installed, and with it the packages around it. Whoever does not use this one should not
wait for Trio and three rooms; nor should `greenroom --version`.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any


def find_later(package: dict[str, Any], modules: Sequence[str]) -> Callable[[str], Any]:
    """Return a module's `__getattr__`: it finds the names of `__all__` in some of the package's modules, and keeps them.

    The module gets a `__dir__` as well, which lists them.

    Args:
        package: the package's globals.
        modules: where to look, relative, in order; their own names are found as well.
    """

    def find(name: str) -> Any:
        if name in package["__all__"]:
            for module in modules:
                found = vars(import_module(module, package["__name__"]))
                if name in found:
                    package[name] = found[name]
                    return found[name]
        if f".{name}" in modules:
            return import_module(f".{name}", package["__name__"])
        raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}")

    # What can be had is listed, though it is not there yet: for completion, and for who looks what was meant.
    package["__dir__"] = lambda: sorted({*package, *package["__all__"]})
    return find
