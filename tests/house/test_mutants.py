"""The breaks of `make mutants` fit the code: trying them takes long, and seeing that they could be tried does not."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BREAKS = [
    pytest.param(each, id=f"{path.stem}-{number}")
    for path in sorted((ROOT / "tests" / "mutants").glob("*.toml"))
    for number, each in enumerate(tomllib.loads(path.read_text(encoding="utf-8"))["mutant"], 1)
]


@pytest.mark.parametrize("each", BREAKS)
def test_each_break_fits_one_place_and_the_test_that_has_to_notice_is_there(each: dict[str, str]) -> None:
    assert (ROOT / each["file"]).read_text(encoding="utf-8").count(each["old"]) == 1
    file, _, name = each["test"].partition("[")[0].partition("::")
    assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8")
