"""A group restart, as the rules tell of it."""

import attrs

from .kid import Kid


@attrs.define(eq=False)
class Group:
    """Be a pending group restart."""

    members: list[Kid]
    owed: list[Kid]
    delay: float
    to_stop: list[Kid]
    ordered: Kid | None = None
    phase: str = "stopping"
    due: float | None = None
    line: list[Kid] = attrs.field(factory=list[Kid])
    at: Kid | None = None
