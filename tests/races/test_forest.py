"""Random trees with failures everywhere: what has to hold whatever happens. More of them, from new seeds, are a part of the soak."""

import pytest

from .forest import grow


@pytest.mark.parametrize("seed", range(12))
def test_a_tree_that_fails_everywhere_stays_in_order(seed: int) -> None:
    """If it fails: `python -P tests/soak.py --again "trees 0" --seed SEED`, with the seed of the parameter."""
    grow(seed, 25)


def test_a_child_that_was_told_to_stop_before_its_supervisor_dropped_it() -> None:
    grow(32)
