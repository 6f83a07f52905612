"""The server that the newsroom ships: slow to start, read-only, and kept inside its root."""

import sys
from pathlib import Path
from typing import Any

import pytest
import trio

from greenroom.actors._service import Service
from greenroom.mcp import McpConnection, McpStartupFailed, mcp_server

SLOW_SERVER = Path(__file__).resolve().parents[2] / "examples" / "newsroom" / "slow_server.py"


def archive(root: Path, *arguments: str, **options: Any) -> Service[McpConnection]:
    return mcp_server(
        "archive", command=sys.executable, args=[str(SLOW_SERVER), "--root", str(root), *arguments], **options
    )


@pytest.fixture
def shelves(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "acts").mkdir(parents=True)
    (root / ".hidden").mkdir()
    (root / "play.md").write_text("# The Play\n\nGhosts enter; ghosts leave.\nA door.\n", encoding="utf-8")
    (root / "acts" / "one.txt").write_text("Act One\nThe ghost speaks through the Door\n", encoding="utf-8")
    (root / "picture.png").write_bytes(b"\x89PNG")
    (root / ".hidden" / "secret.md").write_text("secret", encoding="utf-8")
    (tmp_path / "outside.md").write_text("outside", encoding="utf-8")
    (root / "link.md").symlink_to(tmp_path / "outside.md")
    return root


async def result(connection: McpConnection, tool: str, **arguments: Any) -> Any:
    called = await connection.call_tool(tool, arguments)
    assert not called.is_error, called
    assert called.structured_content is not None
    return called.structured_content["result"]


async def test_the_archive_lists_searches_counts_and_reads_its_texts(shelves: Path) -> None:
    async with archive(shelves).connect() as connection:
        assert connection.instructions is not None
        assert connection.instructions.startswith("An archive of 2 texts.")
        assert await result(connection, "list_texts") == [
            {"path": "acts/one.txt", "title": "Act One", "lines": 2, "words": 8},
            {"path": "play.md", "title": "The Play", "lines": 4, "words": 8},
        ]
        assert await result(connection, "search", words="DOOR the") == [
            {"path": "acts/one.txt", "line": 2, "text": "The ghost speaks through the Door"}
        ]
        assert len(await result(connection, "search", words="door", limit=1)) == 1
        assert await result(connection, "count_words", limit=2) == [
            {"word": "ghosts", "count": 2},
            {"word": "enter", "count": 1},
        ]
        assert await result(connection, "count_words", path="acts/one.txt", limit=1) == [{"word": "ghost", "count": 1}]
        assert await result(connection, "read", path="play.md", first=3, limit=1) == "Ghosts enter; ghosts leave."
        assert all(connection.traits(tool.name).read_only for tool in connection.tools)


async def test_nothing_outside_the_root_is_read(shelves: Path) -> None:
    async with archive(shelves).connect() as connection:
        for path in ("../outside.md", "link.md", ".hidden/secret.md", str(shelves / "play.md"), "acts/../play.md"):
            called = await connection.call_tool("read", {"path": path})
            assert called.is_error, path
            assert "has no text" in str(called.content)


async def test_the_archive_is_as_slow_to_start_as_it_is_told(shelves: Path) -> None:
    began = trio.current_time()
    async with archive(shelves, "--delay", "1.2").connect() as connection:
        assert trio.current_time() - began >= 1.2
        assert connection.stderr == ("archive: 2 texts found, opening the shelves",)
    with pytest.raises(McpStartupFailed, match=r"no handshake within 5 s; stderr: archive: 2 texts found"):
        async with archive(shelves, "--delay", "60", startup_timeout=5.0, exit_grace=0.0).connect():
            pass


async def test_an_archive_that_does_not_exist_says_so(tmp_path: Path) -> None:
    with pytest.raises(McpStartupFailed, match=r"exited with code 1 .* stderr: archive: cannot open .*: No such file"):
        async with archive(tmp_path / "none").connect():
            pass
