"""The documentation's tables are the code's."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_of_tables_is_made_from_the_tables_that_the_code_runs() -> None:
    made = runpy.run_path(str(DOCS / "make_tables.py"))["make_tables"]()
    assert (DOCS / "tables.md").read_text() == made, "run: .venv/bin/python -P docs/make_tables.py"


def test_the_picture_of_a_race_is_that_of_the_page() -> None:
    made = runpy.run_path(str(DOCS / "make_pictures.py"))["make_picture"]()
    assert (DOCS / "race.svg").read_text() == made, "run: .venv/bin/python -P docs/make_pictures.py"
