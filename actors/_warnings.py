"""Warnings: what is wrong with a slot and can be inspected. They go with the incarnation, but for what concerns the slot's own keys."""

from typing import Final

from ._slot import Slot

#: The name of the warning that keys of the specification are held by others.
KEYS: Final = "keys"


def lasting_warnings(slot: Slot) -> dict[str, str] | None:
    """Return the warnings that stay when an incarnation is over: a key that is not held is not held between two incarnations either."""
    warnings = None if slot.more is None else slot.more.warnings
    if not warnings or not slot.policy.keys or KEYS not in warnings:
        return None
    return {KEYS: warnings[KEYS]}


def lift_warning(slot: Slot, name: str) -> None:
    """Take a warning back. Plain."""
    more = slot.more
    if more is not None and more.warnings and name in more.warnings:
        more.warnings = {key: text for key, text in more.warnings.items() if key != name} or None
