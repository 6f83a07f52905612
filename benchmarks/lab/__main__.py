"""`python -m benchmarks.lab`: measure how fast trials run on one core, and hold that against its goals; 1 if one was missed.

    events    a tree of 50 actors at one request a second and actor: seconds of the trial in a second of real time
    crashes   50 actors that crash every other second: crashes in a second of real time
    storm     one actor that crashes as soon as it is up: the same

Rows are measured in turns, round by round, each in one process and one thread. A round's figure is by process time, since the machine may have other
things to do; that by real time is written beside it.
"""

import argparse
import json
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

import attrs

from greenroom import ChildSpec, Intensity, SupervisorSpec, lab

from .._stopwatch import Stopwatch

HERE: Final = Path(__file__).parent
ACTORS: Final = 50
#: More restarts than there are.
ANY: Final = Intensity(1_000_000_000, within=1.0)


@attrs.frozen
class Row:
    """Be what is measured.

    Attributes:
        name: of the row.
        what: the unit of its figure.
        goal: the least that is good enough.
        make: makes an experiment of so many seconds.
        horizon: those of a round.
        done: how much of the unit a trial has done.
    """

    name: str
    what: str
    goal: float
    make: Callable[[float], lab.Experiment]
    horizon: float
    done: Callable[[lab.Trial], float]


def _nobody() -> Any:
    raise AssertionError("the lab makes its own actors")


def _tree(many: int) -> SupervisorSpec:
    return SupervisorSpec("bench", [ChildSpec(f"a{n}", _nobody) for n in range(many)], intensity=ANY)


def _events(horizon: float) -> lab.Experiment:
    source = lab.Source(to="*", rate=1.0, each=True, service=lab.exponential(0.1))
    return lab.Experiment(name="events", tree=_tree(ACTORS), horizon=horizon, workload={"w": source})


def _crashes(horizon: float) -> lab.Experiment:
    model = lab.ActorModel(lifetime=lab.exponential(2.0), startup=lab.exponential(0.1))
    return lab.Experiment(name="crashes", tree=_tree(ACTORS), horizon=horizon, actors={"*": model})


def _storm(horizon: float) -> lab.Experiment:
    model = lab.ActorModel(lifetime=0.001)
    return lab.Experiment(name="storm", tree=_tree(1), horizon=horizon, actors={"*": model})


ROWS: Final = (
    Row("events", "s of the trial", 100.0, _events, 200.0, lambda trial: trial.horizon),
    Row("crashes", "crashes", 1_000.0, _crashes, 200.0, lambda trial: trial.measures["crashes"]),
    Row("storm", "crashes", 1_000.0, _storm, 5.0, lambda trial: trial.measures["crashes"]),
)


def measure(rounds: int, share: float) -> dict[str, list[tuple[float, float]]]:
    """Return for each row what each round did in a second of process time, and of real time."""
    found: dict[str, list[tuple[float, float]]] = {row.name: [] for row in ROWS}
    for number in range(-1, rounds):
        for row in ROWS:
            made = row.make(row.horizon * share)
            watch = Stopwatch()
            [trial] = lab.run(made, workers=1).trials
            sample = watch.stop(1)
            if number >= 0:  # the first warms up
                done = row.done(trial)
                found[row.name].append((done / sample.cpu_seconds, done / sample.seconds))
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
    return found


def table(found: dict[str, list[tuple[float, float]]]) -> tuple[list[dict[str, Any]], str]:
    """Return the rows as data, and as text."""
    rows: list[dict[str, Any]] = []
    for row in ROWS:
        cpu, real = zip(*found[row.name], strict=True)
        rows.append(
            {
                "row": row.name,
                "unit": f"{row.what} per second",
                "median": median(cpu),
                "least": min(cpu),
                "most": max(cpu),
                "median by real time": median(real),
                "goal": row.goal,
                "reached": median(cpu) >= row.goal,
            }
        )
    lines = [
        f"{each['row']:8}  {each['median']:10,.0f} {each['unit']} of process time ({each['least']:,.0f} to {each['most']:,.0f}; "
        f"{each['median by real time']:,.0f} of real time); goal {each['goal']:,.0f}: {'reached' if each['reached'] else 'MISSED'}"
        for each in rows
    ]
    return rows, "\n".join(lines) + "\n"


def main() -> int:
    """Do as the command line says; 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lab", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how often each row is measured (7)")
    parser.add_argument(
        "--short", action="store_true", help="try out the script: too little to say anything; writes nothing"
    )
    parser.add_argument(
        "--output", type=Path, help="where to write .json and .txt (benchmarks/lab/results; nowhere with --short)"
    )
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds: {options.rounds} is not a number from 1")
    output: Path | None = options.output or (None if options.short else HERE / "results")
    if output is not None and not output.parent.is_dir():
        parser.error(f"--output: there is no folder {output.parent}")
    rows, text = table(measure(1 if options.short else options.rounds, 0.05 if options.short else 1.0))
    facts = f"Python {platform.python_version()}, Trio {version('trio')}, one core\n"
    print(facts + text, end="")
    if output is not None:
        output.with_suffix(".txt").write_text(facts + text, encoding="utf-8")
        data = {"python": platform.python_version(), "trio": version("trio"), "rows": rows}
        output.with_suffix(".json").write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
    return 0 if options.short or all(each["reached"] for each in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
