import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from .virtual_time import put_in_virtual_time

ROOT = Path(__file__).resolve().parent.parent

# The rooms are imported as greenroom.mailbox and so on, never from the root, where `mailbox` hides the standard
# library's module. Nothing else may be found there by accident either: the tests see what an installed user sees.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]

# A shell starts background jobs with Ctrl-C ignored, and their children inherit that: the tests that press it would hang.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Virtual time and slow machines say nothing about an example: no deadline. The same examples each time: new ones are what a soak is for.
settings.register_profile("house", deadline=None, print_blob=True, derandomize=True)
# A soak says how many fit into its time; without it there are more, so that a seed that failed in one fails by itself, too.
EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "1000"))
settings.register_profile("soak", deadline=None, print_blob=True, derandomize=False, max_examples=EXAMPLES)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def nobody_writes_to_what_all_share() -> Iterator[None]:
    """One object says of most mailboxes, and one of most slots, that they have nothing special."""
    yield
    from greenroom.actors._passage import SETTLED, Passage  # not above: see there
    from greenroom.mailbox import PLAIN
    from greenroom.mailbox._rare import NOTHING_RARE, NOTHING_SHUT, Rare

    shut = Rare(PLAIN)
    shut.is_open = False
    for thing, fresh in ((NOTHING_RARE, Rare(PLAIN)), (NOTHING_SHUT, shut), (SETTLED, Passage())):
        assert [getattr(thing, name) for name in thing.__slots__] == [getattr(fresh, name) for name in thing.__slots__]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    put_in_virtual_time(items)
