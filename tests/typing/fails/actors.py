"""What a user gets wrong about actors is seen before it runs."""

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    ChildSpec,
    Context,
    Limits,
    MailboxSpec,
    Request,
    Service,
    Turn,
    open_supervisor,
)
from greenroom.mcp import mcp_server


class Add:
    pass


class Total(Request[int]):
    pass


class Counter(Actor[Add | Total]):
    def __init__(self, start: int = 0) -> None:
        self.total = start

    async def receive(self, message: Add | Total, ctx: Context) -> int | None:
        return self.total if isinstance(message, Total) else None


class Confused(Actor[int]):
    async def receive(self, message: str, ctx: Context) -> None:  # error: it is sent numbers
        pass


class Writer(Agent[str]):
    async def turn(self, turn: Turn[int], ctx: Context) -> None:  # error: its turns are of strings
        pass


async def worker(ctx: Context, size: int) -> None:
    print(await ctx.receive(), size)
    ctx.start_soon(Counter, "three")  # error
    ctx.start_soon(Counter, restart="always")  # error
    await ctx.start(Counter, nme="counter")  # error
    ctx.heartbeat(extend="5")  # error
    ctx.run_in_background(worker, ctx, "three")  # error
    ctx.run_in_background(len, "three")  # error: not async
    ctx.run_in_background(worker, ctx, 3, deliver="post")  # error


async def main() -> None:
    open_supervisor("stage", strategy="all")  # error
    async with open_supervisor("stage") as root:
        counter = root.start_soon(Counter, 3)
        counter.tell("three")  # error: it takes no strings
        counter.try_tell(3)  # error
        await counter.ask("three")  # error: no request, so nobody knows the answer's type
        text: str = await counter.ask(Total())  # error: the answer is a number
        print(text)
        await counter.ask(Total(), timeout="1")  # error
        wider: ActorRef[Add | Total | str] = counter  # error: it takes no strings under another name either
        print(wider)
        root.start_soon(Counter, "three")  # error
        root.start_soon(Counter, 3, 4)  # error
        root.start_soon(Counter, start=3)  # error: keywords go in with functools.partial
        root.start_soon(Counter, restart="always")  # error
        root.start_soon(Counter, mail="three")  # error
        root.start_soon(Counter, on_error={OSError: "retry"})  # error: no such word
        root.start_soon(Counter, on_error={KeyboardInterrupt: "stop"})  # error: no Exception
        root.start_soon(Counter, on_error="resume")  # error
        root.start_soon(Counter, on_overdue="kill")  # error
        root.start_soon(Counter, handler_timeout="5")  # error
        root.start_soon(worker)  # error: a size is missing
        root.start_soon(worker, "three")  # error
        root.start_soon(len)  # error: neither an actor nor an async function
    ChildSpec("counter", Counter, restart="always")  # error
    MailboxSpec(3, "drop")  # error
    Limits(max_actors="many")  # error
    Service("db", connect=3)  # error
    mcp_server("time", command="time", approval="never")  # error
