"""How the texts of this project become what Sphinx reads. Pure: `site_text` hangs it into Sphinx.

Docstrings are plain text with Markdown's backticks; Sphinx reads reStructuredText. Links of pages to files that are no pages (tests, examples) mean
the repository; the site has no such files, so there they are text.
"""

import importlib
import re
import sys
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

ROOT = Path(__file__).resolve().parents[1]
MODULES = (
    "greenroom",
    "greenroom.inspector",
    "greenroom.lab",
    "greenroom.mcp",
    "greenroom.races",
    "greenroom.races.catalogue",
    "greenroom.testing",
)
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
#: A link, or code, in which nothing is one.
LINK = re.compile(
    r"^```.*?^```$|(`+)(?!`).+?(?<!`)\1(?!`)|(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)",
    re.MULTILINE | re.DOTALL,
)
MARKUP = re.compile(r"[*|\\]|_(?!\w)")
#: One of the errors in a list of them.
ERROR = re.compile(r"    [\w., ]+: ")
BULLET = re.compile(r"\s*[*-] |\s*\*{0,2}\w+: ")


def public_names() -> dict[str, str]:
    """Map what a text may call a public thing (its short name, its full name, where it is defined) to where users find it."""
    found: dict[str, str] = {}
    for module in MODULES:
        namespace = importlib.import_module(module)
        for name in namespace.__all__:
            thing, full = getattr(namespace, name), f"{module}.{name}"
            found[full] = full
            found.setdefault(name, full)
            if isinstance(thing, type):
                found.setdefault(f"{thing.__module__}.{thing.__qualname__}", full)
    return found


def private_names() -> set[str]:
    """Return the names of the classes that users neither make nor name."""
    ours = {name: vars(module) for name, module in sys.modules.items() if name.partition(".")[0] == "greenroom"}
    known = public_names()
    return {
        name
        for things in ours.values()
        for name, thing in things.items()
        if isinstance(thing, type) and thing.__module__.startswith("greenroom") and name not in known
    }


def as_rst(text: str, names: Mapping[str, str]) -> str:
    """Return a paragraph with Markdown's code spans as reStructuredText; the names of public things lead to them."""
    parts: list[str] = []
    end = 0
    for span in SPAN.finditer(text):
        parts.append(MARKUP.sub(r"\\\g<0>", text[end : span.start()]))
        if parts[-1] and (parts[-1][-1].isalnum() or parts[-1][-1] in "_-"):
            parts.append("\\ ")
        code = span[2].strip()
        parts.append(f":py:obj:`{code} <{names[code]}>`" if code in names else f"``{code}``")
        end = span.end()
        if text[end : end + 1].isalnum():
            parts.append("\\ ")
    return "".join(parts) + MARKUP.sub(r"\\\g<0>", text[end:])


def with_attributes(lines: Sequence[str], attributes: Sequence[str]) -> list[str]:
    """Return a class's docstring with those attributes at the end of its list that are not in it; Napoleon adds their types."""
    known = {
        name.strip() for line in lines if (entry := re.match(r"    ([\w, ]+):", line)) for name in entry[1].split(",")
    }
    more = [f"    {name}:" for name in attributes if name not in known]
    if not more:
        return list(lines)
    if "Attributes:" not in lines:
        return [*lines, "", "Attributes:", *more]
    end = next(
        (at for at in range(lines.index("Attributes:") + 1, len(lines)) if not lines[at].startswith("    ")), len(lines)
    )
    return [*lines[:end], *more, *lines[end:]]


def spread(lines: Sequence[str]) -> list[str]:
    """Return a docstring with an entry of its own for each of several arguments or attributes that are told of together; Sphinx knows no other."""
    made: list[str] = []
    entry: list[str] = []
    names: list[str] = []
    in_list = False
    for line in [*lines, ""]:
        if not line.startswith("     "):  # the entry before has ended
            made += [each for name in names for each in (f"    {name}:{entry[0]}", *entry[1:])]
            names = []
            in_list = (in_list and line.startswith("    ")) or line in {"Args:", "Attributes:"}
            several = re.match(r"    (\w+(?:, \w+)+):", line)
            if in_list and several:
                names, entry = several[1].split(", "), [line[several.end() :]]
            else:
                made.append(line)
        elif names:
            entry.append(line)
        else:
            made.append(line)
    return made[:-1]


def untyped(lines: Sequence[str], at: int) -> list[str]:
    """Return a docstring with a line broken after its first word: Napoleon takes what is before a colon in that line for a type."""
    if at >= len(lines) or ": " not in lines[at]:
        return list(lines)
    text = lines[at].lstrip()
    indent = lines[at].removesuffix(text)
    first, _, rest = text.partition(" ")
    if first.rstrip(":").isidentifier() and first.endswith(":"):
        return list(lines)  # a type
    broken = (
        [indent + "\\", lines[at]] if ":" in first else [indent + first, indent + rest]
    )  # a backslash takes the break away
    return [*lines[:at], *broken, *lines[at + 1 :]]


def out_of_list(lines: Sequence[str]) -> list[str]:
    """Return a docstring's lines with what stands at the end of its list of errors, and is none of them, as a paragraph of its own."""
    if "Raises:" not in lines:
        return list(lines)
    start = lines.index("Raises:") + 1
    end = next((at for at in range(start, len(lines)) if not lines[at].startswith("    ")), len(lines))
    items: list[list[str]] = []
    for line in lines[start:end]:
        if line.startswith("     ") and items:
            items[-1].append(line)
        else:
            items.append([line])
    kept = len(items)
    while kept and not ERROR.match(items[kept - 1][0]):
        kept -= 1
    errors = [line for item in items[:kept] for line in item]
    others = [line.strip() for item in items[kept:] for line in item]
    head = ["Raises:", *errors] if errors else [f"Raises: {others.pop(0)}"]
    return [*lines[: start - 1], *head, *([""] if errors and others else []), *others, *lines[end:]]


def mend_docstring(lines: Sequence[str], names: Mapping[str, str], *, of_value: bool = False) -> list[str]:
    """Return a docstring as reStructuredText with Google's sections: code spans, bullets as they are, what is indented after a blank line as code.

    Args:
        lines: the docstring's.
        names: as `public_names` gives them.
        of_value: it is an attribute's or a property's; there, the first line may say its type.
    """
    lines = out_of_list(spread(lines))
    if of_value:
        lines = untyped(lines, 0)
    if "Returns:" in lines:
        lines = untyped(lines, lines.index("Returns:") + 1)
    made: list[str] = []
    in_code = False
    for at, line in enumerate(lines):
        indented = line.startswith("    ")
        if line and not indented:
            in_code = False
        elif indented and at and not lines[at - 1].strip() and not in_code:
            last = next((each for each in reversed(lines[:at]) if each.strip()), "")
            if not last.startswith((" ", "* ", "- ")):
                made += ["::", ""]
                in_code = True
        if in_code:
            made.append(line)
            continue
        if line.strip() == "\\":
            made.append(line)
            continue
        bullet = BULLET.match(line)
        start = bullet.end() if bullet else 0
        made.append(line[:start] + as_rst(line[start:], names))
    return made


def bare(annotation: Any) -> Any:
    """Return a type without what `Annotated` says of it, or of a part of a union: that is for the program, and shows addresses."""
    if get_origin(annotation) is Annotated:
        return bare(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType}:
        return reduce(or_, map(bare, get_args(annotation)))
    return annotation


def mend_links(text: str, folder: Path) -> tuple[str, list[str]]:
    """Return a page's text without the links to files of the repository that are no pages, and the links to what is not there.

    Args:
        text: Markdown.
        folder: where the page is; links to other pages become paths from the folder of all pages.
    """
    missing: list[str] = []

    def mend(link: re.Match[str]) -> str:
        shown, target = link[2], link[3]
        if target is None:
            return link[0]
        path, hash_, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target) or not path:
            return link[0]
        file = (folder / path).resolve()
        if not file.exists():
            missing.append(target)
            return link[0]
        docs = ROOT / "docs"
        if file.suffix in {".md", ".svg"} and file.is_relative_to(docs):
            return f"[{shown}](/{file.relative_to(docs).as_posix()}{hash_}{anchor})"
        return f"`{shown}`" if shown == target else shown

    return LINK.sub(mend, text), missing
