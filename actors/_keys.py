"""Keys: what names an entry of the registry, or a group. Pure.

Keys compare by type and value: `1`, `1.0` and `True` are three. The tables hold them as pairs of type and value, and a key that compared or hashed by
code of the user's would have that run in the middle of a change of state. So only types are keys whose comparison is Python's own; an enum's
member, which may have a comparison of its own, is held by its identity.
"""

from collections.abc import Sequence
from enum import Enum
from types import NoneType
from typing import Any, Final, TypeAlias, cast

import attrs

#: What may be a key, for type checkers.
Keyable: TypeAlias = str | int | float | bytes | Enum | tuple["Keyable", ...] | None
#: A key as the tables hold it: hashed and compared without any code of the user's.
Canon: TypeAlias = tuple[type, Any]

_PLAIN: Final = frozenset({str, int, float, bool, bytes, NoneType})
#: How deep tuples may lie in tuples: Python hashes them by recursion in C, which nothing bounds.
DEEPEST: Final = 16


def canon_of(key: object, what: str = "key") -> Canon:
    """Return a key as the tables hold it. Plain function; runs no user code.

    Raises:
        TypeError: it is of a type that is no key. ValueError: a NaN, which is not equal to itself, or tuples that lie too deep.
    """
    return _canon(key, what, DEEPEST)


def _canon(key: object, what: str, depth: int) -> Canon:
    kind = type(key)
    if kind in _PLAIN:
        if key != key:  # noqa: PLR0124 -- only a NaN is not
            raise ValueError(f"{what} is a NaN, which no look-up would ever find; give another")
        return (kind, key)
    if kind is tuple:
        if not depth:
            raise ValueError(f"{what} has tuples in tuples, more than {DEEPEST} deep; give a flatter one")
        return (tuple, tuple([_canon(part, what, depth - 1) for part in cast("Any", key)]))
    if issubclass(kind, Enum):
        return (Enum, id(key))
    raise TypeError(
        f"{what} is of type {kind.__qualname__}, which is no key; give a str, an int, a float, a bool, bytes, None, a member of an enum, "
        "or a tuple of these (subclasses compare by their own code, so they are none)"
    )


@attrs.frozen
class RegistryKey:
    """Name a key in a child's specification that has a value, or that others may have too.

    Args:
        key: a str, int, float, bool, bytes, None, a member of an enum, or a tuple of these.
        value: what look-ups show beside the ref.
        duplicate: others may take it, too, if they say the same.

    Raises:
        TypeError, ValueError: it is no key, or `duplicate` is no boolean.
    """

    key: Keyable
    value: Any = None
    duplicate: bool = attrs.field(default=False, kw_only=True)
    canon: Canon = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        """Check it."""
        check_duplicate(self.duplicate)
        object.__setattr__(self, "canon", canon_of(self.key))


def check_duplicate(duplicate: object) -> None:
    """Raise TypeError unless it is a boolean."""
    if type(duplicate) is not bool:
        raise TypeError(f"duplicate is {duplicate!r}; give True or False")


def read_keys(given: Sequence[Any]) -> tuple[RegistryKey, ...]:
    """Return the keys of a specification. Raises TypeError or ValueError for what is no key, or is given twice."""
    keys: dict[Canon, RegistryKey] = {}
    for at, each in enumerate(given):
        if isinstance(each, RegistryKey):
            key = each
        else:
            canon_of(each, f"keys[{at}]")
            key = RegistryKey(each)
        if key.canon in keys:
            raise ValueError(f"keys[{at}]: {key.key!r} is given twice")
        keys[key.canon] = key
    return tuple(keys.values())
