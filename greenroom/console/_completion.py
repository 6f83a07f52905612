"""Completion: the scripts that cyclopts makes for shells, with what they lack to work as docs/console.md has them installed."""

import re
from collections.abc import Callable
from typing import Final, Literal

from ._command import app

Shell = Literal["bash", "zsh", "fish"]


def completion_script(shell: Shell) -> str:
    """Return a script that lets a shell complete commands, options, choices and files."""
    return _FINISHED[shell](app.generate_completion(shell=shell))


def _for_bash(script: str) -> str:
    """Let readline complete files: it knows folders and names with spaces, which `compgen -f` does not."""
    return script.replace('COMPREPLY=( $(compgen -f -- "${cur}") )', "compopt -o default; COMPREPLY=()")


def _for_zsh(script: str) -> str:
    """Have the function called if the script is autoloaded as `_greenroom`, and registered if it is sourced."""
    found = re.search(r"^(\w+)\(\) \{", script, re.MULTILINE)
    function = "_greenroom" if found is None else found[1]
    return (
        f"{script.rstrip()}\n\n"
        "if [[ $funcstack[1] == _greenroom ]]; then\n"
        f'  {function} "$@"\n'
        "else\n"
        f"  compdef {function} greenroom\n"
        "fi\n"
    )


def _for_fish(script: str) -> str:
    """Offer no files where a command is to stand."""
    return f"{script.rstrip()}\ncomplete -c greenroom -n __fish_use_subcommand -f\n"


_FINISHED: Final[dict[Shell, Callable[[str], str]]] = {"bash": _for_bash, "zsh": _for_zsh, "fish": _for_fish}
