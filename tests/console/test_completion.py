"""Completion: what `greenroom completion` prints, in the shells for which it does."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from greenroom.console._app import main
from greenroom.lab._ready import ready

from .terminals import ANOTHER_IN_TERMINAL, Terminal
from .test_help import NAMES

#: What bash is asked to complete, and what it has to offer.
TYPED = [
    ("greenroom ", set(NAMES)),
    ("greenroom to", {"top"}),
    ("greenroom top --", {"--once", "--json", "--search", "--rows", "--every", "--timeout"}),
    ("greenroom race --strategy po", {"portfolio", "pos"}),
    ("greenroom run --view ", {"auto", "live", "plain", "none"}),
    ("greenroom completion ", {"bash", "zsh", "fish"}),
]


def test_bash_completes_commands_options_and_choices(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "greenroom"
    script.write_text(capsys.readouterr().out, encoding="utf-8")
    for typed, offered in TYPED:
        words = typed.split(" ")
        code = (
            f"source {shlex.quote(str(script))}\n"
            f"COMP_WORDS=({' '.join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}\n"
            f"COMP_LINE={shlex.quote(typed)}; COMP_POINT={len(typed)}\n"
            "function_of_it=$(complete -p greenroom | sed 's/.*-F \\([^ ]*\\).*/\\1/')\n"
            f'"$function_of_it" greenroom {shlex.quote(words[-1])} {shlex.quote(words[-2])}\n'
            'printf "%s\\n" "${COMPREPLY[@]}"\n'
        )
        ended = subprocess.run(
            ["bash", "--norc", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert offered <= {each.strip() for each in ended.stdout.splitlines()}, typed


def test_what_cyclopts_leaves_out_is_in_the_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    """Of shells that are not there, too: see the last test of this file for those that are."""
    scripts: dict[str, str] = {}
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        scripts[shell] = capsys.readouterr().out
    assert "compgen -f" not in scripts["bash"]
    assert scripts["bash"].count("compopt -o default") >= len(["run", "check", "tree", "lab", "top"])
    *_, if_, called, else_, registered, fi = scripts["zsh"].splitlines()
    assert (if_, else_, fi) == ("if [[ $funcstack[1] == _greenroom ]]; then", "else", "fi")
    function = called.split()[0]
    assert f"\n{function}() {{\n" in scripts["zsh"]
    assert (called.split()[1:], registered.split()) == (['"$@"'], ["compdef", function, "greenroom"])
    assert "'1:the tree file.:_files'" in scripts["zsh"]
    assert "\ncomplete -c greenroom -n __fish_use_subcommand -f\n" in scripts["fish"]
    for script in scripts.values():
        assert " ".join(ready()) in script


#: How each is started, and what is typed to have it complete, with the script where docs/console.md has it put. bash is wherever the house is built.
SHELLS = {
    "bash": (["--norc", "-i"], "source completions/greenroom"),
    "zsh": (["-f", "-i"], "fpath=($PWD/completions $fpath); autoload -Uz compinit; compinit -u -D"),
    "fish": (["--no-config", "-i"], "source completions/greenroom"),
}
#: What is typed, and what the line is then.
LINES = [
    ("to\t", "greenroom top"),
    ("top --onc\t", "greenroom top --once"),
    ("run a.toml --view li\t", "greenroom run a.toml --view live"),
    ("check al\t", "greenroom check alpha\\ beta.toml"),
    ("tree fold\tinn\t", "greenroom tree folder/inner.toml"),
    ("top so\t", "greenroom top socket"),
    ("lab stam\t", "greenroom lab stampede"),
    ("lab al\t", "greenroom lab alpha\\ beta.toml"),
    ("lab herd --csv al\t", "greenroom lab herd --csv alpha\\ beta.toml"),
    ("race a:b --picture al\t", "greenroom race a:b --picture alpha\\ beta.toml"),
    ("run a.toml --inspect so\t", "greenroom run a.toml --inspect socket"),
]


@pytest.mark.parametrize("shell", [shell for shell in SHELLS if shutil.which(shell) or shell == "bash"])
def test_a_shell_that_is_there_completes_commands_options_choices_and_files(
    shell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "completions").mkdir()
    for name in ("alpha beta.toml", "folder/inner.toml", "socket"):
        (tmp_path / name).touch()
    assert main(["completion", shell]) == 0
    # zsh finds it by its name.
    script = tmp_path / "completions" / ("_greenroom" if shell == "zsh" else "greenroom")
    script.write_text(capsys.readouterr().out, encoding="utf-8")
    arguments, begin = SHELLS[shell]
    variables = {"HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "PS1": "$ ", "HISTFILE": ""}
    with Terminal(
        [shell, *arguments], tmp_path, columns=200, code=ANOTHER_IN_TERMINAL, variables=variables
    ) as terminal:
        terminal.press(f"{begin}; echo be''gun\r")
        terminal.wait_for("begun")
        for typed, line in LINES:
            terminal.press(f"greenroom {typed}")
            terminal.wait_for(line)
            terminal.press("\x15")
