"""What a user writes about the registry and groups is understood."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, assert_type

from greenroom import (
    Actor,
    ActorRef,
    ChangeFeed,
    ChildSpec,
    Context,
    GroupChange,
    Joined,
    KeyInUse,
    Left,
    Listing,
    Membership,
    Publication,
    Registered,
    Registration,
    Registry,
    RegistryChange,
    RegistryKey,
    Unregistered,
    ValueChanged,
    open_supervisor,
)


class Colour(Enum):
    RED = 1


class Session(Actor[str]):
    def __init__(self, user: str) -> None:
        self.user = user

    async def receive(self, message: str, ctx: Context) -> None:
        ctx.register(("session", self.user, 3, 1.5, None, b"x", Colour.RED, (True,)), value=self)
        ctx.register("role", duplicate=True)
        assert_type(ctx.unregister("role"), int)
        ctx.join("all")
        assert_type(ctx.publish("all", message), Publication)
        assert_type(ctx.leave("all"), bool)
        assert_type(await ctx.registry.lookup_or_start("x", Session, "ann", parent=ctx), ActorRef[str])
        assert_type(ctx.start_soon(Session, "bob", keys=["bob", RegistryKey(7, "value")]), ActorRef[str])


async def worker(ctx: Context, size: int) -> None:
    print(ctx.path, size)


def is_large(value: Any) -> bool:
    return bool(value > 3)


async def main() -> None:
    spec = ChildSpec("session", Session, ("ann",), keys=["ann", ("user", 3), RegistryKey("role", duplicate=True)])
    async with open_supervisor("stage", children=[spec]) as root:
        registry = root.registry
        assert_type(registry, Registry)
        ref = await registry.lookup_or_start(Colour.RED, Session, "ann", parent=root, value=3, restart="permanent")
        assert_type(ref, ActorRef[str])
        assert_type(await registry.lookup_or_start(1, worker, 3, parent=ref), ActorRef[Any])
        assert_type(registry.whereis("ann"), ActorRef[Any] | None)
        assert_type(registry.lookup("ann"), list[Registration])
        assert_type(registry.match("ann", is_large), list[Registration])
        assert_type(registry.select(lambda each: each.duplicate), list[Registration])
        assert_type(registry.update_value("ann", ref, lambda value: value + 1), tuple[Any, Any])
        assert_type(registry.count(), int)
        try:
            registry.register("ann", ref, 1)
        except KeyInUse as error:
            print(error.key, error.holder)
        async with registry.subscribe("ann") as feed:
            assert_type(feed, ChangeFeed[RegistryChange])
            async for change in feed:
                match change:
                    case Listing():
                        assert_type(change.entries, tuple[Registration, ...])
                    case Registered() | Unregistered() | ValueChanged():
                        assert_type(change.registration, Registration)
        async with root.groups.subscribe() as changes:
            assert_type(changes, ChangeFeed[GroupChange])
            async for each in changes:
                match each:
                    case Listing():
                        assert_type(each.entries, tuple[Membership, ...])
                    case Joined() | Left():
                        assert_type(each.membership, Membership)
        told = root.groups.publish("all", "hello", sender=ref)
        assert_type(told.delivered, Mapping[ActorRef[Any], int])
        assert_type(told.refused, Mapping[ActorRef[Any], Exception])
