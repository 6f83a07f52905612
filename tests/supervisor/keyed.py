"""Children whose specifications have keys."""

from typing import Any

from greenroom import Actor, Context, Supervisor


class Quiet(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Exception):
            raise message


def keys(root: Supervisor) -> list[Any]:
    return [each.key for each in root.registry.select(lambda _: True)]
