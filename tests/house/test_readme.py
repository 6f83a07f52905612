"""The README and the documentation say what is so: their examples run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """The code blocks in one language, each with the number of the line before its first."""
    text = page.read_text()
    return [(text.count("\n", 0, found.start(2)), found[2]) for found in BLOCK.finditer(text) if found[1] == language]


EXAMPLES = [
    pytest.param(code, id=f"{page.relative_to(ROOT)}:{line}") for page in PAGES for line, code in blocks(page, "python")
]


def test_the_readme_begins_with_the_two_commands() -> None:
    _, first = blocks(ROOT / "README.md", "sh")[0]
    commands = [line.partition("#")[0].strip() for line in first.splitlines()]
    assert [command for command in commands if command.startswith("make")][:2] == ["make run", "make test"]


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_examples_on_the_pages_run(code: str, tmp_path: Path) -> None:
    example = tmp_path / "example.py"
    example.write_text(code)
    command = [sys.executable, "-W", "error", str(example)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
