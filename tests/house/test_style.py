"""What the house asks of every file, where a linter does not look."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 400  # lines; past that there is a second idea in the file


def source() -> list[Path]:
    return [
        path for folder in ("mailbox", "actors", "supervisor", "greenroom") for path in (ROOT / folder).rglob("*.py")
    ]


def test_no_file_of_the_runtime_is_longer_than_400_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in source()}
    assert {path: length for path, length in lengths.items() if length > LONGEST} == {}


def test_every_module_of_the_runtime_opens_with_what_it_is_for() -> None:
    without = [str(path.relative_to(ROOT)) for path in source() if not path.read_text().startswith(('"""', 'r"""'))]
    assert without == []
