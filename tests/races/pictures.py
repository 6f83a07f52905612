"""Reading a picture: what is where in an SVG, and what of it covers something else; measured without what has drawn it."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final
from unicodedata import east_asian_width
from xml.etree.ElementTree import Element, fromstring

import attrs

from greenroom import races
from greenroom.races import Result

SVG: Final = "{http://www.w3.org/2000/svg}"
#: What a letter of a monospaced font takes of its size: none of those that are named in pictures takes more.
WIDE: Final = 0.61
MARKS: Final = ("step", "deviation", "ghost")


@attrs.frozen
class Box:
    """Be a part of a picture that covers what is behind it."""

    what: str
    left: float
    top: float
    right: float
    bottom: float

    def covers(self, other: "Box") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


def read(svg: str) -> Element:
    return fromstring(svg)  # noqa: S314 -- it has just been drawn


def wide(text: str) -> float:
    return sum(2 if east_asian_width(each) in ("W", "F") else 1 for each in text) * WIDE


def boxes_of(root: Element) -> Iterator[Box]:
    """Return where texts are, and the marks of steps outside of the legend, which is moved as a whole."""
    for group in root.iter(f"{SVG}text"):
        size, x, y = (float(group.attrib[name]) for name in ("font-size", "x", "y"))
        width = wide(group.text or "") * size
        left = x - {"middle": width / 2, "end": width}.get(group.get("text-anchor", ""), 0)
        yield Box(group.text or "", left, y - 0.75 * size, left + width, y + 0.2 * size)
    for row in rows_of(root):
        for mark in row.iter(f"{SVG}rect"):
            if mark.get("class") in MARKS:
                x, y, width, height = (float(mark.attrib[name]) for name in ("x", "y", "width", "height"))
                yield Box(mark.attrib["class"], x, y, x + width, y + height)


def rows_of(root: Element) -> list[Element]:
    return [group for group in root.iter(f"{SVG}g") if "row" in group.get("class", "").split()]


def texts_of(root: Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def clashes(svg: str) -> list[str]:
    """Return what covers something else, or is not all in the picture."""
    root = read(svg)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    boxes = sorted(boxes_of(root), key=lambda box: (box.top, box.left))
    wrong = [
        f"{box} is not in {width} x {height}"
        for box in boxes
        if box.left < 0 or box.top < 0 or box.right > width or box.bottom > height
    ]
    for number, box in enumerate(boxes):
        for other in boxes[number + 1 :]:
            if other.top >= box.bottom:
                break
            if box.covers(other):
                wrong.append(f"{box} covers {other}")
    tops = [float(row.find(f"{SVG}rect").attrib["y"]) for row in rows_of(root)]  # type: ignore[union-attr]
    wrong += [f"rows are at {one} and {other}" for one, other in pairwise(tops) if other <= one]
    return [*wrong, *strays(root)]


def strays(root: Element) -> Iterator[str]:
    """Yield what is drawn of a row and stands in another."""
    for row in rows_of(root):
        [touch] = [each for each in row if each.get("class") == "touch"]
        top = float(touch.attrib["y"])
        bottom = top + float(touch.attrib["height"])
        for each in row:
            if each.tag == f"{SVG}circle":
                y = float(each.attrib["cy"])
            elif each.get("class", "").startswith("tip "):
                y = float(each.attrib["d"].split(" ")[1].partition("l")[0])
            else:
                continue
            if not top < y < bottom:
                yield f"{each.attrib} is not between {top} and {bottom}"


def row_at(root: Element, text: str) -> Element:
    """Return the row in which a text is part of one that is shown."""
    [row] = [row for row in rows_of(root) if any(text in each for each in texts_of(row))]
    return row


def lanes_of(root: Element) -> dict[str, float]:
    """Return where the middle of each lane is, by its whole name."""
    [names, *_] = [group for group in root.iter(f"{SVG}g") if group.get("class") == "names"]
    return {(lane.findtext(f"{SVG}title") or ""): float(lane.find(f"{SVG}text").attrib["x"]) for lane in names}  # type: ignore[union-attr]


def drawn(result: Result) -> Element:
    """Return the picture of a run, in which nothing covers anything else."""
    svg = result.svg()
    assert clashes(svg) == []
    return read(svg)


def events_of(result: Result) -> list[races.Event]:
    assert result.notes is not None
    return list(result.notes.events)
