"""What the lab refuses, and why."""

from collections.abc import Iterable

from .. import GreenroomError
from ..treefile._problem import Place, Problem, WrongWithin, path_of


class InvalidExperiment(GreenroomError, WrongWithin, ValueError):
    """An experiment cannot be run as it is given; nothing has been run.

    Attributes:
        source: the file; "" for one made in Python.
        wrong: all that is wrong: the keys that lead to its place in the experiment, and what to do.
        problems: the same, with each place as it is shown ("workload.web.rate").
    """

    def __init__(self, source: str, wrong: Iterable[tuple[Place, str]]) -> None:
        self.source, self.wrong = source, tuple(wrong)
        super().__init__(source, self.wrong)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that is wrong."""
        return tuple(Problem(path_of(place), text) for place, text in self.wrong)

    def __str__(self) -> str:
        """List them, one a line."""
        return "\n".join(f"{self.source}: {problem}" if self.source else str(problem) for problem in self.problems)


class TrialEndless(GreenroomError):
    """In a trial, the tree went on and on without time passing, so its horizon would never have come.

    Attributes:
        policy, seed: of the trial.
        at: seconds, when it happened.
        path: who changed last.
    """

    def __init__(self, policy: str, seed: int, at: float, path: str) -> None:
        self.policy, self.seed, self.at, self.path = policy, seed, at, path
        super().__init__(policy, seed, at, path)

    def __str__(self) -> str:
        """Say where, and what to do."""
        return (
            f"policy {self.policy!r}, seed {self.seed}: at {self.at:g} s the tree changes on and on and no time passes, "
            f"{self.path} changed last; give it a startup time, its supervisor a backoff or a smaller intensity, or restart_after above 0"
        )


class TrialFailed(GreenroomError):
    """A trial could not be run to its end; the cause is its `__cause__`, or said in the text.

    Attributes:
        policy, seed: of the trial.
    """

    def __init__(self, policy: str, seed: int, why: str) -> None:
        self.policy, self.seed = policy, seed
        super().__init__(policy, seed, why)

    def __str__(self) -> str:
        """Say which, and why."""
        return f"policy {self.policy!r}, seed {self.seed}: {self.args[2]}"
