from itertools import product
from typing import get_args

import pytest

from greenroom.mailbox import Overflow, judge_overflow

# policy, full, twin, droppable -> verdict, written out in full: the table of P15, read by a person and not from the code.
TABLE = {
    ("wait", False): "accept",
    ("wait", True): "refuse",
    ("reject", False): "accept",
    ("reject", True): "refuse",
    ("drop_oldest", False): "accept",
    ("drop_newest", False): "accept",
    ("drop_newest", True): "drop_newest",
    ("coalesce", False): "accept",
    ("coalesce", True): "refuse",
}
POLICIES: tuple[Overflow, ...] = get_args(Overflow)


@pytest.mark.parametrize(("policy", "full", "twin", "droppable"), list(product(POLICIES, *[(False, True)] * 3)))
def test_the_whole_table_of_overflows(policy: Overflow, full: bool, twin: bool, droppable: bool) -> None:
    """P15."""
    if policy == "coalesce" and twin:
        expected = "replace"
    elif policy == "drop_oldest" and full:
        expected = "drop_oldest" if droppable else "drop_newest"
    else:
        expected = TABLE[policy, full]
    assert judge_overflow(policy, full=full, twin=twin, droppable=droppable) == expected
