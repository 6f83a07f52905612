"""How much is explored: little in `make test`, much in `make soak`."""

from hypothesis import settings


def schedules(usually: int) -> int:
    """Return how many schedules to try; in a soak, as many times more as Hypothesis tries more examples."""
    return usually * max(1, settings().max_examples // 100)
