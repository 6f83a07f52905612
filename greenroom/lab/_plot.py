"""Plots of what policies come to, as SVG: availability and latency with their intervals, and how long it took to be up again.

Needs matplotlib (the extra `plot`). What is drawn depends on the results alone: no date, no random names of parts. Texts stay texts, so that they can
be searched, and letters that matplotlib has not are drawn by whoever shows the picture.
"""

import io
import math
import re
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from ._interval import CONFIDENCE, Interval, interval
from ._texts import label
from ._trial import Results
from ._units import figure

INK: Final = "#30363d"
SOFT: Final = "#8b949e"
ACCENT: Final = "#2f6db5"
#: Told apart also by who sees no red or green, and in grey.
PALETTE: Final = ("#2f6db5", "#d9730d", "#3c9a68", "#a04fb5", "#8c6d31", "#c03a55")
DASHES: Final = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
#: Inches: of a picture, of a row, and of what is around the rows.
WIDTH: Final = 9.0
ROW: Final = 0.34
AROUND: Final = 1.1
#: Policies whose curves can be told apart in one plot.
CURVES: Final = len(PALETTE)
#: Above this ratio of the largest to the smallest, an axis is logarithmic.
_WIDE: Final = 50.0
_PERCENTILES: Final = (5, 25, 50, 75, 95)
# Of where a line goes, a hundredth of a point is seen by nobody; texts are left alone, as there is no "<" in them.
_PATH: Final = re.compile(r'<path [^<>]*?d="[^"]*"')
_DIGITS: Final = re.compile(r"(\.\d\d)\d+")


class NoMatplotlib(ImportError):
    """Plots were asked for, and matplotlib is not there."""

    def __init__(self) -> None:
        super().__init__("plots need matplotlib; install it: pip install 'greenroom[plot]'")


@contextmanager
def drawing() -> Generator[None]:
    """Be what is drawn in: no text of an experiment is read as a formula, whatever the user's settings are.

    Raises:
        NoMatplotlib: it is not installed.
    """
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "matplotlib":
            raise
        raise NoMatplotlib from None
    ours: dict[str, Any] = {
        "svg.fonttype": "none",
        "text.parse_math": False,
        "font.family": ["DejaVu Sans", "sans-serif"],
    }
    library: Any = mpl
    known = library.rcParamsDefault.items()
    defaults = {name: value for name, value in known if not name.startswith(("backend", "toolbar"))}
    with warnings.catch_warnings(), library.rc_context({**defaults, **ours}):
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        yield


def new_figure(rows: int, *, row: float = ROW, around: float = AROUND) -> Any:
    """Return an empty figure for so many rows."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH, rows * row + around), layout="constrained")


def svg_of(drawn: Any, salt: str) -> str:
    """Return a figure as SVG; the same figure gives the same text."""
    import matplotlib as mpl

    library: Any = mpl
    out = io.StringIO()
    with library.rc_context({"svg.hashsalt": salt}):
        drawn.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return _PATH.sub(lambda path: _DIGITS.sub(r"\1", path[0]), out.getvalue())


@drawing()
def plot_availability(results: Results, confidence: float = CONFIDENCE) -> str:
    """Draw the availability of the tree under each policy: each seed as a dot, the mean, and its interval."""
    rows = [
        interval([trial.measures["availability"] for trial in results.of(policy)], confidence=confidence, floor=0.0, ceiling=1.0)
        for policy in results.policies
    ]  # fmt: skip
    drawn = new_figure(len(rows))
    axes = drawn.subplots()
    for number, (policy, row) in enumerate(zip(results.policies, rows, strict=True)):
        seeds = [100 * trial.measures["availability"] for trial in results.of(policy)]
        axes.plot(seeds, [number] * len(seeds), linestyle="", marker="|", markersize=11, color=SOFT, alpha=0.6)
        _mark(axes, number, row, 100)
        beside(axes, number, f"{100 * row.mean:.2f} %" if row.count else "no value")
    name_rows(axes, [label(policy) for policy in results.policies])
    axes.set_xlabel(
        f"of the time all actors were up at once, in % (dot: mean; bar: {_sure(confidence)}; strokes: the seeds)"
    )
    _breathe(axes, least=0.0, most=100.0)
    return svg_of(drawn, "availability")


@drawing()
def plot_recoveries(results: Results) -> str | None:
    """Draw how long it took actors to be up again under each policy, all seeds together; None if none ever was down and up again."""
    times = {
        policy: sorted(each for trial in results.of(policy) for each in trial.recoveries) for policy in results.policies
    }
    if not any(times.values()):
        return None
    has_curves = len(times) <= CURVES
    drawn = new_figure(len(times) + (9 if has_curves else 0), around=AROUND + (0.9 if has_curves else 0.3))
    if has_curves:
        curves, axes = drawn.subplots(2, 1, sharex=True, height_ratios=[9 * ROW + 0.6, len(times) * ROW + 0.5])
        _curves(curves, times)
    else:
        axes = drawn.subplots()
    axes.use_sticky_edges = False
    for number, values in enumerate(times.values()):
        _box(axes, number, values)
        beside(axes, number, f"{len(values):,} times" if values else "never")
    name_rows(axes, [label(policy) for policy in times])
    _scale(axes, [value for values in times.values() for value in values])
    axes.set_xlabel("seconds until up again (box: half of all, line: median, whiskers: 90 %, cross: the longest)")
    return svg_of(drawn, "recoveries")


@drawing()
def plot_latencies(results: Results) -> str | None:
    """Draw how long requests waited for their answers under each policy; None if none was answered."""
    shares = ("p50", "p90", "p99")
    found = {
        policy: [[trial.measures.get(f"latency {share}", math.nan) for trial in results.of(policy)] for share in shares]
        for policy in results.policies
    }
    there = [value for rows in found.values() for row in rows for value in row if not math.isnan(value)]
    if not there:
        return None
    drawn = new_figure(len(found), row=ROW + 0.1, around=AROUND + 0.4)
    axes = drawn.subplots()
    for number, rows in enumerate(found.values()):
        means = [interval(row, floor=0.0) for row in rows]
        for index, row in enumerate(means):
            if row.count:
                _mark(axes, number + 0.22 * (index - 1), row, 1, PALETTE[index])
    handles = [
        axes.plot([], [], "o", color=PALETTE[index], label=f"{share[1:]} % within")[0]
        for index, share in enumerate(shares)
    ]
    name_rows(axes, [label(policy) for policy in found])
    _scale(axes, there)
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False, fontsize=9, borderaxespad=0.1
    )
    axes.set_xlabel("seconds from a request to its answer (dot: mean over the seeds, bar: its interval)")
    return svg_of(drawn, "latencies")


def _sure(confidence: float) -> str:
    return f"{figure(100 * confidence)} % interval"


def _mark(axes: Any, number: float, row: Interval, factor: float, colour: str = ACCENT) -> None:
    """Draw a mean with its interval; one seed has none."""
    if not row.count:
        return
    if row.low is not None and row.high is not None:
        ends = [[factor * (row.mean - row.low)], [factor * (row.high - row.mean)]]
        axes.errorbar([factor * row.mean], [number], xerr=ends, fmt="none", ecolor=colour, elinewidth=2, capsize=4)
    axes.plot([factor * row.mean], [number], "o", color=colour, markersize=6)


def _box(axes: Any, number: int, values: Sequence[float]) -> None:
    """Draw a distribution by what shares of it are below."""
    if not values:
        return
    low, left, middle, right, high = (_percentile(values, share) for share in _PERCENTILES)
    axes.plot([low, high], [number, number], color=SOFT, linewidth=1.2)
    axes.barh(number, right - left, left=left, height=0.5, color="#c9dcf2", edgecolor=ACCENT, linewidth=1)
    axes.plot([middle, middle], [number - 0.25, number + 0.25], color=INK, linewidth=2)
    axes.plot([values[-1]], [number], "x", color=INK, markersize=5)


def _curves(axes: Any, times: dict[str, list[float]]) -> None:
    for index, values in enumerate(times.values()):
        if values:
            # A curve of some hundred points is as good as one of all of them.
            points = values if len(values) <= 500 else [_percentile(values, share / 4) for share in range(401)]  # noqa: PLR2004
            shares = [100 * (number + 1) / len(points) for number in range(len(points))]
            line = {"color": PALETTE[index], "linestyle": DASHES[index], "linewidth": 1.8}
            axes.step([points[0], *points], [0, *shares], where="post", **line)
            axes.plot([], [], **line, label=" ")
        else:
            axes.plot([], [], color=PALETTE[index], linestyle=DASHES[index], label=" ")
    legend = axes.legend(loc="lower right", fontsize=9, framealpha=0.9)
    # Not at once: a label that begins with an underscore would be taken for one that is not to be shown.
    for text, policy in zip(legend.get_texts(), times, strict=True):
        text.set_text(label(policy))
    axes.set_ylim(0, 103)
    axes.set_ylabel("% up again by then", color=INK)
    axes.grid(color="#e3e6ea", linewidth=0.8)
    axes.set_axisbelow(True)
    _scale(axes, [value for values in times.values() for value in values])
    frame(axes)


def _percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share, in percent, of sorted values is; between two of them in proportion."""
    at = (len(values) - 1) * share / 100
    low = math.floor(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)


def _scale(axes: Any, values: Sequence[float]) -> None:
    """Let an axis of times be logarithmic where they differ much; zeros then have a place of their own at its left."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    positive = [value for value in values if value > 0]
    if positive and max(positive) / min(positive) > _WIDE:
        if len(positive) < len(values):
            axes.set_xscale("symlog", linthresh=max(min(positive), max(positive) / 1e6), linscale=0.4)
        else:
            axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(_plainly))
    if not any(positive):
        axes.set_xlim(-0.05, 1)


def _plainly(value: float, _position: object) -> str:
    return f"{value:g}"


def name_rows(axes: Any, names: Sequence[str]) -> None:
    """Name the rows, the first at the top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(axis="x", color="#e3e6ea", linewidth=0.8)
    axes.set_axisbelow(True)
    frame(axes)


def frame(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(SOFT)
    axes.tick_params(colors=INK, labelsize=9)
    axes.xaxis.label.set_size(9)
    axes.xaxis.label.set_color(INK)


def beside(axes: Any, number: int, text: str) -> None:
    axes.text(1.01, number, text, transform=axes.get_yaxis_transform(), va="center", fontsize=9, color=INK)


def _breathe(axes: Any, least: float, most: float) -> None:
    """Leave room on both sides of what is drawn, but none for what cannot be; and show no fewer than a hundredth."""
    low, high = axes.get_xlim()
    if high - low < 0.01:  # noqa: PLR2004
        low, high = low - 0.005, high + 0.005
    room = 0.04 * (high - low)
    left, right = max(low, least), min(high, most)
    axes.set_xlim(left - room, right + room)
