"""Draw `docs/race.svg` from the example in `docs/races.md`: `python -P docs/make_pictures.py`; a test sees that it is up to date."""

import re
from pathlib import Path
from typing import Any

from greenroom import races

DOCS = Path(__file__).parent
TARGET = DOCS / "race.svg"
NAME = "all_is_counted"


def make_picture() -> str:
    """Return the picture."""
    page = (DOCS / "races.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    [program] = [code for code in programs if f"def {NAME}" in code]
    names: dict[str, Any] = {"__name__": "shop"}
    exec(compile(program, "shop.py", "exec"), names)  # noqa: S102 -- it is the page's own
    found = races.search(names[NAME], schedules=10_000)
    assert found is not None
    return found.svg(f"greenroom replay {found.token} shop:{NAME}")


if __name__ == "__main__":
    TARGET.write_text(make_picture(), encoding="utf-8")
