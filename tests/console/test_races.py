"""Races from the command line."""

import subprocess
import sys
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

async def spins(sim):
    await trio.lowlevel.checkpoint()
    while True:
        pass

async def threaded(sim):
    import threading
    assert await trio.to_thread.run_sync(threading.get_ident) != threading.get_ident()

async def without():
    pass

async def nested(sim):
    from greenroom.console._app import main
    assert main(["race", "racing_here:once"]) == 0
runs = 0
async def fickle(sim):
    global runs
    runs += 1
    assert runs != 2
"""


QUICK = """
import sys
from greenroom.races import _watcher
from greenroom.console._app import main
_watcher.STEP_PATIENCE = 0.3
sys.exit(main())
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
        (["race", "racing_here:once", "--workers", "1000000"], "workers is 1000000; give 1000 at most"),
        (["race", "racing_here:once", "--seconds", "-1"], "seconds is -1.0; give a number from 0"),
        (["race", "racing_here:once", "--seconds", "nan"], "seconds is nan; give a number from 0"),
        (["race", "racing_here:once", "--seconds", "soon"], "soon"),
        (["race", "racing_here:once", "--seed", "1.5"], "--seed: '1.5' is no whole number"),
        (["race", "racing_here:once", "--time", "early"], "early"),
        (["race", "racing_here:once", "--mode", "alone"], "alone"),
        (["race", "racing_here:once", "--threads", "virtual"], "virtual"),
        (["race", "racing_here:without"], "without cannot be called with a `sim`: too many positional arguments"),
        (["replay", "r1::00000000", "racing_here:once", "--threads", "virtual"], "virtual"),
        (["replay", "", "racing_here:once"], "'' is no whole token"),
        (["replay", "R1::00000000", "racing_here:once"], "is no whole token"),
        (["replay", f"r1:{10**30}.1:00000000", "racing_here:once"], "is no whole token"),
        (["replay", "r1:00.1:00000000", "racing_here:once"], "has been changed"),
        (
            ["replay", "r1::00000000:cancel.victim.0", "racing_here:once"],
            "it does not come to step 0 in the scope 'victim'",
        ),
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


@pytest.mark.usefixtures("here")
def test_what_becomes_of_threads_can_be_said(greenroom: Run) -> None:
    inline = greenroom("race", "racing_here:threaded", "--schedules", "5")
    assert inline.returncode == 1
    token = inline.stdout.split("greenroom replay ")[1].split()[0]
    refused = greenroom("race", "racing_here:threaded", "--schedules", "5", "--threads", "refuse")
    assert refused.returncode == 1
    assert "get_ident was given to a thread, and threads='refuse'; give threads='inline'" in refused.stdout
    real = greenroom("race", "racing_here:threaded", "--schedules", "5", "--threads", "real", "--workers", "1")
    assert (real.returncode, real.stderr) == (0, "")
    assert "not controlled: threads" in real.stdout
    assert greenroom("replay", token, "racing_here:threaded").returncode == 1
    other = greenroom("replay", token, "racing_here:threaded", "--threads", "real")
    assert other.returncode == 2
    assert "the program changed" in other.stderr
    assert "it has to do with threads, whose order is not controlled" in other.stderr


@pytest.mark.usefixtures("here")
def test_the_command_within_a_scenario_says_what_is_wrong(greenroom: Run) -> None:
    ended = greenroom("race", "racing_here:nested", "--workers", "1", "--schedules", "1")
    assert ended.returncode == 1
    assert "called within Trio; each run is a Trio run of its own" in ended.stderr


def test_a_step_that_does_not_end_is_told_in_seconds_on_one_core_and_on_two(here: Path) -> None:
    for workers in ("1", "2"):
        ended = subprocess.run(
            [sys.executable, "-P", "-c", QUICK, "race", "racing_here:spins", "--workers", workers],
            cwd=here, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (ended.returncode, ended.stderr) == (1, "")
        assert "hung: task 0:spins has come to no checkpoint for 0.3 seconds: a loop without one" in ended.stdout
        assert "at racing_here.py:" in ended.stdout


@pytest.mark.usefixtures("here")
def test_all_schedules_within_a_bound_are_tried_if_a_number_of_deviations_is_given(greenroom: Run) -> None:
    found = greenroom("race", "racing_here:twice", "--deviations", "3")
    assert (found.returncode, found.stderr) == (1, "")
    assert "(going through those with up to 3 deviations, the fewest first)" in found.stdout
    assert "to see it again: greenroom replay r1:" in found.stdout
    none = greenroom("race", "racing_here:once", "--deviations", "2", "--reduction")
    assert (none.returncode, none.stderr) == (0, "")
    assert none.stdout.startswith(
        "racing_here:once: no schedule fails: 1 schedule, 1 of them distinct; all that there are;"
    )
    assert "if actors share nothing but mail, which is assumed" in none.stdout


@pytest.mark.usefixtures("here")
def test_a_bound_or_a_reduction_that_makes_no_sense_is_told(greenroom: Run) -> None:
    for options, text in (
        (["--deviations", "-1"], "deviations is -1; give a number from 0"),
        (["--deviations", "1.5"], "is no whole number"),
        (["--reduction"], "needs --deviations"),
        (["--deviations", "1", "--reduction", "--time", "choice"], "with reduction=True give 'exact'"),
    ):
        ended = greenroom("race", "racing_here:once", *options)
        assert ended.returncode == 2, options
        assert text in ended.stderr
