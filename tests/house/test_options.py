"""What may be given is looked at: an option that is checked, kept and ignored is a promise that nobody keeps."""

import re
from pathlib import Path

import attrs
import pytest

from greenroom import Intensity, Limits, MailboxSpec, Scheduling, Service
from greenroom.actors import Policy

HERE = Path(__file__).resolve().parent.parent.parent / "greenroom"
SOURCES = {
    path: path.read_text(encoding="utf-8")
    for room in ("mailbox", "actors", "supervisor")
    for path in (HERE / room).glob("*.py")
}


def fields() -> list[tuple[str, str]]:
    kinds: tuple[type[attrs.AttrsInstance], ...] = (Limits, Intensity, MailboxSpec, Scheduling, Service, Policy)
    return [(kind.__name__, field.name) for kind in kinds for field in attrs.fields(kind)]


@pytest.mark.parametrize(("kind", "name"), fields())
def test_each_option_that_may_be_given_is_looked_at_by_the_runtime(kind: str, name: str) -> None:
    owner = next(path for path, text in SOURCES.items() if re.search(rf"^class {kind}\b", text, re.MULTILINE))
    users = [path.name for path, text in SOURCES.items() if path != owner and re.search(rf"\.{name}\b", text)]
    own = re.findall(rf"(?<!\w)(?:self\.|\w+\.){name}\b", SOURCES[owner])
    assert users or own, f"{kind}.{name} is accepted and ignored"
