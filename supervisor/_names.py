"""Names and paths by which callers look for children: what is none is told so, and not only that nobody is there."""

from collections.abc import Mapping

from ..actors import ActorRef, Slot, names_of
from ..mailbox import shown
from ._errors import ChildNotFound
from ._options import NAME

#: How many of the names that there are an error tells.
MOST_KNOWN = 10
WHAT_A_NAME_IS = "a name has 1 to 64 of the characters a-z, 0-9, _ and -"


def check_child_name(name: object) -> None:
    """Raise TypeError unless it is a string, which a child's name may be."""
    if not isinstance(name, str):
        raise TypeError(f"name: {shown(name)} is no name of a child; give a string{_of_ref(name, 'name')}")


def check_path(path: object) -> None:
    """Raise TypeError unless it is a string, which the path of an actor may be."""
    if not isinstance(path, str):
        raise TypeError(
            f"path: {shown(path)} is no path; give a string, absolute ('/stage/team/a') or relative to this supervisor ('team/a')"
            f"{_of_ref(path, 'path')}"
        )


def no_child(owner: str, name: str, children: Mapping[str | int, Slot]) -> ChildNotFound:
    """Return the error for a child that is not there; it says so if there never could be one of that name."""
    hint = ""
    if "/" in name:
        hint = "a child's name has no '/' in it; to reach who is further down, take `lookup_supervisor(path)` of who is above it"
    elif not NAME.fullmatch(name):
        hint = WHAT_A_NAME_IS
    return ChildNotFound(f"{owner}/{name}", tuple(names_of(children, MOST_KNOWN)), hint)


def _of_ref(given: object, what: str) -> str:
    return f": of a ref it is `ref.{what}`" if isinstance(given, ActorRef) else ""
