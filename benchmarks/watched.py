"""`python -m benchmarks.watched`: what a program under load pays for being watched with `greenroom top`.

A tree of some size, in which some actors handle messages as fast as they can. Rounds come in pairs, one watched by a real `greenroom top` in a
terminal of its own, one without an inspector, and who is first changes from pair to pair. A pair gives a ratio: messages for each second of the
program's processor time, watched over alone. In both a reader is at work, which takes its share of the machine's cores and caches; in the second
one it looks at another program, a decoy. So neither the reader's own work counts, nor what else the machine does. What is printed of each size is
the median of the ratios with its interval: whatever their distribution is, it holds the true median with at least 95 % (by the binomial).
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from math import comb
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, sleep
from typing import Any, Final

import attrs
import trio

from greenroom import Actor, ActorRef, Context, Supervisor, open_supervisor
from greenroom.inspector import Inspector, open_inspector

from ._options import is_writable, read_output
from ._results import machine

FORMAT: Final = 1
SIZES: Final = (100, 10_000, 100_000)
ROUNDS: Final = 15
SECONDS: Final = 4.0
#: Pairs before those that count.
WARM_UPS: Final = 1
#: Actors that are busy.
BUSY: Final = 50
#: Looks that a reader has had before a round begins.
LOOKS: Final = 1
#: The reader, in a terminal of its own whose output goes nowhere.
READER: Final = """
import os, pty, sys
os.environ["TERM"] = "xterm-256color"
code = "import sys; from greenroom.console import main; sys.exit(main())"
pty.spawn([sys.executable, "-P", "-c", code, "top", sys.argv[1], "--every", "0.5"])
"""

#: A program that the reader looks at while it looks at nothing of ours.
DECOY: Final = """
import pathlib, sys, trio
from greenroom import open_supervisor
from greenroom.inspector import open_inspector

async def waits(ctx):
    await trio.sleep_forever()

async def main():
    async with open_supervisor("stage") as root, open_inspector(root, sys.argv[1]) as inspector:
        for _ in range(100):
            root.start_soon(waits)
        told = pathlib.Path(sys.argv[2])
        while True:
            if not inspector.readers:
                told.unlink(missing_ok=True)
                looks = inspector.looks
            elif inspector.looks > looks:
                told.touch()
            await trio.sleep(0.05)

trio.run(main)
"""


class Idler(Actor[None]):
    """Wait."""

    async def receive(self, message: None, ctx: Context) -> None:
        """Do nothing."""


class Busy(Actor[int]):
    """Have always one more message."""

    def __init__(self, counts: list[int]) -> None:
        self._counts = counts

    async def receive(self, message: int, ctx: Context) -> None:
        """Count it, and send the next one."""
        self._counts[0] += 1
        if not self._counts[1]:
            ctx.ref.tell(message)


@attrs.frozen
class Round:
    """Hold what was measured in one round: messages, processor time and real time in seconds, and looks of the reader."""

    messages: int
    cpu_seconds: float
    seconds: float
    looks: int = 0

    @property
    def rate(self) -> float:
        """Messages for each second of processor time."""
        return self.messages / self.cpu_seconds


def interval_of(ratios: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """Return the narrowest pair of ratios, from both ends alike, that holds the true median with this confidence; of few the outermost ones."""
    ordered = sorted(ratios)
    outside, cut = 0.0, 0
    for below in range(len(ordered) // 2):
        outside += 2 * comb(len(ordered), below) / 2 ** len(ordered)
        if outside > 1 - confidence:
            break
        cut = below
    return ordered[cut], ordered[-1 - cut]


@asynccontextmanager
async def reading(path: str, has_begun: Callable[[], bool]) -> AsyncGenerator[None]:
    """Have a reader look through a socket for a block; it begins when that has had an answer."""
    with subprocess.Popen(  # noqa: ASYNC220, S603 -- our own command; what it takes to start it is not measured
        [sys.executable, "-P", "-c", READER, path], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as reader:
        try:
            while not has_begun():
                assert reader.poll() is None, "the reader has ended"
                await trio.sleep(0.05)
            yield
            assert reader.poll() is None, "the reader has ended"
        finally:
            reader.kill()


@asynccontextmanager
async def watched(root: Supervisor, path: str) -> AsyncGenerator[Inspector]:
    """Have the tree watched for a block."""
    async with (
        open_inspector(root, path) as inspector,
        reading(path, lambda: inspector.readers > 0 and inspector.looks >= LOOKS),
    ):
        yield inspector


@contextmanager
def decoy(path: str) -> Generator[Path]:
    """Have another program, which is idle, open an inspector; the file that is given is there once somebody has looked."""
    told = Path(f"{path}.read")
    with subprocess.Popen([sys.executable, "-P", "-c", DECOY, path, told]) as process:  # noqa: S603 -- our own command
        try:
            while not Path(path).is_socket():
                assert process.poll() is None, "the decoy has ended"
                sleep(0.05)
            yield told
        finally:
            process.kill()


async def measure(counts: list[int], seconds: float, inspector: Inspector | None = None) -> Round:
    """Measure one round."""
    before, looks = counts[0], 0 if inspector is None else inspector.looks
    cpu, real = process_time(), perf_counter()
    await trio.sleep(seconds)
    return Round(
        messages=counts[0] - before,
        cpu_seconds=process_time() - cpu,
        seconds=perf_counter() - real,
        looks=0 if inspector is None else inspector.looks - looks,
    )


async def compare(size: int, rounds: int, seconds: float) -> list[tuple[Round, Round]]:
    """Return pairs of rounds, watched and alone, with a tree of some size."""
    pairs: list[tuple[Round, Round]] = []
    counts = [0, 0]  # messages, and whether it is enough
    with tempfile.TemporaryDirectory(prefix="greenroom") as folder, decoy(f"{folder}/d") as told:
        async with open_supervisor("stage") as root:
            refs: list[ActorRef[int]] = [await root.start(Busy, counts) for _ in range(BUSY)]
            for _ in range(max(0, size - BUSY)):
                root.start_soon(Idler)
            for ref in refs:
                ref.tell(0)
            for number in range(rounds + WARM_UPS):
                both: dict[bool, Round] = {}
                for is_watched in (True, False) if number % 2 else (False, True):
                    if is_watched:
                        async with watched(root, f"{folder}/s") as inspector:
                            both[True] = await measure(counts, seconds, inspector)
                    else:
                        async with reading(f"{folder}/d", told.exists):
                            both[False] = await measure(counts, seconds)
                if number >= WARM_UPS:
                    pairs.append((both[True], both[False]))
                print(f"\r{size:,} actors: pair {number + 1} of {rounds + WARM_UPS} ", end="", file=sys.stderr)
            counts[1] = 1
    print("\r\x1b[K", end="", file=sys.stderr)
    return pairs


def facts_of(size: int, pairs: Sequence[tuple[Round, Round]]) -> dict[str, Any]:
    """Return what there is to tell of the pairs of one size."""
    ratios = [with_reader.rate / alone.rate for with_reader, alone in pairs]
    low, high = interval_of(ratios)
    return {
        "size": size,
        "ratio": {"median": median(ratios), "low": low, "high": high},
        "ratios": ratios,
        "rate_alone": median(alone.rate for _, alone in pairs),
        "looks_each_second": median(with_reader.looks / with_reader.seconds for with_reader, _ in pairs),
        "rounds": [[attrs.asdict(each) for each in pair] for pair in pairs],
    }


def main() -> int:
    """Do as the command line says; 0 if all was measured, whatever the figures."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.watched",
        description="Measure what a program under load pays for being watched with greenroom top.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--sizes", type=_sizes, default=SIZES, help="of the tree, separated by commas; default: %(default)s"
    )
    parser.add_argument("--rounds", type=_rounds, default=ROUNDS, help="pairs that count; default: %(default)s")
    parser.add_argument("--seconds", type=_seconds, default=SECONDS, help="of each round; default: %(default)s")
    parser.add_argument("--output", type=read_output, default=Path("build/watched.json"), help="default: %(default)s")
    given = parser.parse_args()
    if not is_writable(given.output, "python -m benchmarks.watched"):
        return 2
    found: list[dict[str, Any]] = []
    for size in given.sizes:
        facts = facts_of(size, trio.run(compare, size, given.rounds, given.seconds))
        found.append(facts)
        ratio = facts["ratio"]
        print(
            f"{size:>9,} actors: watched over alone {ratio['median']:.3f} ({ratio['low']:.3f} to {ratio['high']:.3f}),"
            f" {facts['rate_alone']:,.0f} messages a second alone, {facts['looks_each_second']:.1f} looks a second",
            flush=True,
        )
    results = {"format": FORMAT, "machine": machine(), "rounds": given.rounds, "seconds": given.seconds, "sizes": found}
    given.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(f"written: {given.output}")
    return 0


def _sizes(text: str) -> tuple[int, ...]:
    try:
        sizes = tuple(int(each.replace("_", "")) for each in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers") from None
    if not all(BUSY <= size <= 1_000_000 for size in sizes):  # noqa: PLR2004 -- a million
        raise argparse.ArgumentTypeError(f"give sizes from {BUSY} to 1,000,000")
    return sizes


def _rounds(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000:  # noqa: PLR2004 -- a thousand
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to 1000")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 600:  # noqa: PLR2004 -- ten minutes
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds from 0.1 to 600")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
