"""Small drawn programs of actors, whose outcome is how each mailbox was served: for comparing ways of going through their schedules."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any
from zlib import crc32

import attrs
import trio

from greenroom import Actor, Context, Request, open_supervisor
from greenroom.races import Sim


@attrs.frozen
class Job(Request[int]):
    tag: str
    hops: int


class Node(Actor[Any]):
    """Do what the script says of each message, and keep what came."""

    def __init__(self, number: int, peers: list[Any], got: list[str], script: list[tuple[str, int]], bug: bool) -> None:
        self.number, self.peers, self.got, self.script, self.bug = number, peers, got, script, bug

    async def receive(self, message: Job, ctx: Context) -> int:
        self.got.append(message.tag)
        for act, to in self.script:
            if act == "pause":
                await trio.lowlevel.checkpoint()
            elif message.hops and act == "tell":
                ctx.tell(self.peers[to], Job(f"{message.tag}{self.number}", message.hops - 1))
            elif message.hops and act == "ask" and to > self.number:
                await self.peers[to].ask(Job(f"{message.tag}{self.number}?", message.hops - 1))
        if self.bug and len(self.got) > 1 and self.got[-1] < self.got[-2]:
            raise LookupError(self.got[-1])
        return len(self.got)


class Own(Node):
    own_task = True


class Plain(Actor[Any]):
    def __init__(self, number: int, peers: list[Any], got: list[str], script: list[tuple[str, int]], bug: bool) -> None:
        self.number, self.peers, self.got, self.script = number, peers, got, script

    def receive(self, message: Job, ctx: Context) -> int:
        self.got.append(message.tag)
        for act, to in self.script:
            if message.hops and act == "tell":
                self.peers[to].tell(Job(f"{message.tag}{self.number}", message.hops - 1))
        return len(self.got)


def draw_tree(seed: int, *, most: int = 3) -> Callable[[Sim], Awaitable[None]]:
    """Return a scenario that is the same for the same seed; it fails in one way for each way in which its mailboxes are served."""
    random = Random(seed)
    count = random.randint(2, most)
    kinds = [random.choice([Plain, Plain, Node, Own, Own]) for _ in range(count)]
    bugs = [random.random() < 0.3 for _ in range(count)]
    acts = ["pause", "tell", "tell", "tell", "ask"]
    scripts = [
        [(random.choice(acts), random.choice([0, random.randrange(count)])) for _ in range(random.randint(1, 2))]
        for _ in range(count)
    ]
    for script in scripts[1:]:
        if random.random() < 0.6:
            script[-1] = ("tell", 0)
    first = [(number, tag) for number, tag in enumerate("abc"[:count]) if number or random.random() < 0.3]

    async def tree(sim: Sim) -> None:
        got: list[list[str]] = [[] for _ in range(count)]
        async with open_supervisor("t") as root:
            peers: list[Any] = []
            for number, kind in enumerate(kinds):
                make: Any = kind
                peers.append(
                    root.start_soon(make, number, peers, got[number], scripts[number], bugs[number], name=f"n{number}")
                )
            for to, tag in first:
                peers[to].tell(Job(tag, 1))
            await trio.sleep(1)
            states = [ref.lifecycle for ref in peers]
        outcome = f"{got} {states}"
        raise type(f"Outcome{crc32(outcome.encode())}", (Exception,), {})(outcome)

    return tree
