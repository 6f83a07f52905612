"""The command `lab`: an experiment is found, run with a progress bar, told as tables, and written to files."""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import attrs
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..lab import (
    MEASURES,
    Experiment,
    InvalidExperiment,
    Results,
    TrialEndless,
    TrialFailed,
    load,
    make_csv,
    make_json,
    make_page,
)
from ..lab import run as run_experiment
from ..lab._file import write_whole
from ..lab._ready import ready, ready_path
from ..lab._run import MOST_WORKERS
from ..lab._units import check_names
from ..treefile._problem import InvalidInput, Problem
from ._experiment_tables import print_results
from ._text import clean
from ._writing import check_file

#: Columns of what is no terminal: a table is not to be broken there.
WIDE: Final = 160


@attrs.frozen(kw_only=True)
class Wanted:
    """Be what the command line asks for."""

    seeds: int | None
    workers: int | None
    policies: tuple[str, ...]
    baseline: str | None
    measures: tuple[str, ...]
    confidence: float
    files: dict[str, str]


class ExperimentFailed(Exception):
    """A trial could not be run to its end, or a file not be written after all; the text says which, and why."""


def list_ready() -> None:
    """Say which experiments come with the lab, and what each is about."""
    print("Give an experiment: a TOML file, or one of these by its name:")
    for name in ready():
        print(f"  {name:<12} {load(ready_path(name)).name}")


def do_experiment(given: str, wanted: Wanted) -> None:
    """Run an experiment, print what it came to, and write the files that are wanted.

    Raises:
        InvalidInput: something given is wrong; then nothing has been run.
        ExperimentFailed: a trial could not be run to its end, or a file could not be written after all.
    """
    path = _find(given)
    _check(path, wanted)
    experiment = _experiment(path, wanted)
    try:
        results = _run(experiment, wanted)
    except (TrialEndless, TrialFailed) as error:
        raise ExperimentFailed(f"{path}: {error}") from error
    except InvalidExperiment as error:
        raise InvalidInput(str(path), error.problems) from None
    told: dict[str, Any] = {
        "baseline": wanted.baseline,
        "measures": wanted.measures or None,
        "confidence": wanted.confidence,
    }
    console = Console(highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, emoji=False, markup=False, width=WIDE)
    try:
        print_results(console, results, **told)
        _write(results, wanted, told, _again(given, wanted))
    except ValueError as error:
        raise InvalidInput(str(path), [Problem("", clean(str(error)))]) from error


def _find(given: str) -> Path:
    """Return the file of an experiment, which is given by its path or by its name."""
    path = Path(given)
    try:
        if path.suffix == ".toml" or os.sep in given or path.exists():
            return path
        return ready_path(given)
    except ValueError as error:
        text = f"{clean(str(error))} (there is no file {clean(given)!r} either)"
        raise InvalidInput("", [Problem("", text)]) from None


def _check(path: Path, wanted: Wanted) -> None:
    """Find out what is wrong before anything is run."""
    problems: list[Problem] = []
    if not 0 < wanted.confidence < 1:
        problems.append(Problem("--confidence", f"{wanted.confidence:g} is not above 0 and below 1; 0.95 is usual"))
    if wanted.workers is not None and not 1 <= wanted.workers <= MOST_WORKERS:
        problems.append(Problem("--workers", f"{wanted.workers} is no number of processes; give 1 to {MOST_WORKERS:,}"))
    _known(problems, "--measure", "measure", wanted.measures, MEASURES)
    taken = {_real(path): f"the experiment {path}"}
    for option, name in wanted.files.items():
        wrong = list(check_file(option, name))
        problems += wrong
        other = taken.setdefault(_real(Path(name)), option)
        if not wrong and other != option:
            problems.append(Problem(option, f"{name!r} is {other} as well, which would be written over"))
    if "--html" in wanted.files and find_spec("matplotlib") is None:
        problems.append(
            Problem("--html", "plots need matplotlib, which is not installed: pip install 'greenroom[plot]'")
        )
    if problems:
        raise InvalidInput("", problems)


def _real(path: Path) -> str:
    try:
        return os.path.realpath(path)
    except ValueError:  # a null byte; who looks at the file says so
        return str(path)


def _experiment(path: Path, wanted: Wanted) -> Experiment:
    """Load the experiment, with what the command line says instead."""
    try:
        experiment = load(path)
    except InvalidExperiment as error:
        raise InvalidInput(error.source, error.problems) from None
    if wanted.seeds is not None:
        try:
            experiment = attrs.evolve(experiment, seeds=wanted.seeds)
        except InvalidExperiment as error:
            raise InvalidInput("", [Problem("--seeds", each.text) for each in error.problems]) from None
    problems: list[Problem] = []
    names = wanted.policies or tuple(experiment.compared)
    _known(problems, "--policy", "policy", wanted.policies, tuple(experiment.compared))
    if not problems and wanted.baseline is not None:
        _known(problems, "--baseline", "policy", [wanted.baseline], names)
    if problems:
        raise InvalidInput("", problems)
    return experiment


def _known(problems: list[Problem], option: str, what: str, names: Sequence[str], known: Sequence[str]) -> None:
    try:
        check_names(what, names, known)
    except ValueError as error:
        problems.append(Problem(option, clean(str(error))))


def _run(experiment: Experiment, wanted: Wanted) -> Results:
    """Run it, with a bar on stderr if that is a terminal."""
    console = Console(stderr=True, highlight=False, emoji=False, markup=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("trials"),
        TimeElapsedColumn(),
        TextColumn("left:"),
        TimeRemainingColumn(),
    )
    policies = list(dict.fromkeys(wanted.policies)) or None
    if not console.is_terminal:  # a bar that is disabled ends with an empty line in older versions of rich
        return run_experiment(experiment, workers=wanted.workers, policies=policies)
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(clean(experiment.name), total=None)

        def show(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        return run_experiment(experiment, workers=wanted.workers, progress=show, policies=policies)


def _write(results: Results, wanted: Wanted, told: dict[str, Any], again: str) -> None:
    makers: dict[str, Callable[[], str]] = {
        "--csv": lambda: make_csv(results),
        "--json": lambda: make_json(results, **told),
        "--html": lambda: make_page(results, **told, again=again),
    }
    for option, name in wanted.files.items():
        text = makers[option]()
        try:
            write_whole(name, text)
        except (OSError, ValueError) as error:
            words = getattr(error, "strerror", None) or str(error)
            raise ExperimentFailed(f"{option}: {name!r} cannot be written: {words}") from None
        sys.stdout.write(f"written: {clean(name)}\n")


def _again(given: str, wanted: Wanted) -> str:
    """Return the command that makes the page again."""
    words = ["greenroom", "lab", given]
    words += [] if wanted.seeds is None else ["--seeds", str(wanted.seeds)]
    words += [word for name in wanted.policies for word in ("--policy", name)]
    words += [] if wanted.baseline is None else ["--baseline", wanted.baseline]
    words += [word for name in wanted.measures for word in ("--measure", name)]
    words += [] if wanted.confidence == 0.95 else ["--confidence", f"{wanted.confidence:g}"]  # noqa: PLR2004 -- the default
    return shlex.join([*words, "--html", wanted.files.get("--html", "report.html")])
