"""What a start that fails says: the server, the cause, and the last words of its stderr, in one line."""

import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from greenroom.actors._service import Service
from greenroom.mcp import McpConnection, McpStartupFailed, mcp_server

Launch = Callable[..., Service[McpConnection]]
Serve = Callable[..., AbstractAsyncContextManager[Any]]


async def failure_of(service: Service[McpConnection]) -> McpStartupFailed:
    """Connect, and give the error, whose text is one line."""
    with pytest.raises(McpStartupFailed) as caught:
        async with service.connect():
            pass
    assert caught.value.server == service.name
    assert "\n" not in str(caught.value)
    return caught.value


async def test_a_command_that_does_not_exist_is_named() -> None:
    error = await failure_of(mcp_server("git", command="no-such-server"))
    assert str(error) == "MCP server 'git' did not start: command not found: 'no-such-server'"
    assert isinstance(error.__cause__, FileNotFoundError)
    assert (error.exit_code, error.stderr) == (None, ())


async def test_arguments_inside_the_command_are_pointed_out() -> None:
    error = await failure_of(mcp_server("git", command="no-such-server --fast"))
    assert error.cause == "command not found: 'no-such-server --fast'; the arguments go into args"


async def test_a_command_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("print('hi')", encoding="utf-8")
    error = await failure_of(mcp_server("git", command=program))
    assert error.cause == f"command '{program}' cannot be run: Permission denied"


async def test_a_working_directory_that_does_not_exist_is_not_taken_for_the_command(tmp_path: Path) -> None:
    error = await failure_of(mcp_server("git", command=sys.executable, cwd=tmp_path / "none"))
    assert error.cause == f"cannot enter the working directory '{tmp_path / 'none'}': No such file or directory"


async def test_a_server_that_exits_before_the_handshake_has_its_code_and_last_words(mute: Launch) -> None:
    words = "\n".join(f"line {n}" for n in range(40)) + "\n\x1b[31mno config\x1b[0m"
    error = await failure_of(mute("--say", words, "--exit", "3"))
    assert str(error) == (
        "MCP server 'mute' did not start: exited with code 3 before the handshake; stderr: line 38 | line 39 | no config"
    )
    assert error.exit_code == 3
    assert error.stderr == (*(f"line {n}" for n in range(21, 40)), "no config")
    assert error.__notes__ == ["\n  ".join(["the last lines of the stderr of MCP server 'mute':", *error.stderr])]


async def test_a_traceback_of_a_server_ends_with_what_it_says() -> None:
    error = await failure_of(
        mcp_server("git", command=sys.executable, args=["-c", "raise ValueError('not a repository')"])
    )
    said, _, stderr = str(error).partition("; stderr: ")
    assert said == "MCP server 'git' did not start: exited with code 1 before the handshake"
    # CPython 3.13 shows the line itself too.
    assert stderr.endswith(" | ValueError: not a repository")
    assert 'File "<string>", line 1, in <module> | ' in stderr


async def test_a_server_killed_before_the_handshake_has_the_signal() -> None:
    error = await failure_of(
        mcp_server("git", command=sys.executable, args=["-c", "import os; os.kill(os.getpid(), 9)"])
    )
    assert (error.cause, error.exit_code) == ("was killed by SIGKILL before the handshake", -9)


async def test_a_server_that_exits_while_a_child_holds_its_pipes_open_is_noticed_at_once(mute: Launch) -> None:
    # A second later it would be noticed in any case. The best of a few: the machine may be busy with something else.
    for _ in range(8):
        began = trio.current_time()
        error = await failure_of(mute("--child", "--say", "bye", "--exit", "4", term_grace=0.1))
        assert error.exit_code == 4
        assert error.stderr == ("bye",)
        if trio.current_time() - began < 0.8:
            break
    else:
        pytest.fail("it was never noticed at once")


async def test_a_time_out_has_the_last_words_of_the_server(mute: Launch) -> None:
    error = await failure_of(mute("--say", "loading the model", startup_timeout=0.3))
    assert str(error) == "MCP server 'mute' did not start: no handshake within 0.3 s; stderr: loading the model"


async def test_the_startup_time_is_the_servers_own_and_not_that_of_the_service(toolbox: Launch, gate: Any) -> None:
    service = toolbox("--gate", gate.path, startup_timeout=20.0)
    assert service.timeout is None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(gate.open)
        async with service.connect() as connection:
            assert connection.is_alive


async def test_what_is_not_json_on_stdout_is_shown_when_the_handshake_fails(mute: Launch) -> None:
    error = await failure_of(mute("--print", "Starting up!", startup_timeout=0.3))
    assert error.cause == "no handshake within 0.3 s; its stdout has what is not JSON-RPC: 'Starting up!'"
    error = await failure_of(mute("--print", "Starting up!", "--exit", "0"))
    assert error.cause == "exited with code 0 before the handshake; its stdout has what is not JSON-RPC: 'Starting up!'"


async def test_what_is_not_json_on_stdout_does_no_harm_otherwise(toolbox: Launch) -> None:
    async with toolbox("--noise").connect() as connection:
        assert connection.is_alive


@pytest.mark.parametrize("option", ["enabled_tools", "disabled_tools", "tool_approval"])
async def test_a_tool_that_the_server_does_not_have_fails_the_start(toolbox: Launch, option: str) -> None:
    names = {"ad": "auto"} if option == "tool_approval" else ["ad", "echo"]
    error = await failure_of(toolbox(**{option: names}))
    assert error.cause == f"{option} names 'ad', which the server does not have; did you mean \"add\"?"


async def test_the_variables_of_this_program_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    from mcp.client.stdio import get_default_environment

    monkeypatch.setenv("GREENROOM_SECRET", "s3cret")
    code = "import os, sys; sys.stderr.write(repr(sorted(os.environ))); sys.exit(1)"
    error = await failure_of(mcp_server("env", command=sys.executable, args=["-c", code], env={"WORD": "yes"}))
    seen = set(eval(error.stderr[0]))  # noqa: S307 - made three lines above
    assert "WORD" in seen
    assert "GREENROOM_SECRET" not in seen
    # What the interpreter adds itself (LC_CTYPE) is not ours.
    assert seen - {"LC_CTYPE"} == {*get_default_environment(), "WORD"}


async def test_a_refused_connection_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = await failure_of(mcp_server("far", url=f"http://user:s3cret@127.0.0.1:{port}/mcp?key=s3cret"))
    assert (
        str(error)
        == f"MCP server 'far' did not start: cannot connect to http://127.0.0.1:{port}/mcp: connection refused"
    )


async def test_a_host_that_does_not_exist_says_so() -> None:
    error = await failure_of(mcp_server("far", url="http://no-such-host.invalid/mcp"))
    assert error.cause.startswith("cannot connect to http://no-such-host.invalid/mcp: ")
    assert "name" in error.cause.rpartition(": ")[2]


async def test_an_http_status_is_named(serve_http: Serve) -> None:
    async with serve_http() as server:
        error = await failure_of(mcp_server("far", url=server.url + "/none"))
    assert error.cause == f"HTTP 404 Not Found from {server.url}/none"


@pytest.mark.parametrize("status", ["401 Unauthorized", "503 Service Unavailable"])
async def test_a_web_server_that_is_no_mcp_server_is_told_by_its_status(status: str) -> None:
    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, answer, 0, host="127.0.0.1"))
        url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/mcp"
        error = await failure_of(mcp_server("far", url=url))
        assert error.cause == f"HTTP {status} from {url}"
        nursery.cancel_scope.cancel()


async def test_a_web_page_is_no_mcp_server() -> None:
    async def answer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        page = b"<html>hello</html>"
        head = f"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {len(page)}\r\nconnection: close\r\n\r\n"
        await stream.send_all(head.encode() + page)
        await stream.aclose()

    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, answer, 0, host="127.0.0.1"))
        error = await failure_of(mcp_server("far", url=f"http://127.0.0.1:{listener.socket.getsockname()[1]}/mcp"))
        assert error.cause == "protocol error: Unexpected content type: text/html"
        nursery.cancel_scope.cancel()


async def test_a_url_that_never_answers_is_timed_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        began = trio.current_time()
        error = await failure_of(mcp_server("far", url=url, startup_timeout=0.3))
    assert error.cause == "no handshake within 0.3 s"
    assert trio.current_time() - began < 10.0  # its own time would be 30 s


PROGRAM = """
import sys, time, trio
from greenroom.mcp import mcp_server

longest = 0.0

async def tick(stop):
    global longest
    while not stop.is_set():
        began = time.perf_counter()
        await trio.sleep(0.001)
        longest = max(longest, time.perf_counter() - began)

async def main():
    assert "mcp" not in sys.modules
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick, stop)
        async with mcp_server("mute", command=sys.executable, args=sys.argv[1:], startup_timeout=5).connect():
            stop.set()

try:
    trio.run(main)
except BaseException:
    assert "mcp" in sys.modules
    print(longest)
"""


def test_the_first_start_imports_the_sdk_and_delays_no_other_task_meanwhile() -> None:
    mute = Path(__file__).parent / "servers" / "mute.py"
    command = [sys.executable, "-P", "-c", PROGRAM, str(mute), "--exit", "1"]
    # Importing it takes longer than this by itself. The best of a few: the machine may be busy with something else.
    longest: list[float] = []
    while len(longest) < 8 and min(longest, default=1.0) >= 0.25:
        longest.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    assert min(longest) < 0.25, longest
