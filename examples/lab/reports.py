"""Make a report of each experiment that comes with the lab: `python examples/lab/reports.py FOLDER`.

All of them, with their 20 seeds, take some minutes; `--seeds 5` is quicker, and `--only herd` makes one.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve

from greenroom.lab import compare, estimate, load, make_csv, make_json, make_page, ready, ready_path, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them, and write HTML, CSV and JSON of each into a folder."""
    parser = argparse.ArgumentParser(description="Make a report of each experiment that comes with the lab.")
    parser.add_argument("folder", type=Path, help="where to write them; it is made if need be")
    parser.add_argument("--seeds", type=int, help="instead of what each experiment has")
    parser.add_argument("--workers", type=int, help="processes, instead of one for each core")
    parser.add_argument("--only", choices=ready(), help="this one alone")
    given = parser.parse_args(arguments)
    given.folder.mkdir(parents=True, exist_ok=True)
    for name in ready() if given.only is None else [given.only]:
        experiment = load(ready_path(name))
        if given.seeds is not None:
            experiment = evolve(experiment, seeds=given.seeds)
        results = run(experiment, workers=given.workers)
        for suffix, text in (
            (".html", make_page(results, again=f"greenroom lab {name} --html {name}.html")),
            (".csv", make_csv(results)),
            (".json", make_json(results)),
        ):
            (given.folder / f"{name}{suffix}").write_text(text, encoding="utf-8", newline="")
        differences = sum(each.is_significant for each in compare(results))
        print(f"{name}: {len(estimate(results))} figures, {differences} significant differences")
    return 0


if __name__ == "__main__":
    sys.exit(main())
