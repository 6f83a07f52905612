"""The socket is private from its first moment, takes nobody's place, and is gone at the end."""

import errno
import fcntl
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from greenroom import Actor, Context, Intensity, open_supervisor
from greenroom.inspector import SocketRefused, _socket, open_inspector
from greenroom.inspector._socket import MOST_PATH, Endpoint, check_path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder that is the current one: its own path may be too long for a socket."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for each in tmp_path.iterdir():
        assert not each.name.startswith("fresh"), "left behind"


def mode_of(path: str | Path) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def refused(path: object) -> str:
    with pytest.raises(SocketRefused) as caught:
        Endpoint(check_path(path)).close()
    return caught.value.why


@pytest.mark.parametrize("way", ["mode of the socket", "umask"])
def test_the_file_is_of_mode_0600_in_the_very_call_that_makes_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    modes: list[int] = []

    class Watched(socket.socket):
        def bind(self, address: Any, /) -> None:
            super().bind(address)
            modes.append(mode_of(address))

    monkeypatch.setattr(socket, "socket", Watched)
    if way == "umask":

        def refuse(descriptor: int, mode: int) -> None:
            raise OSError(errno.EINVAL, f"no {mode:o} for {descriptor}")

        monkeypatch.setattr(os, "fchmod", refuse)
    before = os.umask(0)
    try:
        endpoint = Endpoint("fresh.sock")
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    assert modes == [0o600]
    assert mode_of(folder / "fresh.sock") == 0o600
    endpoint.close()


@pytest.mark.parametrize("path", [3, None, b"x.sock", ["x.sock"], 1.5, object()])
def test_what_is_no_path_is_refused_as_that(path: object) -> None:
    with pytest.raises(TypeError, match=r"^open_inspector: path is .*; give a string or a pathlib.Path$"):
        check_path(path)


def test_a_path_at_which_no_socket_can_be_is_refused_with_the_reason(folder: Path) -> None:
    (folder / "file").write_text("x", encoding="utf-8")
    (folder / "folder").mkdir()
    (folder / "link").symlink_to("file")
    os.mkfifo(folder / "pipe")
    assert refused("") == "is empty; give the path of a socket"
    assert refused("a\0b") == "has a zero byte in it; give the path of a file"
    assert refused("file") == "is a file, which is not replaced; give another path, or remove it"
    assert refused("folder") == "is a folder, which is not replaced; give another path, or remove it"
    assert refused("link") == "is a symbolic link, which is not replaced; give another path, or remove it"
    assert refused("pipe") == "is a pipe, which is not replaced; give another path, or remove it"
    assert refused("/dev/null") == "is a device, which is not replaced; give another path, or remove it"
    assert refused("no/x.sock") == "the folder no cannot be opened: No such file or directory"
    assert refused("file/x.sock") == "the folder file cannot be opened: Not a directory"
    assert (folder / "file").read_text(encoding="utf-8") == "x"
    assert sorted(each.name for each in folder.iterdir()) == ["file", "folder", "link", "pipe"]


def test_a_path_that_is_too_long_for_a_socket_is_refused_and_the_longest_is_not(folder: Path) -> None:
    longest = "s" * MOST_PATH
    Endpoint(longest).close()
    assert refused(longest + "s").startswith(
        f"is {MOST_PATH + 1} bytes long, and the path of a Unix socket has at most"
    )
    assert refused("é" * MOST_PATH).startswith(f"is {2 * MOST_PATH} bytes long")
    assert list(folder.iterdir()) == []


def test_a_socket_at_which_somebody_listens_is_not_replaced(folder: Path) -> None:
    first = Endpoint("fresh.sock")
    assert refused("fresh.sock") == "somebody listens there already; give another path, or end that program"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("fresh.sock")
    first.close()
    assert list(folder.iterdir()) == []


def test_a_socket_at_which_nobody_listens_is_replaced_if_it_is_ones_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind("fresh.sock")
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    assert refused("fresh.sock") == f"is a socket of user {own}, which is not replaced; give another path"
    assert (folder / "fresh.sock").exists()
    monkeypatch.setattr(os, "geteuid", lambda: own)
    endpoint = Endpoint("fresh.sock")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("fresh.sock")
    endpoint.close()


def test_the_lock_of_the_folder_is_waited_for_and_not_for_ever(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    times = iter((0.0, 0.5, 0.9, 1.1))
    naps: list[float] = []
    monkeypatch.setattr(_socket, "monotonic", lambda: next(times))
    monkeypatch.setattr(_socket, "sleep", naps.append)
    assert refused("x.sock") == "somebody else holds the lock of the folder ."
    assert naps == [_socket.LOCK_EVERY] * 2
    os.close(descriptor)


def test_only_the_file_that_was_made_is_removed_and_only_by_who_made_it(folder: Path) -> None:
    endpoint = Endpoint("x.sock")
    child = os.fork()
    if child == 0:
        endpoint.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert (folder / "x.sock").is_socket()
    (folder / "x.sock").unlink()
    (folder / "x.sock").write_text("another's", encoding="utf-8")
    endpoint.close()
    endpoint.close()
    assert (folder / "x.sock").read_text(encoding="utf-8") == "another's"


def test_a_program_that_goes_to_another_folder_removes_its_socket_all_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = Endpoint("fresh.sock")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    endpoint.close()


class Breaks(Actor[str]):
    async def receive(self, message: str, ctx: Context) -> None:
        if message == "exit":
            sys.exit(3)
        raise ValueError(message)


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        ("an end", None),
        ("an error", ZeroDivisionError),
        ("a cancellation", None),
        ("Ctrl-C", KeyboardInterrupt),
        ("sys.exit in an actor", SystemExit),
        ("a tree that gives up", ExceptionGroup),
    ],
)
def test_the_socket_is_gone_after_every_way_to_leave_the_block(
    folder: Path, way: str, kind: type[BaseException] | None
) -> None:
    async def leave() -> None:
        with trio.CancelScope() as scope:
            async with open_supervisor("stage", intensity=Intensity(0, 1)) as root:
                child = await root.start(Breaks, name="child", restart="permanent")
                async with open_inspector(root, "fresh.sock") as inspector:
                    assert Path(inspector.path).is_socket()
                    assert inspector.path == str(folder / "fresh.sock")
                    match way:
                        case "an error":
                            _ = 1 / 0
                        case "a cancellation":
                            scope.cancel()
                        case "Ctrl-C":
                            signal.raise_signal(signal.SIGINT)
                        case "sys.exit in an actor":
                            child.tell("exit")
                        case "a tree that gives up":
                            child.tell("broken")
                        case _:
                            return
                    await trio.sleep(60)

    if kind is None:
        trio.run(leave)
    else:
        with pytest.raises(kind):
            trio.run(leave)
    assert list(folder.iterdir()) == []


PROGRAM = """
import sys
import trio
from greenroom import open_supervisor
from greenroom.inspector import open_inspector

async def main():
    async with open_supervisor("stage") as root, open_inspector(root, sys.argv[1]):
        print("open", flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


def test_a_program_that_is_killed_leaves_a_stale_socket_which_the_next_one_replaces(folder: Path) -> None:
    command = [sys.executable, "-P", "-c", PROGRAM, "x.sock"]
    for number, status in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 1)):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
            assert mode_of("x.sock") == 0o600
            process.send_signal(number)
            process.wait(60)
        assert (folder / "x.sock").exists() == (number == signal.SIGKILL)
        assert process.returncode in (status, -number)


async def test_a_root_that_is_none_is_refused(folder: Path) -> None:
    with pytest.raises(TypeError, match="open_inspector: root is 'root'; give what open_supervisor gives"):
        async with open_inspector("root", "fresh.sock"):  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
            pass
    assert list(folder.iterdir()) == []
