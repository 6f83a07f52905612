"""Explore all that is explored, for long, on all cores, from new seeds each time; at the end, say what was done and what failed.

The jobs are those of `tests/races/jobs.py`, and one for each property test of Hypothesis. Round after round, each is run in a process of its own:
what hangs or takes its process down is a failure of that job, and nobody else's. Ctrl-C ends it early, with the summary so far.

    python -P tests/soak.py [--seconds N] [--seed N] [--workers N] [--only PART-OF-A-NAME ...]
    python -P tests/soak.py --again JOB --seed N [--token TOKEN]
"""

import argparse
import logging
import multiprocessing
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from math import log
from multiprocessing.connection import wait
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
#: Seconds of one job in one round, at most and at least.
SLICE, LEAST = 10.0, 0.3
#: Seconds past its slice after which a job counts as hanging: it may be shrinking what it has found.
PATIENCE = 90.0
#: Seconds past the end of the time for what still runs; then it is cut off.
LATE = 15.0
#: Seconds between two signs of life.
SIGNS = 30.0
#: Bits of the sketch by which a job's distinct orders are counted.
BITS = 1 << 18
HYPOTHESIS = "hypothesis "
EXAMPLES_A_SECOND = 30
EXAMPLES = re.compile(r"(\d+) passing")


class Row:
    """Hold what a job has done so far."""

    def __init__(self) -> None:
        self.runs = self.points = self.plays = 0
        self.sketch: int = 0
        self.bits: set[int] = set()
        self.failures: dict[tuple[int, str], Any] = {}

    def add(self, play: int, tally: Any) -> None:
        """Add what a play has counted; what it tells last of a failure counts."""
        self.runs += tally.runs
        self.points += tally.points
        self.bits.update(order % BITS for order in tally.orders)
        for failure in tally.failures:
            self.failures[play, failure.what] = failure

    @property
    def orders(self) -> str:
        """About how many different orders came up (linear counting, Whang et al. 1990)."""
        free = 1 - len(self.bits) / BITS
        return f"> {5 * BITS:,}" if free < 0.01 else f"{round(-BITS * log(free)):,}"


class Play:
    """Be one job at work, in a process of its own."""

    def __init__(
        self, number: int, name: str, play: Callable[[int, float], Iterator[Any]], seed: int, seconds: float
    ) -> None:
        context: Any = multiprocessing.get_context("fork")
        self.number, self.name, self.seed = number, name, seed
        self.pipe, theirs = context.Pipe(duplex=False)
        self.process: Any = context.Process(target=work, args=(theirs, play, seed, seconds), daemon=False)
        self.process.start()
        theirs.close()
        self.until = monotonic() + seconds + PATIENCE
        self.is_over = False

    def read(self) -> Iterator[Any]:
        """Give what it has told since; at its end, `is_over` is True."""
        try:
            while self.pipe.poll():
                yield self.pipe.recv()
        except (EOFError, OSError):
            self.is_over = True

    def end(self) -> int | None:
        """End its process, with all that it has started; returns its status, None if it still ran."""
        self.process.join(1 if self.is_over else 0)
        status: int | None = self.process.exitcode
        if self.process.pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.join()
        self.pipe.close()
        return status


def work(pipe: Any, play: Callable[[int, float], Iterator[Any]], seed: int, seconds: float) -> None:
    """Be the process of a job."""
    os.setsid()  # Ctrl-C is for the one who asked, who then ends all
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logging.disable(logging.CRITICAL)
    try:
        for tally in play(seed, seconds):
            pipe.send(tally)
    except BaseException:  # noqa: BLE001 -- told to the one who asked
        pipe.send(traceback.format_exc())
    pipe.close()
    os._exit(0)


def load_jobs() -> Any:
    """Import the jobs from the tests, as pytest would name them, without the root on the path: there is a `mailbox` in it."""
    tests = types.ModuleType("tests")
    tests.__path__ = [str(ROOT / "tests")]
    sys.modules["tests"] = tests
    return import_module("tests.races.jobs")


def property_tests() -> list[str]:
    """Return the names of all tests that Hypothesis draws examples for."""
    command = [sys.executable, "-P", "-m", "pytest", "--collect-only", "-q", "-m", "hypothesis", "--no-header"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return [each for each in done.stdout.splitlines() if each.startswith("tests/") and "::" in each]


def property_command(test: str, seed: int) -> list[str]:
    """Return what runs a property test from a seed."""
    options = ["--hypothesis-profile=soak", f"--hypothesis-seed={seed}", "--hypothesis-show-statistics"]
    return [sys.executable, "-P", "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", *options, test]


def play_property(jobs: Any, test: str) -> Callable[[int, float], Iterator[Any]]:
    """Return what plays a property test."""

    def play(seed: int, seconds: float) -> Iterator[Any]:
        environment = {**os.environ, "SOAK_EXAMPLES": str(max(20, int(EXAMPLES_A_SECOND * seconds)))}
        command = property_command(test, seed)
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
        tally = jobs.Tally(runs=sum(map(int, EXAMPLES.findall(done.stdout))))
        if done.returncode:
            errors = [each for each in done.stdout.splitlines() if each.startswith(("E  ", "FAILED "))]
            tally.failures.append(jobs.Failure((errors or [f"exit status {done.returncode}"])[0][:150], "", seed))
        yield tally

    return play


class Soak:
    """Go round the jobs until the time is over."""

    def __init__(self, jobs: Any, plays: dict[str, Any], seed: int, seconds: float, workers: int) -> None:
        self._jobs = jobs
        self._plays = plays
        self._random = Random(seed)
        self._seconds = seconds
        self._workers = workers
        self._slice = max(LEAST, min(SLICE, seconds * workers / len(plays) * 0.6))
        self.seed = seed
        self.rows = {name: Row() for name in plays}
        self.begun = monotonic()
        self.rounds = 0

    def go(self) -> None:
        """Run until the time is over."""
        until = self.begun + self._seconds
        names = self._names()
        running: list[Play] = []
        sign = self.begun + SIGNS
        number = 0
        try:
            while (running and monotonic() < until + LATE) or monotonic() < until:
                while len(running) < self._workers and monotonic() < until:
                    number += 1
                    name = next(names)
                    seconds = max(LEAST, min(self._slice, until - monotonic()))
                    running.append(Play(number, name, self._plays[name], self._random.randrange(1, 1_000_000), seconds))
                wait([each.pipe for each in running], timeout=1)
                for each in running.copy():
                    self._see_to(each, running)
                if monotonic() > sign:
                    sign += SIGNS
                    print(self.sign(), flush=True)
        finally:
            for each in running:
                each.end()

    def _names(self) -> Iterator[str]:
        while True:
            names = list(self._plays)
            self._random.shuffle(names)
            yield from names
            self.rounds += 1

    def _see_to(self, play: Play, running: list[Play]) -> None:
        row = self.rows[play.name]
        known = len(row.failures)
        for told in play.read():
            if isinstance(told, str):
                text = told.strip().splitlines()[-1]
                row.failures[play.number, "raised"] = self._jobs.Failure(f"the job raised {text}", "", play.seed)
            else:
                row.add(play.number, told)
        if len(row.failures) > known:
            print(f"a failure of {play.name}: {[*row.failures.values()][-1].what}", flush=True)
        failure = ""
        if play.is_over:
            status = play.end()
            failure = f"its process ended with status {status}" if status else ""
        elif monotonic() > play.until:
            play.end()
            failure = "it hung, and was killed"
        else:
            return
        running.remove(play)
        row.plays += 1
        if failure:
            print(f"a failure of {play.name}: {failure}", flush=True)
            row.failures[play.number, "process"] = self._jobs.Failure(failure, "", play.seed)

    # -- what it says

    def sign(self) -> str:
        """Return a sign of life."""
        runs, points = (sum(getattr(row, field) for row in self.rows.values()) for field in ("runs", "points"))
        failed = sum(len(row.failures) for row in self.rows.values())
        seconds = monotonic() - self.begun
        return f"{seconds:6.0f} s  round {self.rounds + 1}  {runs:,} runs  {points:,} points  {failed} failures"

    def summary(self) -> str:
        """Return what was done, as a table, and what failed."""
        heads = ("what", "plays", "runs", "orders", "points", "failures")
        table: list[tuple[str, ...]] = [heads]
        for name in sorted(self.rows, key=lambda name: (name.partition(" ")[0], name)):
            row = self.rows[name]
            # fmt: off
            table.append((
                name, f"{row.plays:,}", f"{row.runs:,}", row.orders if row.bits else "-",
                f"{row.points:,}" if row.points else "-", str(len(row.failures)) if row.failures else "-",
            ))
            # fmt: on
        widths = [max(len(line[column]) for line in table) for column in range(len(heads))]
        lines = [
            "  ".join(
                [
                    line[0].ljust(widths[0]),
                    *(text.rjust(width) for text, width in zip(line[1:], widths[1:], strict=True)),
                ]
            )
            for line in table
        ]
        lines.insert(1, "-" * len(lines[0]))
        return "\n".join([*lines, "", f"seed {self.seed}; {self.sign().strip()}", *self._failed()])

    def _failed(self) -> Iterator[str]:
        for name, row in self.rows.items():
            kinds: dict[str, list[Any]] = {}
            for failure in row.failures.values():
                kinds.setdefault(failure.what, []).append(failure)
            for what, failures in kinds.items():
                least = min(failures, key=lambda failure: len(failure.token))
                times = "" if len(failures) == 1 else f" ({len(failures)} times)"
                yield f"\nFAILED  {name}: {what}{times}\n  {replay(name, least)}"

    @property
    def has_failed(self) -> bool:
        """True if anything did."""
        return any(row.failures for row in self.rows.values())


def replay(name: str, failure: Any) -> str:
    """Return the command that leads to a failure again."""
    if name.startswith(HYPOTHESIS):
        return shlex.join([".venv/bin/python", *property_command(name.removeprefix(HYPOTHESIS), failure.seed)[1:]])
    token = ["--token", failure.token] if failure.token else []
    return shlex.join([".venv/bin/python", "-P", "tests/soak.py", "--again", name, "--seed", str(failure.seed), *token])


def run_again(jobs: Any, name: str, seed: int, token: str) -> int:
    """Lead to a failure again; returns 1 if it is still there."""
    job = next((each for each in jobs.JOBS if each.name == name), None)
    if job is None:
        print(f"there is no job {name!r}")
        return 2
    if token or name.startswith(("backends", "bug")):
        result = job.again(seed, token)
        print(jobs.told_of(result, "the same command") if result.failed else f"passed, in {result.steps} steps")
        if result.error is not None:
            traceback.print_exception(result.error)
        return int(result.failed)
    failures = [failure for tally in job.play(seed, SLICE) for failure in tally.failures]
    print("\n".join(failure.what for failure in failures) or "passed")
    return int(bool(failures))


def main(jobs: Any = None) -> int:
    """Run the script; returns its status."""
    parser = argparse.ArgumentParser(description="Explore all that is explored, for long, and say what came of it.")
    parser.add_argument("only", nargs="*", help="parts of names: run only the jobs that have one of them")
    parser.add_argument("--seconds", type=float, default=3_600.0, help="of real time; 3600 without it")
    parser.add_argument("--seed", type=int, help="of all seeds; drawn without it")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time; 2 without it")
    parser.add_argument("--again", metavar="JOB", help="lead to a failure of this job again, by its seed and token")
    parser.add_argument("--token", default="", help="of the failure")
    options = parser.parse_args()
    jobs = jobs or load_jobs()
    if options.again:
        return run_again(jobs, options.again, options.seed or 0, options.token)
    plays = {job.name: job.play for job in jobs.JOBS}
    if getattr(jobs, "HAS_PROPERTIES", True):
        plays |= {HYPOTHESIS + test: play_property(jobs, test) for test in property_tests()}
    if options.only:
        plays = {name: play for name, play in plays.items() if any(part in name for part in options.only)}
    if not plays:
        print(f"no job has a name with {' or '.join(options.only)}")
        return 2
    seed = secrets.randbelow(1_000_000) if options.seed is None else options.seed
    soak = Soak(jobs, plays, seed, options.seconds, max(1, options.workers))
    print(f"seed {seed}: {len(plays)} jobs for {options.seconds:g} s, {options.workers} at a time", flush=True)
    interrupted = False
    # Whoever is patient no longer, such as `timeout`, gets the summary, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        soak.go()
    except KeyboardInterrupt:
        interrupted = True
        print("interrupted; so far:")
    print(soak.summary(), flush=True)
    return 1 if soak.has_failed else 130 if interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
