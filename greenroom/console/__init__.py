"""The command line: `greenroom run TREE.toml` and `greenroom check TREE.toml`.

A tree file goes through four hands, and each knows only its own craft:

    TOML ──▶ _reader ──▶ TreeFile ──▶ make_plan ──▶ Plan ──▶ run_plan ──▶ Outcome ──▶ exit status
             what is      what was     profile,      what      the tree,
             wrong in it  said         parameters    runs      on a Screen

Whatever the user got wrong is found before anything is started, all of it at once, and told by its place in the file; the exit status is
then 2, and there is no traceback.

Needs the extra `greenroom[cli]`.
"""

import signal
import sys

_INTERRUPTED = 128 + signal.SIGINT


def main() -> int:
    """Be the program `greenroom`; the exit status is returned."""
    code = _INTERRUPTED
    try:
        try:
            from ._app import main as run_main  # the extra may be missing, and Ctrl-C may come while it is imported
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if missing not in ("cyclopts", "rich"):
                raise
            sys.stderr.write(f"greenroom: the command line needs {missing}; install it: pip install 'greenroom[cli]'\n")
            return 2
        code = run_main()
        _ignore_interrupts()
    except KeyboardInterrupt:  # in the midst of it, or just as all was done
        _ignore_interrupts()
    return code


def _ignore_interrupts() -> None:
    """Leave what Python still has to do undisturbed: it is not worth a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
