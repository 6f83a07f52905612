import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..processes import adopt_orphans, descendants, put_an_end_to

TREE = Path(__file__).resolve().parents[2] / "examples" / "newsroom" / "newsroom.toml"
#: `greenroom run` of the newsroom, wherever the package is installed.
NEWSROOM = (
    sys.executable, "-P", "-c", "import sys; from greenroom.console import main; sys.exit(main())", "run", str(TREE),
)  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No process and no process group of a run is there when it has ended."""
    adopt_orphans()
    before = descendants()
    yield
    left = {pid: what for pid, what in descendants().items() if pid not in before}
    put_an_end_to(left)
    assert not left


def git(*arguments: str | Path, cwd: Path | None = None) -> str:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return subprocess.run(
        ["git", *arguments], cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=True
    ).stdout.strip()


Commit = Callable[[str], str]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository without a commit, and two texts in it."""
    path = tmp_path / "gazette"
    path.mkdir()
    git("init", "--quiet", "--initial-branch=main", cwd=path)
    (path / "notes.md").write_text("# Notes\n\nGhosts enter; ghosts leave.\n", encoding="utf-8")
    (path / "more.txt").write_text(
        "A longer text about ghosts, and about doors, and about ghosts again.\n", encoding="utf-8"
    )
    return path


@pytest.fixture
def commit(repository: Path) -> Commit:
    """Make a commit, and return its hash."""

    def make(subject: str) -> str:
        who = ("-c", "user.name=A Author", "-c", "user.email=a@example.org")
        git(
            *who,
            "commit",
            "--quiet",
            "--allow-empty",
            "--message",
            subject,
            "--date=2001-02-03T04:05:06+00:00",
            cwd=repository,
        )
        return git("rev-parse", "HEAD", cwd=repository)

    return make


@pytest.fixture
def newsroom(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the newsroom to its end."""

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*NEWSROOM, *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=90,
            check=False,
        )

    return run
