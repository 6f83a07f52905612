"""Completion: the scripts that cyclopts makes for shells, with what they lack to work as docs/console.md has them installed."""

import re
from collections.abc import Callable
from typing import Final, Literal

from ._command import app

Shell = Literal["bash", "zsh", "fish"]


def completion_script(shell: Shell) -> str:
    """Return a script that lets a shell complete commands, options, choices, files, and the experiments that come with the lab."""
    # Not at the top: it is slow to import, and no other command but `lab` needs it.
    from ..lab._ready import ready

    return _FINISHED[shell](app.generate_completion(shell=shell), " ".join(ready()))


def _for_bash(script: str, experiments: str) -> str:
    """Let readline complete files: it knows folders and names with spaces, which `compgen -f` does not. An experiment's name goes before a file's."""
    files = "compopt -o default; COMPREPLY=()"
    script = script.replace('COMPREPLY=( $(compgen -f -- "${cur}") )', files)
    before, lab, after = script.partition('"lab")\n')
    named = f'compopt -o default; COMPREPLY=($(compgen -W "{experiments}" -- "${{cur}}"))'
    return before + lab + re.sub(rf"(\*\)\s+){re.escape(files)}", lambda found: found[1] + named, after, count=1)


def _for_zsh(script: str, experiments: str) -> str:
    """Have the function called if the script is autoloaded as `_greenroom`, and registered if it is sourced."""
    named = f'_alternative "experiments\\:experiment\\:({experiments})" "files\\:file\\:_files"'
    script = re.sub(
        r"(\n        lab\)\n.*?'1:[^:]+:)_files'",
        lambda found: f"{found[1]}{{{named}}}'",
        script,
        count=1,
        flags=re.DOTALL,
    )
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


def _for_fish(script: str, experiments: str) -> str:
    """Offer no files where a command is to stand."""
    return (
        f"{script.rstrip()}\n"
        "complete -c greenroom -n __fish_use_subcommand -f\n"
        f"complete -c greenroom -n '__fish_greenroom_using_command lab' -a '{experiments}' -d 'an experiment that comes with it'\n"
    )


_FINISHED: Final[dict[Shell, Callable[[str, str], str]]] = {"bash": _for_bash, "zsh": _for_zsh, "fish": _for_fish}
