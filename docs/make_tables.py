"""Write `docs/tables.md` from the tables that the code runs: `python -P docs/make_tables.py`; a test sees that it is up to date."""

from pathlib import Path

from greenroom.actors import ADMISSION, FOLLOWS, STATUSES, Lifecycle

TARGET = Path(__file__).parent / "tables.md"
ANSWERS = {
    "q": "queued in order",
    "run": "runs now if idle, else queued",
    "-": "nothing happens",
    "yes": "yes",
    "later": "once it is ready",
    "cancel": "cancels the startup or restart",
    "failed": "refused: `StartupFailed`",
}


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
            ANSWERS[answer] if isinstance(answer, str) else f"refused: `{answer.__name__}`"
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
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(make_tables())
