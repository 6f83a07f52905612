"""A newsroom: an editor mails four correspondents before they are ready, and prints what they find out.

Each correspondent is an agent that needs an MCP server. Servers are slow to start, and one of the four does not exist; the editor does not
wait for any of them. What it knows, it knows from its mailbox: pieces from its correspondents, and reports from the runtime.
"""

import logging
import math
import re
import shutil
import sys
from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from textwrap import wrap
from typing import Any

import attrs

from greenroom import (
    ActorRef,
    Agent,
    ChildEnded,
    ChildStartupFailed,
    Context,
    Crashed,
    InvalidSpec,
    Service,
    StartupInProgress,
    Turn,
)
from greenroom.mcp import McpConnection, McpServerError, mcp_server

logger = logging.getLogger(__name__)

HERE = Path(__file__).resolve().parent
ZONES = ("Etc/UTC", "Asia/Tokyo")
WIDTH = 78  # characters of a line of the paper
PRESS_TIME = 20.0  # seconds; who has not delivered by then is not in the paper
COMMIT = re.compile(r"^Commit: ([0-9a-f]{40,64})\nAuthor: (.*)\nDate: (.*)\nMessage: (.*)$", re.MULTILINE)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


# -- messages


@attrs.frozen
class Assignment:
    """Ask a correspondent for a piece."""

    topic: str


@attrs.frozen
class Piece:
    """Deliver what a correspondent has found out."""

    by: str
    title: str
    lines: tuple[str, ...]


@attrs.frozen
class PressTime:
    """Say that the paper is printed now."""


# -- correspondents

Work = Callable[[McpConnection], Coroutine[Any, Any, list[str]]]


class Correspondent(Agent[Assignment]):
    """Work with one MCP server, for whoever mails an assignment."""

    def __init__(self, source: Service[McpConnection], work: Work) -> None:
        self._source = source
        self._work = work

    def services(self) -> list[Service[McpConnection]]:
        """Return the server: this agent is ready when its handshake is done."""
        return [self._source]

    async def startup(self, ctx: Context) -> None:
        """Say so."""
        source: McpConnection = ctx.services[self._source.name]
        tell(ctx, f"is ready: {server_of(source)} offers {len(source.tools)} tools")

    async def turn(self, turn: Turn[Assignment], ctx: Context) -> str:
        """Write a piece for each assignment, and mail it to who asked."""
        source: McpConnection = ctx.services[self._source.name]
        for mail in turn.mail:
            tell(ctx, f"opens its mail #{mail.seq}, and goes to work on {mail.message.topic}")
            try:
                lines = await self._work(source)
            except McpServerError as error:
                lines = [f"nothing to report: {error}"]
            title = f"{mail.message.topic}, as {server_of(source)} read it"
            ctx.tell(mail.sender, Piece(ctx.ref.name, title, tuple(map(plain, lines))))
        return f"{len(turn.mail)} delivered"


async def read_history(repository: Path, commits: int, source: McpConnection) -> list[str]:
    """Read the newest commits: hash, author's date, subject."""
    text = await call(source, "git_log", repo_path=str(repository), max_count=commits)
    found = COMMIT.findall(text)[:commits]
    lines = [line for name, _, date, subject in found for line in (f"{name}  {date[:16]}", f"    {cut(subject, 70)}")]
    return lines or ["no commit yet"]


async def read_clocks(source: McpConnection) -> list[str]:
    """Read the time in some zones."""
    lines: list[str] = []
    for zone in ZONES:
        told = await call(source, "get_current_time", timezone=zone)
        lines.append(f"{zone:<12}{datetime.fromisoformat(told['datetime']):%A, %Y-%m-%d %H:%M:%S}")
    return lines


async def read_archive(source: McpConnection) -> list[str]:
    """Read what there is, what it is about, and how the longest text begins."""
    texts = await call(source, "list_texts")
    if not texts:
        return ["the shelves are empty: no .md, .rst or .txt"]
    words = await call(source, "count_words", limit=6)
    longest = max(texts, key=lambda text: text["words"])
    total = sum(text["words"] for text in texts)
    used = ", ".join(f"{each['word']} ({each['count']})" for each in words) or "nothing"
    return [
        f"texts: {len(texts)}, of {total:,} words together",
        f"the longest: {longest['path']}, “{cut(longest['title'], 60)}”, {longest['words']:,} words",
        f"most used:   {used}",
    ]


async def call(source: McpConnection, tool: str, **arguments: object) -> Any:
    """Call a tool and return what it says: its structure if it has one, else its text."""
    called = await source.call_tool(tool, arguments)
    text = "\n".join(part.text for part in called.content if part.type == "text")
    if called.is_error:
        raise McpServerError(source.name, text)
    told = called.structured_content
    return text if told is None else told.get("result", told)


# -- the editor


class Editor(Agent[Piece | PressTime]):
    """Give out assignments, collect pieces, and go to press when nothing more can come.

    Args:
        repo: a folder of the git repository that is reported on.
        commits: how many of its newest commits.
        archive_delay: seconds that the archive takes to start.
    """

    def __init__(self, repo: str, *, commits: int = 5, archive_delay: float = 2.5) -> None:
        check_installed()
        check_numbers(commits, archive_delay)
        self._repository = find_repository(repo)
        self._commits = commits
        self._archive_delay = archive_delay
        self._pieces: dict[str, Piece] = {}
        self._missing: dict[str, str] = {}
        self._awaited: set[str] = set()

    async def startup(self, ctx: Context) -> None:
        """Start all correspondents, mail them, and wait for none."""
        tell(ctx, f"opens the newsroom; today's subject is {self._repository}")
        repository = str(self._repository)
        archive = [str(HERE / "slow_server.py"), "--root", repository, "--delay", str(self._archive_delay)]
        history = partial(read_history, self._repository, self._commits)
        team: dict[str, tuple[Service[McpConnection], Work]] = {
            "history": (server("git", sys.executable, "-m", "mcp_server_git", "-r", repository), history),
            "clock": (server("time", sys.executable, "-m", "mcp_server_time"), read_clocks),
            "archive": (server("archive", sys.executable, *archive), read_archive),
            "wire": (server("newswire", "newswire-that-nobody-has-installed"), read_clocks),
        }
        topics = {
            "history": "what happened",
            "clock": "what time it is",
            "archive": "what was written",
            "wire": "what others say",
        }
        for name, (source, work) in team.items():
            child = ctx.start_soon(Correspondent, source, work, name=name, labels={"server": source.name})
            ctx.monitor(child)  # should it be lost later, the paper must not wait for it
            number = ctx.tell(child, Assignment(topics[name]))
            tell(ctx, f"mails {name} ({child.lifecycle}): {topics[name]}? It is mail #{number} there, and waits")
            self._awaited.add(name)
        self._be_impatient(ctx, ctx.children()[0])
        ctx.send_after(PRESS_TIME, PressTime())

    def _be_impatient(self, ctx: Context, child: ActorRef[Any]) -> None:
        """Demand a turn of somebody who cannot be ready yet."""
        try:
            child.start_turn(Assignment("at once"))
        except StartupInProgress as refusal:
            tell(ctx, f"wants a turn of {child.name} right now, and is refused: {refusal.what}")

    async def turn(self, turn: Turn[Piece | PressTime], ctx: Context) -> str:
        """Take in what has come; the last of it makes the paper."""
        for mail in (*turn.mail, *turn.drain()):
            match mail.message:
                case Piece() as piece:
                    tell(ctx, f"has the piece by {piece.by}: {len(piece.lines)} lines")
                    self._pieces[piece.by] = piece
                    self._awaited.discard(piece.by)
                case ChildStartupFailed(path=path, cause=cause):
                    self._strike(ctx, path, f"failed to initialize: {cause}")
                case ChildEnded(path=path, reason=Crashed(cause=cause)):
                    self._strike(ctx, path, f"crashed: {cause}")
                case ChildEnded(path=path):
                    self._strike(ctx, path, "has gone")
                case PressTime():
                    for name in list(self._awaited):
                        self._strike(ctx, name, "was not back by press time")
                case _:
                    pass  # a `Down`, or how a turn went; the reports say more
        if self._awaited:
            return f"waits for {', '.join(sorted(self._awaited))}"
        tell(ctx, "goes to press")
        ctx.stop(self._paper())
        return "done"

    def _strike(self, ctx: Context, path: str, why: str) -> None:
        """Note that somebody will not deliver."""
        name = path.rpartition("/")[2]
        if name in self._awaited:
            tell(ctx, f"has it in its mailbox that {name} will not deliver: {cut(why, 80)}")
            self._awaited.discard(name)
            self._missing[name] = plain(why)

    def _paper(self) -> str:
        """Lay out what has been delivered, and say what has not."""
        rule = "─" * WIDTH
        lines = [rule, f"THE GREENROOM GAZETTE · {plain(self._repository.name or str(self._repository))}", rule]
        for name in ("history", "clock", "archive"):
            if name in self._pieces:
                piece = self._pieces[name]
                lines += ["", headline(piece.title), *(f"  {line}" for line in piece.lines)]
        if self._missing:
            lines += ["", "Not in this edition"]
            for name, why in sorted(self._missing.items()):
                lines += wrap(f"{name} {why}", WIDTH, initial_indent="  ", subsequent_indent="      ")
        return "\n".join([*lines, rule])


def server(name: str, command: str, *args: str) -> Service[McpConnection]:
    """Describe an MCP server. None of these has anything to save, so that none needs long to exit."""
    return mcp_server(name, command=command, args=args, exit_grace=0.5, term_grace=0.5)


def check_installed() -> None:
    """Refuse to begin without what is needed. Raises InvalidSpec, which `greenroom run` shows as a word to its user."""
    missing = [name for name in ("mcp", "mcp_server_git", "mcp_server_time") if find_spec(name) is None]
    if missing:
        raise InvalidSpec(f"the newsroom needs {', '.join(missing)}: pip install 'greenroom[newsroom]'")
    if shutil.which("git") is None:
        raise InvalidSpec("the newsroom needs git, and there is none on the PATH")


def check_numbers(commits: int, archive_delay: float) -> None:
    """Refuse numbers that mean nothing. Raises InvalidSpec."""
    if commits < 1:
        raise InvalidSpec(f"--commits: {commits} is wrong here; give a whole number from 1")
    if not 0 <= archive_delay < math.inf:
        raise InvalidSpec(f"--archive-delay: {archive_delay} is wrong here; give a number of seconds from 0")


def find_repository(repo: str) -> Path:
    """Return the git repository that a folder is in; a bare one is its own folder. Raises InvalidSpec if it is in none."""
    try:
        start = Path(repo).expanduser().resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise InvalidSpec(f"--repo: {repo!r}: {getattr(error, 'strerror', None) or error}") from None
    for folder in (start, *start.parents):
        if (folder / ".git").exists() or all((folder / part).exists() for part in ("HEAD", "objects", "refs")):
            return folder
    raise InvalidSpec(f"--repo: {repo!r} is in no git repository; give a folder of one")


# -- words


def tell(ctx: Context, text: str, level: int = logging.INFO) -> None:
    """Tell the story: `greenroom run` shows what is logged, by the path of who it is about."""
    logger.log(level, "%s", text, extra={"path": ctx.path})


def server_of(source: McpConnection) -> str:
    """Return what a server calls itself."""
    info = source.server_info
    return source.name if info is None else f"{info.name} {info.version}"


def headline(text: str) -> str:
    """Return a text with a capital at its head."""
    return text[:1].upper() + text[1:]


def plain(text: str) -> str:
    """Return a text in one line, without what could steer a terminal: commits say what their authors want."""
    return CONTROL.sub(" ", text)


def cut(text: str, length: int) -> str:
    """Return a text of a length, at most."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
