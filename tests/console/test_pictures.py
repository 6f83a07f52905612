"""Drawing a race from the command line: `--picture`."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from greenroom.console._racing import write_picture
from greenroom.console._writing import check_file
from greenroom.races import Result
from greenroom.treefile._problem import InvalidInput

from .test_races import SCENARIOS

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "racing_here.py").write_text(SCENARIOS, encoding="utf-8")
    return tmp_path


def token_of(text: str) -> str:
    return text.split("greenroom replay ")[1].split(maxsplit=1)[0]


def test_race_and_replay_draw_what_they_tell(greenroom: Run, here: Path) -> None:
    ended = greenroom("race", "racing_here:twice", "--picture", "race.svg")
    assert (ended.returncode, ended.stderr) == (1, "")
    *_, last, drawn = ended.stdout.splitlines()
    assert drawn == "drawn to race.svg"
    assert last.startswith("to see it again: greenroom replay ")
    picture = (here / "race.svg").read_text(encoding="utf-8")
    texts = [text.text or "" for text in fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314
    assert last in texts
    assert any(text.startswith("found in schedule 1 of 10,000") for text in texts)
    again = greenroom("replay", token_of(ended.stdout), "racing_here:twice", "--picture", "race.HTML")
    assert again.returncode == 1
    assert again.stdout.endswith("drawn to race.HTML\n")
    page = (here / "race.HTML").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert f"<code>{last.removeprefix('to see it again: ')}</code>" in page


def test_a_picture_that_is_there_is_drawn_over(greenroom: Run, here: Path) -> None:
    path = here / "race.svg"
    path.write_text("before", encoding="utf-8")
    greenroom("race", "racing_here:twice", "--picture", str(path))
    assert path.read_text(encoding="utf-8").startswith("<svg ")


def test_where_nothing_is_found_nothing_is_drawn_and_a_replay_that_passes_is(greenroom: Run, here: Path) -> None:
    ended = greenroom("race", "racing_here:once", "--schedules", "5", "--picture", "race.svg")
    assert ended.returncode == 0
    assert "drawn" not in ended.stdout
    assert not (here / "race.svg").exists()
    passed = greenroom("replay", "r1::-", "racing_here:once", "--picture", "once.svg")
    assert (passed.returncode, passed.stderr) == (0, "")
    assert passed.stdout == "racing_here:once: passed, in 2 steps\ndrawn to once.svg\n"
    assert "passed: no error" in (here / "once.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [["race"], ["replay", "r1::-"]])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("race.png", "--picture: 'race.png' is no picture that can be drawn; give a file that ends in .svg or .html"),
        ("race", "'race' is no picture that can be drawn"),
        ("", "'' is no picture that can be drawn"),
        (".", "'.' is no picture that can be drawn"),
        (".svg", "'.svg' is no picture that can be drawn"),
        ("svg", "'svg' is no picture that can be drawn"),
        ("race.svg.gz", "'race.svg.gz' is no picture that can be drawn"),
        ("race.svg/", "'race.svg/' is a folder"),
        ("folder.svg", "'folder.svg' is a folder"),
        ("nowhere/race.svg", "'nowhere/race.svg' cannot be written: there is no folder nowhere"),
        ("racing_here.py/race.svg", "cannot be written: there is no folder racing_here.py"),
        (f"{'x' * 300}.html", "cannot be written: "),
    ],
)
def test_a_file_that_will_not_do_is_told_before_anything_is_run(
    greenroom: Run, here: Path, command: list[str], name: str, text: str
) -> None:
    (here / "folder.svg").mkdir()
    (here / "race.svg").mkdir()
    ended = greenroom(*command, "racing_here:endless", "--picture", name)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert text in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_file_that_may_not_be_written_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> bool:
        return False

    # Not by its permissions: whoever runs this may be allowed everything.
    monkeypatch.setattr(os, "access", refuses)
    monkeypatch.chdir(here)
    for name in ("racing_here.py", "new.svg"):
        [problem] = check_file("--picture", name)
        assert (problem.path, problem.text) == ("--picture", f"{name!r} cannot be written: Permission denied")


def test_what_can_be_written_no_more_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)
    with pytest.raises(InvalidInput) as caught:
        write_picture("gone/race.svg", Result("passed", None, (), 0), "again")
    assert "'gone/race.svg' cannot be written: No such file or directory" in str(caught.value.problems[0])
