"""`greenroom top` for scripts, and all that can be wrong at either end of the socket."""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from greenroom.console import _link
from greenroom.console._app import main
from greenroom.console._keys import split_keys
from greenroom.console._link import Gone, Link
from greenroom.console._top import PAGE, Top
from greenroom.console._top_view import Chosen, Picture, lines_of, seconds
from greenroom.inspector import Frame
from greenroom.inspector._converter import structure_frame, unstructure
from greenroom.inspector._frame import MOST_BYTES, PROTOCOL
from greenroom.inspector._open import MOST_READERS
from greenroom.inspector._view import MOST_REQUEST, View
from greenroom.treefile._problem import InvalidInput

from .conftest import GREENROOM
from .programs import Program

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def connected(path: str = "s.sock") -> Generator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(path)
        yield client


def answers(client: socket.socket) -> list[dict[str, Any]]:
    """What comes until the other end closes."""
    data = b""
    while chunk := client.recv(65_536):
        data += chunk
    return [json.loads(line) for line in data.splitlines()]


def answer(client: socket.socket) -> dict[str, Any]:
    data = b""
    while not data.endswith(b"\n"):
        chunk = client.recv(65_536)
        assert chunk, "closed"
        data += chunk
    found: dict[str, Any] = json.loads(data)
    return found


# -- for scripts


def test_once_is_one_picture_or_one_line_of_json_with_all_that_a_frame_has(here: Path, greenroom: Run) -> None:
    with Program(here) as program:
        program.do('start("a", restart="permanent")')
        program.do('root.lookup("a").tell("broken\\x1b[2J [bold] " + "x" * 300)')
        ended = greenroom("top", "s.sock", "--once", "--json")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.count("\n") == 1
        assert "\x1b" not in ended.stdout
        data = json.loads(ended.stdout)
        frame = structure_frame(data)
        assert unstructure(frame) == data
        assert (frame.protocol, frame.program, frame.pid) == (PROTOCOL, "/stage", program.process.pid)
        assert [row.path for row in frame.rows] == ["/stage", "/stage/a"]
        a = frame.rows[1]
        assert (a.incarnation, a.state, a.last_error) == (
            2,
            "ready",
            "crashed: ValueError: broken\x1b[2J [bold] " + "x" * 300,
        )
        none = greenroom("top", "s.sock", "--once", "--json", "--search", "nobody")
        assert (none.returncode, json.loads(none.stdout)["rows"]) == (0, [])
        _check_picture(program, greenroom)


def _check_picture(program: Program, greenroom: Run) -> None:
    """One picture, in which nothing steers the terminal."""
    ended = greenroom("top", "s.sock", "--once")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\x1b" not in ended.stdout
    head, states, names, stage, a, *rest = ended.stdout.splitlines()
    assert head == f"/stage  process {program.process.pid}  actors 2"
    assert states.rstrip() == "2 ready"
    assert names.split() == ["actor", "state", "run", "mail", "oldest", "restarts"]
    assert stage.split() == ["●", "stage", "ready", "1/1000", "in", "600s"]
    assert a.endswith("crashed: ValueError: broken\ufffd[2J [bold] " + "x" * 300)
    assert rest == []
    ascii_only = greenroom("top", "s.sock", "--once", PYTHONIOENCODING="ascii")
    assert ascii_only.stdout.isascii()
    assert "`- * a" in ascii_only.stdout


def test_json_without_once_goes_on_until_the_program_leaves_or_the_reader_does(here: Path) -> None:
    with Program(here) as program:
        command = [*GREENROOM, "top", "s.sock", "--json", "--every", "0.1"]
        with subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as top:
            assert top.stdout is not None
            numbers = [json.loads(top.stdout.readline())["number"] for _ in range(3)]
            assert numbers == sorted(set(numbers))
            program.leave()
            said, errors = top.communicate(timeout=30)
        assert (top.returncode, errors) == (0, "greenroom: s.sock: the inspector was closed\n")
        assert all(json.loads(line)["protocol"] == PROTOCOL for line in said.splitlines())
    with Program(here) as program:
        with subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as top:
            assert top.stdout is not None
            top.stdout.readline()
            program.process.kill()
            _, errors = top.communicate(timeout=30)
        assert top.returncode == 1
        assert errors == "greenroom: s.sock: the program has died, or was killed: its end of the socket broke off\n"


# -- what is wrong with what is given


def test_what_cannot_be_attached_to_is_told_in_plain_words_and_exits_2(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "file").write_text("x", encoding="utf-8")
    (here / "folder").mkdir()
    os.mkfifo(here / "pipe")
    with socket.socket(socket.AF_UNIX) as stale, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        stale.bind("stale.sock")
        other.bind("other.sock")
        for arguments, said in (
            (["none.sock", "--once"], "none.sock: there is no such socket; a program opens one by"),
            (["stale.sock", "--once"], "stale.sock: nobody listens there any more"),
            (["file", "--once"], "file: is a file, and no socket"),
            (["folder", "--once"], "folder: is a folder, and no socket"),
            (["pipe", "--once"], "pipe: is a pipe, and no socket"),
            (["other.sock", "--once"], "other.sock: cannot be connected to: Protocol wrong type for socket"),
            (["file/x", "--once"], "file/x: cannot be connected to: Not a directory"),
            (["x" * 300, "--once"], "is 300 bytes long, and the path of a Unix socket has at most"),
            (["", "--once"], "the path of the socket: is empty"),
            (["stale.sock"], "the output is no terminal, so there is nothing to draw on; give --once, --json, or both"),
            ([], "requires an argument"),
            (["a", "b"], "Unused Tokens"),
            (["a", "--once", "--rows", "0"], "--rows: 0 is not from 1 to 500"),
            (["a", "--once", "--rows", "501"], "--rows: 501 is not from 1 to 500"),
            (["a", "--once", "--rows", "1.5"], "'1.5' is no whole number"),
            (["a", "--json", "--every", "0"], "--every: 0 is not a number of seconds from 0.1 to 3600"),
            (["a", "--json", "--every", "nan"], "--every: nan is not a number of seconds"),
            (["a", "--once", "--timeout", "-1"], "--timeout: -1 is not a number of seconds above 0"),
            (["a", "--once", "--timeout", "inf"], "--timeout: inf is not a number of seconds"),
            (["a", "--once", "--search", "x" * 201], "--search: is longer than 200 characters"),
            (["a", "--onse"], "Unknown option"),
        ):
            status = main(["top", *arguments])
            out, errors = capsys.readouterr()
            _check_usage(subprocess.CompletedProcess(arguments, status, out, errors), said)


def _check_usage(ended: subprocess.CompletedProcess[str], said: str) -> None:
    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    assert said in ended.stderr
    assert all(line.startswith("greenroom: ") for line in ended.stderr.splitlines())


AS_ANOTHER = """
import os, sys
from greenroom.console import main
# All that is needed is imported before: another user may not be allowed to read it.
sys.argv[1:], rest = ["top", "none.sock", "--once"], sys.argv[1:]
sys.stderr, stderr = open(os.devnull, "w"), sys.stderr
main()
sys.argv[1:], sys.stderr = rest, stderr
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sys.exit(main())
"""


def test_another_user_is_refused_at_both_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root for real, in a folder that others may look into; as any other user by what the program takes itself for."""
    folder = Path(f"/tmp/greenroom-test-{os.getpid()}")  # noqa: S108 -- made anew, and refused if it is there
    folder.mkdir(mode=0o755)
    monkeypatch.chdir(folder)
    try:
        with Program(folder) as program:
            if os.geteuid() == 0:
                command = [sys.executable, "-P", "-c", AS_ANOTHER, "top", "s.sock", "--once"]
                ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
                _check_usage(
                    ended, "s.sock: you may not connect to it; only the user as whom the program runs may look"
                )
                Path("s.sock").chmod(0o666)  # as if its mode had been widened
                ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
                _check_usage(ended, "belongs to a program of user 0, and you are user 65534")
                script = f"import os, socket; os.setuid(65534)\n{RAW_CLIENT}"
                ended = subprocess.run(
                    [sys.executable, "-P", "-c", script], capture_output=True, text=True, timeout=60, check=False
                )
                assert json.loads(ended.stdout) == {"error": "you are user 65534, and only user 0 may look"}
            own = os.geteuid()
            monkeypatch.setattr(os, "geteuid", lambda: own + 1)
            with pytest.raises(InvalidInput, match=f"belongs to a program of user {own}, and you are user {own + 1}"):
                Link("s.sock")
            monkeypatch.undo()
            program.do(f'exec("import os; os.geteuid = lambda: {own + 1}")')
            with connected(str(folder / "s.sock")) as client:
                assert answers(client) == [{"error": f"you are user {own}, and only user {own + 1} may look"}]
    finally:
        for each in folder.iterdir():
            each.unlink()
        folder.rmdir()
    assert not list(tmp_path.iterdir())


RAW_CLIENT = """
with socket.socket(socket.AF_UNIX) as client:
    client.connect("s.sock")
    client.settimeout(30)
    print(client.recv(1000).decode())
"""


# -- readers that do what they should not


GARBAGE = [
    (b"\n", "a request is one line of JSON"),
    (b"GET / HTTP/1.1\r\n", "a request is one line of JSON"),
    (b"\xff\xfe\x00\n", "a request is one line of JSON"),
    (b"[" * 4_000 + b"\n", "a request is one line of JSON"),
    (b"[]\n", 'a request is a JSON object, such as {"search": "", "rows": 100}'),
    (b"null\n", 'a request is a JSON object, such as {"search": "", "rows": 100}'),
    (b'{"stop": true}\n', "a request has no 'stop'; it has search, rows, select"),
    (b'{"search": 3}\n', "'search' is wrong; give a string of at most 200 characters"),
    (b'{"search": "%s"}\n' % (b"x" * 201), "'search' is wrong; give a string of at most 200 characters"),
    (b'{"rows": 0}\n', "'rows' is wrong; give a whole number from 1 to 500"),
    (b'{"rows": 501}\n', "'rows' is wrong; give a whole number from 1 to 500"),
    (b'{"rows": true}\n', "'rows' is wrong; give a whole number from 1 to 500"),
    (b'{"rows": 1e3}\n', "'rows' is wrong; give a whole number from 1 to 500"),
    (b'{"select": null}\n', "'select' is wrong; give a string of at most 4096 characters"),
    (b"x" * (MOST_REQUEST + 1), "a request is one line of JSON"),
]


def test_readers_that_send_garbage_or_leave_in_the_middle_do_the_program_no_harm(here: Path) -> None:
    with Program(here) as program:
        for data, said in GARBAGE:
            with connected() as client:
                client.sendall(data)
                assert answers(client) == [{"error": said}], data
        for data in (b"", b'{"rows"', b"{}\n", b"{}\n" * 500):
            with connected() as client:
                client.sendall(data)
        with connected() as client:
            # Its end is reset while an answer is on its way.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(b"{}\n")
        with connected() as client:
            client.sendall(b'{"rows"')
            client.sendall(b': 1}\n{"rows": 1}')
            first = answer(client)
            client.sendall(b"\n")
            assert answer(client)["number"] > first["number"]
        _wait_until(lambda: program.do("inspector.readers") == "0")
        program.leave()
        assert program.process.stderr is not None
        assert program.process.stderr.read() == ""


def _wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until


def test_readers_that_never_read_block_nobody_and_nothing_piles_up_for_them(here: Path) -> None:
    with Program(here, "busy", "eager") as program:
        program.do("[root.start_soon(Worker) for _ in range(400)]")
        dead: list[socket.socket] = []
        for _ in range(MOST_READERS - 1):
            client = socket.socket(socket.AF_UNIX)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            client.connect("s.sock")
            client.setblocking(False)
            while True:  # as many requests as there is room for
                try:
                    client.send(b"{}\n" * 100)
                except BlockingIOError:
                    break
            dead.append(client)
        before = int(program.do('root.lookup("busy")._slot.seq'))
        with connected() as client:
            numbers: list[int] = []
            for _ in range(5):
                client.sendall(b'{"rows": 1}\n')
                numbers.append(answer(client)["number"])
            assert program.do("inspector.readers") == str(MOST_READERS)
            # The dead ones have had what fits into their buffers, and no more is made for them.
            _wait_until(lambda: _is_still(client))
            with connected() as one_more:
                assert answers(one_more) == [
                    {"error": f"{MOST_READERS} readers are looking already; try again when one of them has left"}
                ]
        assert int(program.do('root.lookup("busy")._slot.seq')) > before
        for client in dead:
            client.close()
        _wait_until(lambda: program.do("inspector.readers") == "0")
        program.leave()


def _is_still(client: socket.socket) -> bool:
    """Whether two looks follow one another without one of another reader, or of the inspector's own, in between."""
    numbers: list[int] = []
    for _ in range(2):
        client.sendall(b'{"rows": 1}\n')
        numbers.append(answer(client)["number"])
    return numbers[1] == numbers[0] + 1


def test_a_reader_that_takes_too_long_is_sent_away(here: Path) -> None:
    with Program(here) as program:
        program.do('exec("import greenroom.inspector._open as o; o.ASK_PATIENCE = 0.01")')
        with connected() as client:
            assert answers(client) == []
        program.do('exec("import greenroom.inspector._open as o; o.ASK_PATIENCE = 60; o.SEND_PATIENCE = 0.01")')
        program.do("[root.start_soon(Worker) for _ in range(500)]")
        with connected() as client:
            client.sendall(b"{}\n" * 100)
            _wait_until(lambda: program.do("inspector.readers") == "0")


# -- programs that do what they should not


@contextmanager
def impostor(say: Callable[[socket.socket], None]) -> Generator[Link]:
    """A link to something that is no inspector."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("i.sock")
        listening.listen()

        def answer_once() -> None:
            client, _ = listening.accept()
            with client:
                say(client)

        thread = threading.Thread(target=answer_once)
        thread.start()
        link = Link("i.sock")
        try:
            yield link
        finally:
            link.close()
            thread.join()
            Path("i.sock").unlink()


NO_INSPECTOR = "what answers there is no greenroom inspector"
FRAME: dict[str, Any] = {
    "protocol": PROTOCOL, "program": "/stage", "pid": 1, "number": 1, "actors": 1, "matching": 1, "states": {"ready": 1},
    "queued": 0, "stale": 0, "cost": 0.0, "ended": [], "rows": [],
}  # fmt: skip
ROW: dict[str, Any] = {
    "path": "/stage", "name": "stage", "uid": 1, "kind": "supervisor", "incarnation": 1, "state": "ready", "restarts": 0,
    "recent": None, "recent_below": None, "queued": 0, "oldest_mail": None, "in_hand": None, "in_state": None, "stale": False,
    "last_error": "", "waiting_for": [], "warnings": [], "stack": "", "children": 0, "hidden": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", NO_INSPECTOR),
        (b"\xff\xff\n", NO_INSPECTOR),
        (b"[" * 100_000 + b"\n", NO_INSPECTOR),
        (b"[]\n", NO_INSPECTOR),
        (b"x" * (MOST_BYTES + 200_000), NO_INSPECTOR),
        (json.dumps({**FRAME, "rows": 3}).encode() + b"\n", NO_INSPECTOR),
        (json.dumps({**FRAME, "rows": [{**ROW, "queued": "many"}]}).encode() + b"\n", NO_INSPECTOR),
        (json.dumps({"protocol": PROTOCOL}).encode() + b"\n", NO_INSPECTOR),
        (
            b'{"protocol": "greenroom-inspector/9\\u001b[2J"}\n',
            f"it speaks greenroom-inspector/9\ufffd[2J, and this program {PROTOCOL}; use the greenroom of that program",
        ),
        (b'{"error": "no\\u001b]0;x\\u0007"}\n', "no\ufffd]0;x\ufffd"),
        (json.dumps({**FRAME, "rows": [{**ROW, "in_state": 10**400}]}).encode() + b"\n", NO_INSPECTOR),
        (b'{"protocol": "green', "the program has died, or was killed: its end of the socket broke off"),
        (b"", "the program has died, or was killed: its end of the socket broke off"),
    ],
)
@pytest.mark.usefixtures("here")
def test_what_is_no_inspector_is_told_in_plain_words(line: bytes, said: str) -> None:
    def say(client: socket.socket) -> None:
        try:
            client.recv(1_000)
            client.sendall(line)
        except OSError:
            pass  # it has heard enough

    with impostor(say) as link, pytest.raises(Gone) as caught:  # noqa: PT012 -- as it is used
        link.ask(View())
        while link.wait(30) is None:
            pass
    assert str(caught.value) == said
    assert not caught.value.in_order


@pytest.mark.usefixtures("here")
def test_a_frame_that_comes_in_pieces_is_one_frame_and_a_last_word_comes_before_the_end() -> None:
    data = json.dumps({**FRAME, "rows": [ROW]}).encode() + b"\n"

    def say(client: socket.socket) -> None:
        client.recv(1_000)
        for place in range(0, len(data), 100):
            client.sendall(data[place : place + 100])
        client.sendall(b'{"bye": "bye"}\n')

    with impostor(say) as link:
        link.ask(View())
        frame = link.wait(30)
        assert frame is not None
        assert unstructure(frame) == json.loads(data)
        with pytest.raises(Gone, match=r"^bye$") as caught:
            link.wait(30)
        assert caught.value.in_order
        with pytest.raises(Gone, match="has died"):  # noqa: PT012 -- whichever of the two sees it
            link.ask(View())
            link.wait(30)


@pytest.mark.usefixtures("here")
def test_a_connection_for_which_others_wait_is_tried_again_until_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def wait(seconds: float) -> None:
        nonlocal now
        now += seconds
        if takes and now > 1:
            listening.accept()[0].close()

    monkeypatch.setattr(_link, "monotonic", lambda: now)
    monkeypatch.setattr(_link, "sleep", wait)
    with socket.socket(socket.AF_UNIX) as listening, ExitStack() as stack:
        listening.bind("s.sock")
        listening.listen(0)
        codes = [0]
        while not codes[-1]:
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            codes.append(client.connect_ex("s.sock"))
        takes = False
        with pytest.raises(InvalidInput, match="does not take the connection within 5 s; it may be blocked"):
            Link("s.sock")
        assert now == pytest.approx(5, abs=0.1)
        now, takes = 0.0, True
        Link("s.sock").close()
        assert now == pytest.approx(1, abs=0.1)


def test_a_program_that_does_not_answer_in_time_is_told_of_with_status_1(here: Path, greenroom: Run) -> None:
    with Program(here) as program:
        program.do('start("blocks")')
        program.tell('root.lookup("blocks").tell("block")')
        ended = greenroom("top", "s.sock", "--once", "--timeout", "0.5")
        assert (ended.returncode, ended.stdout) == (1, "")
        assert (
            ended.stderr
            == "greenroom: s.sock: the program has not answered within 0.5 s; its event loop may be blocked\n"
        )
        program.process.send_signal(signal.SIGSTOP)
        ended = greenroom("top", "s.sock", "--once", "--timeout", "0.5")
        assert ended.returncode == 1


def test_colours_that_are_forced_make_no_terminal_of_a_pipe(
    here: Path, greenroom: Run, tree: Callable[[str], Path]
) -> None:
    with Program(here):
        ended = greenroom("top", "s.sock", FORCE_COLOR="1")
        _check_usage(ended, "the output is no terminal, so there is nothing to draw on; give --once, --json, or both")
    path = tree(
        'name = "stage"\nmain = "one"\n[[children]]\nname = "one"\nfactory = "cast_of_actors:done"\nrestart = "temporary"\n'
    )
    ended = greenroom("run", path, FORCE_COLOR="1")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\x1b" not in ended.stdout


# -- the picture


def drawn(frame: Frame, chosen: Chosen, width: int = 100, height: int = 20, *, encoding: str = "utf-8") -> list[str]:
    class Stream(StringIO):
        pass

    stream = Stream()
    console = Console(file=stream, width=width, height=height, color_system=None, highlight=False, legacy_windows=False)
    options = console.options.update(height=height)
    options.encoding = encoding
    console.print(*Picture(frame, chosen).__rich_console__(console, options), sep="\n")
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def frame_of(*rows: dict[str, Any], **head: Any) -> Frame:
    return structure_frame({**FRAME, **head, "rows": [{**ROW, **row} for row in rows]})


def test_names_and_texts_with_control_characters_or_markup_are_shown_as_what_they_are() -> None:
    evil = "[bold red]x[/]\x1b[2J\x9b31m\u202e\r\n\t:smile:\u2028\u2029\u200f\u061c\ud800"
    frame = frame_of(
        {"name": evil, "path": f"/{evil}", "state": evil, "last_error": evil, "warnings": [evil], "waiting_for": [evil], "stack": evil},
        program=evil,
        states={evil: 3},
        ended=[{"path": evil, "uid": 1, "incarnation": 2, "reason": evil, "failed": True, "ago": -3}],
    )  # fmt: skip
    for encoding in ("utf-8", "ascii"):
        lines = drawn(frame, Chosen(search=evil, selected=f"/{evil}", shows_stack=True), width=200, encoding=encoding)
        text = "\n".join(lines)
        assert "[bold red]x[/]\ufffd[2J\ufffd31m\ufffd\ufffd" in text
        assert not any(ord(each) < 32 or 0x7F <= ord(each) < 0xA0 for each in text.replace("\n", ""))
        assert not set("\u202e\u2028\u2029\u200f\u061c\ud800") & set(text)
        assert len(lines) <= 20


@pytest.mark.parametrize(("width", "height"), [(60, 10), (61, 11), (80, 24), (300, 60)])
def test_a_picture_has_the_size_of_its_terminal_whatever_is_in_it(width: int, height: int) -> None:
    long = {"last_error": "e" * 400, "waiting_for": ["w" * 400] * 5, "stack": "its message, at\n" + "    f\n" * 100}
    rows: list[dict[str, Any]] = [
        {"path": "/stage" + f"/{'n' * 64}" * depth, "name": "n" * 64, "hidden": 3, "queued": 10**9, **long}
        for depth in range(20)
    ]
    ended = {"path": "/stage/e", "uid": 1, "incarnation": 1, "reason": "r" * 400, "failed": False, "ago": 1e9}
    frame = frame_of(*rows, ended=[ended] * 8)
    for chosen in (Chosen(), Chosen(selected=rows[-1]["path"]), Chosen(search="s" * 200, is_typing=True)):
        lines = drawn(frame, chosen, width, height)
        assert len(lines) == height
        assert max(map(len, lines)) <= width


STACK = (
    "its message, at\n"
    + "".join(f"    /shop/part{number}.py:1 in f{number}\n" for number in range(30))
    + "    here.py:7 in inmost"
)


@pytest.mark.parametrize(("width", "height"), [(60, 10), (70, 12), (100, 16), (100, 24), (200, 60)])
def test_where_one_is_at_is_shown_down_to_its_inmost_place_however_small_the_terminal(width: int, height: int) -> None:
    ended = {"path": "/stage/e", "uid": 1, "incarnation": 1, "reason": "r", "failed": False, "ago": 1}
    error = f"crashed: ValueError: {'broken ' * 30}at last"
    rows: list[dict[str, Any]] = [
        {"path": f"/{n}", "name": str(n), "stack": STACK, "last_error": error} for n in range(9)
    ]
    for typing in (False, True):
        chosen = Chosen(selected="/3", shows_stack=True, search="typed", is_typing=typing)
        lines = drawn(frame_of(*rows, ended=[ended] * 3), chosen, width, height)
        assert len(lines) == height
        assert lines[-2] == "    here.py:7 in inmost"
        assert lines[-1].startswith("search: typed")
        assert any(line.startswith("● 3 ") for line in lines)
        assert any(line.startswith("/3  supervisor, incarnation 1, crashed: ") for line in lines)


def test_an_error_that_has_no_room_in_its_line_is_marked_as_cut_and_is_whole_where_one_is_chosen() -> None:
    error = f"crashed: ValueError: {'broken-' * 15}1234567"
    frame = frame_of({"path": "/a", "name": "a", "last_error": error})
    for encoding, mark in (("utf-8", "…"), ("ascii", "~")):
        lines = drawn(frame, Chosen(selected="/a", shows_stack=True), 80, 24, encoding=encoding)
        assert lines[3].endswith(mark)
        assert [len(line) for line in lines if line.endswith(mark)] == [80]
        assert error in "".join(lines)
    assert not any(line.endswith("…") for line in drawn(frame_of({"path": "/a", "name": "a"}), Chosen(), 60, 10)[3:-1])


def test_the_one_that_is_chosen_is_among_those_that_are_shown() -> None:
    rows: list[dict[str, Any]] = [
        {"path": "/stage"},
        *({"path": f"/stage/w{number}", "name": f"w{number}"} for number in range(100)),
    ]
    for number in (0, 5, 50, 99):
        lines = drawn(frame_of(*rows), Chosen(selected=f"/stage/w{number}"))
        assert any(line.split()[1:3] == ["●", f"w{number}"] for line in lines)


def test_the_tree_is_drawn_with_its_branches_and_those_that_have_no_row() -> None:
    rows: list[dict[str, Any]] = [
        {"path": "/stage", "hidden": 7},
        {"path": "/stage/a", "name": "a", "hidden": 2},
        {"path": "/stage/a/b", "name": "b"},
        {"path": "/stage/c", "name": "c", "hidden": 1_000},
    ]
    lines = [f"{line.guide}{line.row.name if line.row else line.text}" for line in lines_of(frame_of(*rows))]
    assert lines == ["stage", "├─ a", "│  ├─ b", "│  └─ and 2 more", "├─ c", "│  └─ and 1,000 more", "└─ and 7 more"]


@pytest.mark.parametrize(
    "paths", [[""], ["", "/a", "/a/b"], ["/"], ["a", "//"], [f"/{'a/' * (number // 2)}a" for number in range(20)]]
)
def test_a_frame_whose_paths_are_no_tree_is_drawn_all_the_same_each_path_once(paths: list[str]) -> None:
    frame = frame_of(*({"path": path, "name": "a"} for path in paths))
    assert sorted(line.row.path for line in lines_of(frame) if line.row) == sorted(set(paths))
    assert len(drawn(frame, Chosen())) == 20


def test_lengths_of_time_are_short() -> None:
    given = (0, 0.04, 1.26, 9.94, 10, 119, 120, 3_600, 7_200, 86_400, 172_800, 1e7)
    told = ["0.0 s", "0.0 s", "1.3 s", "9.9 s", "10 s", "119 s", "2 min", "60 min", "2 h", "24 h", "2 d", "116 d"]
    assert [seconds(each) for each in given] == told


def test_keys_are_taken_apart() -> None:
    data = "jé\x1b[A\x1b[B\x1b[5~\x1b[6~\x1b[1;5C\x1bOA\r\x7f\x1b".encode()
    assert split_keys(data) == ["j", "é", "up", "down", "page up", "page down", "up", "enter", "backspace", "escape"]
    assert split_keys(b"\xff\xfe\x00\x01") == []


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (["down"], 0), (["up"], 0), (["home"], 0), (["enter"], 0), (["page down"], PAGE - 1), (["end"], 99), (["page up"], 0),
        (["j", "j"], 1), (["end", "page up"], 99 - PAGE), (["end", "down"], 99), (["end", "home", "k"], 0),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("here")
def test_keys_choose_from_the_first_on_and_no_further_than_the_last(keys: list[str], chosen: int) -> None:
    with impostor(lambda _: None) as link:
        top = Top(link, Console(file=StringIO()), View(), 1.0)
        assert all(top._press(key) for key in keys)  # there is nobody to be chosen yet
        assert top._chosen.selected == ""
        top._take(frame_of(*({"path": f"/{number}"} for number in range(100))))
        top._chosen.shows_stack = False
        assert all(top._press(key) for key in keys)
        assert top._chosen.selected == f"/{chosen}"


def test_a_reader_who_leaves_a_pipe_ends_it_without_a_word(here: Path) -> None:
    with Program(here):
        command = [*GREENROOM, "top", "s.sock", "--json", "--every", "0.1"]
        with subprocess.Popen(command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as top:
            assert top.stdout is not None
            select.select([top.stdout], [], [], 30)
            top.stdout.close()
            assert top.stderr is not None
            assert top.stderr.read() == ""
        assert top.returncode == 1
