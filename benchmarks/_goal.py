"""Goals: what a workload is to reach."""

from typing import Literal

import attrs

Verdict = Literal["aim", "must", "below"]


@attrs.frozen
class Goal:
    """Say what is to be reached.

    Attributes:
        must: the least that is good enough.
        aim: what is worth working for.
        of: "ratio": at least so many times the hand-written figure. "figure": at most so much by itself.
    """

    must: float
    aim: float
    of: Literal["ratio", "figure"] = "ratio"

    def judge(self, *, ratio: float, figure: float) -> Verdict:
        """Return which of the two has been reached; "below" if neither."""
        if self.of == "ratio":
            return "aim" if ratio >= self.aim else "must" if ratio >= self.must else "below"
        return "aim" if figure <= self.aim else "must" if figure <= self.must else "below"
