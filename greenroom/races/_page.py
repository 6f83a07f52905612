"""Pages: a run as one HTML file, with the picture of it to zoom and pan, and a list of its deviations that leads to each."""

from typing import Final

from ._captions import described
from ._lettering import lettered, marked_up
from ._page_parts import SCRIPT, STYLE
from ._picture import draw_alone, ending_of, facts_of
from ._result import Result
from ._rows import Row, matters, rows_of
from ._telling import headline

#: What the page may do: no more than show itself.
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
#: Lines of what went wrong.
LINES: Final = 20
_KEYS: Final = (
    "wheel, arrows, drag: move; ctrl and wheel, + and -: zoom; 0: all of its width; a: all of it; "
    "n and p: the next one to look at, and the one before"
)
_BUTTONS: Final = (
    ("in", "+", "larger (+)"),
    ("out", "&minus;", "smaller (-)"),
    ("fit", "fit", "all of its width (0)"),
    ("whole", "all", "all of it (a)"),
    ("before", "▲", "the deviation before (p)"),
    ("after", "▼", "the next deviation (n)"),
)


def make_page(result: Result, again: str, found: str = "", least: str = "") -> str:
    """Return a run as an HTML page; what it is given is as for `told`. It needs nothing else, and asks nothing of any network."""
    verdict, *more = ending_of(result, LINES)
    buttons = "".join(
        f'<button type="button" data-do="{name}" title="{marked_up(title)}">{text}</button>'
        for name, text, title in _BUTTONS
    )
    marked = [(number, row) for number, row in enumerate(rows_of(result)) if row.event and matters(row.event)]
    marks = "".join(_mark(number, row) for number, row in marked)
    title = marked_up(lettered(headline(result)))
    return "\n".join([
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{marked_up(POLICY)}">',
        '<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">',
        f"<title>{title}</title>",
        f"<style>{STYLE}</style></head><body>",
        f'<header><h1 class="{result.verdict}">{marked_up(verdict)}</h1>',
        *(f'<p class="more">{marked_up(line)}</p>' for line in more),
        *(f"<p>{marked_up(fact)}</p>" for fact in facts_of(result, found, least)),
        f"<p>to see it again: <code>{marked_up(lettered(again, None))}</code></p></header>",
        f'<nav><div class="buttons">{buttons}</div>',
        f"<h2>{len(marked)} to look at</h2><ol>{marks}</ol>",
        '<h2>a row</h2><pre id="detail">Click on a row of the picture, or on one above.</pre>',
        f"<h2>keys</h2><p>{_KEYS}</p></nav>",
        '<main tabindex="0" aria-label="the picture"><div id="names"></div>',
        draw_alone(result),
        f"</main><script>{SCRIPT}</script></body></html>\n",
    ])  # fmt: skip


def _mark(number: int, row: Row) -> str:
    """Return the way to a row, as an entry of the list."""
    event = row.event
    assert event is not None
    if event.deviates and event.choice is not None:
        chosen, default = event.choice.labels[event.choice.index], event.choice.labels[0]
        text = f"choice {event.at}: {chosen} instead of {default} {event.place}"
    else:
        text = described(event).splitlines()[1]
    kind = "deviates" if event.deviates else event.kind
    return f'<li><button type="button" class="{kind}" data-row="r{number}">{marked_up(lettered(text))}</button></li>'
