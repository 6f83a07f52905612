"""A Sphinx extension: docstrings and pages of this project as `markup` mends them, and references by any name that a public thing has."""

import inspect
import re
from pathlib import Path
from typing import Any

import markup
from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PyObject
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging

NAMES = markup.public_names()
PRIVATE = re.compile(rf"\b({'|'.join(sorted(markup.private_names()))})\b")
VALUES = {"attribute", "data", "property"}

log = logging.getLogger(__name__)


def mend_docstring(_app: Sphinx, what: str, _name: str, thing: Any, _options: object, lines: list[str]) -> None:
    """Turn a docstring into reStructuredText; of a class, with all its public attributes."""
    if what == "class":
        lines[:] = markup.with_attributes(lines, _attributes(thing))
    lines[:] = markup.mend_docstring(lines, NAMES, of_value=what in VALUES)


def _attributes(cls: type) -> list[str]:
    """Return the names of a class's public attributes that have no text of their own."""
    found: dict[str, None] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.partition(".")[0] != "greenroom":
            continue
        told = {
            name
            for owner, name in ModuleAnalyzer.for_module(base.__module__).find_attr_docs()
            if owner == base.__name__
        }
        for name in (*inspect.get_annotations(base), *vars(base)):
            thing = vars(base).get(name)
            is_told = name in told or isinstance(thing, (property, classmethod, staticmethod, type)) or callable(thing)
            if not name.startswith("_") and not is_told:
                found[name] = None
    return list(found)


def mend_page(app: Sphinx, page: str, content: list[str]) -> None:
    """Mend the links of a page."""
    _mend_links(content, Path(app.env.doc2path(page)).parent, page)


def mend_included(_app: Sphinx, path: Path, page: str, content: list[str]) -> None:
    """Mend the links of a file of the root that a page includes."""
    _mend_links(content, (markup.ROOT / "docs" / path).resolve().parent, page)


def _mend_links(content: list[str], folder: Path, page: str) -> None:
    content[0], missing = markup.mend_links(content[0], folder)
    for target in missing:
        log.warning("there is no %s", target, location=page, type="links")


def plain_fields(_app: Sphinx, page: nodes.document) -> None:
    """Leave the names in lists of attributes as they are: Sphinx would look for anything of that name."""
    for node in list(page.findall(pending_xref)):
        target = str(node.get("reftarget"))
        if node.get("refspecific") and target.islower() and target not in NAMES:
            node.replace_self(node.children)


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


def drop_bases(_app: Sphinx, _name: str, _thing: object, _options: object, bases: list[Any]) -> None:
    """Show of a class's bases those that users may name."""
    bases[:] = [base for base in bases if not getattr(base, "__name__", "").startswith("_")] or [object]


def mend_annotations(_app: Sphinx, thing: object, _is_bound: bool) -> None:  # noqa: FBT001 -- as Sphinx calls it
    """Leave out of a function's annotations what is only for the program: it would be shown as it is in memory."""
    notes: dict[str, Any] = getattr(thing, "__annotations__", {})
    notes.update({name: markup.bare(note) for name, note in notes.items()})


def mend_signature(
    _app: Sphinx, what: str, _name: str, thing: object, _options: object, signature: str | None, returned: str | None
) -> tuple[str, str | None] | None:
    """Leave out how a class is made that the runtime alone makes, as it takes what users never have; a default that is made anew is "..."."""
    if not signature:
        return None
    if what == "class" and not hasattr(thing, "__attrs_attrs__") and PRIVATE.search(signature):
        return "", returned
    return signature.replace("= NOTHING", "= ..."), returned


def skips(_app: Sphinx, what: str, name: str, thing: Any, _skip: bool, _options: object) -> bool | None:  # noqa: FBT001 -- as Sphinx calls it
    """Leave out what classes have from elsewhere (the methods of exceptions, of attrs), and a module's names: the pages group them."""
    if what == "module" or name.startswith("_"):
        return True
    thing = getattr(thing, "fget", None) or getattr(thing, "__func__", None) or thing
    thing = getattr(thing, "__objclass__", None) or (inspect.unwrap(thing) if callable(thing) else thing)
    module = getattr(thing, "__module__", None)
    return (
        True if module and not str(module).startswith(("greenroom", "sphinx")) else None
    )  # Sphinx stands in for attributes of instances


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx."""
    for field in PyObject.doc_field_types:
        if field.name == "variable":
            field.label = "Attributes"  # as the docstrings call them
    app.connect("autodoc-process-docstring", mend_docstring, priority=100)  # before Napoleon's sections
    app.connect("autodoc-process-bases", drop_bases)
    app.connect("autodoc-before-process-signature", mend_annotations)
    app.connect("autodoc-process-signature", mend_signature)
    app.connect("autodoc-skip-member", skips)
    app.connect("source-read", mend_page)
    app.connect("include-read", mend_included)
    app.connect("doctree-read", plain_fields)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
