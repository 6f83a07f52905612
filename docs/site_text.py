"""A Sphinx extension: how the texts of this project become pages.

Docstrings are written as plain text with Markdown's backticks; Sphinx reads reStructuredText. Links of Markdown pages to files that are no pages
(tests, examples) mean the repository; the site has no such files, so there they are text. A link to what is not there is a warning.
"""

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[1]
MODULES = ("greenroom", "greenroom.mcp", "greenroom.races", "greenroom.races.catalogue", "greenroom.testing")
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
#: A link, or code, in which nothing is one.
LINK = re.compile(
    r"^```.*?^```$|(`+)(?!`).+?(?<!`)\1(?!`)|(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)",
    re.MULTILINE | re.DOTALL,
)
MARKUP = re.compile(r"[*|\\]|_(?!\w)")

log = logging.getLogger(__name__)


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


NAMES = public_names()


def as_rst(text: str) -> str:
    """Return a paragraph with Markdown's code spans as reStructuredText."""
    parts: list[str] = []
    end = 0
    for span in SPAN.finditer(text):
        parts.append(MARKUP.sub(r"\\\g<0>", text[end : span.start()]))
        if parts[-1] and (parts[-1][-1].isalnum() or parts[-1][-1] in "_-"):
            parts.append("\\ ")
        code, full = span[2].strip(), NAMES.get(span[2].strip())
        parts.append(f":py:obj:`{code} <{full}>`" if full else f"``{code}``")
        end = span.end()
        if text[end : end + 1].isalnum():
            parts.append("\\ ")
    return "".join(parts) + MARKUP.sub(r"\\\g<0>", text[end:])


def mend_docstring(_app: Sphinx, what: str, _name: str, _thing: object, _options: object, lines: list[str]) -> None:
    """Turn a docstring into reStructuredText: code spans, bullets as they are, and what is indented after a blank line as code."""
    made: list[str] = (
        [""] if what in {"attribute", "data", "property"} else []
    )  # else what is before a colon is the type
    in_code = False
    for at, line in enumerate(lines):
        if line.startswith("    Others as "):
            made += ["", as_rst(line.strip())]  # what follows the list of errors is no error
            continue
        indented = line.startswith("    ")
        if line and not indented:
            in_code = False
        elif indented and at and not lines[at - 1].strip() and not in_code:
            last = next((each for each in reversed(lines[:at]) if each.strip()), "")
            if not last.startswith(" ") and not last.startswith(("* ", "- ")):
                made += ["::", ""]
                in_code = True
        if in_code:
            made.append(line)
            continue
        bullet = re.match(r"\s*[*-] |\s*\*{0,2}\w+: ", line)
        start = bullet.end() if bullet else 0
        made.append(line[:start] + as_rst(line[start:]))
    lines[:] = made


def mend_links(text: str, folder: Path, page: str) -> str:
    """Drop the links to files of the repository that are no pages, and see that those files are there."""

    def mend(link: re.Match[str]) -> str:
        shown, target = link[2], link[3]
        if target is None:
            return link[0]
        path, hash_, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target) or not path:
            return link[0]
        file = (folder / path).resolve()
        if not file.exists():
            log.warning("there is no %s", target, location=page, type="links")
            return link[0]
        docs = ROOT / "docs"
        if file.suffix in {".md", ".svg"} and file.is_relative_to(docs):
            return f"[{shown}](/{file.relative_to(docs).as_posix()}{hash_}{anchor})"
        return f"`{shown}`" if shown == target else shown

    return LINK.sub(mend, text)


def mend_page(app: Sphinx, page: str, content: list[str]) -> None:
    """Mend the links of a page."""
    content[0] = mend_links(content[0], Path(app.env.doc2path(page)).parent, page)


def mend_included(_app: Sphinx, path: Path, page: str, content: list[str]) -> None:
    """Mend the links of a file of the root that a page includes; its heading is the page's."""
    content[0] = mend_links(content[0], (ROOT / "docs" / path).resolve().parent, page)


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: nodes.TextElement) -> nodes.Node | None:
    """Find a public thing by the name it has where it is defined; what belongs to others, or is private, is text."""
    if node.get("refdomain") != "py":
        return None
    target = str(node["reftarget"])
    full = NAMES.get(target) or NAMES.get(target.rpartition(".")[2])
    if full:
        domain = env.get_domain("py")
        return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", full, node, shown)
    is_ours = target.startswith("greenroom.") and "._" not in target
    return None if is_ours else shown


def plain_fields(_app: Sphinx, page: nodes.document) -> None:
    """Leave the names in lists of attributes as they are: Sphinx would look for anything of that name."""
    for node in list(page.findall(pending_xref)):
        target = str(node.get("reftarget"))
        if node.get("refspecific") and target.islower() and target not in NAMES:
            node.replace_self(node.children)


def drop_bases(_app: Sphinx, _name: str, _thing: object, _options: object, bases: list[Any]) -> None:
    """Show of a class's bases those that users may name."""
    bases[:] = [base for base in bases if not getattr(base, "__name__", "").startswith("_")] or [object]


def skips(_app: Sphinx, what: str, name: str, thing: Any, _skip: bool, _options: object) -> bool | None:  # noqa: FBT001 -- as Sphinx calls it
    """Leave out what classes have from elsewhere (the methods of exceptions, of attrs), and a module's names: the pages group them."""
    if what == "module":
        return True
    thing = getattr(thing, "fget", None) or getattr(thing, "__func__", None) or thing
    thing = getattr(thing, "__objclass__", None) or (inspect.unwrap(thing) if callable(thing) else thing)
    module = getattr(thing, "__module__", None)
    if name.startswith("_"):
        return True
    return True if module and not str(module).startswith("greenroom") else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"  # as the docstrings call them
    app.connect("autodoc-process-docstring", mend_docstring, priority=100)  # before Napoleon's sections
    app.connect("autodoc-process-bases", drop_bases)
    app.connect("autodoc-skip-member", skips)
    app.connect("source-read", mend_page)
    app.connect("include-read", mend_included)
    app.connect("doctree-read", plain_fields)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
