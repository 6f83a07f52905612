"""Write `docs/tables.md` from the tables that the code runs: `python -P docs/make_tables.py`; a test sees that it is up to date."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import attrs

from greenroom import Backoff, ChildSpec, ExitReason, Intensity, Limits, MailboxSpec, Scheduling
from greenroom.actors import ADMISSION, FOLLOWS, STATUSES, Lifecycle
from greenroom.mailbox._dead_letters import HOUSEKEEPING, DeadReason
from greenroom.mailbox._spec import NEEDS_CAPACITY, OVERFLOWS
from greenroom.supervisor._judge import SENTENCES
from greenroom.supervisor._strategy import GROUPS

TARGET = Path(__file__).parent / "tables.md"
ANSWERS = {
    "q": "queued in order",
    "run": "runs now if idle, else queued",
    "-": "nothing happens",
    "yes": "yes",
    "later": "once it is ready",
    "cancel": "cancels the startup or restart",
    "failed": "refused: [StartupFailed](errors/StartupFailed.md)",
}
ENDINGS = {
    "no failure": "by itself, without failure",
    "failure": "by itself, with failure",
    "ignored": "its startup raised `Ignore`",
    "stopped": 'its `on_error` said "stop"',
    "by others": "by others (`stop`, `drain`, `kill`, `terminate_child`)",
}
AFTERWARDS = {"restart": "restarted", "park": "parked", "forget": "forgotten"}
TAKEN_ALONG = {None: "nobody else", "first": "all children", "failed": "the failed child and those after it"}


def table(title: str, head: Iterable[str], rows: Iterable[Iterable[str]], text: str = "") -> list[str]:
    """Return a section with a table."""
    columns = list(head)
    lines = ["", f"## {title}", "", *([text, ""] if text else [])]
    lines += ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def defaults(kind: type[attrs.AttrsInstance]) -> Iterable[tuple[str, str]]:
    """Yield the options of a specification with what they are if nothing is said."""
    for field in attrs.fields(kind):
        default: Any = field.default
        if default is attrs.NOTHING:
            shown = "has to be given"
        elif isinstance(default, attrs.Factory):  # type: ignore[arg-type]
            shown = f"`{default.factory()!r}`"
        else:
            shown = f"`{default!r}`"
        yield f"`{field.name}`", shown


def make_more() -> list[str]:
    """Return what is known of ends, mail and defaults."""
    lines = table(
        "What follows an end",
        ["it ended", *SENTENCES],
        ([text, *(AFTERWARDS[row[ending]] for row in SENTENCES.values())] for ending, text in ENDINGS.items()),
        "By restart type. *Parked*: it does not run, and its place stays. *Forgotten*: its place is gone, and its name is free.",
    )
    reasons = get_args(ExitReason)
    lines += table(
        "Which exit reason is a failure",
        ["exit reason", "a failure"],
        ([f"`{reason.__name__}`", "yes" if reason.is_failure else "no"] for reason in reasons),
        "`Rested` is no end of the actor; only its incarnation is over.",
    )
    lines += table(
        "Whom a restart takes along",
        ["strategy", "restarted with the failed child"],
        ([f"`{name}`", TAKEN_ALONG[group]] for name, group in GROUPS.items()),
    )
    lines += table(
        "What a full mailbox may do",
        ["overflow", "needs a capacity"],
        ([f"`{name}`", "yes" if name in NEEDS_CAPACITY else "no"] for name in OVERFLOWS),
    )
    lines += table(
        "Why mail is a dead letter",
        ["reason", "counts as lost mail"],
        ([f"`{reason}`", "no" if reason in HOUSEKEEPING else "yes"] for reason in get_args(DeadReason)),
    )
    for kind in (ChildSpec, Limits, MailboxSpec, Intensity, Backoff, Scheduling):
        lines += table(
            f"Defaults of `{kind.__name__}`",
            ["option", "default"],
            defaults(kind),
            "Times are seconds." if kind is ChildSpec else "",
        )
    return lines


def make_tables() -> str:
    """Return the page."""
    columns = list(next(iter(ADMISSION.values())))
    lines = [
        "# Tables",
        "",
        "Made from the code by `docs/make_tables.py`.",
        "",
        "## Who may do what, when",
        "",
        "| lifecycle | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
    ]
    for row, answers in ADMISSION.items():
        name = row.value if isinstance(row, Lifecycle) else row
        cells = [
            ANSWERS[answer] if isinstance(answer, str) else f"refused: [{answer.__name__}](errors/{answer.__name__}.md)"
            for answer in answers.values()
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += ["", "## Which status goes with which lifecycle", "", "| lifecycle | statuses |", "|---|---|"]
    for life, statuses in STATUSES.items():
        lines.append(f"| {life.value} | " + ", ".join(f"`{status.__name__}`" for status in statuses) + " |")
    lines += ["", "## What may follow what", "", "| lifecycle | next |", "|---|---|"]
    for life, follows in FOLLOWS.items():
        order = [each.value for each in Lifecycle if each in follows]
        lines.append(f"| {life.value} | {', '.join(order) or '(the end)'} |")
    return "\n".join(lines + make_more()) + "\n"


if __name__ == "__main__":
    TARGET.write_text(make_tables())
