"""The runtime as state machines. More of the examples, from new seeds, are a part of the soak."""

from typing import Any

import pytest
from hypothesis import settings

from .machines import RUNS, run
from .runtime_machine import Asked, Runtime


@pytest.mark.parametrize("machine", [Runtime, Asked])
def test_whatever_clients_do_at_the_same_time_all_is_accounted_for(machine: Any) -> None:
    prints: list[str] = []
    run(
        machine,
        settings(RUNS, max_examples=250, stateful_step_count=15),
        lambda result, _: prints.append(result.fingerprint),
    )
    assert len(set(prints)) >= 0.95 * len(prints)
