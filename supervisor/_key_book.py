"""The keys of a whole set of specifications: which of them cannot be had together."""

from collections.abc import Iterable, Iterator
from typing import Any

from ..actors import Registry, RegistryKey, Slot
from ._declared import Declared


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


def keys_in_use(declared: Declared, child: Slot | None, registry: Registry) -> Iterator[str]:
    """Say which keys of a specification another holds than the child, if that is there."""
    for key in declared.policy.keys:
        holder = registry.holder(key.canon)
        if holder is not None and holder.slot is not child and not (holder.duplicate and key.duplicate):
            yield f"{declared.name}: keys: {key.key!r} is in use by {holder.slot.path}"
