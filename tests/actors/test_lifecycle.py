from itertools import product
from typing import Any

import pytest

from greenroom import Actor
from greenroom.actors._lifecycle import ENDED, FOLLOWS, PASSING, STARTING, Lifecycle
from greenroom.actors._status import STATUSES
from greenroom.testing import open_tree

#: What each state may become, told a second time, in words of the semantics; the code runs by `FOLLOWS`.
MAY_BECOME = {
    "queued": "initializing restarting stopping parked stopped",
    "initializing": "ready restarting stopping parked stopped failed",
    "ready": "resting restarting draining stopping parked stopped",
    "resting": "queued initializing restarting stopping parked stopped",
    "restarting": "queued initializing stopping parked stopped failed",
    "draining": "stopping parked stopped",
    "stopping": "parked stopped",
    "parked": "restarting stopped",
    "stopped": "",
    "failed": "",
}


@pytest.mark.parametrize(("before", "after"), list(product(Lifecycle, Lifecycle)))
def test_each_step_from_each_state_is_allowed_or_refused_as_the_table_says(before: Lifecycle, after: Lifecycle) -> None:
    assert (after in FOLLOWS[before]) == (after.value in MAY_BECOME[before.value].split())


def test_every_state_has_a_row_and_statuses() -> None:
    assert set(FOLLOWS) == set(STATUSES) == set(Lifecycle)
    assert all(STATUSES.values())


def test_no_state_but_a_final_one_is_a_dead_end_and_every_state_can_end() -> None:
    final = {state for state in Lifecycle if not FOLLOWS[state]}
    assert final == {Lifecycle.STOPPED, Lifecycle.FAILED}
    for state in Lifecycle:
        reached = {state}
        while more := {after for before in reached for after in FOLLOWS[before]} - reached:
            reached |= more
        assert reached & final


def test_every_state_is_reached_from_registration_but_none_gets_ready_without_starting() -> None:
    reached = {Lifecycle.QUEUED, Lifecycle.INITIALIZING}
    while more := {after for before in reached for after in FOLLOWS[before]} - reached:
        reached |= more
    assert reached == set(Lifecycle)
    assert {before for before in Lifecycle if Lifecycle.READY in FOLLOWS[before]} == {Lifecycle.INITIALIZING}


def test_groups_of_states() -> None:
    assert {Lifecycle.PARKED, Lifecycle.STOPPED, Lifecycle.FAILED} == ENDED
    assert {Lifecycle.QUEUED, Lifecycle.INITIALIZING} == STARTING
    assert not PASSING & ENDED
    assert Lifecycle.READY not in PASSING


@pytest.mark.parametrize(("before", "after"), list(product(Lifecycle, Lifecycle)))
async def test_a_slot_goes_by_the_table(before: Lifecycle, after: Lifecycle) -> None:
    class Plain(Actor[Any]):
        pass

    async with open_tree("stage") as root:
        ref = await root.start(Plain)
        await ref.stop()
        slot = ref._slot
        slot.life = before
        generation = slot.generation
        if after in FOLLOWS[before]:
            slot.advance(after)
            assert slot.life is after
            assert slot.generation == generation + 1
        else:
            with pytest.raises(RuntimeError, match=f"cannot go from {before.value} to {after.value}"):
                slot.advance(after)
            assert slot.life is before
            assert slot.generation == generation
        slot.life = Lifecycle.STOPPED
