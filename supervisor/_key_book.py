"""The keys of a whole set of specifications: which of them cannot be had together."""

from collections.abc import Iterable, Iterator
from typing import Any

from ..actors import Registry, RegistryKey, Slot


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


def keys_in_use(where: str, keys: Iterable[RegistryKey], child: Slot | None, registry: Registry) -> Iterator[str]:
    """Say which keys of a specification another holds than the child, or who is below it, if that is there."""
    for key in keys:
        holder = registry.holder(key.canon)
        if holder is None or (holder.duplicate and key.duplicate):
            continue
        path = holder.slot.path
        if child is None or (holder.slot is not child and not path.startswith(f"{child.path}/")):
            yield f"{where}: keys: {key.key!r} is in use by {path}"
