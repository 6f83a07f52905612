"""The layers: an arrow means "may import", and no import runs upward, not even one for the type checkers."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("mailbox", "actors", "supervisor")

# Lowest first; what stands in one row may not import its neighbours. The front door and the version are in no layer.
LAYERS = (
    {"mailbox"},
    {"actors"},
    {"supervisor"},
    {"mcp"},
    {"treefile"},
    {"inspector", "lab", "races"},
    {"console"},
)
# It looks into the rooms, so it stands above them; nothing of the runtime may import it.
TESTING = "testing"
FRONT_DOOR = "__init__"
FREE = {"_version", "_lazy", "_borrowed"}

# Who may import what from outside; the standard library is everybody's.
CORE = {"trio", "attrs", "attr"}
EXTERNAL = {
    "mailbox": CORE,
    "actors": CORE | {"outcome"},  # what Trio hands to a task that wakes
    "supervisor": CORE | {"cattrs"},
    "mcp": CORE | {"cattrs", "mcp", "anyio", "httpx2", "pydantic"},  # the SDK, and what its API is made of
    "inspector": CORE | {"cattrs"},
    "treefile": CORE | {"cattrs"},
    "lab": CORE | {"cattrs", "matplotlib"},
    "races": CORE | {"cattrs", "hypothesis", "pytest"},
    "console": CORE | {"cattrs", "cyclopts", "rich"},
    TESTING: CORE | {"pytest", "pytest_trio", "hypothesis"},
    FRONT_DOOR: set[str](),
}


def modules() -> list[Path]:
    """All modules of the package, by the paths under which they are imported."""
    package = ROOT / "greenroom"
    rooms = [path for room in ROOMS for path in (package / room).rglob("*.py")]
    return sorted({*rooms, *(path for path in package.rglob("*.py") if "__pycache__" not in path.parts)})


def imports(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield (line, absolute name of the module, name taken from it or "") for every import, wherever it stands."""
    name = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            base = ".".join((*(name[: -node.level] if node.level else ()), *([node.module] if node.module else ())))
            for alias in node.names:
                yield node.lineno, base, alias.name


def layer_of(module: str, taken: str) -> str:
    """The layer of an imported greenroom module; what is taken from the package itself may be a layer, too."""
    parts = module.split(".")
    if len(parts) > 1:
        return parts[1]
    if taken in {name for layer in LAYERS for name in layer} | {TESTING} | FREE:
        return taken
    return FRONT_DOOR


def height(layer: str) -> int:
    if layer == TESTING:
        return LAYERS.index({"supervisor"}) + 1
    return next(index for index, names in enumerate(LAYERS) if layer in names)


def may_import(importer: str, imported: str) -> bool:
    if imported in FREE or importer == imported:
        return True
    if importer == FRONT_DOOR:
        return imported in ROOMS
    if imported == FRONT_DOOR:
        return importer not in ROOMS  # what is built on the rooms may use the front door like any user
    if imported == TESTING:
        return importer in {"lab", "races"}
    return height(imported) < height(importer)


def wrong_imports(path: Path) -> list[str]:
    importer = (*path.relative_to(ROOT / "greenroom").with_suffix("").parts,)[0]
    if importer in FREE:
        return []
    wrong: list[str] = []
    for line, module, taken in imports(path):
        top = module.split(".")[0]
        if top == "greenroom":
            if not may_import(importer, layer_of(module, taken)):
                wrong.append(f"{path.relative_to(ROOT)}:{line}: {importer} may not import {module} ({taken})")
        elif top not in sys.stdlib_module_names and top not in EXTERNAL[importer]:
            wrong.append(f"{path.relative_to(ROOT)}:{line}: {importer} may not import {module}")
    return wrong


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_import_runs_upward(path: Path) -> None:
    assert not wrong_imports(path)


def test_the_rooms_are_imported_relatively_inside_and_absolutely_outside() -> None:
    absolute_inside = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").split(".")[0] == "greenroom")
        or (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == "greenroom" for alias in node.names))
    ]
    bare_outside = [
        f"{path.relative_to(ROOT)}:{line}: {module}"
        for folder in ("tests", "examples", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path != Path(__file__).with_name("installed.py")
        for line, module, _ in imports(path)
        if module.split(".")[0] in {"actors", "supervisor"}
    ]
    assert not absolute_inside
    assert not bare_outside


@pytest.mark.parametrize(
    ("importer", "imported", "allowed"),
    [
        ("actors", "mailbox", True),
        ("mailbox", "actors", False),
        ("supervisor", "actors", True),
        ("actors", "supervisor", False),
        ("mcp", "actors", True),
        ("supervisor", "mcp", False),
        ("lab", "races", False),
        ("lab", "console", False),
        ("treefile", "lab", False),
        ("lab", "treefile", True),
        ("console", "lab", True),
        ("races", "console", False),
        ("testing", "supervisor", True),
        ("actors", "testing", False),
        ("actors", "__init__", False),
        ("console", "__init__", True),
        ("__init__", "console", False),
        ("mailbox", "_version", True),
    ],
)
def test_the_layers_say_who_may_import_whom(importer: str, imported: str, *, allowed: bool) -> None:
    assert may_import(importer, imported) is allowed


def test_an_import_for_the_type_checkers_alone_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    path = tmp_path / "greenroom" / "mailbox" / "_mail.py"
    path.parent.mkdir(parents=True)
    path.write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..actors import Actor\n")
    assert wrong_imports(path) == ["greenroom/mailbox/_mail.py:3: mailbox may not import greenroom.actors (Actor)"]
