"""A slot's children, as its family keeps them: by key.

Whoever was given a name has it for a key. Of the many that were given none, the key is the uid, and the name is made of it whenever somebody asks:
a name that nobody asks for is never made, and weighs nothing. No two children have the same name all the same.
"""

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._blueprint import Blueprint
    from ._slot import Slot

#: A number with more digits than that is no uid.
MAX_DIGITS = 18


def name_of(key: str | int, blueprint: "Blueprint") -> str:
    """Return what who has this key is called: as it was told, or by what it is and its uid."""
    return key if isinstance(key, str) else f"{blueprint.prefix}-{key}"


def find_child(children: Mapping[str | int, "Slot"], name: str) -> "Slot | None":
    """Return the child of a name, whether it was given it or not."""
    child = children.get(name)
    if child is None:
        uid = number_of(name)
        if uid is not None:
            child = children.get(uid)
            if child is not None and child.name != name:
                return None
    return child


def number_of(name: str) -> int | None:
    """Return the uid that a name ends in, if it may be one that was made of it."""
    if not name[-1:].isdecimal():
        return None
    digits = name.rpartition("-")[2]
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= MAX_DIGITS else None


def names_of(children: Mapping[str | int, "Slot"], most: int | None = None) -> list[str]:
    """Return the names, in the order of their registration: all of them, or the first ones."""
    return [child.name for child in islice(children.values(), most)]
