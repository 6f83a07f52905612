from typing import Any

import pytest

from greenroom import InvalidSpec, MailboxSpec


def key(message: Any) -> str:
    return str(message)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"capacity": 0}, "capacity: 0 is not a whole number from 1"),
        ({"capacity": -1}, "capacity: -1"),
        ({"capacity": 1.0}, "capacity: 1.0"),
        ({"capacity": True}, "capacity: True"),
        ({"capacity": "10"}, "capacity: '10'"),
        ({"overflow": "drop"}, "overflow: 'drop' is not one of wait, reject, drop_oldest, drop_newest, coalesce"),
        ({"overflow": None}, "overflow: None"),
        ({"overflow": ["wait"]}, "overflow: \\['wait'\\]"),
        ({"overflow": "coalesce"}, "coalesce_key go together"),
        ({"overflow": "coalesce", "coalesce_key": None, "capacity": 3}, "coalesce_key go together"),
        ({"coalesce_key": key}, "coalesce_key go together"),
        ({"overflow": "wait", "coalesce_key": key}, "coalesce_key go together"),
        ({"overflow": "coalesce", "coalesce_key": "id"}, "'id' is not callable"),
        ({"overflow": "wait"}, 'overflow="wait" needs a capacity; a mailbox without one is never full'),
        ({"overflow": "drop_oldest"}, 'overflow="drop_oldest" needs a capacity'),
        ({"overflow": "drop_newest"}, 'overflow="drop_newest" needs a capacity'),
    ],
)
def test_a_wrong_mailbox_spec_is_refused_with_the_field_and_what_it_takes(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidSpec, match=words):
        MailboxSpec(**options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"capacity": 1},
        {"overflow": "reject"},
        {"capacity": 10, "overflow": "wait"},
        {"overflow": "coalesce", "coalesce_key": key},
        {"capacity": 1, "overflow": "coalesce", "coalesce_key": key},
    ],
)
def test_a_right_mailbox_spec_is_taken(options: dict[str, Any]) -> None:
    spec = MailboxSpec(**options)
    assert spec.is_plain == ("capacity" not in options and options.get("overflow") != "coalesce")
