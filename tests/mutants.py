"""Break the code in small ways, and see that each break fails the test that is named for it.

The breaks are listed in `tests/mutants/*.toml`: promise, file, the text to replace (unique in the file), what to put there, and the test that has to
notice. Each is tried in a copy of the tree, so the working tree is never touched. A break that no test notices fails the run, and so does a
promise without a break, or a break that no longer fits the code. A promise of which nothing is built yet is named below, and is due as soon as
something is.

    python -P tests/mutants.py [PROMISE, LIST or PART-OF-A-FILE ...] [--list]
"""

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parent.parent
LISTS = ROOT / "tests" / "mutants"
PROMISES = tuple(f"P{number}" for number in range(1, 31))
#: What has no numbered promise, and is broken all the same.
OTHERS = (
    "MCP",
    "RACES",
    "BACKGROUND",
    "DISPATCH",
    "REAP",
    "REST",
    "SUPERVISION",
    "REGISTRY",
    "ERRORS",
    "WATCHDOG",
    "STASH",
    "TREES",
    "HISTORIES",
)
WORKERS = 2
#: Seconds for one test; a break may well make it hang, and a hang is noticed.
LIMIT = 90
KEYS = {"promise", "file", "old", "new", "test"}


@attrs.frozen
class Mutant:
    """Be one small break of the code."""

    promise: str
    file: str
    old: str
    new: str
    test: str
    where: str

    @property
    def name(self) -> str:
        """Say which one it is."""
        return f"{self.promise} {self.where} {self.file}"

    @property
    def list(self) -> str:
        """Say in which list it stands."""
        return self.where.partition("[")[0]


@attrs.frozen
class Result:
    """Say what became of a mutant."""

    mutant: Mutant
    verdict: str
    seconds: float
    output: str = ""


def read_lists() -> list[Mutant]:
    """Read all lists; a faulty entry ends the run with its place."""
    mutants: list[Mutant] = []
    for path in sorted(LISTS.glob("*.toml")):
        for number, entry in enumerate(tomllib.loads(path.read_text())["mutant"], 1):
            where = f"{path.stem}[{number}]"
            wrong = KEYS.symmetric_difference(entry)
            if wrong:
                sys.exit(
                    f"{where}: the keys are {', '.join(sorted(KEYS))}; missing or unknown: {', '.join(sorted(wrong))}"
                )
            mutants.append(Mutant(**entry, where=where))
    return mutants


def misfits(mutants: Sequence[Mutant]) -> Iterator[str]:
    """Find entries that do not fit the code, and promises that nothing breaks."""
    for mutant in mutants:
        if mutant.promise not in PROMISES + OTHERS:
            yield f"{mutant.name}: there is no such promise"
        path = ROOT / mutant.file
        if not path.is_file():
            yield f"{mutant.name}: there is no such file"
            continue
        text = path.read_text()
        if text.count(mutant.old) != 1:
            yield f"{mutant.name}: its old text stands {text.count(mutant.old)} times in the file, not once"
            continue
        try:
            compile(text.replace(mutant.old, mutant.new), mutant.file, "exec")
        except SyntaxError as error:
            yield f"{mutant.name}: the broken file is no Python ({error})"
    broken = {mutant.promise for mutant in mutants}
    for promise in PROMISES:
        if promise not in broken:
            yield f"{promise}: no mutant breaks it"


class Copy:
    """Be a copy of the tree in which the code may be broken."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "tree"
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True,
        ).stdout.decode()  # fmt: skip
        for name in filter(None, listed.split("\0")):
            source, target = ROOT / name, self.root / name
            if not source.is_symlink() and not source.is_file():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
        # Python finds the package here before it finds the installed one; the root itself stays off the path.
        self.path = folder / "path"
        self.path.mkdir()
        (self.path / "greenroom").symlink_to(self.root / "greenroom")

    def run(self, test: str) -> tuple[int, str]:
        """Run one test; returns its status, or 124 if it hung."""
        command = [sys.executable, "-P", "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", test]
        environment = {**os.environ, "PYTHONPATH": str(self.path), "PYTHONDONTWRITEBYTECODE": "1", "CI": "true"}
        try:
            done = subprocess.run(
                command, cwd=self.root, capture_output=True, text=True, timeout=LIMIT, env=environment, check=False
            )
        except subprocess.TimeoutExpired:
            return 124, f"still running after {LIMIT} s"
        return done.returncode, done.stdout[-2_000:] + done.stderr[-2_000:]

    def try_out(self, mutant: Mutant) -> Result:
        """Break the code, run the test, mend the code."""
        path = self.root / mutant.file
        text = path.read_text()
        start = time.monotonic()
        path.write_text(text.replace(mutant.old, mutant.new))
        try:
            status, output = self.run(mutant.test)
        finally:
            path.write_text(text)
        # 1: a test failed; 124: it hung. Anything else is no verdict of a test.
        verdict = {0: "SURVIVED", 1: "killed", 124: "killed (it hung)"}.get(status, "NO VERDICT")
        return Result(mutant, verdict, time.monotonic() - start, output)


def run_all(mutants: Sequence[Mutant], folder: Path) -> Iterator[Result]:
    """Try all of them, on both cores, and give each result as it comes."""
    work: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
    for mutant in mutants:
        work.put(mutant)
    results: queue.SimpleQueue[Result | None] = queue.SimpleQueue()

    def labour(number: int) -> None:
        place = folder / str(number)
        place.mkdir()
        copy = Copy(place)
        while True:
            try:
                mutant = work.get_nowait()
            except queue.Empty:
                results.put(None)
                return
            results.put(copy.try_out(mutant))

    for number in range(WORKERS):
        threading.Thread(target=labour, args=(number,), daemon=True).start()
    left = WORKERS
    while left:
        result = results.get()
        if result is None:
            left -= 1
        else:
            yield result


def check_unbroken(mutants: Sequence[Mutant], folder: Path) -> str:
    """Run all the named tests on the code as it is; returns what went wrong."""
    copy = Copy(folder)
    command = [sys.executable, "-P", "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", "-n", str(WORKERS)]
    environment = {**os.environ, "PYTHONPATH": str(copy.path), "CI": "true"}
    done = subprocess.run(
        [*command, *sorted({mutant.test for mutant in mutants})],
        cwd=copy.root, capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout[-4_000:] + done.stderr[-2_000:]


def main() -> int:
    """Run the script; returns its status."""
    parser = argparse.ArgumentParser(description="Break the code in small ways; each break must fail a test.")
    parser.add_argument(
        "only", nargs="*", help="promises, lists, parts of files: try only the mutants that have one of them"
    )
    parser.add_argument("--list", action="store_true", help="say which there are, and try none")
    options = parser.parse_args()
    mutants = read_lists()
    wrong = list(misfits(mutants))
    chosen = [
        each
        for each in mutants
        if not options.only or any(part in (each.promise, each.list) or part in each.file for part in options.only)
    ]
    if options.list:
        for mutant in chosen:
            print(f"{mutant.name}: {mutant.test}")
        return 0
    for each in wrong:
        print(f"MISFIT    {each}")
    if not chosen:
        print("no mutant is of that promise, list or file; --list says which there are")
        return 2
    if wrong and not options.only:
        return 1
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        unbroken = Path(folder) / "unbroken"
        unbroken.mkdir()
        failure = check_unbroken(chosen, unbroken)
        if failure:
            print(f"the tests fail without any break:\n{failure}")
            return 1
        bad = 0
        for result in run_all(chosen, Path(folder)):
            print(
                f"{result.verdict:16} {result.seconds:5.1f} s  {result.mutant.name}  {result.mutant.test}", flush=True
            )
            if not result.verdict.startswith("killed"):
                bad += 1
                print(
                    f"    - {result.mutant.old!r}\n    + {result.mutant.new!r}\n{result.output if result.verdict == 'NO VERDICT' else ''}"
                )
    print(f"{len(chosen)} mutants, {len(chosen) - bad} killed, {bad} not")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
