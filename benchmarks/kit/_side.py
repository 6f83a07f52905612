"""Both tools side by side, in one process and in turns: run as a module in an environment that has both, it prints what it measured as JSON."""

import json
import sys
from functools import partial
from time import process_time
from typing import Any

from greenroom.races._search import first_failure

from ._programs import PROGRAMS, Asyncio, Trio

#: Ways of exploring that simloom has, as it calls them; the best of them counts.
SCHEDULERS = (None, "pct:auto,d=2", "pct:auto,d=3")
SCHEDULES = 500


async def under_trio(_sim: Any, program: Any, *, fixed: bool) -> None:
    """Run a program under Trio."""
    await program(Trio, fixed=fixed)


def main(trials: int, rounds: int, limit: int) -> None:
    """Measure schedules each second of what has no bug, and schedules to the first failure of what has one."""
    import simloom  # type: ignore[import-not-found]  # only where this is run

    told: dict[str, Any] = {}
    for program in PROGRAMS:
        ours = partial(under_trio, program=program, fixed=True)
        rates: dict[str, list[float]] = {"ours": [], "theirs": []}
        for number in range(rounds):
            begun = process_time()
            assert first_failure(ours, strategy="walk", schedules=SCHEDULES, seed=number) is None
            rates["ours"].append(SCHEDULES / (process_time() - begun))
            begun = process_time()
            explored = simloom.explore(
                partial(program, Asyncio, fixed=True), runs=SCHEDULES, start_seed=number * SCHEDULES, world=False
            )
            assert not explored.failed, explored.summary()
            rates["theirs"].append(SCHEDULES / (process_time() - begun))
        broken = partial(under_trio, program=program, fixed=False)
        found = [first_failure(broken, seed=seed, schedules=limit) for seed in range(trials)]
        means = {
            str(scheduler): sum(
                simloom.explore(
                    partial(program, Asyncio, fixed=False),
                    runs=limit,
                    start_seed=seed * limit,
                    scheduler=scheduler,
                    world=False,
                ).runs
                for seed in range(trials)
            )
            / trials
            for scheduler in SCHEDULERS
        }
        told[program.__name__] = {
            "schedules each second": {side: sorted(values)[len(values) // 2] for side, values in rates.items()},
            "schedules to the first failure": sum(limit if each is None else each[0] for each in found) / trials,
            "theirs, by scheduler": means,
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
