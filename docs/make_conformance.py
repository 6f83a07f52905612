"""Write `docs/conformance.md` from the tests of `tests/conformance`: `python -P docs/make_conformance.py`; a test sees that it is up to date.

The docstring of each test there says which rule it holds:

    Source: <system>, <case or rule> — <the rule in our words>

    Departs: <how we depart from it, and why>

Several cases are parted by "; ". A case that has no meaning here stands in the dict `NO_MEANING` of a test module of its system (case -> why); in a
module of several systems as "<system>, <case>".
"""

import ast
import inspect
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests" / "conformance"
TARGET = Path(__file__).parent / "conformance.md"
#: Where the list of all cases of a suite stands: module -> the name of the list.
CASES = "CASES"

HEAD = """\
# Conformance

Made from `tests/conformance` by `docs/make_conformance.py`. Supervision is taken from Erlang/OTP, Elixir, and Akka and Pekko; their test suites and
documentation state the rules as cases. Each row is a case or a rule, the test here that holds it, and how this runtime departs from it, if it does.
Behaviour was taken over, not text.
"""


@attrs.frozen
class Rule:
    """Be one rule of a system, as one test holds it.

    Attributes:
        system: whose it is. cases: what it is called there.
        says: the rule in our words. departs: how we depart from it, and why; "" if we do not.
        test: where it is held, as pytest names it; "" for a case without meaning here, of which `departs` says why.
    """

    system: str
    cases: tuple[str, ...]
    says: str
    departs: str
    test: str


class NoRule(Exception):
    """A docstring does not have the form."""


def read_rule(docstring: str, test: str) -> Rule:
    """Read the docstring of a test. Raises NoRule."""
    text = " ".join(inspect.cleandoc(docstring).split())
    rule, _, departs = text.partition(" Departs: ")
    source, dash, says = rule.partition(" — ")
    system, comma, cases = source.removeprefix("Source: ").partition(", ")
    if not (text.startswith("Source: ") and dash and comma and says and system and cases):
        raise NoRule(f"{test}: its docstring is no 'Source: <system>, <case or rule> — <rule>': {text!r}")
    return Rule(system, tuple(cases.split("; ")), says, departs, test)


def read_module(path: Path) -> list[Rule]:
    """Read the rules of a test module, in order; at the end what has no meaning."""
    tree = ast.parse(path.read_text())
    rules: list[Rule] = []
    missing: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_"):
            test = f"{path.relative_to(ROOT).as_posix()}::{node.name}"
            rules.append(read_rule(ast.get_docstring(node) or "", test))
        targets: Sequence[ast.expr] = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == "NO_MEANING" for target in targets):
            assert isinstance(node, (ast.Assign, ast.AnnAssign))
            assert node.value is not None
            missing = ast.literal_eval(node.value)
    systems = list(dict.fromkeys(rule.system for rule in rules))
    for case, why in missing.items():
        named = next((system for system in systems if len(systems) > 1 and case.startswith(f"{system}, ")), systems[0])
        rules.append(Rule(named, (case.removeprefix(f"{named}, "),), "", why, ""))
    return rules


def read_all() -> list[Rule]:
    """Read all test modules but the one that is about the page."""
    return [rule for path in sorted(TESTS.glob("test_*.py")) if path.stem != "test_page" for rule in read_module(path)]


def read_cases() -> list[str]:
    """Read the list of the cases of OTP's supervisor_SUITE, in its order."""
    for node in ast.parse((TESTS / "test_page.py").read_text()).body:
        if isinstance(node, ast.Assign) and any(
            isinstance(each, ast.Name) and each.id == CASES for each in node.targets
        ):
            return str(ast.literal_eval(node.value)).split()
    raise LookupError(CASES)


def _rows(rules: list[Rule], order: list[str]) -> Iterator[str]:
    place = {case: at for at, case in enumerate(order)}
    rows = [(case, rule) for rule in rules for case in rule.cases]
    first = {case: at for at, (case, _) in reversed(list(enumerate(rows)))}
    rows.sort(key=lambda row: (place.get(row[0], len(place)), first[row[0]]))
    for case, rule in rows:
        if rule.test:
            file, _, name = rule.test.partition("::")
            held = f"[{name.removeprefix('test_').replace('_', ' ')}](../{file})"
            yield _row(case, rule.says, held, rule.departs)
        else:
            yield _row(case, "", "no meaning here", rule.departs)


def _row(*cells: str) -> str:
    return "".join(f"| {cell.replace('|', chr(92) + '|')} " for cell in cells) + "|"


def make_page() -> str:
    """Return the page."""
    rules = read_all()
    lines = [HEAD]
    for system in dict.fromkeys(rule.system for rule in sorted(rules, key=lambda rule: rule.system)):
        own = [rule for rule in rules if rule.system == system]
        order = read_cases() if system == "OTP supervisor_SUITE" else []
        lines += [
            f"## {system}",
            "",
            "| case or rule | what it says | held by | departs, or why not |",
            "|---|---|---|---|",
        ]
        lines += [*_rows(own, order), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    TARGET.write_text(make_page())
