"""The breaks of `make mutants` fit the code: trying them takes long, and seeing that they could be tried does not."""

import ast
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = runpy.run_path(str(ROOT / "tests" / "mutants.py"))
BREAKS = [
    pytest.param(each, f"{path.stem}[{number}]", id=f"{path.stem}-{number}")
    for path in sorted((ROOT / "tests" / "mutants").glob("*.toml"))
    for number, each in enumerate(tomllib.loads(path.read_text(encoding="utf-8"))["mutant"], 1)
]
GOOD = {"promise": "P1", "file": "actors/_slot.py", "old": "x", "new": "y", "test": "tests/a.py::test_b"}
#: What is wrong with an entry -> what is said of it.
FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"new": None}, "the keys are promise, file, old, new, and test or tests; missing or unknown: new"),
    ({"why": "so"}, "the keys are promise, file, old, new, and test or tests; missing or unknown: why"),
    ({"test": None}, "give either test, or tests; it has neither"),
    ({"tests": ["tests/a.py::test_c"]}, "give either test, or tests; it has test and tests"),
    ({"test": None, "tests": []}, "tests is []; give a list of at least one"),
    ({"test": None, "tests": "tests/a.py::test_b"}, "tests is 'tests/a.py::test_b'; give a list of at least one"),
    ({"test": 7}, "7 is no test; give file.py::test_name, or file.py::test_name[parameters]"),
    ({"test": "tests/a.py"}, "'tests/a.py' is no test; give file.py::test_name, or file.py::test_name[parameters]"),
    ({"test": "test_b"}, "'test_b' is no test; give file.py::test_name, or file.py::test_name[parameters]"),
    ({"test": None, "tests": ["tests/a.py::test_b", "tests/a.py::test_b"]}, "tests/a.py::test_b is named twice"),
    ({"promise": "P99"}, "'P99' is no promise"),
    ({"file": ["actors/_slot.py"]}, "file is ['actors/_slot.py'], which is no text"),
    ({"old": "\n"}, "old is empty; give the text to replace"),
    ({"new": "x"}, "new is the same as old, which breaks nothing"),
]


@pytest.mark.parametrize(("each", "where"), BREAKS)
def test_each_break_fits_one_place_and_the_tests_that_have_to_notice_are_there(
    each: dict[str, Any], where: str
) -> None:
    assert list(SCRIPT["misfits_of"](SCRIPT["read_entry"](each, where))) == []


def test_each_test_of_conformance_has_a_break_that_it_notices() -> None:
    named = {
        test.partition("[")[0]
        for path in (ROOT / "tests" / "mutants").glob("*.toml")
        for each in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
        for test in (each["tests"] if "tests" in each else [each["test"]])
    }
    there = {
        f"tests/conformance/{path.name}::{node.name}"
        for path in (ROOT / "tests" / "conformance").glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
    }
    assert sorted(there - named) == []


@pytest.mark.parametrize(("fault", "text"), FAULTS)
def test_an_entry_of_another_form_is_refused_with_what_is_wrong(fault: dict[str, Any], text: str) -> None:
    entry = {key: value for key, value in (GOOD | fault).items() if value is not None}
    with pytest.raises(SCRIPT["WrongEntry"]) as caught:
        SCRIPT["read_entry"](entry, "list[3]")
    assert str(caught.value) == f"list[3]: {text}"


def test_an_entry_names_one_test_or_several() -> None:
    tests = ["tests/a.py::test_b", "tests/a.py::test_c[x y]"]
    several = {key: value for key, value in GOOD.items() if key != "test"} | {"tests": tests}
    assert SCRIPT["read_entry"](GOOD, "list[3]").tests == ("tests/a.py::test_b",)
    assert SCRIPT["read_entry"](several, "list[3]").tests == tuple(tests)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"file": "actors/_nobody.py"}, "there is no such file"),
        ({"old": "no such text"}, "its old text stands 0 times in the file, not once"),
        (
            {"test": "tests/house/test_mutants.py::test_nobody"},
            "there is no test tests/house/test_mutants.py::test_nobody",
        ),
        ({"test": "tests/nobody.py::test_nobody"}, "there is no test tests/nobody.py::test_nobody"),
        ({"new": "class Slot(Postbox):"}, "the broken file takes 'Postbox', which is nowhere in it"),
        (
            {"new": "class Slot(Mailbox):\n    spare = [Postbox for _ in ()]"},
            "the broken file takes 'Postbox', which is nowhere in it",
        ),
        ({"new": "class Slot:"}, None),
    ],
)
def test_a_break_that_does_not_fit_is_told(change: dict[str, Any], text: str | None) -> None:
    here = f"tests/house/test_mutants.py::{test_a_break_that_does_not_fit_is_told.__name__}"
    mutant = SCRIPT["read_entry"](
        GOOD | {"old": "class Slot(Mailbox):", "new": "class Slot(list):", "test": here} | change, "list[3]"
    )
    assert [each.partition(": ")[2] for each in SCRIPT["misfits_of"](mutant)] == ([] if text is None else [text])


SUMMARY = """\
FAILED tests/a.py::test_b - assert 1 == 2
FAILED tests/a.py::test_c[one - two] - Boom
FAILED tests/a.py::test_c[three]
ERROR tests/a.py::test_d
"""


#: Tests, the status of their run, and what that means: the verdict, and who has not noticed.
VERDICTS: list[tuple[list[str], int, tuple[str, list[str]]]] = [
    (["a.py::test_b", "a.py::test_d"], 1, ("killed", [])),
    (["a.py::test_c"], 1, ("killed", [])),
    (["a.py::test_b", "a.py::test_c", "a.py::test_c[three]", "a.py::test_c[one - two]"], 1, ("killed", [])),
    (["a.py::test_b", "a.py::test_c[two]", "a.py::test"], 1, ("SURVIVED", ["a.py::test_c[two]", "a.py::test"])),
    (["a.py::test_e"], 0, ("SURVIVED", ["a.py::test_e"])),
    (["a.py::test_b"], 124, ("killed (it hung)", [])),
    (["a.py::test_b", "a.py::test_d"], 124, ("NO VERDICT", [])),
    (["a.py::test_b", "a.py::test_d"], 4, ("NO VERDICT", [])),
]


@pytest.mark.parametrize(("tests", "status", "verdict"), VERDICTS)
def test_each_of_several_tests_has_to_notice(tests: list[str], status: int, verdict: tuple[str, list[str]]) -> None:
    output = SUMMARY if status == 1 else ""
    said, survivors = SCRIPT["judge"]([f"tests/{test}" for test in tests], status, output)
    assert (said, list(survivors)) == (verdict[0], [f"tests/{test}" for test in verdict[1]])
