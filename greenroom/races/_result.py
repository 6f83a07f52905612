"""What a run did, and how it ended."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Literal, cast

import attrs

from ._decider import Choice
from ._errors import DeadlockFound, OutsideSilent, StepEndless, StepsExceeded
from ._notes import Notes
from ._operation import Operation
from ._schedule import Fidelity, Injection, Schedule, Time

Verdict = Literal["passed", "failed", "deadlock", "livelock", "hung"]


@attrs.frozen
class Result:
    """Say how a run ended.

    Attributes:
        verdict: "passed", "failed" (it raised), "deadlock", "livelock" (too many steps) or "hung" (nothing came from outside, or a step
            did not end).
        error: what it raised, or what says the deadlock, livelock or hang.
        choices: what there was to choose, and what was chosen, in order.
        steps: how many steps its tasks took.
        value: what the scenario returned.
        time: whether letting time pass was among the choices.
        injection: the cancellation or crash that was tried out, if the run came to where it was to be.
        notes: where in the code each choice goes on, what the actors did, whether Trio would go this way; None unless they were to be taken.
        uncontrolled: what it had to do with that is not controlled, as far as it was seen: "threads", "sockets or processes".
        fidelity: which orders its choices were among.
        history: the operations that it recorded by `sim.history`, as they were at its end.
    """

    verdict: Verdict
    error: BaseException | None
    choices: tuple[Choice, ...]
    steps: int
    value: Any = None
    time: Time = "exact"
    injection: Injection | None = None
    notes: Notes | None = attrs.field(default=None, eq=False, repr=False)
    uncontrolled: frozenset[str] = attrs.field(default=frozenset[str](), eq=False)
    fidelity: Fidelity = "all"
    history: tuple[Operation, ...] = attrs.field(default=(), eq=False, repr=False)

    @property
    def failed(self) -> bool:
        """True if it did not pass."""
        return self.verdict != "passed"

    @property
    def fingerprint(self) -> str:
        """Eight digits of a hash over all choices, the kind of end and what was done to it: equal for two runs that went the same way."""
        text = "\n".join([*map(str, self.choices), str(self.steps), *kind_of(self)])
        if self.injection is not None:  # so that a token whose end is cut off is known for it
            text += f"\n{self.injection}"
        if self.fidelity != "all":
            text += f"\n{self.fidelity}"
        return sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]

    @property
    def schedule(self) -> Schedule:
        """The schedule that leads to it again."""
        deviations = {at: choice.index for at, choice in enumerate(self.choices) if choice.index}
        return Schedule(deviations, self.fingerprint, self.time, self.injection, self.fidelity)

    def svg(self, again: str | None = None) -> str:
        """Return a picture of the run, as SVG: time downwards, a lane for each task and each actor, messages as arrows, deviations marked.

        Of a run without notes, such as those of a `Sweep`, only its choices are drawn; `races.run` with its schedule takes them. Of more than
        1,500 things that happened, those around deviations, at the begin and at the end are drawn. The same run gives the same text.

        Args:
            again: how to see it again, as the picture is to say; None says how to run its schedule.

        Raises:
            TypeError: `again` is no text.

        Cost: some microseconds, and some hundred bytes, for each thing that happened.
        """
        from ._picture import draw

        return draw(self, again_of(self, again))

    def html(self, again: str | None = None) -> str:
        """Return the picture of `svg` in an HTML page of its own: to zoom and pan, with details of each row and a list of what to look at.

        It is one file, loads nothing and sends nothing. Args and cost are those of `svg`.
        """
        from ._page import make_page

        return make_page(self, again_of(self, again))


def again_of(result: Result, again: str | None = None) -> str:
    """Return how to see a run again: as somebody has said, or by its schedule.

    Raises:
        TypeError: what was said is no text.
    """
    given: object = again
    if not (given is None or isinstance(given, str)):
        raise TypeError(f"again is {given!r}; give the command as a text, or None for that of its schedule")
    return f"races.run(scenario, schedule={result.schedule.token!r})" if again is None else again


def verdict_of(stuck: BaseException | None, error: BaseException | None) -> Verdict:
    """Return how a run ended, by what it was stuck in or was ended for, and what the scenario raised."""
    match stuck:
        case DeadlockFound():
            return "deadlock"
        case StepsExceeded():
            return "livelock"
        case OutsideSilent() | StepEndless():
            return "hung"
        case None:
            return "passed" if error is None else "failed"
        case _:
            return "failed"


def kind_of(result: Result) -> tuple[str, str]:
    """Return what makes two failures the same: how it ended, and by which classes of errors."""
    return result.verdict, " ".join(sorted(set(_names(result.error))))


def _names(error: BaseException | None) -> Iterator[str]:
    if isinstance(error, BaseExceptionGroup):
        for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _names(inner)
    else:
        yield type(error).__qualname__
