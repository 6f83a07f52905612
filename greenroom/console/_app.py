"""The commands: what is typed becomes a plan, a plan becomes a run, and an outcome becomes an exit status."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Literal, TextIO, cast

import trio
from cyclopts import App, CycloptsError, Parameter, UnknownOptionError
from rich.console import Console

from .._version import __version__
from ..races._schedule import Fidelity, Time
from ..races._search import Mode
from ..races._strategies import Strategy
from ..races._telling import told
from ..races._threads import Threads
from ._absent import Absent
from ._describe import described, drawn
from ._help import epilogue
from ._imports import look_in
from ._live import LiveScreen
from ._logs import LogLevel, logs_on
from ._parameters import declared, option, split_words
from ._plan import Plan, all_children, make_plan, profiles_of
from ._problem import InvalidInput, Malformed, Problem
from ._racing import again, check_picture, whole, write_picture
from ._racing import prove as run_proof
from ._racing import race as run_race
from ._racing import replay as run_replay
from ._reader import read_tree_file, shown
from ._run import FAILED, FINE, USAGE, rendered, run_plan, traceback_of
from ._salvage import problems_behind
from ._schema import schema_text
from ._screen import Screen
from ._top import show_top
from ._treefile import Child, TreeFile
from ._writing import check_file

View = Literal["auto", "live", "plain", "none"]

#: Of the numbers of `race` and `replay`.
Whole = Annotated[int, Parameter(converter=whole)]

app = App(
    name="greenroom",
    help="Run supervised trees of actors that are declared in TOML, look at them while they run, and search programs for races.",
    help_epilogue=(
        "Exit status: 0 it went well · 1 it failed · 2 something given is wrong · 130 Ctrl-C (128 + signal)\n\n"
        "greenroom COMMAND --help has examples."
    ),
    help_format="plaintext",
    version=__version__,
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
    suppress_keyboard_interrupt=False,
    default_parameter=Parameter(negative=()),
)


@app.command(help_epilogue=epilogue("run"))
def run(
    tree: str,
    /,
    *parameters: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    profile: str | None = None,
    view: View = "auto",
    log_level: LogLevel = "info",
    output: str | None = None,
    inspect: str | None = None,
) -> int:
    """Run a tree until its main child has ended, or until Ctrl-C.

    What the main child gives as its result is printed at the end. The tree's own parameters are options too: --NAME VALUE for each that the file
    declares; `greenroom check TREE` lists them.

    Args:
        tree: the tree file.
        parameters: of the tree.
        profile: the profile of the file to take.
        view: the tree as a live picture or as plain lines; auto is live in a terminal.
        log_level: from which level on the log is shown.
        output: a file to write the result to.
        inspect: the path of a socket to open, by which `greenroom top` can look at the tree.
    """
    path = Path(tree)
    declaration = _read(path)
    wrong: list[Problem] = [] if output is None else list(check_file("--output", output))
    given = split_words(parameters, list(declared(declaration)), wrong)
    plan = make_plan(declaration, path, profile, given, wrong)
    own = {
        child.factory.partition(":")[0].partition(".")[0]
        for _, child, _ in all_children(declaration)
        if isinstance(child, Child)
    }
    return _run(plan, _screen(view), log_level, own, output, inspect)


@app.command(help_epilogue=epilogue("check"))
def check(tree: str | None = None, /, *, profile: str | None = None, schema: bool = False) -> int:
    """Check a tree file, with all its profiles, and say what it declares; nothing is started.

    Args:
        tree: the tree file.
        profile: check this profile only.
        schema: print the JSON schema of tree files instead.
    """
    if schema:
        sys.stdout.write(schema_text())
        return FINE
    if tree is None:
        raise InvalidInput("", [Problem("", "check what? Give a tree file, or --schema")])
    path = Path(tree)
    declaration = _read(path)
    profiles = profiles_of(declaration)
    problems: dict[Problem, None] = {}
    others: dict[Problem, None] = {}
    plans: list[Plan] = []
    for name in [None, *profiles] if profile is None else [profile]:
        try:
            plans.append(make_plan(declaration, path, name, None))
        except InvalidInput as error:
            problems |= dict.fromkeys(error.problems)
            others |= dict.fromkeys(error.others)
    if problems or others:
        raise InvalidInput(str(path), problems, others)
    _describe(path, declaration, plans[0])
    return FINE


def _read(path: Path) -> TreeFile:
    """Read a tree file, and let the modules beside it be imported."""
    try:
        declaration = read_tree_file(path)
    except Malformed as error:
        look_in(path.parent)
        raise InvalidInput(error.source, [*error.problems, *problems_behind(error, path)]) from None
    look_in(path.parent)
    return declaration


@app.command(help_epilogue=epilogue("race"))
def race(
    scenario: str,
    /,
    *,
    schedules: Whole = 10_000,
    deviations: Whole | None = None,
    reduction: bool = False,
    seed: Whole = 0,
    seconds: float | None = None,
    strategy: Strategy = "portfolio",
    time: Time = "exact",
    mode: Mode = "shared",
    max_steps: Whole = 10_000,
    threads: Threads = "inline",
    fidelity: Fidelity = "all",
    workers: Whole | None = None,
    picture: str | None = None,
) -> int:
    """Look for a schedule under which a scenario fails: exit 1 and the smallest one that was found, 0 if none fails.

    Args:
        scenario: its import path, "module:scenario", of an async function that takes a `sim`.
        schedules: how many to try at most.
        deviations: tries all schedules with at most so many deviations from the default, instead of a search; then schedules, seed, strategy and
            workers say nothing.
        reduction: with deviations: spares those that only reorder steps of actors that do not meet; assumes that actors share nothing but mail.
        seed: of all that is drawn.
        seconds: after which no other schedule is begun.
        strategy: portfolio, bounded, walk, pct, pos or batch.
        time: exact, or choice: timeouts may fire early and late.
        mode: shared: many schedules in one Trio run; isolated: one each.
        max_steps: steps after which a run counts as a livelock.
        threads: what trio.to_thread.run_sync is given: inline: runs within the step; refuse: fails; real: runs in a thread, which is not controlled.
        fidelity: all orders of steps; or trio: those alone that today's Trio may take.
        workers: processes to search with; as many as there are cores, unless the search is one after the other by its nature.
        picture: a file to draw the failure to, if there is one: .svg is a picture, .html a page with it, to zoom and to look around in.
    """
    check_picture(picture)
    if deviations is not None:
        proof = run_proof(
            scenario, deviations, reduction=reduction, seconds=seconds, time=time, mode=mode, max_steps=max_steps,
            threads=threads, fidelity=fidelity,
        )  # fmt: skip
        if proof.found is None:
            print(f"{scenario}: {proof}")
            return FINE
        replay = again(proof.found.token, scenario)
        print(f"{scenario}: {proof.found.told(replay)}")
        write_picture(picture, proof.found, replay)
        return FAILED
    if reduction:
        raise InvalidInput("", [Problem("--reduction", "needs --deviations: a search that draws spares nothing")])
    if workers is None:
        workers = 1 if mode == "isolated" or strategy == "bounded" or not hasattr(os, "fork") else os.cpu_count() or 1
    surveyed = run_race(
        scenario, schedules, seconds, seed=seed, strategy=strategy, time=time, mode=mode, max_steps=max_steps,
        threads=threads, fidelity=fidelity, workers=workers,
    )  # fmt: skip
    found = surveyed.found
    if found is None:
        print(f"{scenario}: nothing found with strategy {strategy} and seed {seed}: {surveyed.summary()}")
        return FINE
    print(f"{scenario}: {found.told(again(found.token, scenario))}")
    write_picture(picture, found, again(found.token, scenario))
    return FAILED


@app.command(help_epilogue=epilogue("replay"))
def replay(
    token: str,
    scenario: str,
    /,
    *,
    max_steps: Whole = 10_000,
    threads: Threads = "inline",
    picture: str | None = None,
) -> int:
    """Run a scenario under the schedule of a failure: exit 1 if it fails, 0 if it passes.

    Args:
        token: as a failure printed it.
        scenario: its import path, "module:scenario".
        max_steps: steps after which a run counts as a livelock.
        threads: as for race: a schedule leads to the same run only under the same.
        picture: a file to draw the run to, as for race; also if it passes.
    """
    check_picture(picture)
    result = run_replay(token, scenario, max_steps, threads)
    command = again(token, scenario)
    print(f"{scenario}: {told(result, command) if result.failed else f'passed, in {result.steps} steps'}")
    write_picture(picture, result, command)
    return FAILED if result.failed else FINE


@app.command
def lab(
    experiment: str | None = None,
    /,
    *,
    seeds: Whole | None = None,
    workers: Whole | None = None,
    policy: list[str] | None = None,
    baseline: str | None = None,
    measure: list[str] | None = None,
    confidence: float = 0.95,
    csv: str | None = None,
    json: str | None = None,
    html: str | None = None,
) -> int:
    """Run an experiment with a tree in virtual time, and compare policies: strategies, intensities, backoffs, limits, mailboxes.

    Without an experiment it says which come with it. `greenroom lab herd --html herd.html` runs one of them, and writes a report with plots;
    `greenroom lab mine.toml --seeds 30 --csv mine.csv` runs yours with 30 seeds. The same seeds give the same figures, to the last digit.

    Args:
        experiment: a TOML file, or the name of one that comes with it.
        seeds: how many trials of each policy, instead of what the file says.
        workers: processes to run trials with; as many as there are cores.
        policy: the name of one to run, instead of all; may be given several times.
        baseline: the policy that the others are compared with; the first.
        measure: the name of one to tell of, instead of all that tell something; may be given several times.
        confidence: of intervals and comparisons, above 0 and below 1.
        csv: a file to write all measures of all trials to.
        json: a file to write all results to, but for the timelines.
        html: a file to write the report to: one page, with plots; needs greenroom[plot].
    """
    # Not at the top: it is slow to import, and no other command needs it.
    from ._experiments import ExperimentFailed, Wanted, do_experiment, list_ready

    if experiment is None:
        list_ready()
        return FINE
    files = {option: name for option, name in (("--csv", csv), ("--json", json), ("--html", html)) if name is not None}
    try:
        do_experiment(
            experiment,
            Wanted(
                seeds=seeds, workers=workers, policies=tuple(policy or ()), baseline=baseline, measures=tuple(measure or ()),
                confidence=confidence, files=files,
            ),
        )  # fmt: skip
    except ExperimentFailed as error:
        complain(str(error))
        return FAILED
    return FINE


@app.command(help_epilogue=epilogue("tree"))
def tree(tree: str, /, *, profile: str | None = None) -> int:
    """Draw the tree that a file declares: who supervises whom, and how; nothing is started.

    Args:
        tree: the tree file.
        profile: the profile of the file to take.
    """
    path = Path(tree)
    declaration = _read(path)
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    for line in drawn(
        declaration, make_plan(declaration, path, profile, None), ascii_only=not encoding.lower().startswith("utf")
    ):
        print(line)
    return FINE


@app.command(help_epilogue=epilogue("top"))
def top(
    socket: str,
    /,
    *,
    once: bool = False,
    json: bool = False,
    search: str = "",
    rows: Whole = 200,
    every: float = 0.5,
    timeout: float = 20.0,
) -> int:
    """Look at a running program through the socket that it has opened with greenroom.inspector.open_inspector; nothing can be changed.

    Args:
        socket: the path of its socket.
        once: print one picture, and leave.
        json: print lines of JSON instead of pictures.
        search: show only actors whose paths have all these words in them; a word may be a state, too.
        rows: actors to show at most; of more, those that are worth most. Those above them come besides.
        every: seconds between two pictures.
        timeout: seconds to wait for an answer, with once or json.
    """
    return show_top(socket, once=once, as_json=json, search=search, rows=rows, every=every, timeout=timeout)


@app.command(help_epilogue=epilogue("completion"))
def completion(shell: Literal["bash", "zsh", "fish"], /) -> int:
    """Print a script that lets a shell complete commands and options.

    Args:
        shell: for which one.
    """
    sys.stdout.write(app.generate_completion(shell=shell))
    return FINE


def _describe(path: Path, declaration: TreeFile, plan: Plan) -> None:
    print(f"{path}: fine")
    for line in described(declaration, plan):
        print(f"  {line}")
    for name in profiles_of(declaration):
        print(f"  profile   {name}")
    for name, parameter in declared(declaration).items():
        default = "needed" if isinstance(parameter.default, Absent) else f"default: {shown(parameter.default)}"
        print(f"  parameter {option(name)}: {parameter.help or 'a value'} ({default})")


def _screen(view: View) -> Screen:
    if view == "none":
        return Screen(shows_tree=False)
    console = Console(highlight=False, emoji=False, markup=False)
    is_live = console.is_terminal and not console.is_dumb_terminal if view == "auto" else view == "live"
    return LiveScreen(console) if is_live else Screen()


def _run(  # noqa: PLR0917 -- what `run` was given
    plan: Plan, screen: Screen, log_level: LogLevel, own: set[str], output: str | None, inspect: str | None
) -> int:
    with screen, logs_on(screen, log_level, own):
        outcome = trio.run(run_plan, plan, screen, inspect)
    if screen.lost is not None:
        silence(sys.stdout)
    if outcome.error is not None and log_level == "debug" and outcome.code == FAILED:
        sys.stderr.write(traceback_of(outcome.error))
    for line in outcome.errors:
        complain(line)
    if outcome.code == FINE and outcome.result is not None:
        text = rendered(outcome.result)
        if output is not None:
            try:
                Path(output).write_text(text if text.endswith("\n") else f"{text}\n", encoding="utf-8")
            except OSError as error:
                complain(f"{output}: cannot be written: {error.strerror}")
                outcome.code = FAILED
        if output is None or outcome.code != FINE:
            screen.print(f"\n{text.rstrip()}")
            if screen.lost is not None:
                return FAILED
    return outcome.code


def complain(text: str) -> None:
    """Write to stderr, if anybody listens there."""
    try:
        for line in text.splitlines():
            sys.stderr.write(f"greenroom: {line}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


def open_missing_streams() -> None:
    """Give a program that was started without stdout or stderr ones that lead to nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 -- closed with the process


def silence(stream: TextIO) -> None:
    """Let a stream write to nowhere: what is left in its buffer would fail once more when Python exits."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit status."""
    open_missing_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result = app(words)
        sys.stdout.flush()
        return result if isinstance(result, int) else FINE
    except InvalidInput as error:
        complain(str(error))
        return USAGE
    except CycloptsError as error:
        is_of_a_tree = isinstance(error, UnknownOptionError) and words[:1] != ["lab"]
        hint = " The tree's own parameters come behind the tree file." if is_of_a_tree else ""
        complain(str(error).strip() + hint)
        return USAGE
    except OSError as error:
        silence(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            complain(str(error))
        return FAILED
    except BaseExceptionGroup as group:
        # An actor's Ctrl-C or sys.exit(), out of the nurseries that it went through.
        leaf: BaseException = group
        while isinstance(leaf, BaseExceptionGroup):
            members = cast("tuple[BaseException, ...]", leaf.exceptions)
            leaf = next((each for each in members if not isinstance(each, Exception)), members[0])
        if isinstance(leaf, (KeyboardInterrupt, SystemExit)):
            raise leaf from None
        raise
