"""The stage: one trial, with the real runtime on it, in virtual time."""

from collections.abc import Callable
from functools import partial
from typing import cast

import trio
from trio.testing import MockClock

from .. import (
    ChildSpec,
    DeadLetters,
    GreenroomError,
    MailboxFull,
    Scheduling,
    Supervisor,
    open_supervisor,
)
from ..actors import Slot
from ..supervisor._team import children_of
from ._agenda import Agenda
from ._arrivals import Arrivals, targets_of
from ._deaths import Correlated, Mortality
from ._errors import TrialEndless
from ._experiment import Experiment, flags_of
from ._order import ordered
from ._policy import ROOT, Policy, apply, walk
from ._recorder import Life, Recorder
from ._request import Request
from ._shared import SharedService
from ._simulated import Behaviour, SimulatedCrash, factory_for, simulate
from ._trial import Trial

#: Seconds of real time after which the runtime lets other tasks run: never, as how far a machine gets in a time is no matter of the seed.
NEVER = 1e9
#: Letters that may wait for the recorder.
LETTERS = 1_000_000


class Stage:
    """Be one trial."""

    def __init__(self, experiment: Experiment, name: str, policy: Policy, seed: int) -> None:
        self._experiment = experiment
        self._name = name
        self._seed = seed
        self._limits = experiment.limits_under(policy)
        self._agenda = Agenda()
        self._recorder = recorder = Recorder(
            experiment.warmup, experiment.horizon, experiment.late, experiment.records, self._agenda.now
        )
        self._nursery: trio.Nursery | None = None
        self._tree: Supervisor | None = None
        self._services = {
            key: SharedService(key, model, seed, self._agenda, self._tell_outage)
            for key, model in experiment.services.items()
        }
        self._behaviours: dict[str, Behaviour] = {}
        self._specs: dict[str, ChildSpec] = {}
        recorder.expect(ROOT, is_actor=False)
        for path, spec in walk(experiment.tree):
            self._expect(path, is_actor=isinstance(spec, ChildSpec))
        self._root = apply(policy, experiment.tree, self._simulated)

    def _expect(self, path: str, *, is_actor: bool) -> None:
        life = self._recorder.expect(path, is_actor=is_actor)
        if is_actor:
            behaviour = Behaviour(path, self._experiment.model_of(path), self._services, self._recorder, self._seed)
            behaviour.crash = partial(_crash, life)
            self._behaviours[path] = behaviour
            if behaviour.model.lifetime is not None:
                Mortality(life, behaviour, self._agenda)

    def _simulated(self, path: str, spec: ChildSpec) -> ChildSpec:
        behaviour = self._behaviours[path]
        made = self._specs[path] = simulate(spec, factory_for(behaviour.model), behaviour)
        return made

    # -- running

    def run(self) -> Trial:
        """Run it, and return what it came to. Raises TrialEndless."""
        with ordered(self._seed):
            trio.run(self._main, clock=MockClock(autojump_threshold=0))
        if self._recorder.endless is not None:
            at, path = self._recorder.endless
            raise TrialEndless(self._name, self._seed, at, path)
        return self._recorder.trial(self._name, self._seed)

    async def _main(self) -> None:
        self._agenda.begin()
        with trio.CancelScope() as scope:

            def finish() -> None:
                self._recorder.close()
                scope.cancel()

            self._recorder.on_endless = scope.cancel
            self._agenda.at(self._experiment.horizon, finish)
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                for service in self._services.values():
                    service.plan()
                self._plan_faults()
                self._plan_arrivals()
                nursery.start_soon(self._agenda.run)
                await self._keep_running()

    async def _keep_running(self) -> None:
        """Keep the tree open; once it has given up, open it again if that is to be done."""
        after = self._experiment.restart_after
        while True:
            await self._run_tree()
            self._tree = None
            self._recorder.gone()
            if after is None:
                await trio.sleep_forever()
            await trio.sleep(after)

    async def _run_tree(self) -> None:
        try:
            async with (
                open_supervisor(
                    self._root.name,
                    **flags_of(self._root),
                    limits=self._limits,
                    children=self._root.children,
                    scheduling=Scheduling(time_slice=NEVER),
                    on_open=self._watch,
                ) as root,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(self._hear_of_lost_mail, root.dead_letters)
                await root.wait_stopped()
                nursery.cancel_scope.cancel()
        except Exception as error:
            if _is_of_the_tree(error):
                self._recorder.happen(ROOT, "gave up", str(error))
                return
            raise
        self._recorder.happen(ROOT, "gave up", "the tree has ended by itself")

    def _watch(self, root: Supervisor) -> None:
        runtime = root._slot.runtime  # noqa: SLF001 -- the tree is the lab's own
        self._tree = root
        self._recorder.open()
        before, watch = runtime.watch, self._recorder.watch
        if before is None:
            runtime.watch = watch
            return
        reaper: Callable[[Slot], None] = before

        def both(slot: Slot) -> None:
            reaper(slot)
            watch(slot)

        runtime.watch = both

    # -- what happens to it

    def _tell_outage(self, service: str, is_out: bool) -> None:  # noqa: FBT001 -- of one kind of fact
        self._recorder.happen(service, "outage begins" if is_out else "outage ends")

    def _plan_faults(self) -> None:
        for name, fault in self._experiment.faults.items():
            Correlated(name, fault, [*self._behaviours.values()], self._seed).plan(self._agenda)

    def _plan_arrivals(self) -> None:
        behaviours = [*self._behaviours.values()]
        for name, source in self._experiment.workload.items():
            targets = targets_of(source, behaviours)
            for group in [[each] for each in targets] if source.each else [targets]:
                own = group[0].path if source.each else ""
                Arrivals(name, source, group, self._seed, own, self._send).plan(self._agenda, self._experiment.horizon)

    def _send(self, request: Request) -> None:
        traffic = self._recorder.traffic
        slot = self._slot_of(request.path)
        spec = self._specs[request.path]
        request.tries = spec.redeliver
        traffic.arrive(request)
        if slot is None:
            traffic.lose(request, "there is no tree", refused=True)
            return
        try:
            slot.own_ref().tell(request)
        except MailboxFull as error:
            if spec.mailbox.overflow == "wait":
                assert self._nursery is not None
                self._nursery.start_soon(self._send_later, slot, request)
            else:
                traffic.lose(request, type(error).__name__, refused=True)
        except GreenroomError as error:
            traffic.lose(request, type(error).__name__, refused=True)

    def _slot_of(self, path: str) -> Slot | None:
        """Return who has a path now; declared actors are there before they have begun."""
        life = self._recorder.lives[path]
        if life.slot is None and self._tree is not None:
            at: Slot | None = self._tree._slot  # noqa: SLF001 -- the tree is the lab's own
            for name in path.split("/"):
                at = None if at is None else children_of(at).get(name)
            life.slot = at
        return life.slot

    async def _send_later(self, slot: Slot, request: Request) -> None:
        try:
            await slot.own_ref().send(request)
        except GreenroomError as error:
            self._recorder.traffic.lose(request, type(error).__name__, refused=True)

    async def _hear_of_lost_mail(self, letters: DeadLetters) -> None:
        async with letters.subscribe(LETTERS) as feed:
            async for letter in feed:
                if isinstance(letter.message, Request):
                    self._recorder.traffic.lose(letter.message, letter.reason)


def _is_of_the_tree(error: Exception) -> bool:
    """Return whether the tree itself has failed, rather than the lab or the runtime."""
    if isinstance(error, ExceptionGroup):
        return all(map(_is_of_the_tree, cast("ExceptionGroup[Exception]", error).exceptions))
    return isinstance(error, (GreenroomError, SimulatedCrash))


def _crash(life: Life, error: Exception) -> bool:
    """Crash an actor's incarnation; False if there is none."""
    return life.slot is not None and life.slot.own_ref().crash(error)


def run_trial(experiment: Experiment, name: str, policy: Policy, seed: int) -> Trial:
    """Run one trial. Raises TrialEndless."""
    return Stage(experiment, name, policy, seed).run()
