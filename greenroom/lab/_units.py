"""Units: what each measure is counted in, how its figures are written, and which measures tell something."""

import math
from collections.abc import Sequence
from typing import Final, Literal

from ..actors._texts import did_you_mean
from ._trial import MEASURES, Results

Unit = Literal["share", "seconds", "number"]

#: Measures that are no outcome: how large a trial was, and what it was asked, which is the same for all policies.
_NO_OUTCOME = ("steps", "asked")

#: What is counted, in a few words.
MEANINGS: Final[dict[str, str]] = {
    "availability": "the share of the time in which all actors were up at once",
    "asked": "requests that arrived",
    "answered": "requests that were answered",
    "lost": "requests that were refused or dropped, or went down with who had them",
    "late": "answered requests that took longer than the workload allows",
    "unanswered": "requests still under way at the end",
    "latency mean": "from a request's arrival to its answer",
    "latency p50": "half of the answers came within this",
    "latency p90": "nine of ten answers came within this",
    "latency p99": "99 of 100 answers came within this",
    "latency max": "the slowest answer",
    "crashes": "failures of actors that ran",
    "restarts": "starts of actors after the first",
    "wasted restarts": "restarts that did not come up, or of actors that had not failed themselves",
    "escalations": "supervisors that gave up",
    "startups failed": "starts that did not come up",
    "recovery mean": "from going down to being up again",
    "recovery max": "the longest way back up",
    "queued mean": "mail that waits in all mailboxes together, over time",
    "queued max": "the most mail that waited at once",
    "in system mean": "mail that waits or is being handled, over time",
    "waiting mean": "from a request's arrival to the begin of its handling",
    "steps": "crashes, requests and changes together: the size of a trial",
}


def unit_of(measure: str) -> Unit:
    """Return what a measure is counted in."""
    if measure == "availability":
        return "share"
    return "seconds" if measure.startswith(("latency ", "recovery ", "waiting ")) else "number"


def ceiling_of(measure: str) -> float:
    """Return what a measure cannot be above; none can be below 0."""
    return 1.0 if unit_of(measure) == "share" else math.inf


def shown(measure: str, value: float) -> str:
    """Return a value of a measure with its unit, rounded to what one reads."""
    if math.isnan(value):
        return "none"
    match unit_of(measure):
        case "share":
            return percent(value)
        case "seconds":
            return f"{figure(value)} s"
        case "number":
            return figure(value)


def signed(measure: str, value: float, *, unit: bool = True) -> str:
    """Return a difference of a measure, as `shown` does, with its sign; shares differ by percentage points."""
    text = shown(measure, abs(value)).replace(" %", " points")
    text = text if unit else text.partition(" ")[0]
    return text if value == 0 else f"{'+' if value > 0 else MINUS}{text}"


MINUS = "\N{MINUS SIGN}"


def percent(share: float) -> str:
    """Return a share in percent; near 0 and 1 with the digits that tell it from them."""
    value = 100 * share
    off = min(abs(value), abs(100 - value))
    digits = 2 if off == 0 or off >= 0.1 else min(1 - math.floor(math.log10(off)), 9)  # noqa: PLR2004
    return f"{value:g} %" if off == 0 else f"{value:.{digits}f} %"


def figure(value: float) -> str:
    """Return a number with three digits that count, and thousands apart."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if abs(value) >= 1e15:  # noqa: PLR2004 -- nobody counts its digits
        return f"{value:.3g}"
    digits = max(2 - math.floor(math.log10(abs(value))), 0)
    if digits > 6:  # noqa: PLR2004
        return f"{value:.3g}".replace("-", MINUS)
    text = f"{value:,.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", MINUS)


def telling(results: Results, measures: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the measures to tell of: those named, else all that have a value other than 0 in some trial, and are an outcome.

    Raises:
        ValueError: one that is named is unknown.
    """
    known = list(dict.fromkeys(measure for trial in results.trials for measure in trial.measures))
    if measures is not None:
        check_names("measure", measures, known)
        return tuple(dict.fromkeys(measures))
    order = [*(each for each in MEASURES if each in known), *(each for each in known if each not in MEASURES)]
    return tuple(measure for measure in order if measure not in _NO_OUTCOME and _has_value(results, measure))


def check_names(what: str, names: Sequence[str], known: Sequence[str]) -> None:
    """Refuse a name that is not known, with ValueError; the text says which was perhaps meant."""
    if isinstance(names, str):
        text = f"{names!r} is one string, where several names may stand; give a list: [{names!r}]"
        raise ValueError(text)  # noqa: TRY004 -- one class for all that is wrong with names
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, others="there is", none="there is none at all")
            raise ValueError(f"there is no {what} {name!r}; {hint}")


def _has_value(results: Results, measure: str) -> bool:
    values = (trial.measures.get(measure, math.nan) for trial in results.trials)
    return any(value != 0 and not math.isnan(value) for value in values)
