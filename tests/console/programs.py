"""Programs to be looked at, which do what they are told line by line, and say when it is done."""

import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Self

#: Runs a tree under load with an inspector. Each line of its stdin is an expression, which it evaluates, awaits if need be, and answers.
PROGRAM = """
import sys, threading
import trio
import greenroom.inspector._survey
from greenroom import *
from greenroom.inspector import open_inspector


class Worker(Actor):
    async def receive(self, message, ctx):
        if message == "hang":
            await a_place_to_hang()
        elif message == "block":
            threading.Event().wait()  # and holds up all of Trio; the test ends the process
        elif message is not None:
            raise ValueError(message)


async def a_place_to_hang():
    await trio.sleep_forever()


class Busy(Actor):
    async def receive(self, message, ctx):
        await trio.sleep(0.001)  # and leave some of the machine to the tests beside
        ctx.ref.tell(message + 1)


async def function(ctx):
    await trio.sleep_forever()


async def main():
    async with (
        open_supervisor("stage", intensity=Intensity(1_000, 600), limits=Limits(stale_after=60)) as root,
        open_inspector(root, sys.argv[1]) as inspector,
    ):
        async def start(name, kind=Worker, **options):
            return await root.start(kind, name=name, **options)

        if "busy" in sys.argv:
            (await start("busy", Busy)).tell(0)
        if "eager" in sys.argv:  # looks without a rest, so that tests need none
            greenroom.inspector._survey.EASE = 0
        stdin = trio.wrap_file(sys.stdin)
        print("open", flush=True)
        async for line in stdin:
            if line == "leave\\n":
                root.reports.drain()
                return
            done = eval(line, {**globals(), **locals()})
            if hasattr(done, "__await__"):
                done = await done
            await trio.sleep(0.01)
            print(done if isinstance(done, (int, str)) else "done", flush=True)


trio.run(main)
"""


class Program:
    """Run it. A context manager, which ends it."""

    def __init__(self, folder: Path, *arguments: str, socket: str = "s.sock") -> None:
        command = [sys.executable, "-P", "-c", textwrap.dedent(PROGRAM), socket, *arguments]
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "open\n":
            _, said = self.process.communicate(timeout=60)
            raise AssertionError(said)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def tell(self, line: str) -> None:
        """Have it do something, and do not wait."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def do(self, line: str) -> str:
        """Have it do something; return its answer."""
        self.tell(line)
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def leave(self) -> None:
        """Have it end in order."""
        self.tell("leave")
        assert self.process.wait(60) == 0
