"""The commands that search for races, and replay them."""

import os

from ..races._schedule import Fidelity, Time
from ..races._search import Mode
from ..races._strategies import Strategy
from ..races._telling import told
from ..races._threads import Threads
from ..treefile._problem import InvalidInput, Problem
from ._command import FileName, Whole, app
from ._help import epilogue
from ._racing import again, check_picture, write_picture
from ._racing import prove as run_proof
from ._racing import race as run_race
from ._racing import replay as run_replay
from ._run import FAILED, FINE


@app.command(help_epilogue=epilogue("race"))
def race(
    scenario: str,
    /,
    *,
    schedules: Whole = 10_000,
    deviations: Whole | None = None,
    reduction: bool = False,
    seed: Whole = 0,
    seconds: float | None = None,
    strategy: Strategy = "portfolio",
    time: Time = "exact",
    mode: Mode = "shared",
    max_steps: Whole = 10_000,
    threads: Threads = "inline",
    fidelity: Fidelity = "all",
    workers: Whole | None = None,
    picture: FileName | None = None,
) -> int:
    """Look for a schedule under which a scenario fails: exit 1 and the smallest one that was found, 0 if none fails.

    Args:
        scenario: its import path, "module:scenario", of an async function that takes a `sim`.
        schedules: how many to try at most.
        deviations: tries all schedules with at most so many deviations from the default, instead of a search; then schedules, seed, strategy and
            workers say nothing.
        reduction: with deviations: spares those that only reorder steps of actors that do not meet; assumes that actors share nothing but mail.
        seed: of all that is drawn.
        seconds: after which no other schedule is begun.
        strategy: portfolio, bounded, walk, speeds, pct, pos or batch.
        time: exact, or choice: timeouts may fire early and late.
        mode: shared: many schedules in one Trio run; isolated: one each.
        max_steps: steps after which a run counts as a livelock.
        threads: what trio.to_thread.run_sync is given: inline: runs within the step; refuse: fails; real: runs in a thread, which is not controlled.
        fidelity: all orders of steps; or trio: those alone that today's Trio may take.
        workers: processes to search with; as many as there are cores, unless the search is one after the other by its nature.
        picture: a file to draw the failure to, if there is one: .svg is a picture, .html a page with it, to zoom and to look around in.
    """
    check_picture(picture)
    if deviations is not None:
        proof = run_proof(
            scenario, deviations, reduction=reduction, seconds=seconds, time=time, mode=mode, max_steps=max_steps,
            threads=threads, fidelity=fidelity,
        )  # fmt: skip
        if proof.found is None:
            print(f"{scenario}: {proof}")
            return FINE
        replay = again(proof.found.token, scenario)
        print(f"{scenario}: {proof.found.told(replay)}")
        write_picture(picture, proof.found, replay)
        return FAILED
    if reduction:
        raise InvalidInput("", [Problem("--reduction", "needs --deviations: a search that draws spares nothing")])
    if workers is None:
        workers = 1 if mode == "isolated" or strategy == "bounded" or not hasattr(os, "fork") else os.cpu_count() or 1
    surveyed = run_race(
        scenario, schedules, seconds, seed=seed, strategy=strategy, time=time, mode=mode, max_steps=max_steps,
        threads=threads, fidelity=fidelity, workers=workers,
    )  # fmt: skip
    found = surveyed.found
    if found is None:
        print(f"{scenario}: nothing found with strategy {strategy} and seed {seed}: {surveyed.summary()}")
        return FINE
    print(f"{scenario}: {found.told(again(found.token, scenario))}")
    write_picture(picture, found, again(found.token, scenario))
    return FAILED


@app.command(help_epilogue=epilogue("replay"))
def replay(
    token: str,
    scenario: str,
    /,
    *,
    max_steps: Whole = 10_000,
    threads: Threads = "inline",
    picture: FileName | None = None,
) -> int:
    """Run a scenario under the schedule of a failure: exit 1 if it fails, 0 if it passes.

    Args:
        token: as a failure printed it.
        scenario: its import path, "module:scenario".
        max_steps: steps after which a run counts as a livelock.
        threads: as for race: a schedule leads to the same run only under the same.
        picture: a file to draw the run to, as for race; also if it passes.
    """
    check_picture(picture)
    result = run_replay(token, scenario, max_steps, threads)
    command = again(token, scenario)
    print(f"{scenario}: {told(result, command) if result.failed else f'passed, in {result.steps} steps'}")
    write_picture(picture, result, command)
    return FAILED if result.failed else FINE
