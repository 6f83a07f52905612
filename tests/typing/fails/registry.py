"""What a user gets wrong about the registry and groups is seen before it runs."""

from greenroom import Actor, ChildSpec, Context, RegistryKey, open_supervisor


class Session(Actor[str]):
    def __init__(self, user: str) -> None:
        self.user = user

    async def receive(self, message: str, ctx: Context) -> None:
        ctx.register(["session"])  # error: a list is no key
        ctx.register(("session", {}))  # error
        ctx.register("role", duplicate="yes")  # error
        ctx.join(object())  # error
        ctx.publish("all")  # error: nothing to tell


async def main() -> None:
    ChildSpec("session", Session, ("ann",), keys=[object()])  # error
    ChildSpec("session", Session, ("ann",), keys=3)  # error: no list
    RegistryKey([])  # error
    async with open_supervisor("stage") as root:
        registry = root.registry
        await registry.lookup_or_start("x", Session, 3, parent=root)  # error: a user is a str
        await registry.lookup_or_start("x", Session, "ann")  # error: whose child is it?
        await registry.lookup_or_start("x", Session, "ann", parent="root")  # error
        await registry.lookup_or_start("x", Session, "ann", parent=root, restart="always")  # error
        registry.register("x", "ref")  # error
        registry.match("x", 3)  # error: no function
        text: str = registry.whereis("x")  # error
        print(text)
        registry.lookup({})  # error
        root.start_soon(Session, "ann", keys=[object()])  # error
        async with registry.subscribe(buffer="9") as feed:  # error
            print(feed)
