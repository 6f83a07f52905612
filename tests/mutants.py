"""Break the code in small ways, and see that each break fails the test that is named for it.

The breaks are listed in `tests/mutants/*.toml`: promise, file, the text to replace (unique in the file), what to put there, and who has to notice:
`test`, or `tests`, each of which has to fail (of one with parameters: with any of them, or with the one that is named). Each break is tried in a copy
of the tree, so the working tree is never touched. A break that one of its tests does not notice fails the run, and so does a promise without a break,
or a break that no longer fits the code.

    python -P tests/mutants.py [PROMISE, LIST or PART-OF-A-FILE ...] [--list] [--workers N]
"""

import argparse
import builtins
import dis
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType
from typing import Any, cast

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
    "WEIGHT",
    "PEERS",
    "CONFORMANCE",
    "HISTORIES",
    "SCALE",
    "SITE",
    "LAB",
    "TOP",
)
WORKERS = 2
#: Seconds for the tests of one break; it may well make a test hang, and a hang is noticed.
LIMIT = 90
KEYS = ("promise", "file", "old", "new")
#: Of these an entry has one.
NOTICERS = ("test", "tests")

#: What a break that is itself faulty brings about: each kill for one of these is looked at, whether that is what the break is for.
FAULTS = re.compile(
    r"^.*(?:NameError|UnboundLocalError|ImportError|unexpected keyword argument|missing \d+ required|takes \d+ positional arguments?).*$",
    re.MULTILINE,
)
#: How a test is named.
TEST = re.compile(r"[^:\s]+\.py::test_\w+(\[.*\])?")


class WrongEntry(Exception):
    """An entry of a list is not of the form; says which, and what is wrong."""


@attrs.frozen
class Mutant:
    """Be one small break of the code."""

    promise: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
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
    """Say what became of a mutant, and which of its tests have not noticed it."""

    mutant: Mutant
    verdict: str
    seconds: float
    output: str = ""
    survivors: tuple[str, ...] = ()


def read_lists() -> list[Mutant]:
    """Read all lists. Raises WrongEntry."""
    return [
        read_entry(entry, f"{path.stem}[{number}]")
        for path in sorted(LISTS.glob("*.toml"))
        for number, entry in enumerate(tomllib.loads(path.read_text(encoding="utf-8"))["mutant"], 1)
    ]


def read_entry(entry: Mapping[str, Any], where: str) -> Mutant:
    """Return the mutant of one entry. Raises WrongEntry."""
    missing = [key for key in KEYS if key not in entry]
    unknown = [key for key in entry if key not in KEYS + NOTICERS]
    if missing or unknown:
        keys = f"the keys are {', '.join(KEYS)}, and test or tests"
        raise WrongEntry(f"{where}: {keys}; missing or unknown: {', '.join(missing + unknown)}")
    noticers = [key for key in NOTICERS if key in entry]
    if len(noticers) != 1:
        raise WrongEntry(f"{where}: give either test, or tests; it has {' and '.join(noticers) or 'neither'}")
    for key in KEYS:
        if not isinstance(entry[key], str):
            raise WrongEntry(f"{where}: {key} is {entry[key]!r}, which is no text")
    if entry["promise"] not in PROMISES + OTHERS:
        raise WrongEntry(f"{where}: {entry['promise']!r} is no promise")
    if not entry["old"].strip():
        raise WrongEntry(f"{where}: old is empty; give the text to replace")
    if entry["old"] == entry["new"]:
        raise WrongEntry(f"{where}: new is the same as old, which breaks nothing")
    return Mutant(
        **{key: entry[key] for key in KEYS}, tests=_read_tests(entry[noticers[0]], noticers[0], where), where=where
    )


def _read_tests(given: object, key: str, where: str) -> tuple[str, ...]:
    if key == "test":
        given = [given]
    if not isinstance(given, list) or not given:
        raise WrongEntry(f"{where}: tests is {given!r}; give a list of at least one")
    tests = cast("list[object]", given)
    for each in tests:
        if not isinstance(each, str) or not TEST.fullmatch(each):
            raise WrongEntry(
                f"{where}: {each!r} is no test; give file.py::test_name, or file.py::test_name[parameters]"
            )
        if tests.count(each) > 1:
            raise WrongEntry(f"{where}: {each} is named twice")
    return tuple(cast("list[str]", tests))


def misfits_of(mutant: Mutant) -> Iterator[str]:
    """Find out how one does not fit the code."""
    path = ROOT / mutant.file
    if not path.is_file():
        yield f"{mutant.name}: there is no such file"
        return
    text = path.read_text(encoding="utf-8")
    count = text.count(mutant.old)
    if count != 1:
        yield f"{mutant.name}: its old text stands {count} times in the file, not once"
    elif path.suffix == ".py":  # a page may say anything
        yield from _misfits_of_new(mutant, text)
    for test in mutant.tests:
        file, _, name = test.partition("[")[0].partition("::")
        tests = ROOT / file
        if not tests.is_file() or f"def {name}(" not in tests.read_text(encoding="utf-8"):
            yield f"{mutant.name}: there is no test {test}"


def _misfits_of_new(mutant: Mutant, text: str) -> Iterator[str]:
    """Find out how what is put there would fail any test, whatever that looks at."""
    try:
        broken = compile(text.replace(mutant.old, mutant.new), mutant.file, "exec")
    except SyntaxError as error:
        yield f"{mutant.name}: the broken file is no Python ({error})"
        return
    for name in sorted(undefined(broken) - undefined(compile(text, mutant.file, "exec"))):
        yield f"{mutant.name}: the broken file takes {name!r}, which is nowhere in it"


def undefined(module: CodeType) -> set[str]:
    """Return the names that a module's code takes from it, and that it never gives to anything."""
    given, taken = {"__file__", "__name__", "__doc__", "__all__", *vars(builtins)}, set[str]()
    codes = [module]
    while codes:
        code = codes.pop()
        codes += [each for each in code.co_consts if isinstance(each, CodeType)]
        for step in dis.get_instructions(code):
            if step.opname == "STORE_GLOBAL" or (step.opname == "STORE_NAME" and code is module):
                given.add(step.argval)
            elif step.opname == "LOAD_GLOBAL" or (step.opname == "LOAD_NAME" and code is module):
                taken.add(step.argval)
    return taken - given


def misfits(mutants: Sequence[Mutant]) -> Iterator[str]:
    """Find entries that do not fit the code, and promises that nothing breaks."""
    for mutant in mutants:
        yield from misfits_of(mutant)
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

    def run(self, tests: Sequence[str]) -> tuple[int, str]:
        """Run some tests; returns pytest's status, or 124 if it hung, and what it said. One test ends at its first failure, several go on."""
        command = [
            sys.executable,
            "-P",
            "-m",
            "pytest",
            "-q",
            "--no-header",
            "--tb=short",
            "-rfE",
            "-p",
            "no:cacheprovider",
        ]
        command += [*tests, "-x"] if len(tests) == 1 else tests
        environment = {**os.environ, "PYTHONPATH": str(self.path), "PYTHONDONTWRITEBYTECODE": "1", "CI": "true"}
        try:
            done = subprocess.run(
                command, cwd=self.root, capture_output=True, text=True, timeout=LIMIT, env=environment, check=False
            )
        except subprocess.TimeoutExpired:
            return 124, f"still running after {LIMIT} s"
        return done.returncode, done.stdout + done.stderr[-2_000:]

    def try_out(self, mutant: Mutant) -> Result:
        """Break the code, run the tests, mend the code."""
        path = self.root / mutant.file
        text = path.read_text()
        start = time.monotonic()
        path.write_text(text.replace(mutant.old, mutant.new))
        try:
            status, output = self.run(mutant.tests)
        finally:
            path.write_text(text)
        verdict, survivors = judge(mutant.tests, status, output)
        return Result(mutant, verdict, time.monotonic() - start, output, survivors)


def judge(tests: Sequence[str], status: int, output: str) -> tuple[str, tuple[str, ...]]:
    """Return the verdict on a run, and which of the tests have not noticed the break."""
    if status == 124:
        # Where several ran, nobody knows what the others would have said.
        return ("killed (it hung)" if len(tests) == 1 else "NO VERDICT"), ()
    if status not in (0, 1):
        return "NO VERDICT", ()
    alone = status == 1 and len(tests) == 1
    passed = tuple(test for test in tests if not alone and not has_failed(test, output))
    return ("SURVIVED" if passed else "killed"), passed


def has_failed(test: str, output: str) -> bool:
    """Return whether pytest's summary tells of a failure of a test: of one with parameters, with any of them unless one is named."""
    return re.search(rf"^(?:FAILED|ERROR) {re.escape(test)}(?:\[.*| - .*)?$", output, re.MULTILINE) is not None


def run_all(mutants: Sequence[Mutant], folder: Path, workers: int) -> Iterator[Result]:
    """Try all of them, a few at a time, and give each result as it comes."""
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

    for number in range(workers):
        threading.Thread(target=labour, args=(number,), daemon=True).start()
    left = workers
    while left:
        result = results.get()
        if result is None:
            left -= 1
        else:
            yield result


def check_unbroken(mutants: Sequence[Mutant], folder: Path, workers: int) -> str:
    """Run all the named tests on the code as it is; returns what went wrong."""
    copy = Copy(folder)
    command = [sys.executable, "-P", "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", "-n", str(workers)]
    environment = {**os.environ, "PYTHONPATH": str(copy.path), "CI": "true"}
    done = subprocess.run(
        [*command, *sorted({test for mutant in mutants for test in mutant.tests})],
        cwd=copy.root, capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else done.stdout[-4_000:] + done.stderr[-2_000:]


def say(result: Result) -> bool:
    """Print what became of a mutant; returns whether that is bad."""
    mutant = result.mutant
    first, *others = mutant.tests
    which = f"{first} and {len(others)} more" if others else first
    print(f"{result.verdict:16} {result.seconds:5.1f} s  {mutant.name}  {which}", flush=True)
    if result.verdict.startswith("killed"):
        fault = FAULTS.search(result.output)
        if fault is not None:
            print(f"    look whether it is the fault that was meant: {fault[0].strip()}")
        return False
    print(f"    - {mutant.old!r}\n    + {mutant.new!r}")
    for test in result.survivors:
        print(f"    not noticed by {test}")
    if result.verdict == "NO VERDICT":
        print(result.output[-4_000:])
    return True


def main() -> int:
    """Run the script; returns its status."""
    parser = argparse.ArgumentParser(description="Break the code in small ways; each break must fail a test.")
    parser.add_argument(
        "only", nargs="*", help="promises, lists, parts of files: try only the mutants that have one of them"
    )
    parser.add_argument("--list", action="store_true", help="say which there are, and try none")
    parser.add_argument("--workers", type=int, default=WORKERS, help=f"how many are tried at a time ({WORKERS})")
    options = parser.parse_args()
    if options.workers < 1:
        parser.error(f"--workers is {options.workers}; give at least 1")
    try:
        mutants = read_lists()
    except WrongEntry as error:
        print(error)
        return 1
    wrong = list(misfits(mutants))
    chosen = [
        each
        for each in mutants
        if not options.only or any(part in (each.promise, each.list) or part in each.file for part in options.only)
    ]
    if options.list:
        for mutant in chosen:
            print(f"{mutant.name}: {', '.join(mutant.tests)}")
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
        failure = check_unbroken(chosen, unbroken, options.workers)
        if failure:
            print(f"the tests fail without any break:\n{failure}")
            return 1
        bad = 0
        for result in run_all(chosen, Path(folder), options.workers):
            bad += say(result)
    print(f"{len(chosen)} mutants, {len(chosen) - bad} killed, {bad} not")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
