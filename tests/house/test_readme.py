"""The README and the documentation say what is so: their examples run."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$(?:\n\nIt prints:\n\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[tuple[int, str, str | None]]:
    """The code blocks in one language: the number of the line before its first, the code, and what it prints if the page says so."""
    text = page.read_text()
    return [
        (text.count("\n", 0, found.start(2)), found[2], found[3])
        for found in BLOCK.finditer(text)
        if found[1] == language
    ]


EXAMPLES = [
    pytest.param(code, prints, id=f"{page.relative_to(ROOT)}:{line}")
    for page in PAGES
    for line, code, prints in blocks(page, "python")
]


def test_the_readme_begins_with_the_two_commands() -> None:
    _, first, _ = blocks(ROOT / "README.md", "sh")[0]
    commands = [line.partition("#")[0].strip() for line in first.splitlines()]
    assert [command for command in commands if command.startswith("make")][:2] == ["make run", "make test"]


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[[Path], int]]:
    """Run a file, as often as you like; returns its exit status."""
    command = [sys.executable, "-W", "error", str(Path(__file__).with_name("examples.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as runner:
        assert runner.stdin is not None
        assert runner.stdout is not None
        given, heard = runner.stdin, runner.stdout

        def run(example: Path) -> int:
            given.write(f"{example}\n")
            given.flush()
            return int(heard.readline())

        yield run
        given.close()


@pytest.mark.parametrize(("code", "prints"), EXAMPLES)
def test_the_examples_on_the_pages_run(
    code: str, prints: str | None, tmp_path: Path, run: Callable[[Path], int]
) -> None:
    """And print what the page says that they print."""
    example = tmp_path / "example.py"
    example.write_text(code)
    status, output = run(example), (tmp_path / "output").read_text()
    assert status == 0, output
    assert prints in {None, output}


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("import trio\nasync def main():\n    1 / 0\ntrio.run(main)", 1, "ZeroDivisionError"),
        ("raise SystemExit('the race was not found')", 1, "the race was not found"),
        ("import sys\nsys.exit(3)", 3, ""),
        ("import warnings\nwarnings.warn('old', DeprecationWarning)", 1, "DeprecationWarning: old"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", -9, ""),
    ],
)
def test_an_example_that_fails_is_noticed(
    code: str, status: int, said: str, tmp_path: Path, run: Callable[[Path], int]
) -> None:
    example = tmp_path / "example.py"
    example.write_text(code)
    assert run(example) == status
    assert said in (tmp_path / "output").read_text()
