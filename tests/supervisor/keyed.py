"""Children whose specifications have keys."""

from typing import Any

from greenroom import Actor, Context, Supervisor, SupervisorSpec

#: What no `keys` may be.
BAD_KEYS: list[Any] = [
    "db",
    b"db",
    7,
    None,
    ("a", "b"),
    {"a"},
    {"a": 1},
    [[]],
    [{}],
    [object()],
    [float("nan")],
    [1, 1],
    iter(["a"]),
    [("a", [])],
]


class Quiet(Actor[Any]):
    def receive(self, message: Any, ctx: Context) -> Any:
        if isinstance(message, Exception):
            raise message


class Fails(Quiet):
    async def startup(self, ctx: Context) -> None:
        raise OSError("no")


def keys(root: Supervisor) -> list[Any]:
    return [each.key for each in root.registry.select(lambda _: True)]


def team(*specs: Any, **options: Any) -> SupervisorSpec:
    return SupervisorSpec("team", list(specs), **options)
