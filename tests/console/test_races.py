"""Races from the command line."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

SCENARIOS = """
import trio

async def twice(sim):
    table = []
    async def register():
        if not table:
            await trio.lowlevel.checkpoint()
            table.append(1)
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(register)
    assert len(table) == 1

async def once(sim):
    await trio.lowlevel.checkpoint()

async def endless(sim):
    while True:
        await trio.lowlevel.checkpoint()

def plain(sim):
    pass

async def leaves(sim):
    import os
    os._exit(0)

runs = 0
async def fickle(sim):
    global runs
    runs += 1
    assert runs != 2
"""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "racing_here.py").write_text(SCENARIOS, encoding="utf-8")
    return tmp_path


@pytest.mark.usefixtures("here")
def test_a_race_is_found_shown_and_replayed_by_the_command_that_is_printed(greenroom: Run) -> None:
    ended = greenroom("race", "racing_here:twice")
    assert (ended.returncode, ended.stderr) == (1, "")
    first, *_, last = ended.stdout.splitlines()
    assert first.startswith("racing_here:twice: failed: AssertionError")
    command = last.removeprefix("to see it again: greenroom ").split()
    again = greenroom(*command)
    assert again.returncode == 1
    lines = ended.stdout.splitlines()
    assert lines[1].startswith("found in schedule 1 of 10,000 (strategy portfolio, seed 0; here ")
    assert again.stdout.splitlines() == [lines[0], *lines[2:]]


@pytest.mark.usefixtures("here")
def test_nothing_found_exits_0(greenroom: Run) -> None:
    ended = greenroom("race", "racing_here:once", "--schedules", "50", "--time", "choice")
    assert (ended.returncode, ended.stderr) == (0, "")
    tried = "1 schedule, 1 of them distinct; all that there are; all of it controlled"
    assert ended.stdout == f"racing_here:once: nothing found with strategy portfolio and seed 0: {tried}\n"


@pytest.mark.usefixtures("here")
def test_what_does_not_end_is_a_livelock(greenroom: Run) -> None:
    ended = greenroom("race", "racing_here:endless", "--max-steps", "100")
    assert ended.returncode == 1
    assert "racing_here:endless: livelock: after 100 steps it had not ended" in ended.stdout


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["race", "racing_here"], "'racing_here' is no import path; give module:scenario"),
        (["race", ":once"], "':once' is no import path"),
        (["race", "racing_her:once"], "did you mean 'racing_here'? (looked in the current folder, and"),
        (["race", "racing_here:onc"], "racing_here has no 'onc'; did you mean 'once'?"),
        (["race", "racing_here:plain"], "plain is no async function; a scenario is `async def plain(sim)`"),
        (["race", "racing_here:runs"], "is no async function"),
        (["race", "racing_here:once", "--schedules", "0"], "schedules is 0; give a number from 1"),
        (["race", "racing_here:once", "--max-steps", "-1"], "max_steps is -1; give a number from 1"),
        (["race", "racing_here:once", "--strategy", "luck"], "luck"),
        (["race", "racing_here:once", "--schedules", "many"], "many"),
        (["race", "racing_here:fickle", "--workers", "1"], "the same schedule ended in another way"),
        (["race", "racing_here:once", "--workers", "0"], "workers is 0; give a number from 1"),
        (["race", "racing_here:once", "--workers", "2", "--mode", "isolated"], "with mode='isolated'"),
        (["race", "racing_here:leaves", "--workers", "2"], "ended without a word"),
        (["replay", "r1:0.1", "racing_here:once"], "'r1:0.1' is no whole token"),
        (["replay", "r7::00000000", "racing_here:once"], "is of format r7"),
        (["replay", "r1:3.1:00000000", "racing_here:once"], "the program changed: the schedule has a choice 3"),
        (["replay", "r1::00000000", "racing_here:once"], "the program changed: the schedule leads to a run"),
    ],
)
def test_what_is_wrong_is_said_in_a_line_and_exits_2(greenroom: Run, arguments: list[str], text: str) -> None:
    ended = greenroom(*arguments)
    assert ended.returncode == 2
    assert text in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
