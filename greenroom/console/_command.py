"""The command: what all of its commands are part of."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from .._version import __version__
from ._racing import whole

#: Of the numbers that commands take.
Whole = Annotated[int, Parameter(converter=whole)]

#: The name of a file. It comes as it was typed; that it may be a path tells shells to complete files.
if TYPE_CHECKING:
    FileName = str
else:
    FileName = Annotated[str | Path, Parameter(metavar="FILE")]

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
