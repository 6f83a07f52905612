"""Replays: failures as they were found, from their tokens, in fresh processes; and how long tokens are once they have been shrunk."""

import sys

from benchmarks.finding._replay import HASH_SEEDS, collect, replay_in, trace_of
from benchmarks.finding._trials import BUGS
from greenroom import races
from greenroom.races._run import prepared
from greenroom.races._shrink import shrink

from ._row import Effort, Row, all_or_nothing
from ._shrinking import rerunner

LONGEST = 60


def measure(effort: Effort) -> list[Row]:
    """Replay all of them with each hash seed; shrink them."""
    failures = collect(effort.replays)
    here = [trace_of(*failure) for failure in failures]
    same = {
        seed: sum(one == other for one, other in zip(here, replay_in(sys.executable, seed, failures), strict=True))
        for seed in HASH_SEEDS
    }
    least = min(same.values())
    longest = ""
    with prepared():
        for name, token in failures:
            found = races.run(BUGS[name].broken, schedule=token)
            best, _, _ = shrink(found, rerunner(BUGS[name]))
            longest = max(longest, best.schedule.token, key=len)
    return [
        Row(
            "replay in fresh processes", "1,000 failures, all the same to the byte", f"{least:,} of {len(failures):,}",
            all_or_nothing(least, len(failures)) * len(failures) / 1_000, {"same by hash seed": same},
        ),
        Row(
            "token after shrinking", f"at most {LONGEST} characters", f"at most {len(longest)} characters",
            LONGEST / len(longest), {"longest": longest, "failures": len(failures)},
        ),
    ]  # fmt: skip
