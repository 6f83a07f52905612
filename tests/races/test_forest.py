"""Random trees with failures everywhere: what has to hold whatever happens. More of them, from new seeds, are a part of the soak."""

import pytest

from greenroom import races
from greenroom.races import Sim

from .forest import STEPS, Tree, a_tree


@pytest.mark.parametrize("seed", range(13))
@races.explore(schedules=1, strategy="walk", max_steps=STEPS)
async def test_a_tree_that_fails_everywhere_stays_in_order(sim: Sim, seed: int) -> None:
    await a_tree(sim, Tree(seed, 25))
