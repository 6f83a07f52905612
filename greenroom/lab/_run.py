"""Running an experiment: all trials, on all cores, and the results in the order of the experiment, whichever trial was done first."""

import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from itertools import islice
from typing import Any, Final, cast

import trio

from ..treefile._problem import unknown
from ._errors import InvalidExperiment, TrialEndless, TrialFailed
from ._experiment import Experiment
from ._order import UnknownTrio
from ._stage import run_trial
from ._trial import Results, Trial

#: Is called with how many trials are done, and how many there are.
Progress = Callable[[int, int], object]
#: More processes than this are a slip of the keyboard.
MOST_WORKERS: Final = 1_000
#: Trials that each process has waiting, so that none waits for work.
AHEAD: Final = 2

_Job = tuple[str, int]


def run(
    experiment: Experiment,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    policies: Sequence[str] | None = None,
) -> Results:
    """Run all trials of an experiment: each policy with each seed. Plain function; not from inside a Trio run.

    Args:
        experiment: what to run.
        workers: processes; None: one for each core, but no more than there are trials. With 1, the trials run in this process. More are started
            anew (`spawn`), so a script that is run as the main program keeps its call below `if __name__ == "__main__":`.
        progress: is called after each trial, in this thread.
        policies: names of those to run; None: all.

    Returns:
        the trials: for each policy, in the experiment's order, all seeds, in theirs. They do not depend on `workers`.

    Raises:
        InvalidExperiment: a policy is asked for that there is not.
        ValueError: workers is no number of processes.
        TrialEndless: a tree goes on and on at one moment.
        TrialFailed: a trial could not be run to its end.
        RuntimeError: it is called in a Trio run.
        UnknownTrio: the installed version of Trio cannot be told in which order to run tasks.
        What `progress` raises leaves as it is; trials that are under way are ended.
    """
    if not isinstance(experiment, Experiment):
        raise TypeError(f"run: {experiment!r} is no Experiment; make one, or load() it from a file")
    if trio.lowlevel.in_trio_run():
        text = "run: it takes long, and is no async function; inside Trio, call it by trio.to_thread.run_sync"
        raise RuntimeError(text)
    compared = experiment.compared
    if isinstance(policies, str):
        text = f"{policies!r} is one string, where several names may stand; give a list: [{policies!r}]"
        raise InvalidExperiment("", [(("policies",), text)])
    # One that is named twice would count twice.
    names = tuple(dict.fromkeys(compared if policies is None else policies))
    wrong = [(("policies",), unknown("policy", name, list(compared))) for name in names if name not in compared]
    if wrong or not names:
        raise InvalidExperiment("", wrong or [(("policies",), "none is asked for, so nothing would run")])
    jobs = [(name, seed) for name in names for seed in experiment.seeds]
    many = min(_workers(workers), len(jobs))
    tell = progress or _nobody
    done: dict[_Job, Trial] = {}
    tell(0, len(jobs))
    for job, trial in _alone(experiment, jobs) if many == 1 else _together(experiment, jobs, many):
        done[job] = trial
        tell(len(done), len(jobs))
    return Results(
        name=experiment.name,
        description=experiment.description,
        horizon=experiment.horizon,
        policies=names,
        seeds=experiment.seeds,
        trials=tuple(done[job] for job in jobs),
    )


def _nobody(_done: int, _of: int) -> None:
    """Be told of progress, and say nothing."""


def _workers(given: Any) -> int:
    if given is None:
        usable = getattr(os, "sched_getaffinity", None)
        return len(usable(0)) if usable is not None else os.cpu_count() or 1
    if type(given) is not int or not 1 <= given <= MOST_WORKERS:
        raise ValueError(f"workers is {given!r}; give a whole number from 1 to {MOST_WORKERS}, or None for all cores")
    return given


def _alone(experiment: Experiment, jobs: Iterable[_Job]) -> Iterator[tuple[_Job, Trial]]:
    compared = experiment.compared
    for name, seed in jobs:
        try:
            trial = run_trial(experiment, name, compared[name], seed)
        except (TrialEndless, UnknownTrio):
            raise
        except Exception as error:
            raise TrialFailed(name, seed, _why(error)) from error
        yield (name, seed), trial


def _together(experiment: Experiment, jobs: Sequence[_Job], many: int) -> Iterator[tuple[_Job, Trial]]:
    try:
        packed = pickle.dumps(experiment)
    except Exception as error:
        text = f"cannot be sent to another process ({error}); give what it is made of names at the top of a module, or workers=1"
        raise InvalidExperiment("", [((), text)]) from error
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(many, context, initializer=_begin, initargs=(packed,))
    waiting = iter(jobs)
    running: dict[Future[Trial], _Job] = {}
    try:
        for job in islice(waiting, many * AHEAD):
            running[pool.submit(_work, *job)] = job
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                yield job, _trial_of(future, job)
                with suppress(StopIteration):
                    after = next(waiting)
                    running[pool.submit(_work, *after)] = after
    except BaseException:
        # Also Ctrl-C, and whoever has no use for more trials: nobody waits for those that are under way.
        processes: dict[int, Any] = getattr(pool, "_processes", None) or {}
        for process in [*processes.values()]:
            process.terminate()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _trial_of(future: Future[Trial], job: _Job) -> Trial:
    try:
        return future.result()
    except (TrialEndless, UnknownTrio):
        raise
    except BrokenProcessPool as error:
        why = (
            "a process that ran trials has ended without a word: it was killed, the machine ran out of memory, or "
            'the script that calls run() does so as it is imported, and not below if __name__ == "__main__":'
        )
        raise TrialFailed(*job, why) from error
    except Exception as error:
        raise TrialFailed(*job, _why(error)) from error


def _why(error: Exception) -> str:
    """Return what to tell of an error; a group says nothing by itself, so the first that is in it is told."""
    while isinstance(error, ExceptionGroup):
        error = cast("ExceptionGroup[Exception]", error).exceptions[0]
    return str(error) or type(error).__name__


#: In a process that runs trials: the experiment, or why there is none.
_experiment: Experiment | Exception | None = None


def _begin(packed: bytes) -> None:
    """Begin a process: Ctrl-C is for the one who asked, who then ends all."""
    global _experiment  # noqa: PLW0603 -- one for the process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _experiment = pickle.loads(packed)  # noqa: S301 -- of our own parent
    except Exception as error:  # noqa: BLE001 -- told to the one who asked, with the first trial
        _experiment = error


def _work(name: str, seed: int) -> Trial:
    if not isinstance(_experiment, Experiment):
        text = f"the experiment cannot be read in another process, so give workers=1 ({_experiment})"
        raise RuntimeError(text)  # noqa: TRY004 -- it is no matter of types
    return run_trial(_experiment, name, _experiment.compared[name], seed)
