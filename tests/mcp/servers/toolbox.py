"""A real MCP server with a tool for everything that a test wants to see a server do."""

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import anyio
import uvicorn
from mcp.server.mcpserver import Context, Elicit, ElicitationResult, ListRoots, MCPServer, Resolve, Sample
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CreateMessageResult, ListRootsResult, SamplingMessage, TextContent, ToolAnnotations
from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

tasks: set[asyncio.Task[None]] = set()
STDOUT = Path("/proc/self/fd/1").readlink()

server = MCPServer("toolbox", instructions="Use the tools one by one.", version="1.2.3")


class Answer(BaseModel):
    """What a user is asked for."""

    word: str


def ask_for_a_word() -> Elicit[Answer]:
    """Ask the user."""
    return Elicit("A word, please", Answer)


def ask_for_a_message() -> Sample:
    """Ask the model."""
    return Sample([SamplingMessage(role="user", content=TextContent(type="text", text="Hi"))], max_tokens=5)


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def echo(text: str) -> str:
    """Say it again."""
    return text


@server.tool()
def fail(text: str) -> str:
    """Fail, as a tool does."""
    raise ToolError(text)


@server.tool()
async def meet(folder: str, count: int) -> str:
    """Come back when `count` calls of this tool are under way at the same time."""
    meeting = Path(folder)
    (meeting / str(len(list(meeting.iterdir())))).touch()
    while len(list(meeting.iterdir())) < count:
        await anyio.sleep(0.005)
    return "met"


@server.tool()
async def wait_for_ever(mark: str) -> str:
    """Say by a file that the call has begun, and by another that it was cancelled; never answer."""
    Path(mark).write_text("begun", encoding="utf-8")
    try:
        await anyio.sleep_forever()
    except BaseException:
        Path(mark).write_text("cancelled", encoding="utf-8")
        raise
    return "never"


@server.tool()
async def steps(count: int, ctx: Context) -> str:
    """Report progress."""
    for step in range(count):
        await ctx.report_progress(step + 1, count, f"step {step + 1}")
    return "done"


@server.tool()
def crash(code: int, words: str) -> str:
    """End the process, without a word to the client."""
    print(words, file=sys.stderr, flush=True)
    os._exit(code)


@server.tool()
def kill_myself() -> str:
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


@server.tool()
def chatter(lines: int) -> str:
    """Write far more to stderr than a pipe holds."""
    for line in range(lines):
        print(f"chatter {line} " + "x" * 200, file=sys.stderr, flush=True)
    return "said"


@server.tool()
def close_stdout() -> str:
    """Close stdout, and live on."""
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in Path("/proc/self/fd").iterdir():
        # The SDK keeps copies of it.
        with contextlib.suppress(OSError):
            if descriptor.readlink() == STDOUT:
                os.dup2(null, int(descriptor.name))
    return "never heard"


@server.tool()
def spawn(ignore_term: bool = False, own_group: bool = False) -> int:
    """Start a child that holds the pipes open, and give its process id."""
    code = "import signal, sys; "
    code += "signal.signal(signal.SIGTERM, signal.SIG_IGN); " if ignore_term else ""
    code += "sys.stderr.write('child up\\n'); sys.stderr.flush()\nwhile True: signal.pause()"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, process_group=0 if own_group else None
    )
    return child.pid


@server.tool()
async def forget_sessions() -> str:
    """Forget all HTTP sessions, as a server does that was started again."""
    server.session_manager._server_instances.clear()  # pyright: ignore[reportPrivateUsage]
    return "forgotten"


@server.tool()
async def end_sessions() -> str:
    """End all HTTP sessions, right after this has been answered."""

    async def end() -> None:
        for session in server.session_manager._server_instances.values():  # pyright: ignore[reportPrivateUsage]
            await session.terminate()

    loop = asyncio.get_running_loop()
    loop.call_later(0.05, lambda: tasks.add(loop.create_task(end())))
    return "ending"


@server.tool()
async def count_sessions() -> int:
    """Count the HTTP sessions."""
    return len(server.session_manager._server_instances)  # pyright: ignore[reportPrivateUsage]


@server.tool()
async def grow(ctx: Context) -> str:
    """Have one more tool from now on."""
    server.add_tool(echo, name="echo_again")
    await ctx.notify_tools_changed()
    await ctx.session.send_tool_list_changed()
    return "grown"


@server.tool()
async def ask_user(word: Annotated[ElicitationResult[Answer], Resolve(ask_for_a_word)]) -> str:
    """Ask the user something, as the protocol in use does it."""
    return word.data.word if word.action == "accept" else word.action


@server.tool()
async def ask_model(said: Annotated[CreateMessageResult, Resolve(ask_for_a_message)]) -> str:
    """Ask for a language model, as the protocol in use does it."""
    assert isinstance(said.content, TextContent)
    return said.content.text


@server.tool()
async def ask_roots(found: Annotated[ListRootsResult, Resolve(ListRoots)]) -> str:
    """Ask for the directories that the server may look at, as the protocol in use does it."""
    return ", ".join(str(root.uri) for root in found.roots)


@server.tool()
async def ask_anyway(what: str, ctx: Context) -> str:
    """Ask the client for what it has not said that it can do, as careless servers do."""
    if what == "user":
        await ctx.elicit("A word, please", Answer)
    elif what == "model":
        message = SamplingMessage(role="user", content=TextContent(type="text", text="Hi"))
        await ctx.session.create_message([message], max_tokens=5)  # pyright: ignore[reportDeprecated]
    else:
        await ctx.session.list_roots()  # pyright: ignore[reportDeprecated]
    return "answered"


@server.tool()
async def log(words: str, ctx: Context) -> str:
    """Log to the client."""
    await ctx.info(words)  # type: ignore[deprecated]
    return "logged"


@server.resource("text://motto")
def motto() -> str:
    """The motto."""
    return "wait in the green room"


@server.resource("text://letter/{name}")
def letter(name: str) -> str:
    """A letter."""
    return f"Dear {name}"


@server.prompt()
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Say hello to {name}"


class TokenOnly:
    """Refuses who has no token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self.app = app
        self.expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and dict(scope["headers"]).get(b"authorization") != self.expected:
            await Response(status_code=401)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def serve_http(options: argparse.Namespace) -> None:
    """Serve by streamable HTTP on a free port of the loopback, and print the port."""
    listener = socket.create_server(("127.0.0.1", options.port))
    app = server.streamable_http_app()
    if options.token:
        app.add_middleware(TokenOnly, token=options.token)
    host = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=0))
    print(listener.getsockname()[1], flush=True)
    host.run(sockets=[listener])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--gate", help="a named pipe: it serves once somebody has opened that to write")
    parser.add_argument("--ignore-term", action="store_true")
    parser.add_argument("--ignore-eof", action="store_true", help="live on when stdin has ended")
    parser.add_argument("--leave-child", action="store_true", help="start a child that outlives it")
    parser.add_argument("--farewell", action="store_true", help="write more to stdout at the end than a pipe holds")
    parser.add_argument("--noise", action="store_true", help="print to stdout what is not JSON-RPC")
    parser.add_argument("--http", action="store_true")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default="", help="what a request must bring")
    options = parser.parse_args()
    stdout = os.dup(1)
    if options.ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if options.leave_child:
        spawn()
    if options.noise:
        print("Welcome to the toolbox!", flush=True)
    if options.gate:
        Path(options.gate).read_bytes()
    if options.http:
        serve_http(options)
    else:
        with contextlib.suppress(KeyboardInterrupt):
            server.run()
    if options.farewell:
        os.set_blocking(stdout, True)
        os.write(stdout, b"farewell\n" * 100_000)
    while options.ignore_eof:
        signal.pause()
