"""Run Python files one after the other, each in a process of its own that has greenroom imported already, and Trio with it.

Paths are read from stdin, a line each; for each, a line with its exit status is written to stdout. What it writes itself goes into the file `output`
beside it. Why? To import them takes three times as long as most examples of the documentation run.
"""

import os
import runpy
import signal
import sys
import traceback
from pathlib import Path

import greenroom

SECONDS = 60

assert all(hasattr(greenroom, name) for name in greenroom.__all__)  # each name is imported when it is asked for


def run(example: Path) -> int:
    """Run a file as `python FILE` would, in this process; returns its exit status."""
    signal.alarm(SECONDS)
    os.chdir(example.parent)
    with (example.parent / "output").open("wb") as output:
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
    try:
        runpy.run_path(str(example), run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001 -- whatever it is, it is the example's
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
    return 0


for line in sys.stdin:
    child = os.fork()
    if not child:
        os._exit(run(Path(line.rstrip("\n"))))
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
