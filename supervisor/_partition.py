"""Partitions: which of n copies sees to a key. Pure, and the same in every process: never the built-in hash, which is not."""

from typing import Any, cast
from zlib import crc32

from ..actors import InvalidSpec
from ..mailbox import shown


def place_of(key: Any, partitions: int) -> int:
    """Return the index of the partition of a key. Raises InvalidSpec for what cannot be a key."""
    if type(key) is int:
        return key % partitions
    return crc32(tagged(key)) % partitions


def tagged(key: Any) -> bytes:
    """Return a key's type and value as bytes: other keys give others. Raises InvalidSpec for what cannot be a key."""
    match key:
        case tuple() if type(key) is tuple:  # pyright: ignore[reportUnknownArgumentType]
            parts = [tagged(part) for part in cast("Any", key)]
            return b"tuple(" + b"".join(b"%d:" % len(part) + part for part in parts) + b")"
        case str() if type(key) is str:
            return b"str:" + key.encode("utf-8", "surrogatepass")
        case bytes() if type(key) is bytes:
            return b"bytes:" + key
        case None:
            return b"None"
        case int() | float() if type(key) in (int, float, bool):
            return f"{type(key).__name__}:{key!r}".encode()
        case _:
            raise InvalidSpec(
                f"{shown(key)} cannot be a key: give an int, str, bytes, float, bool, None, or a tuple of these"
            )
