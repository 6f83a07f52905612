"""The measurement of a million idle actors does what it says, seen with few of them. No time is asserted."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def million(*options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.million", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_it_prints_a_table_and_writes_what_was_measured(tmp_path: Path) -> None:
    output = tmp_path / "folder" / "million.json"
    done = million("--size", "3_000", "--rounds", "3", "--recipes", "freeze,none", "--output", output)
    assert done.returncode == 0, done.stderr
    results: dict[str, Any] = json.loads(output.read_text())
    assert results.keys() == {"format", "machine", "size", "rounds", "recipes"}
    assert (results["format"], results["size"], results["rounds"]) == (1, 3_000, 3)
    assert list(results["recipes"]) == ["none", "freeze"]
    for facts in results["recipes"].values():
        assert facts.keys() == {
            "registered", "ready", "bytes", "collecting", "pause", "tell", "ask", "each", "snapshot", "stop",
        }  # fmt: skip
        for each in ("registered", "ready", "each", "snapshot", "stop"):
            assert facts[each]["done"] == 3_000
            assert facts[each]["cpu_seconds"] > 0
        assert facts["ready"]["cpu_seconds"] > facts["registered"]["cpu_seconds"]
        assert 300 < facts["bytes"] / 3_000 < 3_000
        for each in ("tell", "ask"):
            ratio = facts[each]["ratio"]
            assert 0 < ratio["low"] <= ratio["median"] <= ratio["high"]
            assert facts[each]["seconds"] > 0 < facts[each]["seconds_among_ten"]
    assert results["recipes"]["none"]["collecting"] > 0 == results["recipes"]["freeze"]["collecting"]
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["3,000", "idle", "actors", "recipe:", "none", "recipe:", "freeze"]
    for title in (
        "bytes for each",
        "tell, us",
        "ask, us",
        "snapshot of the whole tree, s",
        "stop of the whole tree, s",
    ):
        assert any(line.startswith(title) for line in lines)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--size", "99"), "'99' is not a whole number from 100 to 20_000_000"),
        (("--size", "1e6"), "'1e6' is not a whole number"),
        (("--size", "-5"), "'-5' is not a whole number"),
        (("--size", "_"), "'_' is not a whole number"),
        (("--size", "20_000_000", "--recipes", "none,freeze,thresholds"), "take a smaller --size, or fewer --recipes"),
        (("--recipes", "none,frozen"), "'frozen' is no recipe; there are none, freeze, thresholds"),
        (("--recipes", ""), "'' is no recipe"),
        (("--rounds", "0"), "'0' is not a whole number from 1 to 100"),
        (("--output", "million.txt"), "'million.txt' does not end in .json"),
        (("--output", "/dev/null/million.json"), "cannot write /dev/null/million.json"),
        (("--workloads", "tell"), "unrecognized arguments: --workloads tell"),
    ],
)
def test_a_bad_option_gets_a_clear_word_and_exit_2(options: tuple[str, ...], word: str) -> None:
    done = million(*options)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_a_herd_that_fails_is_told_and_is_no_figure() -> None:
    code = "from benchmarks._herd import Herd\nwith Herd('trio', 10) as herd:\n    herd.measure('snapshot')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "BenchmarkFailed: the herd of 10 by trio failed:" in done.stderr
    assert "AssertionError: snapshot" in done.stderr
