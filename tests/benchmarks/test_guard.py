"""The guard fails where the runtime has become slower than its bounds allow, and says what a reader needs; no time of this machine is asserted."""

import logging
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time
from typing import Any

import pytest
import trio

from greenroom.actors._ref import ActorRef
from greenroom.supervisor._starter import Starter

ROOT = Path(__file__).resolve().parents[2]

# The root is kept off sys.path (see conftest): at its end, and for these imports only, it hides nothing.
sys.path.append(str(ROOT))
from benchmarks._bound import BOUNDS, Bound, WrongBounds, read_bounds  # noqa: E402 -- see above
from benchmarks._restart import restart_by_greenroom  # noqa: E402
from benchmarks._sample import BenchmarkFailed  # noqa: E402
from benchmarks.guard import guard, judge, main, measure_apart, measure_here  # noqa: E402

sys.path.remove(str(ROOT))

BOUND = Bound("tell", 100, 3, usual=18.0, least=12.0, reason="as it is")


def taking(*tries: Sequence[float]) -> tuple[Callable[[Bound], Sequence[float]], list[Bound]]:
    """Return what gives these ratios, try by try, and what it has been asked for."""
    asked: list[Bound] = []

    def measure(bound: Bound) -> Sequence[float]:
        asked.append(bound)
        return tries[len(asked) - 1]

    return measure, asked


def slowed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same, and a millisecond of work with each call: some twenty times what any workload does by hand for one unit."""

    def slow(*args: Any, **options: Any) -> Any:
        until = process_time() + 0.001
        while process_time() < until:
            pass
        return function(*args, **options)

    return slow


# -- the real thing, slowed on purpose


@pytest.mark.parametrize(
    ("workload", "size", "slow"),
    [
        ("tell", 100, (ActorRef, "tell")),
        ("ask", 50, (ActorRef, "ask")),
        ("spawn", 50, (Starter, "register")),
        ("ring", 2, (ActorRef, "tell")),
        ("restart", 50, (ActorRef, "tell")),
    ],
)
def test_a_runtime_that_is_slowed_on_purpose_does_not_pass(
    workload: str,
    size: int,
    slow: tuple[type, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (usual,) = (bound for bound in read_bounds() if bound.workload == workload)
    bound = Bound(workload, size, 3, usual.usual, usual.least, usual.reason)
    monkeypatch.setattr(*slow, slowed(getattr(*slow)))
    assert guard([bound], measure_here) == 1
    said = capsys.readouterr()
    assert said.out.startswith(f"{workload} ")
    assert said.out.rstrip().endswith("(try 2)  BELOW")
    assert f"guard: {workload}: " in said.err
    assert f"below its bound of {usual.least:.2f} x in 2 tries" in said.err


def test_each_workload_is_measured_in_a_process_of_its_own_round_by_round() -> None:
    (bound,) = (bound for bound in read_bounds() if bound.workload == "ring")
    ratios = measure_apart(bound)
    assert len(ratios) == bound.rounds
    assert len(set(ratios)) > 1
    assert all(ratio > 0 for ratio in ratios)


# -- what is made of the ratios


def test_the_median_decides_and_what_is_good_is_measured_once() -> None:
    measure, asked = taking([1.0, 12.0, 30.0])
    finding = judge(BOUND, measure)
    assert finding.is_good
    assert (finding.spread.low, finding.spread.median, finding.spread.high, finding.tries) == (1.0, 12.0, 30.0, 1)
    assert asked == [BOUND]


def test_what_is_below_is_measured_once_more_and_the_last_try_counts() -> None:
    measure, asked = taking([1.0, 11.9, 30.0], [13.0, 14.0, 15.0])
    finding = judge(BOUND, measure)
    assert finding.is_good
    assert finding.tries == 2
    assert asked == [BOUND, BOUND]


def test_what_is_below_twice_fails_and_the_others_are_measured_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    other = Bound("ring", 100, 3, usual=9.0, least=6.0, reason="as it is")
    measure, asked = taking([1.0, 11.9, 30.0], [9.0, 10.0, 11.0], [7.0, 8.0, 9.0])
    assert guard([BOUND, other], measure) == 1
    assert asked == [BOUND, BOUND, other]
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "tell        10.00 x  (9.00 to 11.00)   at least 12.00 x, usually 18.00 x  (try 2)  BELOW",
        "ring         8.00 x  (7.00 to 9.00)   at least  6.00 x, usually  9.00 x",
    ]
    assert said.err == (
        "\nguard: tell: 10.00 x hand-written Trio in 3 rounds (9.00 to 11.00), below its bound of 12.00 x in 2 tries; it was 18.00 x when that"
        " was chosen. See it in full by `python -m benchmarks --workloads tell`; if the price is meant,"
        " change the bound in benchmarks/guard.toml and say there why.\n"
    )


def test_if_nothing_is_below_it_passes() -> None:
    measure, _ = taking([12.0], [18.0])
    assert guard([BOUND, BOUND], measure) == 0


# -- the bounds


def test_all_that_the_guard_is_for_has_a_bound_with_a_margin_and_a_reason() -> None:
    bounds = read_bounds()
    assert [bound.workload for bound in bounds] == ["tell", "ask", "fan", "fan-many", "spawn", "ring", "restart"]
    assert all(bound.rounds % 2 for bound in bounds)
    assert all(1 < bound.least < 0.8 * bound.usual for bound in bounds)


GOOD = 'size = 10\nrounds = 3\nusual = 2.0\nleast = 1.0\nreason = "r"\n'


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "there is no workload in it"),
        ("[tell", "Expected"),
        ("[tall]\n" + GOOD, "[tall] is no workload with a ratio; there are tell, ask"),
        ("[fairness]\n" + GOOD, "[fairness] is no workload with a ratio"),
        ("tell = 3\n", "[tell] is no table"),
        ("[tell]\n" + GOOD.replace("size = 10\n", ""), "[tell] size: is missing"),
        ("[tell]\n" + GOOD + "most = 3\n", "[tell] most: there is no such key"),
        ("[tell]\n" + GOOD.replace("10", "0"), "[tell] size: 0 is not a whole number from 1"),
        ("[tell]\n" + GOOD.replace("10", "true"), "[tell] size: True is not a whole number from 1"),
        ("[tell]\n" + GOOD.replace("3", "2.5"), "[tell] rounds: 2.5 is not a whole number from 1"),
        ("[tell]\n" + GOOD.replace("2.0", "nan"), "[tell] usual: nan is not a number above 0"),
        ("[tell]\n" + GOOD.replace("1.0", "-1.0"), "[tell] least: -1.0 is not a number above 0"),
        ("[tell]\n" + GOOD.replace("1.0", '"1"'), "[tell] least: '1' is not a number above 0"),
        ("[tell]\n" + GOOD.replace("1.0", "2.0"), "[tell] least: 2.0 leaves no margin below usual = 2.0"),
        ("[tell]\n" + GOOD.replace('"r"', '" "'), "[tell] reason: ' ' is no text"),
    ],
)
def test_wrong_bounds_are_told_precisely(text: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "guard.toml"
    path.write_text(text)
    with pytest.raises(WrongBounds) as caught:
        read_bounds(path)
    assert str(caught.value).startswith("guard.toml: ")
    assert word in str(caught.value)


def test_all_that_is_wrong_with_the_bounds_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "guard.toml"
    path.write_text("[tell]\n" + GOOD.replace("10", "0") + "[tall]\n")
    with pytest.raises(WrongBounds, match=r"size: 0 .*tall"):
        read_bounds(path)


# -- the command


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (
            ("--workloads", "snapshot"),
            "--workloads: 'snapshot' has no bound; there are tell, ask, fan, fan-many, spawn, ring, restart",
        ),
        (("--workloads", ""), "--workloads: '' has no bound"),
        (("--workloads", "tell,,ask"), "--workloads: '' has no bound"),
        (("--margin", "2"), "unrecognized arguments: --margin 2"),
        (("tell",), "unrecognized arguments: tell"),
    ],
)
def test_a_bad_option_of_the_guard_gets_a_clear_word_and_exit_2(options: tuple[str, ...], word: str) -> None:
    command = [sys.executable, "-m", "benchmarks.guard", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_what_cannot_be_measured_is_no_pass(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BenchmarkFailed, match="no such workload failed:"):
        measure_apart(Bound("no such workload", 1, 1, 2.0, 1.0, "r"))

    def fails(bound: Bound) -> Sequence[float]:
        raise BenchmarkFailed(f"{bound.workload} failed: boom")

    monkeypatch.setattr("benchmarks.guard.measure_apart", fails)
    assert main(["--workloads", "ask"]) == 2
    assert capsys.readouterr().err == "ask failed: boom\n"


def test_ci_runs_the_guard() -> None:
    assert "make bench-guard" in (ROOT / ".ci" / "run").read_text()
    assert "-m benchmarks.guard" in (ROOT / "Makefile").read_text()
    assert BOUNDS.is_file()


def test_what_a_workload_crashes_on_purpose_leaves_the_log_as_it_was() -> None:
    logger = logging.getLogger("greenroom")
    before = logger.level
    trio.run(restart_by_greenroom, 5)
    assert logger.level == before != logging.CRITICAL
