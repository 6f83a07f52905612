"""`python -m benchmarks.kit`: measure each row, hold it against its goal, write the table as JSON and text, and draw it."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import attrs

from . import _backends, _deadlocks, _finding, _histories, _machines, _proofs, _replays, _shrinking, _simloom, _sweeps
from ._draw import draw
from ._row import SHORT, Effort, Measure, Row

HERE = Path(__file__).parent

#: What measures which rows, in the order of the table. A new row is a new file with a `measure`, and a line here.
MEASURES: Final[dict[str, Measure]] = {
    "backends": _backends.measure,
    "replays": _replays.measure,
    "finding": _finding.measure,
    "shrinking": _shrinking.measure,
    "deadlocks": _deadlocks.measure,
    "sweeps": _sweeps.measure,
    "histories": _histories.measure,
    "proofs": _proofs.measure,
    "machines": _machines.measure,
    "simloom": _simloom.measure,
}


def main() -> int:
    """Do as the command line says; 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kit", description=__doc__)
    parser.add_argument(
        "--short",
        action="store_true",
        help="try out the script: too little of all to say how good the kit is; writes nothing",
    )
    parser.add_argument(
        "--rows",
        default=",".join(MEASURES),
        help="some of them, with commas between them (all); others stay in the output as they were measured before",
    )
    parser.add_argument(
        "--output", type=Path, help="where to write .json, .txt and .png (benchmarks/kit/results; nowhere with --short)"
    )
    options = parser.parse_args()
    names = options.rows.split(",")
    if unknown := [name for name in names if name not in MEASURES]:
        parser.error(f"--rows: there is no {unknown[0]!r}; there are {', '.join(MEASURES)}")
    effort = SHORT if options.short else Effort()
    output: Path | None = options.output or (None if options.short else HERE / "results")
    if output is not None:  # and not once all has been measured
        if not output.parent.is_dir():
            parser.error(f"--output: there is no folder {output.parent}")
        if find_spec("matplotlib") is None:
            parser.error("the picture needs matplotlib; install it, or give --short without --output")
    measured = {} if output is None else measured_before(output.with_suffix(".json"), names)
    for name in names:
        print(f"measuring {name}", file=sys.stderr)
        measured[name] = MEASURES[name](effort)
        print("\n".join(table(measured[name])), flush=True)
        if output is not None:  # what has been measured is there, whatever becomes of the others
            write(output, {each: measured[each] for each in MEASURES if each in measured})
    return int(any(row.reached < 1 for name in names for row in measured[name]))


def measured_before(path: Path, names: Sequence[str]) -> dict[str, list[Row]]:
    """Return what a file has of rows that are not measured now."""
    if not path.exists():
        return {}
    kept: dict[str, list[Row]] = {}
    for row in json.loads(path.read_text(encoding="utf-8"))["rows"]:
        by = row.pop("by")
        if by not in names:
            kept.setdefault(by, []).append(Row(**row))
    return kept


def write(output: Path, measured: Mapping[str, list[Row]]) -> None:
    """Write the table, the figures and the picture."""
    rows = [row for each in measured.values() for row in each]
    output.with_suffix(".txt").write_text("\n".join(table(rows)) + "\n", encoding="utf-8")
    output.with_suffix(".json").write_text(json.dumps(data(measured), indent=1) + "\n", encoding="utf-8")
    draw(rows, output.with_suffix(".png"))


def table(rows: list[Row]) -> list[str]:
    """Return the rows as lines."""
    width = max(len(row.name) for row in rows)
    lines: list[str] = []
    for row in rows:
        lines += [
            f"{'ok  ' if row.reached >= 1 else 'MISS'} {row.name:<{width}}  {row.measured}",
            f"{'':{width + 7}}goal: {row.goal}",
        ]
    return lines


def data(measured: Mapping[str, list[Row]]) -> dict[str, object]:
    """Return all figures as plain data."""
    return {
        "machine": {"python": platform.python_version(), "trio": version("trio"), "platform": platform.platform(), "cpus": os.cpu_count()},
        "rows": [{"by": by, **attrs.asdict(row)} for by, rows in measured.items() for row in rows],
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
