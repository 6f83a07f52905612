"""Both type checkers look into the rooms, where they are reached through links."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("actors", "mailbox", "supervisor")
WRONG = '"""Wrong."""\n\nnumber: int = "text"\n'

pytestmark = pytest.mark.xdist_group("typing")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A house like this one, under a name that is no module's, with one wrong file in each room."""
    house = tmp_path_factory.mktemp("a-house")
    for folder in ("greenroom", "tests", "examples", "benchmarks"):
        (house / folder).mkdir()
    (house / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (house / "greenroom" / "__init__.py").write_text('"""The front door."""\n')
    (house / "tests" / "right.py").write_text("number: int = 1\n")
    for room in ROOMS:
        (house / room).mkdir()
        (house / room / "__init__.py").write_text('"""A room."""\n\nfrom ._wrong import number as number\n')
        (house / room / "_wrong.py").write_text(WRONG)
        (house / "greenroom" / room).symlink_to(Path("..", room))
    return house


def complaints(house: Path, *command: str) -> list[str]:
    """Run a checker, and return the files in which it finds errors, once for each error."""
    checker = [sys.executable, "-P", "-m", *command]
    done = subprocess.run(checker, cwd=house, capture_output=True, text=True, check=False)
    rows = [row.strip().removeprefix(f"{house}/") for row in done.stdout.splitlines() if "error: " in row]
    return sorted(row.partition(":")[0] for row in rows)


def test_mypy_finds_an_error_in_each_room_once(house: Path) -> None:
    assert complaints(house, "mypy") == [f"greenroom/{room}/_wrong.py" for room in ROOMS]


def test_pyright_finds_an_error_in_each_room_once(house: Path) -> None:
    found = complaints(house, "pyright", "--pythonpath", sys.executable)
    assert found == [f"greenroom/{room}/_wrong.py" for room in ROOMS]
