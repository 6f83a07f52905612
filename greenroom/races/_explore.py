"""Exploring in a test: a decorator that makes a plain test of a scenario."""

import inspect
import re
import shlex
from collections.abc import Awaitable, Callable
from functools import partial, wraps
from hashlib import sha256
from pathlib import Path
from typing import Any

from ._result import Result
from ._run import MAX_STEPS, Backend
from ._schedule import Fidelity, Time
from ._search import SCHEDULES, Mode, run, survey
from ._settings import settings
from ._strategies import Strategy
from ._survey import Found
from ._telling import told
from ._threads import Threads


def pytest_again(token: str) -> str:
    """Return the command that runs the present test under a token."""
    test = f" {shlex.quote(settings.test)}" if settings.test else ""
    return f"pytest --race-replay={token}{test}"


def draw_failure(name: str, run: Result | Found, again: str) -> str:
    """Draw a failure into the folder that was asked for; return a line that says so, or why not."""
    folder = settings.pictures
    if folder is None:
        return ""
    test = settings.test or name
    # Names of tests may hold anything, and be long: what is left of one says which, and the hash tells it from others.
    file, _, rest = test.partition("::")
    plain = re.sub(r"[^0-9A-Za-z_.]+", "-", f"{Path(file).stem} {rest}").strip("-.")[:80]
    path = folder / f"{plain}-{sha256(test.encode(errors='backslashreplace')).hexdigest()[:8]}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(run.html(again), encoding="utf-8")
    except OSError as error:
        return f"\nnot drawn: {path} cannot be written: {error.strerror}"
    return f"\ndrawn to {path}"


class RaceFound(AssertionError):
    """A schedule was found under which a test fails; the text says which, and how to see it again.

    Attributes:
        token: for `pytest --race-replay`; of a machine, its program is in it, too.
    """

    def __init__(self, text: str, token: str) -> None:
        super().__init__(text)
        self.token = token


def explore(
    *,
    schedules: int = SCHEDULES,
    seed: int = 0,
    seconds: float | None = None,
    strategy: Strategy = "portfolio",
    mode: Mode = "shared",
    max_steps: int = MAX_STEPS,
    time: Time = "exact",
    backend: Backend | None = None,
    threads: Threads = "inline",
    fidelity: Fidelity = "all",
) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., None]]:
    """Run an async test under many schedules; it fails with the smallest failure that was found.

        @races.explore(schedules=300)
        async def test_nobody_waits_for_ever(sim): ...

    The test is a plain function to pytest. Its first parameter gets the `Sim`; others come from `pytest.mark.parametrize`, or from fixtures that
    may be shared by all runs. `pytest --race-replay=TOKEN` runs it under the schedule of a failure only; `--race-schedules=N` tries N of them;
    `--race-pictures=FOLDER` draws each failure to a page there.

    Args:
        schedules: how many to try.
        seed: of all that is drawn.
        seconds: of real time after which no other schedule is begun.
        strategy: "portfolio", or one alone, as for `search`.
        mode: "shared" or "isolated", as for `search`.
        max_steps: steps after which a run counts as a livelock.
        time: "exact", or "choice" to let timeouts fire early and late.
        backend: "hook" or "gate"; None takes the faster one that works.
        threads: "inline", "refuse" or "real", as for `search`.
        fidelity: "all", or "trio" for orders alone that the Trio of today may take.

    Raises:
        TypeError: it decorates something else than an async function with a parameter for the `Sim`.
    """

    def decorate(scenario: Callable[..., Awaitable[Any]]) -> Callable[..., None]:
        name = getattr(scenario, "__qualname__", repr(scenario))
        if not inspect.iscoroutinefunction(scenario):
            raise TypeError(f"races.explore: {name} is no async function; a scenario is `async def {name}(sim)`")
        signature = inspect.signature(scenario)
        parameters = list(signature.parameters.values())
        own = [parameter for parameter in parameters[:1] if parameter.name == "self"]
        if len(parameters) == len(own):
            raise TypeError(f"races.explore: {name} takes no `sim`; a scenario is `async def {name}(sim)`")

        @wraps(scenario)
        def test(*instance: Any, **others: Any) -> None:
            play = partial(scenario, *instance, **others)
            if settings.replay is not None:
                result = run(play, schedule=settings.replay, max_steps=max_steps, backend=backend, threads=threads)
                if result.failed:
                    token = result.schedule.token
                    again = pytest_again(token)
                    text = f"{name}: {told(result, again)}{draw_failure(name, result, again)}"
                    raise RaceFound(text, token) from result.error
                return
            tries = settings.schedules or schedules
            surveyed = survey(
                play, schedules=tries, seed=seed, seconds=seconds, strategy=strategy, mode=mode,
                max_steps=max_steps, time=time, backend=backend, threads=threads, fidelity=fidelity,
                progress=settings.progress and settings.progress(name, tries),
            )  # fmt: skip
            settings.surveys.append(surveyed)
            found = surveyed.found
            if found is not None:
                again = pytest_again(found.token)
                text = f"{name}: {found.told(again)}{draw_failure(name, found, again)}"
                raise RaceFound(text, found.token) from found.result.error

        test.__signature__ = signature.replace(parameters=[*own, *parameters[len(own) + 1 :]], return_annotation=None)  # type: ignore[attr-defined]
        test.is_explored = True  # type: ignore[attr-defined]  # by which the plugin knows it
        return test

    return decorate
