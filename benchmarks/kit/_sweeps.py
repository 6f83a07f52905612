"""Sweeps: a cancellation and a crash at each point, how many runs each second, and none that blames what Trio gives."""

from time import process_time

from greenroom import races
from tests.races import test_sweep as sweeps

from ._row import Effort, Row, all_or_nothing

RATE = 500
OF_TRIO = (
    sweeps.uses_a_lock,
    sweeps.uses_a_semaphore,
    sweeps.uses_a_channel,
    sweeps.uses_a_condition,
    sweeps.uses_an_event,
)


def measure(effort: Effort) -> list[Row]:
    """Sweep programs with Trio's primitives by cancellations, and a tree of actors by crashes."""
    alarms = points = runs = 0
    begun = process_time()
    for scenario in OF_TRIO:
        sweep = races.cancel_everywhere(scenario, schedules=effort.sweeps)
        alarms += len(sweep.failures)
        points += sweep.points
        runs += sweep.points + effort.sweeps  # and one past the end of each
    cancels = runs / (process_time() - begun)
    begun, crashes = process_time(), 0
    for _ in range(max(1, effort.sweeps // 20)):
        for boundary in ("startup", "handler", "shutdown"):
            crashes += races.crash_everywhere(sweeps.tree, at=boundary).points + 1
    rate = crashes / (process_time() - begun)
    return [
        Row("cancel everywhere", f"at least {RATE} runs each second", f"{cancels:,.0f} runs each second", cancels / RATE, {"points": points}),
        Row("crash everywhere", f"at least {RATE} runs each second", f"{rate:,.0f} runs each second", rate / RATE, {"runs": crashes}),
        Row("no false alarm", "none with what Trio gives", f"{alarms} in {runs:,} runs", all_or_nothing(alarms, 0), {"alarms": alarms}),
    ]  # fmt: skip
