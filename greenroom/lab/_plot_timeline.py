"""The timeline of a tree as a plot: a row for each actor, coloured by where it was, and above them how many were up."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ._plot import INK, drawing, frame, name_rows, new_figure, svg_of
from ._texts import label
from ._timeline import Span, Timeline
from ._trial import State, Trial
from ._worst import clock

#: From light to dark in this order, so that they are told apart in grey as well.
COLOURS: Final[dict[State, str]] = {
    "up": "#bfe5cb",
    "starting": "#f4b942",
    "backing off": "#7d6bd6",
    "down": "#7a1428",
}
#: The worst of several states of one moment is what is seen.
_RANK: Final[dict[State, int]] = {"up": 0, "starting": 1, "backing off": 2, "down": 3}
OUT: Final = "#3d4654"
#: Actors in one plot; of more, those are taken that were not up for longest.
MOST: Final = 60
#: Pieces of time that can be told apart in a picture, and how many spans of an actor are drawn as they are.
PIECES: Final = 600
_CRASHES: Final = 150
_ROW: Final = 0.17
_STEPS: Final = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_TICKS: Final = 8


@drawing()
def plot_timeline(timeline: Timeline, start: float, end: float, mark: tuple[float, float] | None = None) -> str:
    """Draw a piece of a trial, from `start` to `end` in seconds; `mark` is a piece of it to point at."""
    paths = _chosen(timeline, start, end)
    outages = _outages(timeline.trial)
    rows = len(paths) + len(outages)
    drawn = new_figure(rows, row=_ROW, around=2.2)
    counts, axes = drawn.subplots(2, 1, sharex=True, height_ratios=[1.0, rows * _ROW + 0.3])
    _counts(counts, timeline, start, end)
    pieces = [drawable(timeline.spans[path], start, end) for path in paths]
    for state, colour in COLOURS.items():
        boxes = [(span, number) for number, spans in enumerate(pieces) for span in spans if span.state == state]
        _boxes(axes, boxes, colour)
    for number, spans in enumerate(outages.values(), len(paths)):
        ranges = [
            (max(begin, start), min(stop, end) - max(begin, start))
            for begin, stop in spans
            if begin < end and stop > start
        ]
        axes.broken_barh(ranges, (number - 0.3, 0.6), facecolors=OUT, hatch="////", edgecolor="#9aa4b2", linewidth=0)
    crashes = _crashes(axes, timeline, paths, start, end)
    name_rows(axes, [label(path) for path in paths] + [f"out of service: {label(name, 20)}" for name in outages])
    axes.tick_params(axis="y", labelsize=7, length=0)
    for each in (counts, axes):
        if mark is not None:
            each.axvspan(*mark, facecolor="none", edgecolor=INK, linewidth=1.2, linestyle="--")
        if timeline.end < end:
            each.axvspan(max(timeline.end, start), end, facecolor="#eef0f3", linewidth=0)
    if timeline.end < end:
        axes.text(max(timeline.end, start), 0.5, " no records from here on", va="center", fontsize=8, color=INK)
    _time_axis(axes, start, end)
    _legend(counts, crashes, outages=bool(outages))
    return svg_of(drawn, f"timeline {start} {end}")


def _boxes(axes: Any, boxes: Sequence[tuple[Span, int]], colour: str) -> None:
    """Draw spans in their rows; as one path, since a picture of ten thousand paths is slow to show."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not boxes:
        return
    corners: list[tuple[float, float]] = []
    for span, row in boxes:
        top, bottom = row - 0.42, row + 0.42
        corners += [(span.start, top), (span.end, top), (span.end, bottom), (span.start, bottom), (span.start, top)]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(boxes)
    axes.add_patch(PathPatch(Path(corners, codes), facecolor=colour, linewidth=0))


def drawable(spans: Sequence[Span], start: float, end: float) -> list[Span]:
    """Return what of some spans can be seen from a moment to another: of more than fit, a piece of time has the worst state in it."""
    inside = [
        Span(max(span.start, start), min(span.end, end), span.state)
        for span in spans
        if span.start < end and span.end > start
    ]
    if len(inside) <= PIECES:
        return inside
    long = (end - start) / PIECES
    worst: list[State | None] = [None] * PIECES
    for span in inside:
        first, last = (min(int((at - start) / long), PIECES - 1) for at in (span.start, span.end))
        for piece in range(first, last + 1):
            other = worst[piece]
            if other is None or _RANK[span.state] > _RANK[other]:
                worst[piece] = span.state
    merged: list[Span] = []
    for piece, state in enumerate(worst):
        if state is None:
            continue
        begin, stop = start + piece * long, start + (piece + 1) * long
        if merged and merged[-1].state == state and merged[-1].end >= begin:
            merged[-1] = Span(merged[-1].start, stop, state)
        else:
            merged.append(Span(begin, stop, state))
    return merged


def _chosen(timeline: Timeline, start: float, end: float) -> list[str]:
    """Return the actors to draw, in their order."""
    paths = list(timeline.spans)
    if len(paths) <= MOST:
        return paths
    up = {
        path: sum(max(0.0, min(span.end, end) - max(span.start, start)) for span in spans if span.state == "up")
        for path, spans in timeline.spans.items()
    }
    least = set(sorted(paths, key=up.__getitem__)[:MOST])
    return [path for path in paths if path in least]


def _outages(trial: Trial) -> dict[str, list[tuple[float, float]]]:
    """Return from when to when each service was out."""
    found: dict[str, list[tuple[float, float]]] = {}
    since: dict[str, float] = {}
    for each in trial.happenings:
        if each.kind == "outage begins":
            since.setdefault(each.path, each.at)
        elif each.kind == "outage ends" and each.path in since:
            found.setdefault(each.path, []).append((since.pop(each.path), each.at))
    for path, begin in since.items():
        found.setdefault(path, []).append((begin, trial.horizon))
    return found


def _counts(axes: Any, timeline: Timeline, start: float, end: float) -> None:
    """Draw how many were up: where there are more steps than can be seen, the least of each piece of time."""
    before, inside = 0, list[tuple[float, int]]()
    for at, up in timeline.steps():
        if at <= start:
            before = up
        elif at < min(end, timeline.end):
            inside.append((at, up))
    steps = [(start, before), *_least(inside, start, (end - start) / PIECES)]
    steps.append((min(end, timeline.end), steps[-1][1]))
    times, ups = zip(*steps, strict=True)
    axes.fill_between(times, ups, step="post", color="#bfe5cb", linewidth=0)
    axes.step(times, ups, where="post", color="#2c7a4b", linewidth=1.2)
    axes.set_ylim(0, len(timeline.spans) * 1.08)
    axes.yaxis.get_major_locator().set_params(integer=True, nbins=4)
    axes.set_ylabel("up", color=INK, fontsize=9)
    axes.grid(axis="y", color="#e3e6ea", linewidth=0.8)
    axes.set_axisbelow(True)
    frame(axes)
    axes.tick_params(axis="x", length=0)


def _least(steps: Sequence[tuple[float, int]], start: float, long: float) -> Iterable[tuple[float, int]]:
    if len(steps) <= PIECES:
        return steps
    found: dict[int, tuple[float, int]] = {}
    for at, up in steps:
        piece = int((at - start) / long)
        if piece not in found or up < found[piece][1]:
            found[piece] = at, up
    return found.values()


def _crashes(axes: Any, timeline: Timeline, paths: Sequence[str], start: float, end: float) -> str:
    """Mark crashes, as long as they are so few that the marks do not hide what is below; return what is said of them, "" if there are none."""
    rows = {path: number for number, path in enumerate(paths)}
    found = [
        (each.at, rows[each.path])
        for each in timeline.trial.happenings
        if each.kind in ("crash", "startup failed", "hang") and each.path in rows and start <= each.at <= end
    ]
    if found and len(found) <= _CRASHES:
        times, numbers = zip(*found, strict=True)
        axes.plot(times, numbers, linestyle="", marker="x", markersize=4, color=INK, markeredgewidth=1)
        return "failed"
    return f"failed: {len(found):,} times, not drawn" if found else ""


def _time_axis(axes: Any, start: float, end: float) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

    axes.set_xlim(start, end)
    step = next((step for step in _STEPS if (end - start) / step <= _TICKS), None)
    unit, seconds = ("d", 86400.0) if step is None else ("s", 1.0)

    def in_units(at: float, _position: object) -> str:
        return f"{at / seconds:g} {unit}"

    def as_clock(at: float, _position: object) -> str:
        return clock(at).removesuffix(".0")

    if step is None or end - start < _TICKS / 2:
        axes.xaxis.set_major_locator(MaxNLocator(_TICKS))
        axes.xaxis.set_major_formatter(FuncFormatter(in_units))
    else:
        axes.xaxis.set_major_locator(MultipleLocator(step))
        axes.xaxis.set_major_formatter(FuncFormatter(as_clock))
    axes.set_xlabel("time of the trial" if step is None else "time of the trial, in hours, minutes and seconds")


def _legend(axes: Any, crashes: str, *, outages: bool) -> None:
    from matplotlib.patches import Patch

    handles: list[Any] = [Patch(facecolor=colour, label=state) for state, colour in COLOURS.items()]
    if outages:
        handles.append(Patch(facecolor=OUT, hatch="////", edgecolor="#9aa4b2", linewidth=0, label="service out"))
    if crashes:
        handles.extend(axes.plot([], [], "x", color=INK, markersize=5, label=crashes))
    axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(handles), frameon=False, fontsize=9,
        borderaxespad=0.1, handlelength=1.2, labelcolor=INK,
    )  # fmt: skip
