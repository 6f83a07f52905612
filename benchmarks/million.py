"""`python -m benchmarks.million`: a million idle actors in one process, and what they cost.

How many bytes each, how fast they start, what a tell and an ask cost among them (measured in turn with a process that has ten), a snapshot of the
whole tree, the stop of the whole tree. A column for each recipe about the garbage collector (`docs/performance.md`), each in a process of its own.
Times are of the process, so that others on the machine count for little; the JSON file has real time as well.
"""

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, Final

import attrs

from ._herd import RECIPES, Herd, Recipe
from ._idle import ASKS, TELLS, TEN
from ._options import read_output, read_rounds
from ._results import machine
from ._sample import BenchmarkFailed, Sample

FORMAT: Final = 1
MILLION: Final = 1_000_000
#: Bounds of `--size`.
LEAST, MOST = 100, 20_000_000
ROUNDS: Final = 15
#: Rounds before those that count.
WARM_UPS: Final = 2
#: Bytes that a herd takes for each actor at its worst, which is while a snapshot is there: with room to spare.
NEEDED: Final = 2_000


@attrs.frozen
class Column:
    """Hold what was measured under one recipe."""

    recipe: Recipe
    facts: dict[str, Any]


def main() -> int:
    """Do as the command line says; 0 if all was measured, whatever the figures, 1 if not, 2 if it cannot be."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.million",
        description="Start a million idle actors in one process, and measure what they cost.",
        allow_abbrev=False,
    )
    parser.add_argument("--size", type=_size, default=MILLION, help="how many actors; default: %(default)s")
    parser.add_argument(
        "--recipes",
        type=_recipes,
        default=RECIPES,
        help=f"which, separated by commas; default: all: {', '.join(RECIPES)}",
    )
    parser.add_argument("--rounds", type=read_rounds, default=ROUNDS, help="of tells and asks; default: %(default)s")
    parser.add_argument(
        "--output",
        type=read_output,
        default=Path("build/million.json"),
        help="the JSON file; default: %(default)s",
    )
    given = parser.parse_args()
    there, needed = available(), given.size * NEEDED * len(given.recipes)
    if there is not None and needed > there:
        parser.error(
            f"{given.size:,} actors under {len(given.recipes)} recipes need some {needed / 1e9:.1f} GB of memory,"
            f" and {there / 1e9:.1f} GB are available; take a smaller --size, or fewer --recipes"
        )
    try:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.touch()
    except OSError as error:
        parser.error(f"cannot write {given.output}: {error.strerror}")
    try:
        columns = measure(given.size, given.recipes, given.rounds)
    except BenchmarkFailed as error:
        print(error, file=sys.stderr)
        return 1
    results = {
        "format": FORMAT,
        "machine": machine(),
        "size": given.size,
        "rounds": given.rounds,
        "recipes": {column.recipe: column.facts for column in columns},
    }
    given.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(make_table(given.size, columns))
    print(f"\nwritten: {given.output}")
    return 0


def measure(size: int, recipes: tuple[Recipe, ...], rounds: int) -> list[Column]:
    """Measure all recipes, and return a column for each.

    Raises:
        BenchmarkFailed: a measurement did not come about.
    """
    with ExitStack() as stack:
        few = stack.enter_context(Herd("greenroom", TEN))
        herds = [stack.enter_context(Herd("greenroom", size, recipe)) for recipe in recipes]
        messages = {order: _in_turn(few, herds, order, rounds) for order in (f"tell {TELLS}", f"ask {ASKS}")}
        columns: list[Column] = []
        for at, (recipe, herd) in enumerate(zip(recipes, herds, strict=True)):
            facts: dict[str, Any] = attrs.asdict(herd.started)
            for order, taken in messages.items():
                ours, theirs = taken[at], taken[-1]
                ratios = [many.cpu_seconds / ten.cpu_seconds for many, ten in zip(ours, theirs, strict=True)]
                facts[order.partition(" ")[0]] = {
                    "seconds": median(each.cpu_seconds / each.done for each in ours),
                    "seconds_among_ten": median(each.cpu_seconds / each.done for each in theirs),
                    "ratio": {"median": median(ratios), "low": min(ratios), "high": max(ratios)},
                }
            for order in ("each", "snapshot", "stop"):
                facts[order] = attrs.asdict(herd.measure(order))
            columns.append(Column(recipe, facts))
        return columns


def _in_turn(few: Herd, herds: list[Herd], order: str, rounds: int) -> list[list[Sample]]:
    """Return the samples of each herd, and at last those of the few: all measure once a round, and begin with another one each time."""
    everybody = [*herds, few]
    taken: list[list[Sample]] = [[] for _ in everybody]
    for number in range(WARM_UPS + rounds):
        for step in range(len(everybody)):
            at = (number + step) % len(everybody)
            taken[at].append(everybody[at].measure(order))
    return [samples[WARM_UPS:] for samples in taken]


def make_table(size: int, columns: list[Column]) -> str:
    """Return the columns as a table."""
    rows: list[tuple[str, list[str]]] = [(f"{size:,} idle actors", [f"recipe: {column.recipe}" for column in columns])]

    def add(title: str, *keys: str, form: str, scale: float = 1) -> None:
        cells: list[str] = []
        for column in columns:
            value: Any = column.facts
            for key in keys:
                value = value[key]
            cells.append(format(value * scale, form))
        rows.append((title, cells))

    def add_rate(title: str, key: str) -> None:
        samples = [Sample(**column.facts[key]) for column in columns]
        rows.append((title, [f"{sample.done / sample.cpu_seconds:,.0f}" for sample in samples]))

    rows.append(("bytes for each", [f"{column.facts['bytes'] / size:,.0f}" for column in columns]))
    add_rate("registered, each second", "registered")
    add_rate("ready, each second", "ready")
    add("  until all are ready, s", "ready", "cpu_seconds", form=".2f")
    add("  of that in the garbage collector, s", "collecting", form=".2f")
    add("a full collection afterwards, s", "pause", form=".3f")
    for word in ("tell", "ask"):
        add(f"{word}, us", word, "seconds", form=".3f", scale=1e6)
        add("  among ten, us", word, "seconds_among_ten", form=".3f", scale=1e6)
        add("  ratio", word, "ratio", "median", form=".3f")
        add("  lowest of the rounds", word, "ratio", "low", form=".3f")
        add("  highest", word, "ratio", "high", form=".3f")
    add("a tell to each of them, all handled, s", "each", "cpu_seconds", form=".2f")
    add("snapshot of the whole tree, s", "snapshot", "cpu_seconds", form=".2f")
    add("stop of the whole tree, s", "stop", "cpu_seconds", form=".2f")
    first = max(len(title) for title, _ in rows)
    others = max(len(cell) for _, cells in rows for cell in cells)
    lines = ["  ".join([title.ljust(first), *(cell.rjust(others) for cell in cells)]) for title, cells in rows]
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(lines)


def available() -> int | None:
    """Return the bytes of memory that can be had; None where nobody says."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _size(text: str) -> int:
    digits = text.replace("_", "")
    if not digits.isascii() or not digits.isdigit() or not LEAST <= int(digits) <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {LEAST} to {MOST:_}")
    return int(digits)


def _recipes(text: str) -> tuple[Recipe, ...]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in RECIPES:
            raise argparse.ArgumentTypeError(f"{name!r} is no recipe; there are {', '.join(RECIPES)}")
    return tuple(recipe for recipe in RECIPES if recipe in names)


if __name__ == "__main__":
    sys.exit(main())
