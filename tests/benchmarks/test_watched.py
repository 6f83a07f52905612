"""The measurement of what being watched costs does what it says, seen for a moment. No time is asserted."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def watched(*options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.watched", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_it_prints_a_line_for_each_size_and_writes_what_was_measured(tmp_path: Path) -> None:
    output = tmp_path / "watched.json"
    done = watched("--sizes", "60", "--rounds", "1", "--seconds", "0.2", "--output", output)
    assert done.returncode == 0, done.stderr
    results: dict[str, Any] = json.loads(output.read_text())
    assert results.keys() == {"format", "machine", "rounds", "seconds", "sizes"}
    (facts,) = results["sizes"]
    assert facts["size"] == 60
    assert facts["ratio"] == dict.fromkeys(("median", "low", "high"), facts["ratios"][0])
    ((with_reader, alone),) = facts["rounds"]
    assert alone["looks"] == 0
    for each in (with_reader, alone):
        assert each["messages"] > 0 < each["cpu_seconds"]
    assert done.stdout.splitlines()[0].startswith("       60 actors: watched over alone ")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sizes", "many"], "'many' is no list of whole numbers"),
        (["--sizes", "3"], "give sizes from 50 to 1,000,000"),
        (["--rounds", "0"], "'0' is no whole number from 1 to 1000"),
        (["--seconds", "nan"], "'nan' is no number of seconds from 0.1 to 600"),
        (["--output", "."], "does not end in .json"),
    ],
)
def test_what_is_wrong_with_its_options_is_told(options: list[str], said: str) -> None:
    done = watched(*options)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("figures", "interval"),
    [
        ("[3.0]", "(3.0, 3.0)"),
        ("range(1, 6)", "(1, 5)"),
        # By the table of the sign test: of 15 figures the 4th and the 12th.
        ("range(1, 16)", "(4, 12)"),
        ("range(20, 0, -1)", "(6, 15)"),
    ],
)
def test_an_interval_holds_the_median_with_its_confidence(figures: str, interval: str) -> None:
    code = f"from benchmarks.watched import interval_of; print(interval_of({figures}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"{interval}\n"
