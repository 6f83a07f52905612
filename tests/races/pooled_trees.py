"""Small drawn programs of actors that share their tasks: asks with and without timeouts, stops, crashes, restarts and monitors."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any
from zlib import crc32

import attrs
import trio

from greenroom import Actor, AskTimeout, Context, Down, GreenroomError, Intensity, Request, open_supervisor
from greenroom.races import Sim


@attrs.frozen
class Job(Request[int]):
    tag: str
    hops: int


@attrs.frozen
class Script:
    """Hold what an actor does of each message, and whether it minds the order in which they come."""

    acts: list[tuple[str, int]]
    bug: bool


class Pooled(Actor[Any]):
    """Do what the script says, and keep what came."""

    def __init__(self, number: int, peers: list[Any], got: list[str], script: Script) -> None:
        self.number, self.peers, self.got, self.script = number, peers, got, script

    async def receive(self, message: Any, ctx: Context) -> int:
        if isinstance(message, Down):
            self.got.append(f"down {message.ref.name}")
            return 0
        self.got.append(message.tag)
        tag = f"{message.tag}{self.number}"
        for act, to in self.script.acts:
            peer = self.peers[to]
            if act == "pause":
                await trio.lowlevel.checkpoint()
            elif not message.hops:
                continue
            elif act == "tell":
                peer.tell(Job(tag, message.hops - 1))
            elif act in {"ask", "ask in time"} and to > self.number:
                await self._ask(peer, Job(f"{tag}?", message.hops - 1), 0.1 if act == "ask in time" else None)
            elif act == "sleep":
                await trio.sleep(0.1)
            elif act == "stop":
                peer.request_stop()
            elif act == "crash":
                raise KeyError(tag)
            elif act == "watch" and to != self.number:
                ctx.monitor(peer)
        if self.script.bug and len(self.got) > 1 and self.got[-1] < self.got[-2]:
            raise LookupError(self.got[-1])
        return len(self.got)

    async def _ask(self, peer: Any, job: Job, seconds: float | None) -> None:
        try:
            await peer.ask(job, timeout=seconds)
        except AskTimeout:
            self.got.append("late")
        except GreenroomError as error:
            self.got.append(type(error).__name__)


ACTS = [*["tell"] * 5, *["ask"] * 3, "ask in time", "pause", "pause", "sleep", "stop", "crash", "watch"]


def draw_pooled(seed: int, *, most: int = 4) -> Callable[[Sim], Awaitable[None]]:
    """Return a scenario that is the same for the same seed; it fails in one way for each way in which its mailboxes are served."""
    random = Random(seed)
    count = random.randint(2, most)
    scripts = [
        Script(
            [(random.choice(ACTS), random.randrange(count)) for _ in range(random.choice([1, 2, 2, 3]))],
            random.random() < 0.3,
        )
        for _ in range(count)
    ]
    hops = random.choice([1, 2])
    restarts = [random.choice(["temporary", "transient", "permanent"]) for _ in range(count)]
    first = [(number, tag) for number, tag in enumerate("abcd"[:count]) if not number or random.random() < 0.8]

    async def tree(sim: Sim) -> None:
        got: list[list[str]] = [[] for _ in range(count)]
        async with open_supervisor("t", intensity=Intensity(10, 5)) as root:
            peers: list[Any] = []
            for number, script in enumerate(scripts):
                options: Any = {"restart": restarts[number], "name": f"n{number}"}
                peers.append(root.start_soon(Pooled, number, peers, got[number], script, **options))
            for to, tag in first:
                try:
                    peers[to].tell(Job(tag, hops))
                except GreenroomError:
                    got[to].append("refused")
            await trio.sleep(1)
            states = [ref.lifecycle for ref in peers]
            reports = [f"{type(report).__name__} {report.path}" for report in root.reports.drain()]
        outcome = f"{got} {states} {reports}"
        raise type(f"Outcome{crc32(outcome.encode())}", (Exception,), {})(outcome)

    return tree
