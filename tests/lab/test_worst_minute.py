"""Timelines, the worst minute, and its story, on trials that are made by hand."""

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from greenroom.lab._story import MOST, story
from greenroom.lab._timeline import Span, Timeline
from greenroom.lab._trial import KINDS, STATES, Change, Happening, Kind, Results, Trial
from greenroom.lab._worst import clock, summary, worst_minutes, worst_of

from .made import drawn, measures


def made(
    changes: Sequence[tuple[float, str, Any]],
    happenings: Sequence[tuple[float, str, Any, str]] = (),
    *,
    horizon: float = 600.0,
    policy: str = "plain",
    seed: int = 1,
    dropped: int = 0,
) -> Trial:
    return Trial(
        policy,
        seed,
        horizon,
        measures(),
        {},
        changes=tuple(Change(*each) for each in changes),
        happenings=tuple(Happening(*each) for each in happenings),
        dropped=dropped,
    )


def of(*trials: Trial) -> Results:
    policies = tuple(dict.fromkeys(trial.policy for trial in trials))
    return Results("made", "", trials[0].horizon, policies, tuple({trial.seed for trial in trials}), trials)


TWO = made([
    (0, "a", "starting"), (0, "b", "up"), (5, "a", "up"),
    (200, "a", "backing off"), (230, "a", "starting"), (232, "a", "up"),
    (400, "b", "down"), (410, "b", "up"),
])  # fmt: skip


def test_a_timeline_knows_who_was_where() -> None:
    timeline = Timeline(TWO)
    assert timeline.spans["a"] == [
        Span(0, 5, "starting"), Span(5, 200, "up"), Span(200, 230, "backing off"), Span(230, 232, "starting"), Span(232, 600, "up"),
    ]  # fmt: skip
    assert timeline.states_before(0) == {"a": "starting", "b": "up"}
    assert timeline.states_before(200) == {"a": "up", "b": "up"}
    assert timeline.states_before(231) == {"a": "starting", "b": "up"}
    assert timeline.states_before(405) == {"a": "up", "b": "down"}
    assert list(timeline.steps()) == [(0, 1), (5, 2), (200, 1), (230, 1), (232, 2), (400, 1), (410, 2)]


def test_changes_of_one_moment_leave_the_last_and_repeated_ones_nothing() -> None:
    timeline = Timeline(
        made([(0, "a", "up"), (10, "a", "down"), (10, "a", "starting"), (20, "a", "starting"), (30, "a", "up")])
    )
    assert timeline.spans["a"] == [Span(0, 10, "up"), Span(10, 30, "starting"), Span(30, 600, "up")]


def test_the_worst_minute_is_where_the_fewest_were_up() -> None:
    worst = Timeline(TWO).worst(60.0)
    assert worst is not None
    # Thirty-two seconds of one of two; the earliest window that has all of them ends with them.
    assert (worst.start, worst.end) == (172.0, 232.0)
    assert worst.up == pytest.approx(2 - 32 / 60)
    assert worst.share == pytest.approx(1 - 32 / 120)
    assert worst.whole == pytest.approx(28 / 60)


def test_a_trial_shorter_than_a_minute_is_taken_as_a_whole() -> None:
    worst = Timeline(made([(0, "a", "starting"), (8, "a", "up")], horizon=10.0)).worst(60.0)
    assert worst is not None
    assert (worst.start, worst.end) == (0.0, 10.0)
    assert worst.up == pytest.approx(0.2)


def test_without_records_there_is_no_worst_minute() -> None:
    assert Timeline(made([])).worst(60.0) is None
    assert worst_minutes(of(made([]))) == ()
    assert worst_of(()) is None


def test_records_that_were_dropped_end_the_timeline() -> None:
    timeline = Timeline(evolve(TWO, dropped=7))
    assert timeline.end == 410.0
    assert timeline.spans["a"][-1] == Span(232, 410, "up")
    [worst] = worst_minutes(of(evolve(TWO, dropped=7)))
    assert worst.is_cut
    assert not worst_minutes(of(TWO))[0].is_cut


def plain_worst(trial: Trial, long: float, step: float) -> float:
    """The least mean number of actors up, tried at many moments, second by second."""
    spans = Timeline(trial).spans

    def up(start: float) -> float:
        inside = (
            max(0.0, min(span.end, start + long) - max(span.start, start))
            for each in spans.values()
            for span in each
            if span.state == "up"
        )
        return sum(inside) / long

    return min(up(step * number) for number in range(int((trial.horizon - long) / step) + 1))


@given(st.integers(0, 10**6), st.integers(1, 5), st.sampled_from([7.0, 60.0, 150.0]))
def test_no_window_is_worse_than_the_worst(seed: int, actors: int, long: float) -> None:
    rng = random.Random(seed)
    changes: list[tuple[float, str, Any]] = [(0.0, f"a{number}", rng.choice(STATES)) for number in range(actors)]
    changes += [(float(rng.randrange(1, 300)), f"a{rng.randrange(actors)}", rng.choice(STATES)) for _ in range(30)]
    trial = made(sorted(changes, key=lambda change: change[0]), horizon=300.0)
    worst = Timeline(trial).worst(long)
    assert worst is not None
    assert 0 <= worst.start <= worst.end <= 300
    assert worst.up == pytest.approx(plain_worst(trial, long, 0.5), abs=1e-9)
    assert 0 <= worst.whole <= worst.share + 1e-9 <= 1 + 1e-8


def test_the_worst_of_all_trials_is_found_and_the_first_of_equal_ones() -> None:
    def one(policy: str, seed: int, down: float, long: float) -> Trial:
        return made([(0, "a", "up"), (down, "a", "down"), (down + long, "a", "up")], policy=policy, seed=seed)

    minutes = worst_minutes(of(one("p", 1, 100, 20), one("p", 2, 300, 40), one("q", 1, 200, 40), one("q", 2, 100, 10)))
    assert [(each.policy, each.seed) for each in minutes] == [("p", 2), ("q", 1)]
    worst = worst_of(minutes)
    assert worst is not None
    assert (worst.policy, worst.seed) == ("p", 2)
    assert summary(worst) == (
        "Policy p, seed 2, from 0:04:40.0 to 0:05:40.0: on average 0.333 of 1 actors were up (33.33 %), "
        "and all at once in 33.33 % of the time."
    )


def test_a_long_outage_is_told_from_where_it_began() -> None:
    """Every minute of it is equally bad; the first one is next to its cause."""
    trial = made(
        [(0, "a", "up"), (100, "a", "down"), (500, "a", "up")],
        [(90.0, "db", "outage begins", ""), (100.0, "a", "crash", "no db")],
    )
    [minute] = worst_minutes(of(trial))
    assert minute.window.start == 100.0
    assert [each.text for each in minute.before] == ["db went out of service."]
    assert [each.text for each in minute.during] == ["a crashed: no db."]
    assert (minute.at_start, minute.at_end) == ("1 up (a)", "1 down (a)")


def test_a_story_is_in_order_and_says_each_thing_once() -> None:
    trial = made(
        [
            (0, "a", "up"),
            (0, "b", "up"),
            (10, "a", "backing off"),
            (12, "a", "starting"),
            (15, "a", "up"),
            (20, "b", "down"),
        ],
        [(10, "a", "crash", "ValueError: no"), (12, "a", "restart", ""), (20, "b", "gave up", "too often")],
    )
    told = story(Timeline(trial), 0.0, 60.0)
    assert [(each.at, each.text) for each in told] == [
        (10, "a crashed: ValueError: no."),
        (12, "a was restarted."),
        (15, "a is up again, after 5 s."),
        (20, "b gave up: too often."),
    ]


def test_what_happens_to_many_at_once_is_one_sentence() -> None:
    names = [f"w{number}" for number in range(8)]
    changes: list[tuple[float, str, Any]] = [(0, name, "up") for name in names]
    changes += [(10, name, "backing off") for name in names]
    changes += [(12 + number / 10, name, "up") for number, name in enumerate(names)]
    trial = made(changes, [(10, name, "crash", "lost") for name in names])
    told = [each.text for each in story(Timeline(trial), 0.0, 60.0, most=2)]
    assert told == ["all 8 actors crashed: lost.", "all 8 actors are up again, after 2 to 2.7 s."]
    few = story(Timeline(evolve(trial, happenings=trial.happenings[:3])), 9.0, 11.0)
    assert [each.text for each in few] == [
        "w0, w1 and w2 crashed: lost.",
        "w3, w4, w5, w6 and w7 began to wait for another start.",
    ]


def test_what_comes_after_an_outage_is_not_told_with_what_was_before_it() -> None:
    crashes: list[tuple[float, str, Any, str]] = [(9.0, "a", "crash", ""), (9.02, "b", "crash", "")]
    crashes += [(9.04, "db", "outage begins", ""), (9.06, "c", "crash", ""), (9.08, "d", "crash", "")]
    told = story(Timeline(made([(0, name, "up") for name in "abcd"], crashes)), 0, 60, most=3)
    assert [each.text for each in told] == ["a and b crashed.", "db went out of service.", "c and d crashed."]


def test_requests_are_summed_up() -> None:
    happenings = [(10 + number / 100, f"w{number % 9}", "request lost", "MailboxFull") for number in range(300)]
    trial = made([(0, "w0", "up")], [*happenings, (20, "w0", "request refused", "")])
    told = [each.text for each in story(Timeline(trial), 0.0, 60.0)]
    assert told == [
        "300 requests were lost (w0: 34, w1: 34, w2: 34, w3: 33, w4: 33, w5: 33, others: 99).",
        "1 request was refused (w0: 1).",
    ]


def test_a_story_has_no_more_sentences_than_are_read() -> None:
    kinds: list[Kind] = ["crash", "outage begins", "startup failed", "hang"]
    happenings = [(10 + number / 100, f"w{number}", kinds[number % 4], f"error {number}") for number in range(400)]
    trial = made([(0, "w0", "up")], happenings)
    told = story(Timeline(trial), 0.0, 60.0)
    assert len(told) == MOST
    assert told[-1].text == f"{400 - MOST + 1} more things happened."
    assert all(before.at <= after.at for before, after in pairwise(told))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_happening_is_told(kind: Kind) -> None:
    trial = made([(0, "w", "up")], [(10.0, "w", kind, "since so")])
    [told] = story(Timeline(trial), 0.0, 60.0)
    assert "w" in told.text
    assert told.text.endswith(".")
    assert kind == "restart" or kind.startswith("request") or told.text.endswith(": since so.")


def test_a_moment_is_told_in_hours_minutes_and_seconds() -> None:
    assert [clock(each) for each in (0, 59.96, 61.04, 3_600, 90_061.25)] == [
        "0:00:00.0", "0:01:00.0", "0:01:01.0", "1:00:00.0", "25:01:01.2",
    ]  # fmt: skip


def test_the_worst_minute_of_a_large_experiment_is_found_in_the_outage() -> None:
    minutes = worst_minutes(drawn(actors=[f"w{number}" for number in range(20)], seeds=2))
    assert len(minutes) == 2
    for each in minutes:
        assert 1_200 <= each.window.start <= 1_290
        assert any("database went out of service." in sentence.text for sentence in each.before)


def test_a_chain_of_causes_is_told_by_what_it_began_with_and_not_too_long() -> None:
    chain = "failed to initialize: /shop/team: failed to initialize: /shop/team/w: gave up on /shop/team/w: more than 2 restarts"
    trial = made([(0, "w", "up")], [(1, "/", "startup failed", chain), (2, "w", "crash", f"crashed: {'x' * 300}")])
    root, worker = story(Timeline(trial), 0, 60)
    assert root.text == "the root failed to start: gave up on /shop/team/w: more than 2 restarts."
    assert worker.text == f"w crashed: {'x' * 139}…"
