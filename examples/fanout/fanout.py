"""The fan-out: a chief starts 200 readers in one turn, over four MCP servers, is interrupted in the middle, and accounts for every call.

    python examples/fanout/fanout.py [FOLDER]

README.md beside it says what to look at. Exit status: 0 if every call has its result and none failed, 1 if one failed or the tree did, 2 for a
bad option, 128 and the signal's number after Ctrl-C and the like.
"""

import signal
import sys


def main() -> int:
    """Do as the command line says, and return the exit status."""
    try:
        # Here, so that Ctrl-C is understood while it is loaded.
        from options import read_options

        options = read_options()
        from performance import run

        return run(options)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
