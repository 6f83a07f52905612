"""A soak goes on whatever a job does, and sums up: also one that is interrupted."""

import signal
import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).resolve().parents[1] / "soak.py"
#: A soak of a few jobs: one passes, one fails, one hangs, one takes its process down, one raises.
FEW = f"""
import importlib.util, os, sys, threading
spec = importlib.util.spec_from_file_location("soak", {str(SOAK)!r})
soak = importlib.util.module_from_spec(spec)
spec.loader.exec_module(soak)
soak.PATIENCE = soak.LATE = 2.0
jobs = soak.load_jobs()
bug = next(bug for bug in jobs.CATALOGUE if bug.name == "check_then_insert")

def hangs(seed, seconds):
    yield jobs.Tally(runs=7)
    threading.Event().wait()  # until it is ended by force

def leaves(seed, seconds):
    yield jobs.Tally(runs=5)
    os._exit(3)

def raises(seed, seconds):
    yield jobs.Tally(runs=3)
    raise LookupError("no such thing")

jobs.HAS_PROPERTIES = False
jobs.JOBS[:] = [
    jobs.Job("passes", jobs.explore(bug.fixed), jobs.again_by(bug.fixed)),
    jobs.Job("fails", jobs.explore(bug.broken), jobs.again_by(bug.broken)),
    *(jobs.Job(play.__name__, play, None) for play in (hangs, leaves, raises)),
]
sys.exit(soak.main(jobs))
"""


def run_few(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", FEW, *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_soak_sums_up_what_passed_failed_hung_and_was_lost() -> None:
    ended = run_few("--seconds", "4", "--seed", "7")
    assert ended.returncode == 1, ended.stderr
    table, _, failures = ended.stdout.partition("\nseed 7; ")
    assert ended.stdout.startswith("seed 7: 5 jobs for 4 s, 2 at a time\n")
    said, _, table = table.partition("\n-----")
    assert "a failure of leaves: its process ended with status 3" in said, "each is told when it comes"
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines()[1:] if line}
    assert [name for name, row in rows.items() if row[-1] == "-"] == ["passes"]
    assert int(rows["passes"][1].replace(",", "")) > int(rows["passes"][2].replace(",", "")) > 0
    for text in (
        "FAILED  fails: failed: AssertionError: ",
        "FAILED  hangs: it hung, and was killed",
        "FAILED  leaves: its process ended with status 3",
        "FAILED  raises: the job raised LookupError: no such thing",
    ):
        assert text in failures
    again = next(line.split() for line in failures.splitlines() if "--again fails" in line)
    assert again[:3] == [".venv/bin/python", "-P", "tests/soak.py"]
    shown = run_few(*again[3:])
    assert shown.returncode == 1
    assert shown.stdout.startswith("failed: AssertionError")


def test_a_soak_that_is_interrupted_sums_up_what_there_is() -> None:
    command = [sys.executable, "-P", "-c", FEW, "--seconds", "60", "passes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as soak:
        assert soak.stdout is not None
        assert soak.stdout.readline().endswith(": 1 jobs for 60 s, 2 at a time\n")
        try:
            soak.wait(1)
        except subprocess.TimeoutExpired:
            soak.send_signal(signal.SIGINT)
        output, _ = soak.communicate(timeout=20)
    assert soak.returncode == 130
    assert output.startswith("interrupted; so far:\nwhat ")
    assert "passes" in output
