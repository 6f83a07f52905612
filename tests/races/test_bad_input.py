"""Bad input: a clear word, no hang, never a silent divergence."""

import asyncio
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import trio

from greenroom import races
from greenroom.races import Injection, InvalidToken, ProgramChanged, Schedule, Sim

from .scenarios import check_then_insert, lost_wakeup

TOKEN = "r1:0.1:4ebbab33"  # noqa: S105 -- of a race
WHOLE = "is no whole token"
CHANGED = "has been changed"


def test_the_token_that_is_spoiled_here_is_a_good_one() -> None:
    assert races.run(lost_wakeup, schedule=TOKEN).verdict == "deadlock"
    for good in (f" {TOKEN}", f"{TOKEN}\n", f"\t{TOKEN} \n"):
        assert races.run(lost_wakeup, schedule=good).verdict == "deadlock"


BAD_TOKENS: list[tuple[Any, type[Exception], str]] = [
    *((TOKEN[:length], InvalidToken, WHOLE) for length in range(len(TOKEN))),
    (TOKEN.upper(), InvalidToken, WHOLE),
    (TOKEN.replace(":", " :", 1), InvalidToken, WHOLE),
    (TOKEN.replace(".", ","), InvalidToken, WHOLE),
    (TOKEN.replace(":", "\N{FULLWIDTH COLON}"), InvalidToken, WHOLE),
    (f"{TOKEN}0", InvalidToken, WHOLE),
    (f"{TOKEN}:", InvalidToken, WHOLE),
    (f"{TOKEN}:cancel.victim.", InvalidToken, WHOLE),
    (f"{TOKEN}:cancel.no name.0", InvalidToken, WHOLE),
    (f"{TOKEN}:stop.victim.0", InvalidToken, WHOLE),
    ("r1:-1.1:00000000", InvalidToken, WHOLE),
    ("r1:1.-1:00000000", InvalidToken, WHOLE),
    ("r1:1.1--2.1:00000000", InvalidToken, WHOLE),
    ("r1:٣.1:00000000", InvalidToken, WHOLE),
    ("r1:0.1:0000000g", InvalidToken, WHOLE),
    (f"r1:{10**30}.1:00000000", InvalidToken, WHOLE),
    (f"r1:0.{10**30}:00000000", InvalidToken, WHOLE),
    (f"r1:{'9' * 5000}.1:00000000", InvalidToken, r"…? \(\d+ characters\) is no whole token"),
    (f"{TOKEN}:cancel.victim.{10**30}", InvalidToken, WHOLE),
    ("r2:0.1:4ebbab33", InvalidToken, "is of format r2, and this is a greenroom that reads r1"),
    ("r0:0.1:4ebbab33", InvalidToken, "is of format r0"),
    ("r01:0.1:4ebbab33", InvalidToken, "is of format r01"),
    ("r1:0.0:00000000", InvalidToken, CHANGED),
    ("r1:0.1-0.2:00000000", InvalidToken, CHANGED),
    ("r1:1.1-0.1:00000000", InvalidToken, CHANGED),
    ("r1:00.1:4ebbab33", InvalidToken, CHANGED),
    ("r1:0.01:4ebbab33", InvalidToken, CHANGED),
    (3, InvalidToken, "3 is no token; a token is a text such as"),
    (b"r1:0.1:4ebbab33", InvalidToken, "is no token"),
    ([TOKEN], InvalidToken, "is no token"),
    ({}, InvalidToken, "is no token"),
    (False, InvalidToken, "False is no token"),
    ("r1:0.1:00000000", ProgramChanged, "leads to a run 4ebbab33 .deadlock., and was taken from 00000000; or the token has been cut off"),
    ("r1::4ebbab33", ProgramChanged, "leads to a run e9188917"),
    ("r1:0.2:4ebbab33", ProgramChanged, "choice 0 takes number 2 of those that are ready, and there are 2"),
    (f"r1:{10**17}.1:4ebbab33", ProgramChanged, "the schedule has a choice 100000000000000000, and the run has 9 choices"),
    (f"r1:0.{10**17}:4ebbab33", ProgramChanged, "choice 0 takes number 100000000000000000"),
    (f"{TOKEN}:cancel.victim.0", ProgramChanged, "it does not come to step 0 in the scope 'victim', to cancel it there"),
    (f"{TOKEN}:crash.handler.7", ProgramChanged, "it does not come to handler 7 of an actor, to crash it there"),
    (f"{TOKEN}:crash.nowhere.0", ProgramChanged, "it does not come to nowhere 0"),
    (Schedule(injection=Injection("cancel", "victim", 0)), ProgramChanged, "it does not come to step 0"),
]  # fmt: skip


@pytest.mark.parametrize(("token", "error", "text"), BAD_TOKENS)
def test_bad_tokens_are_told(token: Any, error: type[Exception], text: str) -> None:
    for call in (races.run, races.check):
        with pytest.raises(error, match=text) as caught:
            call(lost_wakeup, schedule=token)
        assert len(str(caught.value)) < 400


def test_the_token_of_another_scenario_is_told() -> None:
    found = races.search(check_then_insert)
    assert found is not None
    with pytest.raises(ProgramChanged):
        races.run(lost_wakeup, schedule=found.token)


async def scoped(sim: Sim) -> None:
    with sim.scope("victim"):
        for _ in range(20):
            await trio.lowlevel.checkpoint()
    raise LookupError


async def scoped_behind_a_shield(sim: Sim) -> None:
    """It goes the same way wherever it is cancelled."""
    with sim.scope("victim"), trio.CancelScope(shield=True):
        for _ in range(20):
            await trio.lowlevel.checkpoint()
    raise LookupError


@pytest.mark.parametrize("scoped", [scoped, scoped_behind_a_shield])
def test_a_token_with_an_injection_is_known_for_cut_off_wherever_that_is(scoped: Any) -> None:
    sweep = races.cancel_everywhere(scoped)
    token = sweep.failures[0, 12].schedule.token
    assert token.endswith(":cancel.victim.12")
    for length in range(len(token)):
        with pytest.raises((InvalidToken, ProgramChanged)):
            races.run(scoped, schedule=token[:length])


anything: Any = Schedule
injection: Any = Injection


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: anything({0: -1}), "deviations are {0: -1}; give numbers of choices -> indices, all from 0"),
        (lambda: anything({-1: 1}), "deviations are"),
        (lambda: anything({0: 1.5}), "deviations are"),
        (lambda: anything({"0": 1}), "deviations are"),
        (lambda: anything({0: True}), "deviations are"),
        (lambda: anything(None), "deviations are None"),
        (lambda: anything({}, 5), "fingerprint is 5; give that of a result's schedule, or '' for one that was not run"),
        (lambda: anything({}, "0f3a77c"), "fingerprint is '0f3a77c'; give that"),
        (lambda: anything({}, "-"), "fingerprint is '-'; give that"),
        (lambda: anything({}, "", "late"), "time is 'late'; give 'exact' or 'choice'"),
        (lambda: anything({}, "", "exact", "cancel"), "injection is 'cancel'; give an Injection, or None"),
        (lambda: injection("kill", "victim", 0), "what is 'kill'; give 'cancel' or 'crash'"),
        (lambda: injection("cancel", "no name", 0), "name is 'no name'; give one of letters and digits"),
        (lambda: injection("cancel", None, 0), "name is None; give one"),
        (lambda: injection("cancel", "victim", -1), "at is -1; give a number from 0"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(make: Callable[[], Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        make()


async def fine(sim: Sim) -> None:
    with sim.scope("victim"):
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("seed", "x", "seed is 'x'; give a whole number"),
        ("seed", None, "seed is None"),
        ("seed", 1.5, "seed is 1.5"),
        ("seconds", -1, "seconds is -1; give a number from 0, or None for no limit"),
        ("seconds", "3", "seconds is '3'"),
        ("seconds", math.nan, "seconds is nan"),
        ("seconds", [], r"seconds is \[\]"),
        ("schedules", 1.5, "schedules is 1.5; give a number from 1"),
        ("schedules", None, "schedules is None"),
        ("schedules", 10**30, r"schedules is 1e\+30; give a number from 1 to 1,000,000,000,000"),
        ("max_steps", "9", "max_steps is '9'"),
        ("strategy", [], r"strategy is \[\]; give one of bounded, walk"),
        ("strategy", "luck", "strategy is 'luck'"),
        ("mode", None, "mode is None; give 'shared' or 'isolated'"),
        ("time", "early", "time is 'early'; give 'exact' or 'choice'"),
        ("threads", None, "threads is None; give 'inline', 'refuse' or 'real'"),
        ("backend", "x", "backend is 'x'; give 'gate' or 'hook'"),
        ("workers", 10**6, "workers is 1000000; give 1000 at most"),
        ("progress", 3, "progress is 3; give a function"),
    ],
)
def test_options_that_cannot_be_are_refused(name: str, value: Any, text: str) -> None:
    options: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=text):
        races.search(fine, **options)
    if name in ("seed", "schedules", "max_steps", "time", "threads"):
        with pytest.raises(ValueError, match=text):
            races.cancel_everywhere(fine, **options)


def counted() -> Any:
    yield 1


@pytest.mark.parametrize("options", [{1, 2}, {1: 2}, counted(), 7, None, map(str, [1])])
def test_options_without_an_order_are_refused(options: Any) -> None:
    async def scenario(sim: Sim) -> None:
        with pytest.raises(TypeError, match=r"sim\.choose: the options are .*; give a list, a tuple or a range"):
            sim.choose(options)

    assert races.run(scenario).verdict == "passed"


async def without() -> None: ...


async def yields(sim: Sim) -> Any:
    yield sim


NO_SCENARIOS: list[tuple[Any, tuple[Any, ...], str]] = [
    (without, (), "without cannot be called with a `sim`: too many positional arguments"),
    (partial(without), (), "without cannot be called with a `sim`"),
    (fine, (1, 2), "fine cannot be called with a `sim` and 2 more: too many positional arguments"),
    (yields, (), "yields has a `yield`, so it is no async function; a scenario is `async def yields"),
    (lambda: None, (), "<lambda> is no async function; a scenario is `async def scenario"),
    (None, (), "None is no async function; a scenario is `async def scenario"),
    ("module:scenario", (), "'module:scenario' is no async function"),
]


@pytest.mark.parametrize(("scenario", "args", "text"), NO_SCENARIOS)
def test_what_is_no_scenario_is_refused_before_it_runs(scenario: Any, args: tuple[Any, ...], text: str) -> None:
    for call in (races.run, races.check, races.search, races.cancel_everywhere, races.crash_everywhere):
        with pytest.raises(TypeError, match=text):
            call(scenario, *args)


def test_a_scenario_that_was_called_is_refused() -> None:
    coroutine: Any = fine(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="fine was called, which is for the kit to do; give the function itself"):
        races.run(coroutine)
    coroutine.close()


async def awaits_asyncio(sim: Sim) -> None:
    await asyncio.sleep(0)


def test_a_scenario_for_another_loop_fails_clearly() -> None:
    result = races.run(awaits_asyncio)
    assert result.verdict == "failed"
    assert "asyncio" in str(result.error) or "unrecognized yield message" in str(result.error)
