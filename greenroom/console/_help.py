"""What `--help` says of each command besides its options: examples, and exit statuses."""

from collections.abc import Mapping
from typing import Final

#: Of all commands.
USAGE_STATUS: Final = "2 something given is wrong · 130 Ctrl-C, 143 SIGTERM, 129 SIGHUP"

#: command -> what its exit statuses mean, and examples with what each does.
COMMANDS: Final[Mapping[str, tuple[str, tuple[tuple[str, str], ...]]]] = {
    "run": (
        "0 it went well · 1 the main child or the tree failed, or the output could not be written",
        (
            ("greenroom run shop.toml", "until its main child has ended"),
            ("greenroom run shop.toml --profile patient --size 3", "with a profile, and a parameter of the tree's own"),
            ("greenroom run shop.toml --inspect /run/user/1000/shop.sock", "to be looked at by `greenroom top`"),
        ),
    ),
    "check": (
        "0 nothing is wrong with it",
        (
            ("greenroom check shop.toml", "the file with all its profiles"),
            ("greenroom check --schema > tree.schema.json", "for editors"),
        ),
    ),
    "tree": (
        "0 drawn",
        (
            ("greenroom tree shop.toml", "who supervises whom, and how"),
            ("greenroom tree shop.toml --profile patient", "as a profile has it"),
        ),
    ),
    "race": (
        "0 no schedule that was tried fails · 1 one does",
        (
            ("greenroom race checks.races:register_once", "10,000 schedules"),
            (
                "greenroom race checks.races:register_once --seconds 60 --picture race.html",
                "for a minute; draw what is found",
            ),
            ("greenroom race checks.races:register_once --deviations 2", "all schedules with at most two deviations"),
        ),
    ),
    "replay": (
        "0 the run passes · 1 it fails",
        (("greenroom replay TOKEN checks.races:register_once", "the run that a failure was printed with"),),
    ),
    "lab": (
        "0 it has run · 1 a trial could not be run to its end, or a file could not be written",
        (
            ("greenroom lab", "the experiments that come with it"),
            ("greenroom lab herd --html herd.html", "one of them, with a report"),
            ("greenroom lab mine.toml --seeds 30 --csv mine.csv", "one of yours, with 30 seeds"),
        ),
    ),
    "top": (
        "0 you have left, or the program has closed its inspector in order · 1 it died, or does not answer",
        (
            ("greenroom top /run/user/1000/shop.sock", "live; q leaves, / searches, enter shows where one is at"),
            ("greenroom top shop.sock --once --search 'failed worker'", "one picture of those that match"),
            ("greenroom top shop.sock --once --json | jq '.rows[].path'", "for scripts"),
            ("greenroom top shop.sock --json --every 5 >> shop.jsonl", "a line of JSON every five seconds"),
        ),
    ),
    "completion": (
        "0 printed",
        (
            ("greenroom completion bash > ~/.local/share/bash-completion/completions/greenroom", "bash"),
            ("greenroom completion zsh > ~/.zfunc/_greenroom", "zsh, with ~/.zfunc in fpath before compinit"),
            ("greenroom completion fish > ~/.config/fish/completions/greenroom.fish", "fish"),
        ),
    ),
}


def epilogue(command: str) -> str:
    """Return what stands at the end of a command's help."""
    status, examples = COMMANDS[command]
    lines = [line for example, what in examples for line in (f"  {example}", f"      {what}")]
    return "\n".join(["Examples:", *lines, "", f"Exit status: {status} · {USAGE_STATUS}"])
