"""The page of an experiment and its plots, on trials that are made by hand."""

import itertools
import math
import random
import re
import subprocess
import sys
from base64 import b64decode
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve

from greenroom.lab import _plot
from greenroom.lab._page import make_page
from greenroom.lab._plot import plot_availability, plot_latencies, plot_recoveries
from greenroom.lab._plot_timeline import MOST, PIECES, drawable, plot_timeline
from greenroom.lab._timeline import Span, Timeline
from greenroom.lab._trial import STATES, Happening, State

from .made import drawn, results

#: Trials that are equal for all tests, as drawing them takes a while.
SMALL = drawn()
EVIL = (
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "\"'><b>", "]]>-->", "</style>", "&lt;", "$\\frac{1}{$",
    "_hidden", "a\x00b\x1b[31m\nc", "\u202eevil", "名前", "x" * 500, "\ud800",
)  # fmt: skip


class Page(HTMLParser):
    """Take a page apart: its tags, what is in them, and whether each is closed."""

    VOID = ("meta", "img")

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

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def inside(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]

    def pictures(self) -> list[str]:
        """The plots, as SVG."""
        sources = [str(attrs["src"]) for tag, attrs in self.tags if tag == "img"]
        return [b64decode(source.removeprefix("data:image/svg+xml;base64,")).decode() for source in sources]


def words(svg: str) -> list[str]:
    """All texts of a picture."""
    return ["".join(each.itertext()) for each in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 -- our own


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(make_page(SMALL, again="greenroom lab made --seeds 5"))


def test_a_page_has_all_that_an_experiment_came_to(page: Page) -> None:
    assert page.inside("h1") == ["made"]
    assert page.inside("code") == ["greenroom lab made --seeds 5"]
    assert page.inside("h2") == [
        "What it says", "Availability", "Time to be up again", "Time to an answer", "The worst minute", "The tree over time",
        "All figures", "How to read it",
    ]  # fmt: skip
    assert len(page.pictures()) == 6
    text = " ".join(text for _, text in page.texts)
    assert "Policy immediate, seed 1, from 0:20:" in text
    assert "database went out of service." in text
    assert "Differences from immediate, seed by seed; corrected for 10 comparisons" in text
    assert "'backoff' and 'immediate' show no significant difference" in text
    assert "95 % confidence" in text


def test_a_page_asks_for_nothing_from_anywhere(page: Page) -> None:
    policy = next(attrs["content"] for _, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    for tag, attrs in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form", "a", "script")
        assert not [name for name in attrs if name.startswith("on") or name in ("href", "style")]
        assert (tag == "img") == ("src" in attrs)
    for svg in page.pictures():
        for each in ET.fromstring(svg).iter():  # noqa: S314 -- our own
            assert each.tag.rpartition("}")[2] not in ("script", "image", "foreignObject", "a")
            assert all(not name.endswith("href") or value.startswith("#") for name, value in each.attrib.items())


def test_nothing_of_an_experiment_is_markup(page: Page) -> None:
    evil = " ".join(EVIL)
    made = drawn(policies=EVIL[:2], actors=EVIL, seeds=2, name=evil, description=evil, horizon=1_300.0)
    texts = itertools.cycle(EVIL)
    trials = tuple(
        evolve(trial, happenings=tuple(evolve(each, text=next(texts), path=next(texts)) for each in trial.happenings))
        for trial in made.trials
    )
    found = Page(make_page(evolve(made, trials=trials), again=evil))
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in page.tags}
    assert found.inside("style") == page.inside("style")
    tags = set[str]().union(*map(_tags, page.pictures()))
    for svg in found.pictures():
        assert _tags(svg) <= tags
    said = "".join(text for _, text in found.texts)
    assert not set(said) & {chr(code) for code in (*range(9), *range(14, 32), 127, 0x202E)}
    assert {name for name in EVIL if name.isascii() and name.isprintable() and name.isidentifier()} <= set(
        found.inside("td")
    )


def _tags(svg: str) -> set[str]:
    return {each.tag for each in ET.fromstring(svg).iter()}  # noqa: S314 -- our own


def test_a_plot_shows_names_as_they_are() -> None:
    names = ["$x^2$", "_hidden", "<b>&amp;"]
    made = drawn(policies=names, seeds=2)
    for svg in (plot_availability(made), plot_recoveries(made), plot_latencies(made)):
        assert svg is not None
        assert set(names) <= set(words(svg))


def test_one_seed_is_said_to_say_nothing_of_others() -> None:
    html = make_page(results({"a": [1.0], "b": [2.0]}))
    assert "One seed says nothing of others: there are no intervals" in html
    assert "no interval: one seed" in html
    assert "differ by +1 in one seed, which says nothing of others" in html
    assert "is higher than" not in html.replace("&#x27;", "'")


def test_one_policy_is_compared_with_nothing() -> None:
    html = make_page(results({"a": [1.0, 2.0]}))
    assert "There is one policy, so there is nothing to compare." in html
    assert "Differences from" not in html


def test_trials_that_are_all_equal_are_said_to_be() -> None:
    equal = results({"a": [1.0, 1.0], "b": [1.0, 1.0]})
    for trial in equal.trials:
        trial.measures.update({name: 0.0 for name, value in trial.measures.items() if math.isnan(value)})
    html = make_page(equal)
    assert "All trials came to the same figures: neither policy nor seed makes a difference." in html
    assert "the same in every seed" in html


def test_no_significant_difference_at_all_is_said() -> None:
    html = make_page(results({"a": [1.0, 2.0, 3.0], "b": [2.0, 1.0, 3.1]}))
    assert "No difference between policies is significant. More seeds may show one, or there may be none." in html


def test_many_policies_are_named_and_counted_in_a_finding() -> None:
    rng = random.Random(1)
    made = results({f"p{number}": [10.0 * number + rng.random() for _ in range(6)] for number in range(9)})
    html = re.sub(r"<[^>]+>", "", make_page(made))
    assert re.search(r"restarts: higher under “p1” \(\+\S+, p &lt; 0.001\), “p2” .*, “p4” \([^)]*\), 4 more", html)


def test_trials_without_records_have_no_worst_minute() -> None:
    html = make_page(results({"a": [1.0, 2.0], "b": [1.0, 3.0]}))
    assert "The trials have no records of who was up when." in html
    assert "Time to be up again" not in html


def test_records_that_were_dropped_are_said_to_be() -> None:
    made = drawn(policies=["p"], seeds=1, horizon=1_300.0)
    page = Page(make_page(evolve(made, trials=(evolve(made.trials[0], dropped=12),))))
    assert any(
        "12 more changes and happenings than were kept: there are no records after" in text for _, text in page.texts
    )
    assert any(" no records from here on" in word for svg in page.pictures() for word in words(svg))


def test_the_timeline_draws_every_actor_and_outage_with_its_name() -> None:
    svg = plot_timeline(Timeline(SMALL.trials[0]), 0.0, 3600.0, (1200.0, 1260.0))
    found = words(svg)
    for name in (
        "store",
        "team/worker-1",
        "team/worker-2",
        "api",
        "out of service: database",
        *STATES,
        "failed",
        "service out",
    ):
        assert name in found
    assert "0:20:00" in found


@pytest.mark.parametrize(("many", "said"), [(0, None), (150, "failed"), (1_151, "failed: 1,151 times, not drawn")])
def test_the_legend_says_what_is_drawn_of_failures(many: int, said: str | None) -> None:
    happenings = tuple(Happening(float(at), "store", "crash", "") for at in range(many))
    trial = evolve(SMALL.trials[0], happenings=happenings)
    found = [word for word in words(plot_timeline(Timeline(trial), 0.0, 3600.0)) if word.startswith("failed")]
    assert found == ([] if said is None else [said])


def test_of_too_many_actors_those_are_drawn_that_were_down_longest() -> None:
    made = drawn(
        actors=[f"w{number}" for number in range(MOST + 20)], seeds=1, policies=["p"], outage=None, every=900.0
    )
    trial = made.trials[0]
    shown = {word for word in words(plot_timeline(Timeline(trial), 0.0, 3600.0)) if re.fullmatch(r"w\d+", word)}
    assert len(shown) == MOST
    assert max(trial.availability[name] for name in shown) <= min(
        value for name, value in trial.availability.items() if name not in shown
    )


def test_what_is_too_short_to_be_seen_is_drawn_all_the_same() -> None:
    spans: list[Span] = []
    for number in range(1_000):
        states: tuple[State, State] = ("up", "down" if number == 500 else "up")
        spans += [Span(number, number + 0.999, states[0]), Span(number + 0.999, number + 1, states[1])]
    pieces = drawable(spans, 0.0, 1_000.0)
    assert len(pieces) <= PIECES
    assert [span.state for span in pieces] == ["up", "down", "up"]
    assert pieces[1].start <= 500.999 <= pieces[1].end
    assert pieces[0].start == 0.0
    assert pieces[-1].end == pytest.approx(1_000.0)


def test_few_spans_are_drawn_as_they_are() -> None:
    spans = [Span(0, 10, "starting"), Span(10, 50, "up"), Span(50, 90, "down")]
    assert drawable(spans, 5.0, 60.0) == [Span(5, 10, "starting"), Span(10, 50, "up"), Span(50, 60, "down")]


def test_a_plot_is_the_same_whenever_it_is_drawn_and_whatever_the_users_settings_are() -> None:
    import matplotlib as mpl

    first = plot_recoveries(SMALL)
    users: Any = {"svg.fonttype": "path", "font.size": 30, "axes.facecolor": "red"}
    library: Any = mpl
    with library.rc_context(users):
        assert plot_recoveries(SMALL) == first


def test_recoveries_of_no_time_have_their_place() -> None:
    trials = tuple(evolve(trial, recoveries=(0.0, 0.0, 1e-6, 500.0)) for trial in SMALL.trials)
    svg = plot_recoveries(evolve(SMALL, trials=trials))
    assert svg is not None
    assert "20 times" in words(svg)
    always = plot_recoveries(evolve(SMALL, trials=tuple(evolve(trial, recoveries=(0.0,)) for trial in SMALL.trials)))
    assert always is not None


def test_the_shares_below_are_those_of_the_values() -> None:
    values = [float(value) for value in range(101)]
    assert [_plot._percentile(values, share) for share in (0, 5, 50, 99.5, 100)] == [0, 5, 50, 99.5, 100]
    assert _plot._percentile([7.0], 50) == 7.0


@pytest.mark.parametrize("horizon", [0.5, 60.0, 10_000_000.0])
def test_a_trial_of_any_length_is_drawn(horizon: float) -> None:
    made = drawn(seeds=1, horizon=horizon, every=horizon / 5, outage=None)
    assert len(words(plot_timeline(Timeline(made.trials[0]), 0.0, horizon))) > 10


def test_without_matplotlib_it_is_said_what_to_install() -> None:
    program = (
        "import sys\n"
        "sys.modules['matplotlib'] = None\n"
        "from greenroom.lab._plot import NoMatplotlib, plot_availability\n"
        "try:\n    plot_availability(None)\n"
        "except NoMatplotlib as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "plots need matplotlib; install it: pip install 'greenroom[plot]'\n"


def test_a_page_of_an_unknown_baseline_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no baseline 'x'"):
        make_page(SMALL, baseline="x")


def test_a_page_compares_with_the_baseline_that_is_asked_for() -> None:
    html = make_page(results({"a": [1.0, 2.0, 3.0], "b": [2.0, 2.5, 5.0]}), baseline="b", confidence=0.9)
    assert "Differences from b" in html
    assert "90 % interval" in html


def test_code_in_a_description_is_code_and_markup_is_text() -> None:
    html = make_page(
        drawn(
            seeds=1,
            policies=["p"],
            actors=["a"],
            description="With `one_for_all` <b>all</b> of `a<b` restart, and ` is no end.",
        )
    )
    assert "<p>With <code>one_for_all</code> &lt;b&gt;all&lt;/b&gt; of <code>a&lt;b</code> restart, and ` is" in html
