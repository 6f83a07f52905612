"""Experiments from the command line: what is printed, what is written, and what is refused before anything runs."""

import csv
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from greenroom.console import _experiments
from greenroom.console._app import main
from greenroom.lab import TrialEndless
from greenroom.lab._run import run as run_experiment

Run = Callable[..., subprocess.CompletedProcess[str]]

SMALL = """
name = "small"
description = "Two workers that break. For tests."
horizon = 60
seeds = 3
[tree]
name = "shop"
children = [{ name = "a" }, { name = "b" }]
[actors."*"]
lifetime = { exponential = 10 }
startup = { uniform = [0.5, 1.5] }
[policies.alone]
intensity = { max_restarts = 1000, within = 1 }
[policies.together]
strategy = "one_for_all"
intensity = { max_restarts = 1000, within = 1 }
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


def test_an_experiment_is_run_told_and_written(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = ["--csv", "out.csv", "--json", "out.json", "--html", "out.html"]
    assert main(["lab", str(small), "--workers", "1", *files]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("small: 2 policies, 3 seeds, 60 s of virtual time in each trial\n")
    assert "Differences from alone, seed by seed; p corrected for " in printed
    assert "The worst minute. Policy " in printed
    assert printed.endswith("written: out.csv\nwritten: out.json\nwritten: out.html\n")
    rows = list(csv.DictReader(Path("out.csv").read_text().splitlines()))
    assert [(row["policy"], row["seed"]) for row in rows] == [
        (name, str(n)) for name in ("alone", "together") for n in (1, 2, 3)
    ]
    data = json.loads(Path("out.json").read_text())
    assert data["name"] == "small"
    assert float(rows[0]["availability"]) == data["trials"][0]["measures"]["availability"]
    page = Path("out.html").read_text()
    assert f"greenroom lab {small} --html out.html" in page
    assert page.endswith("</html>\n")


def test_the_same_experiment_gives_the_same_bytes_on_any_number_of_processes(small: Path, greenroom: Run) -> None:
    done = greenroom("lab", small, "--workers", "2", "--csv", "two.csv", "--json", "two.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert main(["lab", str(small), "--workers", "1", "--csv", "one.csv", "--json", "one.json"]) == 0
    for suffix in (".csv", ".json"):
        assert Path(f"one{suffix}").read_bytes() == Path(f"two{suffix}").read_bytes()


def test_seeds_policies_measures_and_confidence_are_what_the_command_line_says(
    small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [
        "--seeds",
        "4",
        "--policy",
        "together",
        "--policy",
        "alone",
        "--baseline",
        "alone",
        "--measure",
        "restarts",
    ]
    monkeypatch.setattr(_experiments, "make_page", _again_alone)
    assert main(["lab", str(small), "--workers", "1", *options, "--confidence", "0.9", "--html", "x.html"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("small: 2 policies, 4 seeds")
    assert "Differences from alone" in printed
    assert "90 % interval" in printed
    assert "availability" not in printed
    page = Path("x.html").read_text()
    assert (
        "--seeds 4 --policy together --policy alone --baseline alone --measure restarts --confidence 0.9 --html x.html"
        in page
    )


def test_one_seed_is_said_to_give_no_interval(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", str(small), "--workers", "1", "--seeds", "1"]) == 0
    printed = capsys.readouterr().out
    assert "One seed: no intervals and no comparisons; give more (--seeds 20)." in printed
    assert "no interval: one seed" in printed
    assert "Differences" not in printed


def test_policies_that_do_not_differ_are_said_not_to(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = SMALL.replace('strategy = "one_for_all"\n', "")
    small.write_text(text, encoding="utf-8")
    assert main(["lab", str(small), "--workers", "1"]) == 0
    printed = capsys.readouterr().out
    assert "No difference between policies is significant: these seeds do not tell them apart." in printed
    assert " equal" in printed


def test_an_experiment_in_which_nothing_happens_says_so(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small.write_text(
        'name = "x"\nhorizon = 10\n[tree]\nname = "t"\nchildren = [{ name = "a" }]\n[actors.a]\nstartup = 20\n'
    )
    assert main(["lab", str(small), "--workers", "1"]) == 0
    assert "Nothing happened in any trial: no measure has a value other than 0." in capsys.readouterr().out


def test_without_an_experiment_those_that_come_with_it_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab"]) == 0
    printed = capsys.readouterr().out
    for name in ("dependents", "herd", "intensity", "queue", "stampede", "storm"):
        assert f"\n  {name} " in printed
    assert "herd         A thundering herd after an outage\n" in printed


BAD = {
    "missing.toml": r"missing\.toml: .*(no such file|No such file)",
    "hurd": r'there is no ready experiment \'hurd\'; did you mean "herd"\? \(there is no file \'hurd\' either\)',
    "no/such": r"no/such: .*(no such file|No such file)",
    ".": r"\.: .*folder",
    "\0.toml": r"null",
}


@pytest.mark.parametrize("given", BAD)
@pytest.mark.usefixtures("small")
def test_an_experiment_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str], given: str) -> None:
    assert main(["lab", given]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("greenroom: ")
    assert re.search(BAD[given], line), line


OPTIONS: dict[tuple[str, ...], str] = {
    ("--seeds", "0"): "--seeds: 0 is wrong here",
    ("--seeds", "1.5"): "is no whole number",
    ("--workers", "0"): "--workers: 0 is no number of processes; give 1 to 1,000",
    ("--workers", "1000000"): "--workers: 1000000 is no number of processes",
    ("--confidence", "95"): "--confidence: 95 is not above 0 and below 1; 0.95 is usual",
    ("--confidence", "nan"): "--confidence: nan is not above 0 and below 1",
    ("--policy", "aline"): "--policy: there is no policy 'aline'; did you mean \"alone\"",
    ("--baseline", "x"): "--baseline: there is no policy 'x'; there is: alone, together",
    ("--policy", "alone", "--baseline", "together"): "--baseline: there is no policy 'together'; there is: alone",
    ("--measure", "restart"): "there is no measure 'restart'; did you mean \"restarts\"",
    ("--csv", ""): "--csv: '' is no name of a file",
    ("--csv", "no/out.csv"): "--csv: 'no/out.csv' cannot be written: there is no folder no",
    ("--html", "."): "--html: '.' is a folder",
    ("--json", "small.toml"): "--json: 'small.toml' is the experiment small.toml as well, which would be written over",
    ("--json", "x", "--csv", "./x"): "is --csv as well, which would be written over",
    ("--jsn", "x"): "Unknown option: --jsn. Did you mean --json?\n",
}


@pytest.mark.parametrize("options", OPTIONS)
def test_wrong_options_are_refused_before_anything_runs(
    small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    monkeypatch.setattr(_experiments, "run_experiment", _never)
    assert main(["lab", small.name, *options]) == 2
    printed = capsys.readouterr()
    assert OPTIONS[options] in printed.err
    assert printed.err.startswith("greenroom: ")
    assert printed.out == ""


def _again_alone(_results: object, *, again: str, **_options: object) -> str:
    return again


def _not_installed(_name: str) -> None:
    """Find no module."""


def _never(*_args: object, **_options: object) -> None:
    raise AssertionError("it was run")


def test_a_wrong_file_is_told_by_its_places(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small.write_text(
        SMALL.replace("horizon = 60", "horizon = 0").replace(
            "[policies.together]", "[policies.together]\nstrateggy = 1"
        )
    )
    assert main(["lab", str(small)]) == 2
    errors = capsys.readouterr().err
    assert "small.toml: horizon: 0 is wrong here" in errors
    assert "policies.together" in errors
    assert "Traceback" not in errors


def test_a_trial_that_cannot_end_is_a_failure_of_the_run(
    small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*_args: object, **_options: object) -> None:
        raise TrialEndless("alone", 7, 12.5, "a")

    monkeypatch.setattr(_experiments, "run_experiment", endless)
    assert main(["lab", str(small)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"greenroom: {small}: policy 'alone', seed 7: at 12.5 s the tree changes on and on")


def test_a_file_that_turns_out_not_to_be_writable_is_told_after_the_tables(
    small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: str, _text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_experiments, "write_whole", full)
    assert main(["lab", str(small), "--workers", "1", "--csv", "out.csv"]) == 1
    printed = capsys.readouterr()
    assert "Differences from alone" in printed.out
    assert printed.err == "greenroom: --csv: 'out.csv' cannot be written: No space left on device\n"


def test_without_matplotlib_html_is_refused_before_anything_runs(
    small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_experiments, "find_spec", _not_installed)
    monkeypatch.setattr(_experiments, "run_experiment", _never)
    assert main(["lab", str(small), "--html", "x.html"]) == 2
    assert (
        "--html: plots need matplotlib, which is not installed: pip install 'greenroom[plot]'"
        in capsys.readouterr().err
    )


def test_names_with_control_characters_do_not_reach_the_terminal(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = '"\\u001b[31m\\u0007red[bold]"'
    small.write_text(
        SMALL.replace('name = "small"', f"name = {evil}").replace("[policies.alone]", f"[policies.{evil}]")
    )
    assert main(["lab", str(small), "--workers", "1"]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "\x07" not in printed
    assert "[31m\N{REPLACEMENT CHARACTER}red[bold]" in printed


def test_progress_is_shown_in_a_terminal_alone(
    small: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []

    def run_and_listen(
        *args: object, progress: Callable[[int, int], object] | None = None, **options: object
    ) -> object:
        def both(done: int, of: int) -> None:
            told.append((done, of))
            if progress is not None:
                progress(done, of)

        return run_experiment(*args, progress=both, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(_experiments, "run_experiment", run_and_listen)
    assert main(["lab", str(small), "--workers", "1", "--seeds", "2"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    assert main(["lab", str(small), "--workers", "1", "--seeds", "2"]) == 0
    assert "4/4" in capsys.readouterr().err.replace("\x1b", "")
    assert told == 2 * [(done, 4) for done in range(5)]


def test_the_help_has_examples_and_every_option(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["lab", "--help"]) == 0
    printed = capsys.readouterr().out
    for word in (
        "greenroom lab herd --html herd.html",
        "--seeds",
        "--workers",
        "--policy",
        "--baseline",
        "--measure",
        "--csv",
        "--json",
        "--html",
    ):
        assert word in printed


def test_a_reader_who_goes_away_is_no_traceback(small: Path) -> None:
    from .conftest import GREENROOM

    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen(
        [*GREENROOM, "lab", str(small), "--workers", "1"], stdout=writing, stderr=subprocess.PIPE, encoding="utf-8"
    )
    os.close(writing)
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    assert process.returncode == 1
