"""Student's t distribution for whole degrees of freedom, as finite sums.

Neither the standard library nor NumPy has it, and SciPy would be a large dependency for one curve. For whole degrees of freedom, and there are no
others here, the distribution is a finite sum of cosines, so nothing is approximated but by rounding. A bootstrap, the other way without SciPy, gives
intervals that are too narrow for the few seeds (5 to 30) that an experiment has.

Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
"""

import math
from functools import lru_cache


def within(t: float, freedom: int) -> float:
    """Return the probability that a value of the distribution is between -t and t; `freedom` is from 1, `t` from 0 to infinity."""
    return _within_angle(math.atan(t / math.sqrt(freedom)), freedom)


@lru_cache(maxsize=256)
def quantile(confidence: float, freedom: int) -> float:
    """Return the t for which `within` is `confidence`, above 0 and below 1: by halving, until two neighbours among floats are left."""
    low, high = 0.0, math.pi / 2
    while low < (middle := (low + high) / 2) < high:
        if _within_angle(middle, freedom) < confidence:
            low = middle
        else:
            high = middle
    return math.sqrt(freedom) * math.tan(low)


def _within_angle(angle: float, freedom: int) -> float:
    sine, cosine = math.sin(angle), math.cos(angle)
    is_odd = freedom % 2 == 1
    if freedom == 1:
        return 2 * angle / math.pi
    term = total = cosine if is_odd else 1.0
    for number in range(3 if is_odd else 2, freedom - 1, 2):
        term *= cosine * cosine * ((number - 1) / number)
        total += term
    found = 2 / math.pi * (angle + sine * total) if is_odd else sine * total
    return min(found, 1.0)
