"""In a terminal the tree is drawn, kept up to date, and left as it was at the end."""

import re
from io import StringIO
from typing import Any

import attrs
import pytest
import trio
import trio.testing
from rich.console import Console

from greenroom import (
    Actor,
    ActorRef,
    Agent,
    Backoff,
    ChildSpec,
    Context,
    Limits,
    Supervisor,
    SupervisorSpec,
    Turn,
    open_supervisor,
)
from greenroom.console._live import LiveScreen
from greenroom.console._memory import GONE_KEPT, Memory
from greenroom.console._screen import Screen
from greenroom.console._text import clean, cut

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Slow(Actor[str]):
    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    async def startup(self, ctx: Context) -> None:
        await trio.sleep(self._seconds)

    async def receive(self, message: str, ctx: Context) -> None:
        raise ValueError(message)


@attrs.define
class Terminal:
    """A terminal of 80 by 24 that remembers what was written to it."""

    file: StringIO = attrs.field(factory=StringIO)
    encoding: str = "utf-8"

    def screen(self, height: int = 24) -> LiveScreen:
        console = Console(
            file=self.file, force_terminal=True, width=80, height=height, highlight=False, emoji=False, markup=False,
            color_system="standard", legacy_windows=False,
        )  # fmt: skip
        return LiveScreen(console)

    def last(self, memory: Memory, screen: LiveScreen) -> list[str]:
        self.file.seek(0)
        self.file.truncate()
        with screen:
            screen.show(memory)
        text = ESCAPE.sub("", self.file.getvalue()).replace("\r", "")
        lines = [line.rstrip() for line in text.splitlines() if line.strip()]
        # Leaving the screen draws it once more.
        return lines[max(index for index, line in enumerate(lines) if line.startswith("actor")) :]


async def test_the_tree_is_drawn_with_states_mail_incarnations_and_what_is_waited_for() -> None:
    terminal = Terminal()
    async with open_supervisor("stage", limits=Limits(stale_after=2.0, reap_every=None)) as root:
        memory = Memory(root)
        screen = terminal.screen()
        slow = root.start_soon(Slow, 10.0, name="slow")
        slow.tell("waits")
        slow.tell("waits")
        again = root.start_soon(Slow, name="again", restart="permanent")
        await again.wait_ready()
        again.tell("fail")
        gone = root.start_soon(Slow, name="gone")
        gone.tell("no more")
        memory.look()
        await trio.sleep(1)
        memory.look()
        head, top, *rows = terminal.last(memory, screen)
        assert head.split()[:5] == ["actor", "state", "run", "mail", "after"]
        assert top.split() == ["●", "stage", "ready"]
        assert rows[0].split() == ["├─", "◌", "slow", "initializing", "2"]
        assert rows[1].split()[:5] == ["├─", "●", "again", "ready", "#2"]
        assert "ended before: crashed: ValueError: fail" in rows[1]
        memory.look()
        await trio.sleep(2)
        memory.look()
        assert "STALE" in terminal.last(memory, screen)[2]
        await slow.kill()


async def breaks(ctx: Context) -> None:
    await trio.sleep(0.5)
    raise ValueError(f"{ctx.path} is broken on purpose")


async def test_strategies_are_shown_and_how_long_a_backoff_still_waits() -> None:
    terminal, stream = Terminal(), StringIO()
    plain = Screen(stream)
    spec = ChildSpec("one", breaks, backoff=Backoff(8, 8))
    team = SupervisorSpec("team", [spec], strategy="one_for_all", startup="deferred")
    async with open_supervisor("stage", strategy="rest_for_one", children=[team]) as root:
        memory = Memory(root)
        await trio.sleep(4)
        for _ in range(2):
            memory.look()
            plain.show(memory)
        _, top, group, child = terminal.last(memory, terminal.screen())
        assert top.split() == ["●", "stage", "ready", "rest_for_one"]
        assert group.split() == ["└─", "●", "team", "ready", "one_for_all"]
        assert "waits for its backoff: 5.0 s; " in child
        # A line that said how long would come again and again.
        said = [line for line in stream.getvalue().splitlines() if "team/one" in line]
        assert len(said) == 1
        assert "[restarting] (incarnation 3) waits for its backoff; ended before" in said[0]
        root.reports.drain()


class Idler(Agent[str]):
    async def turn(self, turn: Turn[str], ctx: Context) -> str:
        return "done"


async def test_an_agent_that_rests_is_shown_so_with_its_last_turn_and_what_waits() -> None:
    terminal, stream = Terminal(), StringIO()
    async with open_supervisor("stage") as root:
        memory = Memory(root)
        plain = Screen(stream)
        idler = await root.start(Idler, name="idler")
        await idler.run_turn("x")
        idler.rest()
        idler.tell("later", trigger_turn=False)
        await trio.testing.wait_all_tasks_blocked()
        memory.look()
        plain.show(memory)
        row = terminal.last(memory, terminal.screen())[-1].split()
        assert row == ["└─", "◦", "idler", "resting", "#2", "1", "its", "last", "turn", "is", "completed"]
        assert "[resting]" in stream.getvalue()
        root.reports.drain()


async def test_who_has_gone_stays_in_the_picture_with_the_reason() -> None:
    terminal = Terminal()
    async with open_supervisor("stage") as root:
        memory = Memory(root)
        screen = terminal.screen()
        one = root.start_soon(Slow, name="one")
        memory.look()
        one.tell("broken")
        await one.wait_stopped()
        memory.look()
        assert terminal.last(memory, screen)[-1].split() == [
            "└─",
            "✗",
            "one",
            "failed",
            "crashed:",
            "ValueError:",
            "broken",
        ]
        two = root.start_soon(Slow, name="one")
        memory.look()
        assert "└─ ● one" in terminal.last(memory, screen)[-1] or "initializing" in terminal.last(memory, screen)[-1]
        await two.stop()


async def test_only_the_last_of_many_that_have_gone_are_remembered() -> None:
    async with open_supervisor("stage") as root:
        memory = Memory(root)
        for _ in range(GONE_KEPT + 20):
            child = root.start_soon(Slow)
            memory.look()
            await child.stop()
            memory.look()
        assert len(memory.top.children) == GONE_KEPT


async def test_a_tree_that_is_larger_than_the_terminal_is_cut_with_a_word() -> None:
    terminal = Terminal()
    async with open_supervisor("stage") as root:
        for _ in range(50):
            root.start_soon(Slow)
        memory = Memory(root)
        memory.look()
        lines = terminal.last(memory, terminal.screen(height=20))
        assert len(lines) == 1 + 14 + 1
        assert lines[-1] == "and 37 more"


async def test_lines_of_the_plain_screen_tell_changes_once() -> None:
    stream = StringIO()
    screen = Screen(stream)
    async with open_supervisor("stage") as root:
        memory = Memory(root)
        one = root.start_soon(Slow, name="one")
        for _ in range(3):
            memory.look()
            screen.show(memory)
        await one.wait_ready()
        for _ in range(3):
            memory.look()
            screen.show(memory)
        await one.stop()
        memory.look()
        screen.show(memory)
    assert [line.split(maxsplit=1)[1] for line in stream.getvalue().splitlines()] == [
        "/stage            [ready]",
        "one               [initializing]",
        "one               [ready]",
        "one               [ended] shutdown",
    ]


async def test_lines_tell_the_end_of_children_before_that_of_their_parent() -> None:
    async def parent(ctx: Context) -> None:
        for name in ("one", "two"):
            ctx.start_soon(Slow, name=name)
        await trio.sleep_forever()

    stream = StringIO()
    screen = Screen(stream)
    async with open_supervisor("stage") as root:
        ref: ActorRef[Any] = await root.start(parent, name="parent")
        memory = Memory(root)
        await trio.testing.wait_all_tasks_blocked()
        memory.look()
        screen.show(memory)
        await ref.stop()
    memory.look()
    screen.show(memory)
    ends = [line.split()[1] for line in stream.getvalue().splitlines() if "[ended]" in line or "[killed]" in line]
    assert ends == ["parent/two", "parent/one", "parent", "/stage"]


def test_lines_keep_their_margin_and_nothing_steers_the_terminal() -> None:
    stream = StringIO()
    Screen(stream).say("/a/b\x1b[2J", "first\x1b[31m\nsecond\r\x07\u202e\n", "warning")
    margin = " " * 27
    assert (
        stream.getvalue()
        == f"   0.00  /a/b\ufffd[2J          warning: first\ufffd[31m\n{margin}second\ufffd\ufffd\ufffd\n"
    )


def test_the_live_screen_shows_no_markup_and_no_control_characters() -> None:
    terminal = Terminal()
    screen = terminal.screen()
    screen.say("who", "[bold]x[/bold] \x1b[2J :smile:")
    assert "[bold]x[/bold] \ufffd[2J :smile:" in terminal.file.getvalue()


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), BrokenPipeError(), ValueError("closed file")]
)
def test_the_first_failure_to_write_is_told_once_and_then_there_is_silence(error: Exception) -> None:
    class Broken(StringIO):
        def write(self, text: str) -> int:
            writes.append(text)
            raise error

    writes: list[str] = []
    told: list[str] = []
    screen = Screen(Broken())
    screen.on_lost = lambda: told.append("lost")
    for _ in range(3):
        screen.say("who", "what")
    assert screen.lost is error
    assert (len(writes), told) == (1, ["lost"])


def test_texts_are_cleaned_and_cut() -> None:
    assert clean("a\tb\nc\x00\x7f\x9bd é") == "a\tb\nc\ufffd\ufffd\ufffdd é"
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == "ab…"
    assert cut("ab\ncd", 9) == "ab…"


def test_the_root_is_what_the_memory_begins_with() -> None:
    async def look() -> None:
        seen: list[Supervisor] = []
        async with open_supervisor("stage", on_open=seen.append) as root:
            assert seen[0].path == root.path
            assert Memory(seen[0]).top.state() == "ready"

    trio.run(look)
