"""Back-ends: drawn programs under drawn schedules, stepped in both ways, and whether all of it is the same."""

from typing import Final

from greenroom.races._decider import Walk
from greenroom.races._run import prepared, run_once
from greenroom.races._schedule import Time
from greenroom.races._terms import Terms
from tests.races.programs import draw_program

from ._row import Effort, Row, all_or_nothing

TIMES: Final[tuple[Time, Time]] = ("exact", "choice")


def measure(effort: Effort) -> list[Row]:
    """Compare the fingerprints of both."""
    same = 0
    differ: list[int] = []
    with prepared():
        for seed in range(effort.programs):
            program = draw_program(seed)
            one, other = (
                run_once(program, (), Walk(seed), Terms(2_000, TIMES[seed % 2], backend))
                for backend in ("gate", "hook")
            )
            if (one.fingerprint, one.choices) == (other.fingerprint, other.choices):
                same += 1
            else:
                differ.append(seed)
    text = f"{same:,} of {effort.programs:,}"
    facts = {"same": same, "of": effort.programs, "seeds that differ": differ[:20]}
    return [
        Row("both back-ends identical", "all of 10,000 programs", text, all_or_nothing(same, effort.programs), facts)
    ]
