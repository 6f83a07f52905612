"""Results as CSV and as JSON: the same results give the same bytes, on every Python.

Both are written here to the last comma: floats as Python's shortest text that reads back as the same float, keys in one order, lines that end with
one newline. (What `csv` quotes has changed between versions of Python.)
"""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs

from ._comparison import compare
from ._estimate import estimate
from ._interval import CONFIDENCE
from ._trial import MEASURES, Results
from ._worst import worst_minutes, worst_of

#: Of the JSON: raised whenever what was there means something else.
FORMAT: Final = 1
_QUOTED: Final = frozenset(',"\r\n\t ')
#: What a spreadsheet takes for a formula when a cell begins with it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def make_csv(results: Results) -> str:
    """Return results as CSV, a line for each trial: policy, seed, each measure, and the availability of each actor.

    What could not be measured (nan) is an empty cell. A name that a spreadsheet would take for a formula has an apostrophe before it.
    """
    found = {measure for trial in results.trials for measure in trial.measures}
    measures = [each for each in MEASURES if each in found] + sorted(found.difference(MEASURES))
    paths = list(dict.fromkeys(path for trial in results.trials for path in trial.availability))
    lines = [_line(["policy", "seed", *measures, *(f"availability of {path}" for path in paths)])]
    for trial in results.trials:
        values = [trial.measures.get(measure, math.nan) for measure in measures]
        values += [trial.availability.get(path, math.nan) for path in paths]
        lines.append(_line([trial.policy, str(trial.seed), *map(_cell, values)]))
    return "".join(lines)


def make_json(
    results: Results,
    *,
    baseline: str | None = None,
    measures: Sequence[str] | None = None,
    confidence: float = CONFIDENCE,
) -> str:
    """Return results as JSON: the trials, and what follows from them (estimates, comparisons, and the worst minutes with their stories).

    The timelines are not in it.
    `baseline`, `measures` and `confidence` are as for `compare`; the trials have all measures. What could not be measured (nan) is
    null.

    Raises:
        ValueError: the baseline or a measure is unknown, the confidence is none, or a measure is infinite.
    """
    minutes = worst_minutes(results)
    data = {
        "format": FORMAT,
        "name": results.name,
        "description": results.description,
        "horizon": results.horizon,
        "policies": results.policies,
        "seeds": results.seeds,
        "baseline": baseline if baseline is not None else results.policies[0],
        "confidence": confidence,
        "trials": [
            {
                "policy": trial.policy,
                "seed": trial.seed,
                "measures": trial.measures,
                "availability": trial.availability,
                "recoveries": trial.recoveries,
                "latencies": trial.latencies,
                "dropped": trial.dropped,
            }
            for trial in results.trials
        ],
        "estimates": [_plain(each) for each in estimate(results, measures=measures, confidence=confidence)],
        "comparisons": [
            {**_plain(each), "text": str(each)}
            for each in compare(results, baseline=baseline, measures=measures, confidence=confidence)
        ],
        "worst minutes": [_plain(each) for each in minutes],
        "worst minute": _plain(worst_of(minutes)),
    }
    return json.dumps(_finite(data), indent=1, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n"


def _plain(thing: attrs.AttrsInstance | None) -> Any:
    return None if thing is None else attrs.asdict(thing)


def _finite(value: Any) -> Any:
    """Return data in which nan is None: JSON has no word for it."""
    match value:
        case float():
            return None if math.isnan(value) else float(value)
        case dict():
            return {str(key): _finite(each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case list() | tuple():
            return [_finite(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


def _cell(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def _line(cells: Iterable[str]) -> str:
    return ",".join(map(_quoted, _harmless(list(cells)))) + "\n"


def _harmless(cells: Sequence[str]) -> list[str]:
    """Return cells in which no text is a formula; numbers are what they are."""
    return [f"'{cell}" if cell.startswith(_FORMULA) and not _is_number(cell) else cell for cell in cells]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if _QUOTED.intersection(cell) else cell
