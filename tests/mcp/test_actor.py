"""An actor with MCP servers, in the real runtime: ready when they are, failed with their words, crashed by their end."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import trio
import trio.testing

from greenroom import Actor, Agent, ChildEnded, ChildStartupFailed, Context, Request, Turn, open_supervisor
from greenroom.actors import Service
from greenroom.mcp import McpConnection, mcp_server

Launch = Callable[..., Service[McpConnection]]


@attrs.frozen
class Add(Request[int]):
    a: int
    b: int


@attrs.frozen
class Crash:
    pass


class Clerk(Actor[Add | Crash]):
    def __init__(self, *servers: Service[McpConnection]) -> None:
        self.servers = servers

    def services(self) -> Sequence[Service[Any]]:
        return self.servers

    async def receive(self, message: Add | Crash, ctx: Context) -> int | None:
        connection: McpConnection = ctx.services["toolbox"]
        if isinstance(message, Crash):
            await connection.call_tool("crash", {"code": 7, "words": "out of paper"})
            return None
        result = await connection.call_tool("add", {"a": message.a, "b": message.b})
        assert result.structured_content is not None
        total: int = result.structured_content["result"]
        return total


async def test_mail_waits_for_the_server_and_is_answered_with_its_help(toolbox: Launch, gate: Any) -> None:
    answers: list[int] = []

    async def ask() -> None:
        answers.append(await clerk.ask(Add(2, 3), timeout=20))

    async with open_supervisor("stage") as root:
        clerk = root.start_soon(Clerk, toolbox("--gate", gate.path), name="clerk")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            with trio.fail_after(20):
                await trio.testing.wait_all_tasks_blocked()
                assert (clerk.lifecycle, answers) == ("initializing", [])
                await gate.open()
    assert answers == [5]


async def test_servers_that_do_not_start_are_reported_together_with_their_last_words(
    toolbox: Launch, mute: Launch
) -> None:
    missing = mcp_server("archive", command="no-such-server")
    async with open_supervisor("stage") as root:
        clerk = root.start_soon(Clerk, mute("--say", "no config", "--exit", "3"), missing, toolbox(), name="clerk")
        with trio.fail_after(20):
            report = await anext(aiter(root.reports))
        assert isinstance(report, ChildStartupFailed)
        assert report.cause.startswith("required MCP servers failed to initialize: archive: ")
        assert "command not found: 'no-such-server'; mute: " in report.cause
        assert report.cause.endswith("exited with code 3 before the handshake; stderr: no config")
        assert clerk.lifecycle == "failed"


async def test_a_server_that_dies_in_a_call_crashes_its_actor_and_leaves_nothing(toolbox: Launch) -> None:
    async with open_supervisor("stage") as root:
        clerk = root.start_soon(Clerk, toolbox("--leave-child"), name="clerk", restart="temporary")
        clerk.tell(Crash())
        with trio.fail_after(20):
            report = await anext(aiter(root.reports))
        assert isinstance(report, ChildEnded)
        assert "exited with code 7" in str(report.reason)
        assert "out of paper" in str(report.reason)


async def test_an_optional_server_that_does_not_start_is_a_warning(toolbox: Launch) -> None:
    absent = mcp_server("archive", command="no-such-server", required=False, wait=True)
    off = mcp_server("off", command="no-such-server", enabled=False, disabled_reason="not today")
    async with open_supervisor("stage") as root:
        clerk = root.start_soon(Clerk, toolbox(), absent, off, name="clerk")
        assert await clerk.ask(Add(1, 1), timeout=20) == 2


async def test_a_tree_that_is_cancelled_while_its_servers_start_leaves_nothing(toolbox: Launch, mute: Launch) -> None:
    with trio.move_on_after(0.3) as scope:
        async with open_supervisor("stage") as root:
            for name in "abc":
                root.start_soon(Clerk, toolbox(), mute("--deaf", "--child", exit_grace=0.1, term_grace=0.1), name=name)
            await trio.sleep_forever()
    assert scope.cancelled_caught


def servers() -> list[int]:
    """The servers that this process has started and that are there; other tests in it may have left helpers of Python's own."""
    children = {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}
    return [int(pid) for pid in children if b"toolbox.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]


class Assistant(Agent[Add]):
    """Add with the help of a real server, in turns."""

    def __init__(self, pids: list[int], server: Service[McpConnection]) -> None:
        self.pids, self.server = pids, server

    def services(self) -> Sequence[Service[Any]]:
        return (self.server,)

    async def startup(self, ctx: Context) -> None:
        self.pids += servers()

    async def turn(self, turn: Turn[Add], ctx: Context) -> int:
        message = turn.mail[0].message
        result = await ctx.services["toolbox"].call_tool("add", {"a": message.a, "b": message.b})
        total: int = result.structured_content["result"]
        return total


async def test_an_agent_that_rests_leaves_no_server_process_and_has_a_new_one_when_it_wakes(toolbox: Launch) -> None:
    pids: list[int] = []
    async with open_supervisor("stage") as root:
        agent = await root.start(Assistant, pids, toolbox())
        assert await agent.ask(Add(1, 2), timeout=20) == 3
        [first] = pids
        agent.rest()
        with trio.fail_after(20):
            while agent.incarnation == 1:
                await trio.sleep(0.01)
        assert first not in servers()
        assert agent.lifecycle == "resting"
        assert await agent.ask(Add(3, 4), timeout=20) == 7
        assert len(pids) == 2
        assert first not in servers()
        root.reports.drain()
