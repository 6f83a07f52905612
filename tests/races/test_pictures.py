"""Pictures of runs: well-formed, the same for the same run, with everything in its place and nothing over anything else."""

import os
import re
import subprocess
import sys
from functools import cache
from typing import Any
from xml.etree.ElementTree import Element

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from greenroom import Actor, Context, open_supervisor, races
from greenroom.races import Injection, Result, Schedule, Sim
from greenroom.races._picture_style import STYLE
from greenroom.races._rows import AROUND, AT_BEGIN, AT_END, ROWS, WAITED
from greenroom.races.catalogue import CATALOGUE, Bug

from .drawn_programs import draw, scenario
from .pictures import SVG, clashes, drawn, events_of, lanes_of, read, row_at, rows_of, texts_of
from .test_story import everything


@cache
def failure(name: str) -> races.Found:
    [bug] = [bug for bug in CATALOGUE if bug.name == name]
    found = races.search(bug.broken, schedules=2_000)
    assert found is not None
    return found


async def five_by_two_hundred(sim: Sim) -> None:
    async def work() -> None:
        for _ in range(199):
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(work, name=f"worker-{number}")


async def chooses(sim: Sim, many: int) -> None:
    for _ in range(many):
        sim.choose("ab")
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize("bug", CATALOGUE, ids=[bug.name for bug in CATALOGUE])
def test_nothing_overlaps_in_the_failures_of_the_catalogue(bug: Bug) -> None:
    found = failure(bug.name)
    root = read(found.svg())
    assert clashes(found.svg()) == []
    marked = [row for row in rows_of(root) if "mark" in row.attrib["class"].split()]
    deviations = found.result.schedule.deviations
    assert len(marked) == len(deviations)
    for row, (at, index) in zip(marked, deviations.items(), strict=True):
        choice = found.result.choices[at]
        assert f"> {at}" in texts_of(row)
        assert f"choice {at}, a deviation from the default: {choice.labels[index]}" in (
            row.findtext(f"{SVG}title") or ""
        )
        if choice.kind == "task":
            assert result_place(found.result, at) in texts_of(row)[1]
            [mark] = [each for each in row if each.get("class") == "deviation"]
            [ghost] = [each for each in row if each.get("class") == "ghost"]
            lanes = lanes_of(root)
            assert float(mark.attrib["x"]) + 7 == pytest.approx(lanes[choice.labels[index]], abs=0.1)
            assert float(ghost.attrib["x"]) + 7 == pytest.approx(lanes[choice.labels[0]], abs=0.1)


def result_place(result: Result, at: int) -> str:
    assert result.notes is not None
    return result.notes.places[at].removeprefix("at ")


@pytest.mark.parametrize("seed", range(25))
def test_nothing_overlaps_in_drawn_programs(seed: int) -> None:
    program = draw(seed)
    schedule = Schedule({0: 1, 3: 2, 5: 1, 9: 1}, injection=program.injection)
    try:
        result = races.run(scenario, program, schedule=schedule)
    except races.ProgramChanged:
        result = races.run(scenario, program)
    root = drawn(result)
    told = {event.who for event in events_of(result) if event.who}
    assert told <= set(lanes_of(root))


def test_five_tasks_of_two_hundred_steps_are_all_drawn() -> None:
    result = races.run(five_by_two_hundred, schedule=Schedule({100: 2, 600: 3}))
    root = drawn(result)
    assert len(rows_of(root)) == result.steps == 1_002
    marks = [each for row in rows_of(root) for each in row if each.get("class") in ("step", "deviation")]
    assert len(marks) == 1_002
    assert float(root.attrib["height"]) < 8_000
    heads = [group for group in root.iter(f"{SVG}g") if group.get("class") == "names"]
    assert len(heads) >= 6  # whoever has scrolled still sees whose lane it is
    assert {"> 100", "> 600"} <= set(texts_of(root))


def test_what_a_row_is_of_stands_in_its_lane() -> None:
    result = races.run(five_by_two_hundred, schedule=Schedule({100: 2}))
    root = drawn(result)
    lanes = lanes_of(root)
    for row, event in zip(rows_of(root), events_of(result), strict=True):
        [mark] = [each for each in row if each.get("class") in ("step", "deviation")]
        assert float(mark.attrib["x"]) + 7 == pytest.approx(lanes[event.who], abs=0.1)


def test_of_a_huge_run_what_is_around_deviations_is_drawn_and_the_rest_is_told_of() -> None:
    result = races.run(chooses, 10_000, schedule=Schedule({2_000: 1}), max_steps=20_000)
    root = drawn(result)
    rows = rows_of(root)
    # a choice is a row of its own beside its step
    assert len(rows) == AT_BEGIN + 1 + 2 * AROUND + 1 + 1 + AT_END
    told = [text for text in texts_of(root) if "left out" in text]
    events = events_of(result)
    left_out = len(events) - (len(rows) - 2)
    assert len(told) == 2
    numbers = [
        int(word.replace(",", "")) for text in told for word in text.split() if word.replace(",", "").isdecimal()
    ]
    assert sum(numbers) == left_out
    assert all("none of them a deviation" in text for text in told)


def test_of_too_many_deviations_the_first_and_the_last_are_drawn() -> None:
    result = races.run(chooses, 2_000, schedule=Schedule(dict.fromkeys(range(2_000), 1)))
    root = drawn(result)
    rows = rows_of(root)
    assert len(rows) == 2 * (ROWS // 2) + 1
    [told] = [text for text in texts_of(root) if "left out" in text]
    drawn_marks = [row for row in rows if "mark" in row.attrib["class"].split()]
    assert f"{2_000 - len(drawn_marks):,} deviations" in told
    assert {"> 0", "> 1999"} <= set(texts_of(root))


async def says_hello(sim: Sim) -> None:
    class Hears(Actor[Any]):
        def receive(self, message: Any, ctx: Context) -> Any:
            return f"you said {message}"

    async with open_supervisor("hall") as hall:
        ref: Any = hall.start_soon(Hears, name="ear")
        ref.tell("hello")
        await ref.ask("who?")


def arrow_of(row: Any) -> tuple[float, float]:
    """Return where an arrow begins and ends."""
    [dot] = [each for each in row if each.tag == f"{SVG}circle"]
    [tip] = [each for each in row if each.get("class", "").startswith("tip ")]
    return float(dot.attrib["cx"]), float(tip.attrib["d"][1:].split(" ")[0])


def test_messages_are_arrows_from_lane_to_lane() -> None:
    root = drawn(races.run(says_hello))
    lanes = lanes_of(root)
    scenario, ear = lanes["0:says_hello"], lanes["/hall/ear"]
    for text, ends in (
        ("'hello'", (scenario, ear)),
        ("asks 'who?'", (scenario, ear)),
        ("answers 'you said who?'", (ear, scenario)),
        ("ChildEnded", (ear, lanes["/hall"])),
    ):
        rows = [row for row in rows_of(root) if text in texts_of(row)]
        assert len(rows) == 1, text
        assert arrow_of(rows[0]) == pytest.approx(ends, abs=0.1), text


def test_lanes_of_the_runtimes_own_tasks_come_last() -> None:
    lanes = list(lanes_of(drawn(races.run(says_hello))))
    first = lanes.index("1:host")
    assert lanes[:first] == ["0:says_hello", "/hall", "/hall/ear"]
    assert all(name == "1:host" or "greenroom" in name or name.endswith(":/hall") for name in lanes[first:])


def test_a_deadlock_is_drawn_with_who_waits_for_whom_and_the_circle() -> None:
    found = failure("lock_order")
    root = drawn(found.result)
    lanes = lanes_of(root)
    one, other = lanes["1:transfer"], lanes["2:later"]
    rows = [row for row in rows_of(root) if any(text.startswith("waits for a lock") for text in texts_of(row))]
    assert [arrow_of(row) for row in rows] == [pytest.approx((one, other)), pytest.approx((other, one))]
    assert all(any("circle" in each.get("class", "") for each in row) for row in rows)
    assert "in a circle: 1:transfer -> 2:later -> 1:transfer" in texts_of(root)
    children = [row for row in rows_of(root) if any("waits for its children" in text for text in texts_of(row))]
    assert len(children) == 2
    assert not any("circle" in each.get("class", "") for row in children for each in row if each.tag == f"{SVG}path")


def test_of_many_that_one_waits_for_a_few_are_drawn() -> None:
    async def waits(sim: Sim) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(30):
                nursery.start_soon(trio.sleep_forever)

    root = drawn(races.run(waits))
    rows = [text for text in texts_of(root) if text.startswith("waits for its children")]
    assert len(rows) == WAITED
    assert "(and 25 more)" in rows[-1]


def test_what_is_raised_is_marked_where_it_was_raised() -> None:
    async def scenario(sim: Sim) -> None:
        async def breaks(name: str) -> None:
            await trio.lowlevel.checkpoint()
            if name == "b":
                raise ValueError(f"it was {name}")
            await trio.sleep(1)

        async with trio.open_nursery() as nursery:
            for name in "abc":
                nursery.start_soon(breaks, name)

    result = races.run(scenario)
    root = drawn(result)
    [event] = [event for event in events_of(result) if event.kind == "raise"]
    assert (event.who, event.what) == ("2:breaks", "ValueError: it was b")
    assert event.place.startswith("at test_pictures.py:")
    assert event.place.endswith("in breaks")
    row = row_at(root, "fails: ValueError: it was b, raised at test_pictures.py:")
    assert any(each.get("class") == "cross" for each in row)
    # In the last step of the task that raised it, although others went on after that.
    events = events_of(result)
    before = [each for each in events[: events.index(event)] if each.kind == "step"]
    assert before[-1].who == "2:breaks"
    assert any(each.kind == "step" for each in events[events.index(event) :])


def test_injections_are_marked() -> None:
    async def victim(sim: Sim) -> None:
        with sim.scope("victim"):
            await trio.sleep(1)

    result = races.run(victim, schedule=Schedule(injection=Injection("cancel", "victim", 0)))
    row = row_at(drawn(result), "scope 'victim' cancelled at its step 0")
    assert any(each.get("class") == "injection" for each in row)
    crashed = races.run(says_hello, schedule=Schedule(injection=Injection("crash", "handler", 0)))
    assert crashed.failed
    root = drawn(crashed)
    row = row_at(root, "crash injected at handler 0")
    [mark] = [each for each in row if each.get("class") == "injection"]
    assert float(mark.attrib["d"][1:].split(" ")[0]) == pytest.approx(lanes_of(root)["/hall/ear"], abs=0.1)
    assert any("crashed: handler of /hall/ear" in text for text in texts_of(root))


def test_time_that_passes_is_a_line_across() -> None:
    async def sleeps(sim: Sim) -> None:
        await trio.sleep(2.5)

    row = row_at(drawn(races.run(sleeps)), "time passes: 2.5 s")
    assert any(each.get("class") == "time" for each in row)
    chosen = races.run(five_by_two_hundred, time="choice")
    assert drawn(chosen) is not None


def test_a_run_without_notes_is_drawn_from_its_choices() -> None:
    sweep = races.crash_everywhere(says_hello)
    [*failures] = sweep.failures.values()
    assert failures
    assert all(each.notes is None for each in failures)
    for each in failures:
        assert len(rows_of(drawn(each))) == len(each.choices)


def test_a_run_without_anything_says_so() -> None:
    empty = Result("failed", None, (), 0)
    assert "nothing happened: no task took a step" in texts_of(drawn(empty))


NASTY = st.text(max_size=200) | st.sampled_from(
    [
        "<script>alert(1)</script>", "]]>", "&amp;", "\"'", "\x00\x1b[31m\x7f", "\ud800", "👩‍👩‍👧 " * 9, "\u202eback", "字" * 90,
        "x" * 500, "a\u0300\u0301\u0302\u0303\u0304", "\ufdfd" * 9, "", " ", "</svg>", "--><!--", "\n\n\t",
    ]
)  # fmt: skip


@given(name=NASTY, said=NASTY, words=NASTY)
@settings(max_examples=60)
def test_whatever_names_reprs_and_errors_are_it_is_well_formed_and_nothing_overlaps(
    name: str, said: str, words: str
) -> None:
    class Odd:
        def __repr__(self) -> str:
            return said

    async def odd(sim: Sim) -> None:
        async with open_supervisor("hall") as hall:

            async def ear(ctx: Context) -> None:
                await ctx.receive()

            hall.start_soon(ear, name="ear").tell(Odd())

            async def task() -> None:
                sim.choose([Odd(), 1])
                sim.history.invoke(1, "do", Odd())
                await trio.lowlevel.checkpoint()
                raise ValueError(words)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(task, name=name or "x")

    result = races.run(odd)
    drawn(result)
    assert result.failed
    read(result.svg(f"greenroom replay {words}"))
    assert result.html().count("<script>") == 1


def test_a_run_whose_labels_cannot_be_encoded_has_a_token_and_a_picture() -> None:
    async def odd(sim: Sim) -> None:
        class Odd:
            def __repr__(self) -> str:
                return "\ud800"

        sim.choose([Odd(), 1])

    result = races.run(odd)
    assert races.run(odd, schedule=result.schedule.token).fingerprint == result.fingerprint
    assert r"data: \ud800" in texts_of(drawn(result))


CODE = """
from greenroom import races
from greenroom.races.catalogue import CATALOGUE
from hashlib import sha256
for bug in CATALOGUE[::3]:
    result = races.run(bug.broken, schedule={tokens!r}[bug.name])
    print(sha256(result.svg().encode()).hexdigest(), sha256(result.html().encode()).hexdigest())
"""


def test_the_same_run_gives_the_same_picture_in_any_process() -> None:
    tokens = {bug.name: failure(bug.name).token for bug in CATALOGUE[::3]}
    printed = {
        subprocess.run(
            [sys.executable, "-P", "-c", CODE.format(tokens=tokens)],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("0", "4242")
    }  # fmt: skip
    assert len(printed) == 1
    assert len(printed.pop().splitlines()) == len(tokens)


def test_both_backends_give_the_same_picture() -> None:
    assert races.run(everything, backend="gate").svg() == races.run(everything, backend="hook").svg()


def test_a_picture_says_what_happened_and_how_to_see_it_again() -> None:
    found = failure("lock_order")
    texts = texts_of(read(found.svg()))
    assert texts[0].startswith("deadlock: no task can go on")
    assert any(text.startswith(f"found in schedule {found.schedules}") for text in texts)
    assert any("no fewer do" in text for text in texts) == found.is_least
    assert f"to see it again: races.run(scenario, schedule={found.token!r})" in texts
    assert "to see it again: greenroom replay me" in texts_of(read(found.svg("greenroom replay me")))
    assert f"to see it again: races.run(scenario, schedule={found.token!r})" in texts_of(read(found.result.svg()))


def coloured(element: Element) -> bool:
    """Return whether some class of what is drawn is given a colour, for light and for dark; bands have one each."""
    classes = element.attrib["class"].split()
    names = [".band." + classes[1]] if classes[0] == "band" else ["." + name for name in classes]
    light, _, dark = STYLE.partition("@media")
    rules = "|".join(rf"{re.escape(name)}(,[^{{}}]*)?{{(fill|stroke):#" for name in names)
    return bool(re.search(rules, light) and re.search(rules, dark))


def test_whatever_is_drawn_has_a_colour_by_light_and_by_dark() -> None:
    results = [
        *(failure(bug.name).result for bug in CATALOGUE),
        races.run(everything),
        races.run(chooses, 5_000, schedule=Schedule({2_000: 1})),
        races.run(says_hello, schedule=Schedule(injection=Injection("crash", "handler", 0))),
    ]
    drawn_ones = [
        each
        for result in results
        for each in read(result.svg()).iter()
        if each.tag.rpartition("}")[2] in ("rect", "path", "line", "circle") and each.get("class") != "touch"
    ]
    assert {each.get("class") for each in drawn_ones if not coloured(each)} == set()
    assert {"band gone", "band wait", "band error", "band deviates", "band injection"} <= {
        each.get("class", "") for each in drawn_ones
    }


def test_there_are_colours_for_light_and_for_dark_and_nothing_is_loaded() -> None:
    svg = failure("lock_order").svg()
    assert "@media(prefers-color-scheme:dark)" in svg
    assert svg.count("http") == svg.count('xmlns="http://www.w3.org/2000/svg"') == 1
    assert "url(" not in svg
    assert "@import" not in svg
