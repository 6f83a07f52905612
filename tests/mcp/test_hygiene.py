"""No process is left behind, however a server and its actor end. `nothing_is_left` looks after each of these tests."""

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from greenroom.actors._service import Service
from greenroom.mcp import McpConnection, McpConnectionLost, McpStartupFailed

Launch = Callable[..., Service[McpConnection]]
Gone = Callable[[int], Awaitable[None]]

# Seconds of real time: what is quick takes less than a grace that would have had to pass, on a machine that is busy with other things, too.
QUICK = 12.0
GRACE = 20.0


async def test_a_normal_server_ends_by_itself_long_before_its_grace_is_over(toolbox: Launch) -> None:
    async with toolbox(exit_grace=GRACE, term_grace=GRACE).connect() as connection:
        assert connection.pid is not None
        began = trio.current_time()
    assert trio.current_time() - began < QUICK


async def test_a_server_that_writes_much_at_its_end_is_not_held_up(toolbox: Launch) -> None:
    async with toolbox("--farewell", exit_grace=GRACE, term_grace=GRACE).connect():
        began = trio.current_time()
    assert trio.current_time() - began < QUICK


async def test_a_grandchild_that_outlives_a_polite_server_is_ended(toolbox: Launch, gone: Gone) -> None:
    async with toolbox(exit_grace=GRACE, term_grace=GRACE).connect() as connection:
        child = (await connection.call_tool("spawn")).structured_content
        assert child is not None
        os.kill(child["result"], 0)
        began = trio.current_time()
    assert trio.current_time() - began < QUICK
    await gone(child["result"])


@pytest.mark.parametrize("own_group", [False, True])
async def test_a_grandchild_that_ignores_sigterm_is_killed(toolbox: Launch, gone: Gone, *, own_group: bool) -> None:
    async with toolbox(term_grace=0.1).connect() as connection:
        child = (await connection.call_tool("spawn", {"ignore_term": True, "own_group": own_group})).structured_content
        assert child is not None
        while "child up" not in connection.stderr:
            await trio.sleep(0.005)
    await gone(child["result"])


async def test_a_server_that_hangs_at_its_end_gets_sigterm_after_its_grace(toolbox: Launch) -> None:
    async with toolbox("--ignore-eof", exit_grace=0.3, term_grace=GRACE).connect():
        began = trio.current_time()
    assert 0.3 <= trio.current_time() - began < 0.3 + QUICK


async def test_a_server_that_ignores_sigterm_is_killed_after_both_graces(toolbox: Launch) -> None:
    async with toolbox("--ignore-eof", "--ignore-term", exit_grace=0.2, term_grace=0.2).connect():
        began = trio.current_time()
    assert 0.4 <= trio.current_time() - began < 0.4 + QUICK


async def test_a_stopped_server_is_killed(toolbox: Launch) -> None:
    async with toolbox(exit_grace=0.1, term_grace=0.1).connect() as connection:
        assert connection.pid is not None
        os.kill(connection.pid, signal.SIGSTOP)


async def test_a_server_that_writes_without_end_is_closed_by_its_broken_pipe_or_killed(mute: Launch) -> None:
    with pytest.raises(McpStartupFailed, match="not JSON-RPC"):
        async with mute("--flood", startup_timeout=0.5, exit_grace=0.1, term_grace=0.1).connect():
            pass


async def test_a_hung_handshake_is_ended_when_its_time_is_up(mute: Launch) -> None:
    began = trio.current_time()
    with pytest.raises(McpStartupFailed, match=r"no handshake within 0\.3 s; stderr: hm\n"):
        async with mute("--deaf", "--say", "hm", startup_timeout=0.3, exit_grace=0.1, term_grace=GRACE).connect():
            pass
    assert trio.current_time() - began < 2.9  # well before ten times its time


async def test_a_hung_handshake_is_ended_with_a_child_when_both_ignore_sigterm(mute: Launch) -> None:
    with pytest.raises(McpStartupFailed, match="no handshake"):
        async with mute(
            "--deaf", "--ignore-term", "--child", startup_timeout=0.3, exit_grace=0.1, term_grace=0.1
        ).connect():
            pass


@pytest.mark.parametrize("arguments", [["--deaf"], ["--deaf", "--ignore-term", "--child"], []])
async def test_a_start_that_is_cancelled_in_the_handshake_leaves_nothing(mute: Launch, arguments: list[str]) -> None:
    service = mute(*arguments, exit_grace=0.1, term_grace=0.1)
    with trio.move_on_after(0.3) as scope:
        async with service.connect():
            pytest.fail("a mute server has no handshake")
    assert scope.cancelled_caught


async def test_a_start_that_is_cancelled_before_the_process_runs_leaves_nothing(mute: Launch) -> None:
    for checkpoints in range(8):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:

                async def cancel_after(checkpoints: int, scope: trio.CancelScope) -> None:
                    for _ in range(checkpoints):
                        await trio.lowlevel.cancel_shielded_checkpoint()
                    scope.cancel()

                nursery.start_soon(cancel_after, checkpoints, scope)
                async with mute("--deaf", exit_grace=0.0, term_grace=0.1).connect():
                    pytest.fail("a mute server has no handshake")
        assert scope.cancelled_caught


async def test_a_body_that_is_cancelled_closes_the_server_politely(toolbox: Launch) -> None:
    with trio.CancelScope() as scope:
        async with toolbox("--leave-child", exit_grace=GRACE, term_grace=GRACE).connect():
            scope.deadline = trio.current_time()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert trio.current_time() - scope.deadline < QUICK


async def test_a_body_that_raises_keeps_its_exception_as_it_is(toolbox: Launch) -> None:
    error = LookupError("of the body")
    with pytest.raises(LookupError) as caught:
        async with toolbox("--leave-child").connect():
            raise error
    assert caught.value is error


async def test_a_server_that_crashes_leaves_no_grandchild(toolbox: Launch, gone: Gone) -> None:
    async with toolbox().connect() as connection:
        child = (await connection.call_tool("spawn")).structured_content
        assert child is not None
        with pytest.raises(McpConnectionLost):
            await connection.call_tool("crash", {"code": 7, "words": "bad luck"})
    await gone(child["result"])


async def test_servers_that_close_at_the_same_time_do_not_wait_for_each_other(mute: Launch) -> None:
    began = trio.current_time()

    async def fail_to_start() -> None:
        with pytest.raises(McpStartupFailed):
            async with mute("--deaf", "--ignore-term", startup_timeout=0.2, exit_grace=1.0, term_grace=1.0).connect():
                pass

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(fail_to_start)
    assert trio.current_time() - began < 2.2 + QUICK  # one after the other: 17.6


PROGRAM = """
import sys, trio
from greenroom.mcp import mcp_server

async def main():
    service = mcp_server("toolbox", command=sys.executable, args=sys.argv[1:], exit_grace=0.2)
    async with service.connect() as connection:
        print(connection.pid, flush=True)
        await trio.sleep_forever()

# As the command line does it. Otherwise Ctrl-C may hit the program anywhere, code that loses it included.
trio.run(main, restrict_keyboard_interrupt_to_checkpoints=True)
"""


@pytest.mark.parametrize(
    ("signum", "arguments"), [(signal.SIGKILL, []), (signal.SIGINT, ["--ignore-eof"])], ids=["SIGKILL", "Ctrl-C"]
)
async def test_a_server_ends_with_the_whole_program(gone: Gone, signum: signal.Signals, arguments: list[str]) -> None:
    toolbox = Path(__file__).parent / "servers" / "toolbox.py"
    program = await trio.lowlevel.open_process(
        [sys.executable, "-P", "-c", PROGRAM, str(toolbox), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert program.stdout is not None
    async with program.stdout:
        with trio.fail_after(20):
            server = int(await program.stdout.receive_some())
        program.send_signal(signum)
        await program.wait()
        # Who is killed closes nothing; but the server reads its stdin, sees it end, and exits.
        await gone(server)
    if signum == signal.SIGKILL:
        os.waitpid(server, os.WNOHANG)  # noqa: ASYNC222 - it has come to us, dead
