"""`python -m benchmarks.finding`: take the trials, measure, replay; write the figures as JSON and text, and draw them."""

import argparse
import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ._draw import draw
from ._histories import CLIENTS, GOAL, OPERATIONS, measure_histories
from ._replay import compare
from ._speed import measure
from ._trials import BUGS, STRATEGIES, Trials, take_all

HERE = Path(__file__).parent
PARTS = ("trials", "speed", "histories", "replays")


def main() -> int:
    """Do as the command line says; 1 if something was found in a twin, or a replay differed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finding", description=__doc__)
    parser.add_argument("--trials", type=int, default=100, help="trials of each strategy with each bug (100)")
    parser.add_argument("--limit", type=int, default=2_000, help="schedules that each trial has (2000)")
    parser.add_argument("--bugs", default=",".join(BUGS), help="some of the catalogue, with commas between them (all)")
    parser.add_argument("--replays", type=int, default=500, help="failures to replay in fresh processes; 0: none (500)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the measurement of speed (5)")
    parser.add_argument(
        "--parts",
        default=",".join(PARTS),
        help="what to measure, with commas between; the rest stays in the output (all)",
    )
    parser.add_argument(
        "--strategies",
        default=",".join(STRATEGIES),
        help="whose trials to take, with commas between; those of others stay in the output (all)",
    )
    parser.add_argument("--output", type=Path, default=HERE / "results", help="where to write .json, .txt and .png")
    options = parser.parse_args()
    for name in ("trials", "limit", "rounds"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} is {getattr(options, name)}; give a number from 1")
    bugs = options.bugs.split(",")
    if unknown := [bug for bug in bugs if bug not in BUGS]:
        parser.error(f"--bugs: the catalogue has no {unknown[0]!r}; it has {', '.join(BUGS)}")
    parts = options.parts.split(",")
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"--parts: there is no {unknown[0]!r}; there are {', '.join(PARTS)}")
    strategies = options.strategies.split(",")
    if unknown := [name for name in strategies if name not in STRATEGIES]:
        parser.error(f"--strategies: there is no {unknown[0]!r}; there are {', '.join(STRATEGIES)}")
    before: dict[str, Any] = {}
    if len(set(parts)) < len(PARTS) or len(set(strategies)) < len(STRATEGIES):
        try:
            before = json.loads(options.output.with_suffix(".json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            parser.error(f"--parts: {options.output.with_suffix('.json')} has nothing that could stay: {error}")
    speed = measure(options.rounds) if "speed" in parts else before["schedules_per_second"]
    checked = measure_histories(options.rounds) if "histories" in parts else before["milliseconds_for_a_history"]
    trials = trials_of(before.get("trials", {}))
    if "trials" in parts:
        lacking = [
            (bug, name) for bug in bugs for name in STRATEGIES if name not in strategies and (bug, name) not in trials
        ]
        if lacking:
            parser.error(
                f"--strategies: {options.output.with_suffix('.json')} has no trials of {' by '.join(lacking[0])}"
            )
        trials |= take_all(bugs, strategies, options.trials, options.limit, progress)
        trials = {(bug, name): trials[bug, name] for bug in BUGS for name in STRATEGIES if (bug, name) in trials}
    said: list[str] = []
    differ: dict[str, int] = {}
    if "replays" not in parts:
        differ = before["replays_that_differ"]
    elif options.replays > 0:
        differ = compare(options.replays, said)
    text = "\n".join(
        [*table(trials), "", *speeds(speed), "", *histories(checked), "", *replays(differ, options.replays), *said]
    )
    options.output.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")
    options.output.with_suffix(".json").write_text(
        json.dumps(data(trials, speed, checked, differ), indent=1) + "\n", "utf-8"
    )
    draw(trials, options.output.with_suffix(".png"))
    print(text)
    return int(any(differ.values()) or any(each.in_twin for each in trials.values()))


def trials_of(facts: dict[str, Any]) -> dict[tuple[str, str], Trials]:
    """Return trials that were written before."""
    trials: dict[tuple[str, str], Trials] = {}
    for key, fact in facts.items():
        bug, _, strategy = key.partition(" ")
        trials[bug, strategy] = Trials(bug, strategy, fact["limit"], tuple(fact["found"]), fact["in_twin"])
    return trials


def progress(done: int, of: int) -> None:
    """Say how far it is."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{done} of {of} pairs of bug and strategy", end="\n" if done == of else "", file=sys.stderr)


def table(trials: dict[tuple[str, str], Trials] | Any) -> list[str]:
    """Return the means as lines: bugs down, strategies across; with how many trials missed it."""
    bugs = list(dict.fromkeys(bug for bug, _ in trials))
    width = max(map(len, bugs))
    lines = [
        "Schedules to the first failure: mean (worst), and how many trials missed it within the limit; t: found in the twin",
        "",
        " " * width + "".join(f"{strategy:>22}" for strategy in STRATEGIES),
    ]
    for bug in bugs:
        cells: list[str] = []
        for strategy in STRATEGIES:
            each = trials[bug, strategy]
            worst = max((number for number in each.found if number is not None), default=0)
            missed = f" -{each.missed}" if each.missed else ""
            cells.append(f"{each.mean:,.1f} ({worst:,}){missed}{' t' if each.in_twin else ''}")
        lines.append(f"{bug:<{width}}" + "".join(f"{cell:>22}" for cell in cells))
    return lines


def speeds(speed: dict[str, float]) -> list[str]:
    """Return the speeds as lines."""
    return [
        "Schedules each second of processor time, of a program of 20 steps:",
        *(f"  {case:<14}{rate:>8,.0f}" for case, rate in speed.items()),
    ]


def replays(differ: dict[str, int], count: int) -> list[str]:
    """Return what came of the replays as lines."""
    return [
        f"Of {count} failures, replayed from their tokens in fresh processes:",
        *(f"  {place:<14}{count - number:>6} the same to the byte, {number} not" for place, number in differ.items()),
    ]


def histories(checked: dict[str, float]) -> list[str]:
    """Return the times of checks of histories as lines."""
    return [
        f"Milliseconds to check a history of {CLIENTS} clients with {OPERATIONS} operations each (goal: {GOAL:.0f}):",
        *(f"  {case:<28}{time:>8.1f}" for case, time in checked.items()),
    ]


def data(trials: Any, speed: dict[str, float], checked: dict[str, float], differ: dict[str, int]) -> dict[str, Any]:
    """Return all figures as plain data."""
    return {
        "machine": {
            "python": platform.python_version(),
            "trio": version("trio"),
            "platform": platform.platform(),
            "cpus": os.cpu_count(),
        },
        "trials": {
            f"{bug} {strategy}": {
                "limit": each.limit,
                "mean": each.mean,
                "found": list(each.found),
                "in_twin": each.in_twin,
            }
            for (bug, strategy), each in trials.items()
        },
        "schedules_per_second": speed,
        "milliseconds_for_a_history": checked,
        "replays_that_differ": differ,
    }


if __name__ == "__main__":
    sys.exit(main())
