"""A sample: one measurement of one system under one workload, and how it is taken in a process of its own."""

import json
import sys
from pathlib import Path
from subprocess import TimeoutExpired, run
from typing import Any, Literal

import attrs

ROOT = Path(__file__).resolve().parent.parent
#: Seconds of real time after which a measurement counts as hung.
HUNG = 300

SystemName = Literal["greenroom", "trio"]
SYSTEMS: tuple[SystemName, ...] = ("greenroom", "trio")


class BenchmarkFailed(Exception):
    """A measurement did not come about; the text has the end of what its process said."""


@attrs.frozen
class Sample:
    """Hold what was measured.

    Attributes:
        done: units of work, as counted by those who did them.
        seconds: of real time.
        cpu_seconds: of this process's time; steadier than real time on a busy machine.
        bytes: by which the process grew; 0 where that is not what is measured.
        factor: by how much longer it took than what it is compared with in its own sample, in microseconds if its unit says so; 0 where nothing is.
    """

    done: int
    seconds: float
    cpu_seconds: float
    bytes: int = 0
    factor: float = 0.0


def take_sample(
    system: str,
    workload: str,
    *sizes: int,
    module: str = "benchmarks._process",
    python: Path | str = sys.executable,
) -> Sample:
    """Measure one system under one workload in a fresh process.

    Args:
        system: which.
        workload: its name.
        sizes: how much of it, as the module takes it.
        module: what runs there: it is given system, workload and sizes, and prints the sample as JSON.
        python: the interpreter.

    Raises:
        BenchmarkFailed: the process failed, or hung.
    """
    command = [str(python), "-m", module, system, workload, *map(str, sizes)]
    try:
        done = run(command, cwd=ROOT, capture_output=True, text=True, timeout=HUNG, check=False)  # noqa: S603 -- ourselves
    except TimeoutExpired:
        raise BenchmarkFailed(f"{workload} by {system} hung: no figure after {HUNG} s") from None
    if done.returncode:
        raise BenchmarkFailed(f"{workload} by {system} failed:\n{done.stderr[-4_000:].strip()}")
    facts: dict[str, Any] = json.loads(done.stdout)
    return Sample(**facts)
