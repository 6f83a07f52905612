"""Who works in the fan-out: shelves, each with an MCP server; readers, one for each part of the texts; and the chief, who starts them all.

The chief does it in one turn, by one dispatch: a start for each reader, which is one batch, and then waits, each of which is a batch of its own.
Whatever comes in between, each call has one result, and each reader one outcome; the account at the end puts the two together.
"""

import logging
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import trio

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    AgentTool,
    Call,
    CallResult,
    ChildEnded,
    ChildStartupFailed,
    Context,
    Dispatch,
    Request,
    Service,
    Startable,
    Turn,
    TurnFinished,
)
from greenroom.mcp import McpConnection, McpConnectionLost, mcp_server, mcp_tools

logger = logging.getLogger(__name__)

SERVER = Path(__file__).resolve().parent / "shelf_server.py"
#: Waits that follow the starts: the first for the first quarter of the readers, and so on.
WAITS = 4
#: Seconds for which a reader that starts waits for its shelf, at most. It holds a launch permit meanwhile, and a shelf that is started again may
#: need one: who waited for ever would wait for himself. Afterwards it is ready, and its question waits in the shelf's mailbox.
PATIENCE = 10.0
#: Seconds until an answer counts as lost.
ANSWER = 120.0


# -- messages


@attrs.frozen
class Look(Request[list[CallResult]]):
    """Ask a shelf for some calls of its server's tools; they are made at the same time, if the server bears it."""

    calls: tuple[Call, ...]


@attrs.frozen
class Survey:
    """Ask the chief to have everything read."""


@attrs.frozen
class Settle(Request["Account"]):
    """Ask the chief for the account, once nobody works any more."""


@attrs.frozen
class Finding:
    """Tell what a reader has found in its part."""

    lines: int
    words: int
    counts: dict[str, int]
    longest: tuple[str, int, str]  # path, line, text


@attrs.frozen
class Entry:
    """Be one line of the account: a call, its one result, and for a start what came of the reader.

    Attributes:
        id: of the call.
        call: what came of the call itself: "completed", "interrupted", "not begun", …
        outcome: of a start: what came of the reader's work. Of other calls the same as `call`.
        cause: why it did not complete.
        finding: what the reader brought.
    """

    id: str
    call: str
    outcome: str
    cause: str = ""
    finding: Finding | None = None


@attrs.frozen
class Account:
    """Hold one entry for each call, in the order of the calls."""

    entries: tuple[Entry, ...]

    def findings(self) -> list[Finding]:
        """Return all that was found."""
        return [entry.finding for entry in self.entries if entry.finding is not None]


# -- shelves and readers


class Shelf(Actor[Look]):
    """Own one MCP server, and make the calls that others ask for. If the server dies, so does the shelf, and both are started again."""

    def __init__(self, folder: Path, pace: float) -> None:
        arguments = [str(SERVER), "--root", str(folder), "--pace", str(pace)]
        self._server = mcp_server(
            "shelf", command=sys.executable, args=arguments, supports_parallel_tool_calls=True, approval="auto",
            exit_grace=0.5, term_grace=0.5,
        )  # fmt: skip

    def services(self) -> list[Service[McpConnection]]:
        """Return the server: this actor is ready when its handshake is done."""
        return [self._server]

    async def receive(self, message: Look, ctx: Context) -> list[CallResult]:
        """Make the calls: two reads are one batch. Without its server it is no shelf: it crashes at once, before it fails the next one too."""
        results = await Dispatch(message.calls, tools=mcp_tools(ctx.services["shelf"])).run(ctx)
        for result in results:
            if isinstance(result.error, McpConnectionLost):
                raise result.error
        return results


class Reader(Agent[dict[str, int]]):
    """Read one part of the texts, with the help of a shelf."""

    def __init__(self, shelf: ActorRef[Look]) -> None:
        self._shelf = shelf

    async def startup(self, ctx: Context) -> None:
        """Be ready when the shelf is: that is slow, since a server has to start."""
        with trio.move_on_after(PATIENCE):
            await self._shelf.wait_ready()

    async def turn(self, turn: Turn[dict[str, int]], ctx: Context) -> Finding:
        """Ask for what is to be known of the part."""
        part = turn.mail[0].message
        calls = (Call("words", "count_words", part), Call("longest", "longest_line", part))
        results = await self._shelf.ask(Look(calls), timeout=ANSWER)
        for result in results:
            if result.error is not None:
                raise result.error
        return found_in(*(result.value.structured_content for result in results))


def found_in(words: dict[str, Any], longest: dict[str, Any]) -> Finding:
    """Read what the server's two tools have told."""
    place = longest["path"], longest["number"], longest["text"]
    return Finding(words["lines"], words["words"], words["counts"], place)


# -- the chief


class Chief(Agent[Survey | Settle]):
    """Start all readers in one turn, wait for them, and account for every call.

    Args:
        shelves: who answers the readers; they take turns.
        count: how many readers.
    """

    def __init__(self, shelves: Sequence[ActorRef[Look]], count: int) -> None:
        self._shelves = shelves
        self._count = count
        self._work: Dispatch | None = None
        #: path of a reader -> all that was ever told of how its work ended; one thing each, if all is well.
        self._told: dict[str, list[Entry]] = {}

    def tools(self, ctx: Context) -> list[AgentTool]:
        """Return the agent tool: it can start a reader at any of the shelves, and nothing else."""
        return [
            AgentTool({
                shelf.name: Startable(partial(Reader, shelf), options={"labels": {"shelf": shelf.name}})
                for shelf in self._shelves
            })
        ]  # fmt: skip

    def plan(self) -> list[Call]:
        """Return the calls, in the words in which a model would write them."""
        names = [f"part-{number:0{len(str(self._count))}}" for number in range(1, self._count + 1)]
        starts = [
            Call(name, "agent", {
                "action": "start", "factory": self._shelves[at % len(self._shelves)].name, "name": name,
                "message": {"part": at + 1, "of": self._count},
            })
            for at, name in enumerate(names)
        ]  # fmt: skip
        quarters = [names[self._count * n // WAITS : self._count * (n + 1) // WAITS] for n in range(WAITS)]
        waits = [
            Call(f"wait-{n}", "agent", {"action": "wait", "agents": quarter, "timeout": 3_600})
            for n, quarter in enumerate(quarters, start=1)
            if quarter
        ]
        return [*starts, *waits]

    async def turn(self, turn: Turn[Survey | Settle], ctx: Context) -> Account | None:
        """Do what the mail says."""
        wanted = [mail.message for mail in turn.mail]
        if any(isinstance(each, Survey) for each in wanted):
            self._work = Dispatch(self.plan())
            say(ctx, f"makes {len(self._work.calls)} calls in one turn")
            await self._work.run(ctx)  # interrupted, it raises; the results are there all the same
        return await self._settle(turn, ctx) if any(isinstance(each, Settle) for each in wanted) else None

    async def _settle(self, turn: Turn[Survey | Settle], ctx: Context) -> Account:
        """Hear the end of every reader's work, and make the account."""
        assert self._work is not None, "there has been no survey"
        starts = [result for result in self._work.results if is_start(result)]
        while True:
            for mail in turn.drain():
                self._note(mail.message)
            turn.commit()  # noted once, also if this turn should be interrupted
            if all(result.value["path"] in self._told for result in starts):
                break
            await ctx.wait_for_mail(timeout=ANSWER)
        return Account(tuple(self._entry(result) for result in self._work.results))

    def _note(self, report: Any) -> None:
        """Note how the work of a reader ended."""
        match report:
            case TurnFinished(path=path, outcome=outcome):
                finding = outcome.result if isinstance(outcome.result, Finding) else None
                entry = Entry(path, "completed", outcome.kind, outcome.cause, finding)
            case ChildStartupFailed(path=path, cause=cause):
                entry = Entry(path, "completed", "failed to start", cause)
            case ChildEnded(path=path, reason=reason) if path not in self._told:
                entry = Entry(path, "completed", "ended", str(reason))
            case _:
                return
        self._told.setdefault(path, []).append(entry)

    def _entry(self, result: CallResult) -> Entry:
        """Put what came of a call together with what came of the reader that it started."""
        if not is_start(result):
            return Entry(str(result.id), result.kind, result.kind, result.cause)
        (told,) = self._told[result.value["path"]]  # exactly one; anything else is an error, and is seen
        return attrs.evolve(told, id=str(result.id), call=result.kind)


def is_start(result: CallResult) -> bool:
    """Return whether a call has started a reader."""
    return result.kind == "completed" and "uid" in result.value


def often_in(findings: Sequence[Finding], limit: int) -> list[tuple[str, int]]:
    """Return the words that come most often in what was read."""
    counts: Counter[str] = Counter()
    for finding in findings:
        counts.update(finding.counts)
    return sorted(counts.items(), key=lambda c: (-c[1], c[0]))[:limit]


def say(ctx: Context, text: str) -> None:
    """Tell the story."""
    logger.info("%s", text, extra={"path": ctx.path})
