"""The commands: what is typed becomes a plan, a plan becomes a run, and an outcome becomes an exit status."""

import errno
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Final, Literal, TextIO, cast

import trio
from cyclopts import CycloptsError, Parameter, UnknownOptionError
from rich.console import Console

from ..treefile._absent import Absent
from ..treefile._imports import look_in
from ..treefile._parameters import declared, option, split_words
from ..treefile._plan import Plan, all_children, make_plan, profiles_of
from ..treefile._problem import InvalidInput, Malformed, Problem
from ..treefile._reader import read_tree_file, shown
from ..treefile._treefile import Child, TreeFile
from . import _race_commands as _race_commands  # its commands register themselves
from ._command import FileName, Whole, app
from ._completion import Shell, completion_script
from ._describe import described, drawn
from ._help import epilogue
from ._live import LiveScreen
from ._logs import LogLevel, logs_on
from ._run import FAILED, FINE, USAGE, rendered, run_plan, traceback_of
from ._salvage import problems_behind
from ._schema import schema_text
from ._screen import Screen
from ._top import show_top
from ._writing import check_file

View = Literal["auto", "live", "plain", "none"]
#: What a full disk and its like say.
UNWRITTEN: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


@app.command(help_epilogue=epilogue("run"))
def run(
    tree: FileName,
    /,
    *parameters: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    profile: str | None = None,
    view: View = "auto",
    log_level: LogLevel = "info",
    output: FileName | None = None,
    inspect: FileName | None = None,
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
def check(tree: FileName | None = None, /, *, profile: str | None = None, schema: bool = False) -> int:
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


@app.command(help_epilogue=epilogue("lab"))
def lab(
    experiment: FileName | None = None,
    /,
    *,
    seeds: Whole | None = None,
    workers: Whole | None = None,
    policy: list[str] | None = None,
    baseline: str | None = None,
    measure: list[str] | None = None,
    confidence: float = 0.95,
    csv: FileName | None = None,
    json: FileName | None = None,
    html: FileName | None = None,
) -> int:
    """Run an experiment with a tree in virtual time, and compare policies: strategies, intensities, backoffs, limits, mailboxes.

    Without an experiment it says which come with it. The same seeds give the same figures, to the last digit.

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
def tree(tree: FileName, /, *, profile: str | None = None) -> int:
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
    socket: FileName,
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
def completion(shell: Shell, /) -> int:
    """Print a script that lets a shell complete commands and options.

    Args:
        shell: for which one.
    """
    sys.stdout.write(completion_script(shell))
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
    # FORCE_COLOR makes a terminal of anything, for rich; a picture that moves needs a real one.
    can_be = console.is_terminal and console.file.isatty() and not console.is_dumb_terminal
    is_live = can_be if view == "auto" else view == "live"
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
            of_output = error.filename is None and error.errno in UNWRITTEN
            complain(f"{'the output cannot be written: ' if of_output else ''}{error}")
        return FAILED
    except SystemExit:  # a signal, such as that of a terminal which has hung up: what was still to be written to it would fail at the end
        try:
            sys.stdout.flush()
        except OSError:
            silence(sys.stdout)
        raise
    except BaseExceptionGroup as group:
        # An actor's Ctrl-C or sys.exit(), out of the nurseries that it went through.
        leaf: BaseException = group
        while isinstance(leaf, BaseExceptionGroup):
            members = cast("tuple[BaseException, ...]", leaf.exceptions)
            leaf = next((each for each in members if not isinstance(each, Exception)), members[0])
        if isinstance(leaf, (KeyboardInterrupt, SystemExit)):
            raise leaf from None
        raise
