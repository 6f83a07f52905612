"""Proving: all schedules within a bound, one after the other, the fewest deviations first."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from math import inf
from time import monotonic
from typing import Any

import attrs

from ._bounded import Bounded
from ._checks import check_bound, check_scenario, check_seconds
from ._confirming import First, confirmed
from ._decider import Follow
from ._footprints import Footprints
from ._proof import Proof, counted
from ._reduced import Reduced
from ._result import Result
from ._run import MAX_STEPS, Backend, prepared, run_once
from ._schedule import Fidelity, Time
from ._search import Mode, Plan, check_mode, check_progress, run_isolated, run_shared, terms_of
from ._stepper import Stepper
from ._survey import Tally
from ._terms import Terms
from ._threads import Threads


@prepared()
def prove(
    scenario: Callable[..., Awaitable[Any]],
    *args: Any,
    deviations: int | None = 2,
    reduction: bool = False,
    seconds: float | None = None,
    mode: Mode = "shared",
    max_steps: int = MAX_STEPS,
    time: Time = "exact",
    backend: Backend | None = None,
    threads: Threads = "inline",
    fidelity: Fidelity = "all",
    progress: Callable[[int], None] | None = None,
) -> Proof:
    """Run a scenario under all schedules that deviate from the default at most so many times, until one fails. Not within Trio.

    What comes of it is a statement about these schedules, and of what is controlled in them: nothing is said of schedules with more deviations.
    The first failure has the fewest deviations that any has; it is shrunk and told as by `search`.

    Args:
        scenario: an async function `scenario(sim, *args)`; nothing outside may depend on its runs.
        args: given to it each time.
        deviations: how often a schedule may differ from the default, from 0; None for all that there are. The number of schedules grows with
            each by about the number of choices.
        reduction: True spares schedules that only change the order of steps which touch no mailbox, actor or task in common, where one like them
            was run. A step that is no actor's, or does what is not known, counts as touching all. It assumes that actors share nothing but mail,
            and the result says so; some that might be spared are run all the same, to try that out. With time="exact" only, and without threads.
        seconds: of real time after which no other schedule is begun; the result then says how far it came. None means no limit.
        mode: "shared" or "isolated", as for `survey`.
        max_steps: steps after which a run counts as a livelock.
        time: "exact" or "choice", as for `survey`; letting time pass is a deviation there.
        backend: "hook" or "gate"; None takes the faster one of those that work.
        threads: "inline", "refuse" or "real", as for `survey`.
        fidelity: "all" or "trio", as for `survey`; with "trio" the bound is on orders that the Trio of today may take.
        progress: called with the number of each schedule that has been run; it must not raise.

    Raises:
        ProgramChanged: the same schedule went another way when it was run again: something that is not controlled decides.
        SharingFound: with a reduction, a run went another way than was foretold: actors share something besides mail.
        TypeError: the scenario is no async function, or does not take a `sim` and the `args`.
        ValueError: a number or a word that is none of those above.
        RuntimeError: this was called within Trio.
    """
    check_scenario("prove", scenario, args)
    check_bound("prove: deviations", deviations)
    check_seconds(seconds)
    check_mode("prove", mode)
    check_progress("prove", progress)
    terms = terms_of(max_steps, time, backend, threads, fidelity)
    _check_reduction(reduction, terms)
    begun = monotonic()
    going = _Going(deviations, inf if seconds is None else begun + seconds, progress, max_steps)

    def run(deviating: Mapping[int, int], *, takes_notes: bool = False) -> Result:
        return run_once(scenario, args, Follow(deviating), attrs.evolve(terms, takes_notes=takes_notes))

    def find(go: Callable[..., First | None]) -> First | None:
        going.begin()
        if not reduction:
            return go(going.plain(), scenario, args, terms)
        return go(going.reduced(), scenario, args, attrs.evolve(terms, listen=going.listen))

    goes = (run_isolated,) if mode == "isolated" else (run_shared, run_isolated)
    bound = "all schedules" if deviations is None else f"those with up to {counted(deviations, 'deviation')}"
    found = confirmed(
        (partial(find, go) for go in goes),
        run,
        partial(run, takes_notes=True),
        lambda: going.tally.default,
        f" (going through {bound}, the fewest first)",
    )
    return going.proof(found, monotonic() - begun, reduction=reduction)


def _check_reduction(reduction: Any, terms: Terms) -> None:
    if not isinstance(reduction, bool):
        raise ValueError(f"prove: reduction is {reduction!r}; give True or False")  # noqa: TRY004 -- as all of them
    if reduction and terms.fidelity != "all":
        raise ValueError(
            f"prove: fidelity is {terms.fidelity!r}; with reduction=True give 'all': what Trio may take next is in the order of all steps"
        )
    if reduction and terms.time != "exact":
        raise ValueError(
            f"prove: time is {terms.time!r}; with reduction=True give 'exact': when time passes is in the order of all steps"
        )
    if reduction and terms.threads == "real":
        raise ValueError(
            "prove: threads is 'real'; with reduction=True give 'inline' or 'refuse': what a thread touches is not seen"
        )


class _Going:
    """Go through the schedules within a bound, and count."""

    def __init__(
        self, bound: int | None, until: float, progress: Callable[[int], None] | None, most: int = MAX_STEPS
    ) -> None:
        self._bound = bound
        self._most = most
        self._until = until
        self._progress = progress
        self._footprints: Footprints
        self.begin()

    def begin(self) -> None:
        """Begin, or begin anew."""
        self.tally = Tally()
        self._through: Reduced | None = None

    def listen(self, stepper: Stepper) -> Footprints:
        """Listen to a run."""
        self._footprints = Footprints(stepper)
        return self._footprints

    def plain(self) -> Plan:
        """Give out all."""
        bounded = Bounded()
        for deviations in bounded.up_to(self._bound):
            if self._is_over():
                return None
            result = yield Follow(deviations)
            self._count(result)
            if result.failed:
                return First(self.tally.schedules, result, "")
            bounded.learn(deviations, result)
            self.tally.covered = bounded.covered
        return None

    def reduced(self) -> Plan:
        """Give out those that cannot be spared; all, if it turns out that none can."""
        through = self._through = Reduced(self._bound, lambda: self._footprints, self._is_over, self._most)
        runs = through.runs()
        deviations = next(runs)
        while True:
            result = yield Follow(deviations)
            self._count(result)
            if result.failed:
                return First(self.tally.schedules, result, "")
            try:
                deviations = runs.send(result)
            except StopIteration:
                break
            finally:
                self.tally.covered = through.covered
        if not through.is_lost:
            return None
        self.begin()
        return (yield from self.plain())

    def _is_over(self) -> bool:
        return self.tally.schedules > 0 and monotonic() > self._until

    def _count(self, result: Result) -> None:
        self.tally.add(result)
        if self._progress is not None:
            self._progress(self.tally.schedules)

    def proof(self, found: Any, seconds: float, *, reduction: bool) -> Proof:
        """Return what it came to."""
        tally, through = self.tally, self._through
        return Proof(
            found,
            inf if self._bound is None else self._bound,
            tally.covered,
            tally.schedules,
            len(tally.ways),
            0 if through is None else through.spared,
            0 if through is None else through.sampled,
            reduction,
            tuple(sorted(tally.uncontrolled)),
            seconds,
        )
