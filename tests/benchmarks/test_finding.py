"""The measurement of searches runs, and writes what it says it writes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def finding(*options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.finding", *map(str, options)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_tiny_run_writes_a_table_the_figures_and_a_picture(tmp_path: Path) -> None:
    output = tmp_path / "results"
    done = finding(
        "--trials", "2", "--limit", "60", "--bugs", "check_then_insert,lock_order", "--replays", "0", "--rounds", "1",
        "--output", output,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == output.with_suffix(".txt").read_text(encoding="utf-8")
    results = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    assert len(results["trials"]) == 2 * 7
    assert results["trials"]["check_then_insert bounded"]["found"] == [2, 2]
    assert results["trials"]["lock_order batch"]["found"] == [None, None]
    assert results["trials"]["lock_order batch"]["mean"] == 60
    assert set(results["schedules_per_second"]) == {"hook isolated", "hook shared", "gate isolated", "gate shared"}
    assert set(results["milliseconds_for_a_history"]) >= {"register", "key-value"}
    assert min(results["milliseconds_for_a_history"].values()) > 0
    assert output.with_suffix(".png").stat().st_size > 1_000
    results["trials"]["lock_order batch"].update(found=[7, 7], mean=7.0)
    output.with_suffix(".json").write_text(json.dumps(results), encoding="utf-8")
    walks = finding(
        "--parts", "trials", "--strategies", "walk", "--trials", "3", "--bugs", "lock_order,check_then_insert", "--output", output,
    )  # fmt: skip
    assert walks.returncode == 0, walks.stderr
    mixed = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))["trials"]
    assert (len(mixed["lock_order walk"]["found"]), mixed["lock_order batch"]["found"]) == (3, [7, 7])
    results["trials"] = mixed
    again = finding("--parts", "histories", "--rounds", "1", "--output", output)
    assert again.returncode == 0, again.stderr
    kept = json.loads(output.with_suffix(".json").read_text(encoding="utf-8"))
    assert kept.pop("milliseconds_for_a_history") != results.pop("milliseconds_for_a_history")
    assert kept == results


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--trials", "0"], "--trials is 0; give a number from 1"),
        (["--bugs", "heisenbug"], "the catalogue has no 'heisenbug'"),
        (["--parts", "luck"], "--parts: there is no 'luck'; there are trials, speed, histories, replays"),
        (["--strategies", "luck"], "--strategies: there is no 'luck'"),
        (["--parts", "speed", "--output", "/nowhere/results"], "/nowhere/results.json has nothing that could stay"),
    ],
)
def test_what_is_wrong_is_said(options: list[str], text: str) -> None:
    done = finding(*options)
    assert done.returncode == 2
    assert text in done.stderr
