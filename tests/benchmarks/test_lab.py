"""The measurement of the lab runs, and writes what it says it writes."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def measured(*options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.lab", *map(str, options)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_short_run_writes_each_row_with_its_goal(tmp_path: Path) -> None:
    done = measured("--short", "--output", tmp_path / "found")
    assert done.returncode == 0, done.stderr
    assert done.stdout == (tmp_path / "found.txt").read_text(encoding="utf-8")
    rows = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["rows"]
    assert [(row["row"], row["goal"]) for row in rows] == [("events", 100), ("crashes", 1_000), ("storm", 1_000)]
    assert all(row["least"] <= row["median"] <= row["most"] for row in rows)
    assert all(row["reached"] == (row["median"] >= row["goal"]) for row in rows)


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    none = measured("--rounds", "0")
    assert (none.returncode, "--rounds: 0 is not a number from 1" in none.stderr) == (2, True)
    nowhere = measured("--short", "--output", tmp_path / "not" / "there")
    assert (nowhere.returncode, "--output: there is no folder" in nowhere.stderr) == (2, True)
