"""The keys of a whole set of specifications: which of them cannot be had together. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any

from ..actors import RegistryKey


class KeyBook:
    """Note who wants which keys, and tell of those that two cannot both have."""

    def __init__(self) -> None:
        #: key -> where it was wanted first, and whether others may have it too.
        self._wanted: dict[Any, tuple[str, bool]] = {}

    def note(self, where: str, keys: Iterable[RegistryKey]) -> Iterator[str]:
        """Note one specification's, and say what is wrong with it beside those before."""
        for key in keys:
            first, duplicate = self._wanted.setdefault(key.canon, (where, key.duplicate))
            if first != where and not (duplicate and key.duplicate):
                yield f"{where}: keys: {key.key!r} is wanted by {first}, too; that takes duplicate=True in both"
