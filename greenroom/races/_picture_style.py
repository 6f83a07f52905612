"""How a picture of a run looks: its colours, by light and by dark, and the legend of its marks."""

from collections.abc import Callable
from typing import Final

from ._event import Event

_FONT: Final = 'ui-monospace,"DejaVu Sans Mono","Liberation Mono",Menlo,Consolas,monospace'

#: Class -> what it has by light, and by dark; plain colours, as not everything that shows SVG knows variables.
_COLOURS: Final = {
    ".paper": ("fill:#ffffff", "fill:#16181d"),
    "text": ("fill:#1f2328", "fill:#e3e6ea"),
    ".fact,.note,.place,.number": ("fill:#57606a", "fill:#a3abb5"),
    ".deviating": ("fill:#b42a14", "fill:#ff8b73"),
    "text.circle": ("fill:#c01c28", "fill:#ff7b72"),
    ".gap": ("fill:#57606a", "fill:#a3abb5"),
    ".label": ("stroke:#ffffff", "stroke:#16181d"),
    ".deviates .label": ("stroke:#fde8e2", "stroke:#40211b"),
    ".error .label": ("stroke:#fbdfe2", "stroke:#47191f"),
    ".wait .label": ("stroke:#fff5dc", "stroke:#372d14"),
    ".injection .label": ("stroke:#f1e6fb", "stroke:#322341"),
    ".title.failed,.title.deadlock,.title.livelock,.title.hung": ("fill:#c01c28", "fill:#ff7b72"),
    ".title.passed": ("fill:#1a7f37", "fill:#56d364"),
    ".task": ("fill:#e7edf6;stroke:#8ba3c7", "fill:#232e40;stroke:#52698f"),
    ".actor": ("fill:#e4f3ea;stroke:#7fb598", "fill:#1d3327;stroke:#4b8163"),
    ".inner": ("fill:#eeeff1;stroke:#b4bac2", "fill:#25282d;stroke:#575e67"),
    ".rail": ("stroke:#d5d9df", "stroke:#33383f"),
    ".alive": ("stroke:#9aa4b0", "stroke:#6b7480"),
    ".step": ("fill:#5b87c5", "fill:#6d9be0"),
    ".deviation": ("fill:#d4351c;stroke:#8f1f0d", "fill:#ff6a4d;stroke:#ffb3a3"),
    ".ghost,.instead": ("stroke:#d4351c", "stroke:#ff6a4d"),
    ".band.deviates": ("fill:#fde8e2", "fill:#40211b"),
    ".band.error": ("fill:#fbdfe2", "fill:#47191f"),
    ".band.gone": ("fill:#eef0f3", "fill:#24282f"),
    ".gone .gap": ("stroke:#eef0f3", "stroke:#24282f"),
    ".band.wait": ("fill:#fff5dc", "fill:#372d14"),
    ".band.injection": ("fill:#f1e6fb", "fill:#322341"),
    ".woken": ("stroke:#b9c2cd", "stroke:#4a525c"),
    ".time": ("stroke:#8250df", "stroke:#b48cf2"),
    ".line": ("stroke:#2f6f4f", "stroke:#7fd0a4"),
    ".tip,.dot": ("fill:#2f6f4f", "fill:#7fd0a4"),
    ".line.answer,.line.back": ("stroke:#5c6670", "stroke:#a9b3bd"),
    ".tip.answer,.dot.answer,.tip.back,.dot.back": ("fill:#5c6670", "fill:#a9b3bd"),
    ".line.order,.line.interrupt": ("stroke:#9a6700", "stroke:#e3b341"),
    ".tip.order,.dot.order,.tip.interrupt,.dot.interrupt,.dot.ending,.dot.end": ("fill:#9a6700", "fill:#e3b341"),
    ".line.wait": ("stroke:#9a6700", "stroke:#e3b341"),
    ".tip.wait,.dot.wait": ("fill:#9a6700", "fill:#e3b341"),
    ".line.circle,.cross": ("stroke:#c01c28", "stroke:#ff7b72"),
    ".tip.circle,.dot.circle,.dot.dead-letter": ("fill:#c01c28", "fill:#ff7b72"),
    "path.choice": ("fill:#8ba3c7", "fill:#52698f"),
    "path.injection": ("fill:#8250df", "fill:#b48cf2"),
}
_SHAPES: Final = (
    f"text{{font-family:{_FONT};white-space:pre}}"
    ".title,.name{font-weight:bold}.number{font-variant-numeric:tabular-nums}.gap{font-style:italic}"
    ".label,.gap{stroke-width:4px;stroke-linejoin:round;paint-order:stroke}"
    ".touch{fill:none;pointer-events:all}.row:hover .touch{stroke:#8b949e;stroke-width:1px}"
    ".row.chosen .touch{stroke:#d4351c;stroke-width:2px}text{pointer-events:none}text.circle{font-weight:bold}"
    ".rail{stroke-width:1px;stroke-dasharray:2 4}.alive{stroke-width:1.5px}"
    ".line,.woken,.cross{fill:none}.line,.time{stroke-width:1.5px}.line.circle{stroke-width:2.5px}.cross{stroke-width:3px}"
    ".line.answer,.line.back,.line.wait{stroke-dasharray:6 4}.time{stroke-dasharray:8 4}"
    ".woken{stroke-width:1px}.ghost{fill:none;stroke-width:1.5px;stroke-dasharray:3 2}"
    ".instead{stroke-width:1.5px;stroke-dasharray:3 3}.deviation{stroke-width:1px}"
)


def _rules(which: int) -> str:
    return "".join(f"{name}{{{looks[which]}}}" for name, looks in _COLOURS.items())


STYLE: Final = f"{_SHAPES}{_rules(0)}@media(prefers-color-scheme:dark){{{_rules(1)}}}"

#: What is in the legend if a picture has it: how it is known, its mark, and what it means.
LEGEND: Final[tuple[tuple[Callable[[Event], bool], str, str], ...]] = (
    (
        lambda e: e.kind == "step" and not e.deviates,
        '<rect class="step" x="9" y="2" width="14" height="14" rx="2"/>',
        "a step",
    ),
    (
        lambda e: e.kind == "step" and bool(e.woken),
        '<path class="woken" d="M3 3L29 15"/>',
        "made ready by",
    ),
    (
        lambda e: e.deviates,
        '<rect class="deviation" x="9" y="2" width="14" height="14" rx="2"/>',
        "a deviation",
    ),
    (
        lambda e: e.deviates and e.kind == "step",
        '<rect class="ghost" x="9" y="3" width="14" height="12" rx="2"/>',
        "who goes by default",
    ),
    (
        lambda e: e.kind == "choice" and not e.deviates,
        '<path class="choice" d="M16 3l6 6l-6 6l-6 -6z"/>',
        "another choice",
    ),
    (
        lambda e: e.kind in ("send", "urgent", "ask", "direct ask", "steer", "turn", "register"),
        '<path class="line" d="M3 9H22"/><path class="tip" d="M30 9l-9 -4v8z"/>',
        "a message, a start",
    ),
    (
        lambda e: e.kind in ("answer", "report"),
        '<path class="line back" d="M3 9H22"/><path class="tip back" d="M30 9l-9 -4v8z"/>',
        "an answer, a report",
    ),
    (
        lambda e: e.kind in ("order", "interrupt"),
        '<path class="line order" d="M3 9H22"/><path class="tip order" d="M30 9l-9 -4v8z"/>',
        "an order",
    ),
    (
        lambda e: e.kind == "wait",
        '<path class="line wait" d="M3 9H22"/><path class="tip wait" d="M30 9l-9 -4v8z"/>',
        "waits for",
    ),
    (lambda e: e.kind == "injection", '<path class="injection" d="M16 3l6 6l-6 6l-6 -6z"/>', "an injection"),
    (lambda e: e.kind in ("crash", "raise"), '<path class="cross" d="M11 4l10 10m0 -10l-10 10"/>', "an error"),
)
