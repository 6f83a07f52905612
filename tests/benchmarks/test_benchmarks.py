"""The benchmarks run, and write what they say they write. No time is asserted: figures say more of the machine than of the code."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKLOADS = {
    "tell": "tells/s",
    "ask": "asks/s",
    "ask-timeout": "asks/s",
    "spawn": "actors/s",
    "idle": "bytes/actor",
    "ring": "hops/s",
    "fan": "asks/s",
    "fan-many": "asks/s",
    "restart": "restarts/s",
    "children": "x few",
    "register": "x quick",
    "ready-20": "x the least",
    "ready-200": "x the least",
    "ready-2000": "x the least",
    "snapshot": "actors/s",
    "feed": "x alone",
    "subscribers": "x alone",
    "idle-tell-1000": "x ten",
    "idle-tell-100000": "x ten",
    "idle-ask-1000": "x ten",
    "idle-ask-100000": "x ten",
    "suspend": "waits/s",
    "suspend-thresholds": "waits/s",
    "fairness": "us longer",
    "fairness-ask": "us longer",
}
#: Units of work that one sample does for each of its size, where that is not one.
OFTEN = {
    "ring": 100, "fan": 100, "fan-many": 100, "snapshot": 3,
    "feed": 10, "subscribers": 10, "suspend": 4, "suspend-thresholds": 4, "fairness": 5, "fairness-ask": 5,
}  # fmt: skip
#: Messages that count in a sample, whatever its size.
MESSAGES = {"idle-tell": 11 * 1_000, "idle-ask": 11 * 100}


def benchmarks(*options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_tiny_run_measures_every_workload_by_both_systems(tmp_path: Path) -> None:
    output = tmp_path / "folder" / "results.json"
    done = benchmarks("--quick", "--output", output)
    assert done.returncode == 0, done.stderr
    results: dict[str, Any] = json.loads(output.read_text())
    assert results.keys() == {"format", "machine", "rounds", "quick", "workloads"}
    assert (results["format"], results["rounds"], results["quick"]) == (1, 1, True)
    assert results["machine"].keys() == {"python", "trio", "greenroom", "platform", "cpus"}
    assert {name: row["unit"] for name, row in results["workloads"].items()} == WORKLOADS
    for name, row in results["workloads"].items():
        assert row.keys() == {
            "title", "unit", "size", "greenroom", "trio", "ratio", "cpu_ratio", "goal", "verdict",
        }  # fmt: skip
        for system in ("greenroom", "trio"):
            figures = row[system]
            assert 0 < figures["low"] <= figures["median"] <= figures["high"]
            (sample,) = figures["samples"]
            assert sample.keys() == {"done", "seconds", "cpu_seconds", "bytes", "factor"}
            assert sample["done"] == MESSAGES.get(name.rpartition("-")[0], row["size"] * OFTEN.get(name, 1))
            assert (sample["bytes"] > 0) == (name == "idle")
            assert (sample["factor"] > 0) == (row["unit"].startswith("x ") or row["unit"] == "us longer")
        assert row["ratio"]["low"] == row["ratio"]["median"] == row["ratio"]["high"] > 0
        assert row["goal"].keys() == {"must", "aim", "of"}
        assert row["verdict"] in {"aim", "must", "below"}
        assert f"\n{name} " in done.stdout
    for suffix in (".png", ".svg"):
        assert output.with_suffix(suffix).stat().st_size > 1_000


def test_ratios_are_taken_round_by_round(tmp_path: Path) -> None:
    output = tmp_path / "results.json"
    done = benchmarks("--quick", "--rounds", "3", "--workloads", "ask", "--output", output)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(output.read_text())["workloads"].values()
    ours, theirs = ([sample["seconds"] for sample in row[system]["samples"]] for system in ("greenroom", "trio"))
    ratios = sorted(other / own for own, other in zip(ours, theirs, strict=True))
    assert len(ratios) == 3
    assert [row["ratio"][key] for key in ("low", "median", "high")] == pytest.approx(ratios)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--rounds", "0"), "'0' is not a whole number from 1 to 100"),
        (("--rounds", "two"), "'two' is not a whole number from 1 to 100"),
        (
            ("--workloads", "tell,tall"),
            "'tall' is no workload; there are tell, ask, ask-timeout, spawn, idle, ring, fan, fan-many, restart, children, register",
        ),
        (("--workloads", ""), "'' is no workload"),
        (("--output", "results.txt"), "'results.txt' does not end in .json"),
        (("--output", "/dev/null/results.json"), "cannot write /dev/null/results.json"),
        (("--slow",), "unrecognized arguments: --slow"),
    ],
)
def test_a_bad_option_gets_a_clear_word_and_exit_2(options: tuple[str, ...], word: str) -> None:
    done = benchmarks(*options)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_a_measurement_that_fails_is_told_and_is_no_figure() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import benchmarks._sample as sample\nsample.take_sample('greenroom', 'no such workload', 1)",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "BenchmarkFailed: no such workload by greenroom failed:" in done.stderr
    assert "KeyError" in done.stderr
