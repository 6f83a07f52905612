"""The measurement of the race kit: its programs have the bugs that they should, and its rows say what they found."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def ran(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *args], cwd=ROOT, capture_output=True, text=True, check=False)


PROGRAMS = """
import asyncio
from functools import partial
from benchmarks.kit._programs import PROGRAMS, Asyncio
from benchmarks.kit._under_trio import under_trio
from greenroom import races

for program in PROGRAMS:
    for fixed in (False, True):
        assert races.run(partial(under_trio, program=program, fixed=fixed)).error is None
        asyncio.run(program(Asyncio, fixed=fixed))
    found = races.search(partial(under_trio, program=program, fixed=False))
    assert found is not None
    assert races.search(partial(under_trio, program=program, fixed=True), schedules=300) is None
    print(program.__name__, found.result.verdict)
"""


def test_each_program_passes_by_default_has_its_bug_and_a_twin_without() -> None:
    ended = ran("-c", PROGRAMS)
    assert ended.stderr == ""
    lines = ended.stdout.splitlines()
    assert len(lines) >= 5
    assert "lock_order deadlock" in lines


def test_rows_are_told_with_their_goals_and_the_short_form_writes_nothing() -> None:
    before = sorted(path for path in (ROOT / "benchmarks" / "kit").iterdir() if path.suffix)
    ended = ran("-m", "benchmarks.kit", "--short", "--rows", "backends,deadlocks")
    assert ended.returncode == 0, ended.stderr
    first, goal, second, _ = ended.stdout.splitlines()
    assert first == "ok   both back-ends identical  100 of 100"
    assert goal.strip() == "goal: all of 10,000 programs"
    assert second == "ok   deadlock  7 of 7 with their circle; 0 false of 2 in flight"
    assert before == sorted(path for path in (ROOT / "benchmarks" / "kit").iterdir() if path.suffix)


def test_what_is_measured_is_written_and_drawn_where_it_is_asked_for(tmp_path: Path) -> None:
    ended = ran("-m", "benchmarks.kit", "--short", "--rows", "deadlocks", "--output", str(tmp_path / "rows"))
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "rows.txt").read_text(encoding="utf-8") == ended.stdout
    assert '"reached": 1.0' in (tmp_path / "rows.json").read_text(encoding="utf-8")
    assert (tmp_path / "rows.png").read_bytes().startswith(b"\x89PNG")


def test_rows_that_are_not_measured_again_stay_and_stand_in_the_order_of_the_table(tmp_path: Path) -> None:
    kept = '{"by": "backends", "name": "once", "goal": "of then", "measured": "7", "reached": 2.0, "facts": {"a": 1}}'
    gone = kept.replace("backends", "deadlocks").replace("once", "of before")
    (tmp_path / "rows.json").write_text(f'{{"rows": [{gone}, {kept}]}}', encoding="utf-8")
    ended = ran("-m", "benchmarks.kit", "--short", "--rows", "deadlocks", "--output", str(tmp_path / "rows"))
    assert ended.returncode == 0, ended.stderr
    assert "once" not in ended.stdout
    names = [line[5:].split("  ")[0] for line in (tmp_path / "rows.txt").read_text(encoding="utf-8").splitlines()[::2]]
    assert names == ["once", "deadlock"]
    rows = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))["rows"]
    assert rows[0] == json.loads(kept)


MISSED = """
from benchmarks.kit.__main__ import table
from benchmarks.kit._row import Row

print("|".join(table([Row("one", "at least 2", "1", 0.5), Row("another", "none", "none", 1.0)])))
"""


def test_a_row_that_is_missed_is_said_to_be() -> None:
    assert (
        ran("-c", MISSED).stdout
        == "MISS one      1|              goal: at least 2|ok   another  none|              goal: none\n"
    )


def test_rows_that_there_are_not_are_refused() -> None:
    ended = ran("-m", "benchmarks.kit", "--rows", "backends,nothing")
    assert ended.returncode == 2
    assert "--rows: there is no 'nothing'; there are backends, " in ended.stderr


def test_a_place_where_nothing_can_be_written_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    ended = ran("-m", "benchmarks.kit", "--rows", "backends", "--output", str(tmp_path / "none" / "rows"))
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].endswith(f"--output: there is no folder {tmp_path / 'none'}")
    assert "measuring" not in ended.stderr


def test_proofs_and_machines_have_their_rows() -> None:
    ended = ran("-m", "benchmarks.kit", "--short", "--rows", "proofs,machines")
    rows = {line[5:].partition("  ")[0]: line[:4].strip() for line in ended.stdout.splitlines()[::2]}
    assert list(rows) == [
        "bounded proof",
        "reduction, in tasks of their own",
        "reduction, that share their tasks",
        "state machine",
    ], ended.stderr
    assert rows["state machine"] == "ok"
    assert " schedules of 30 steps in " in ended.stdout
