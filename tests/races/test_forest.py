"""Random trees with failures everywhere: what has to hold whatever happens. More of them, from new seeds, are a part of the soak."""

import pytest

from .forest import grow


@pytest.mark.parametrize("seed", range(13))
def test_a_tree_that_fails_everywhere_stays_in_order(seed: int) -> None:
    """If it fails: `python -P tests/soak.py --again "trees 0" --seed SEED`, with the seed of the parameter."""
    grow(seed, 25)
