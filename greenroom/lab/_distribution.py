"""Distributions of times: each a plain function of one number from 0 to 1, so that a draw costs one random number whatever is drawn."""

from math import exp, inf, isfinite, log1p
from statistics import NormalDist
from typing import Any, Final, cast

import attrs

from ..treefile._kinds import Kind
from ..treefile._reader import shown

_NORMAL: Final = NormalDist()
#: Below this, the inverse of the normal distribution has no value.
_LEAST: Final = 2.0**-54


def _exp(value: float) -> float:
    """Return e to the power of a value; infinity where no float is so large."""
    try:
        return exp(value)
    except OverflowError:
        return inf


def _power(base: float, exponent: float) -> float:
    """Return a power of a base above 0; infinity where no float is so large."""
    try:
        return float(base**exponent)
    except OverflowError:
        return inf


@attrs.frozen(repr=False)
class Distribution:
    """Draw seconds. Made by `constant`, `exponential`, `uniform`, `lognormal` and `pareto`.

    Attributes:
        shape: which of them.
        parameters: theirs.
    """

    shape: str
    parameters: tuple[float, ...]

    def at(self, u: float) -> float:
        """Return the value below which a share `u` of all draws lies, infinity if no float is so large; u is from 0, and below 1."""
        first = self.parameters[0]
        match self.shape:
            case "constant":
                return first
            case "exponential":
                return -log1p(-u) * first
            case "uniform":
                return first + (self.parameters[1] - first) * u
            case "lognormal":
                return first * _exp(self.parameters[1] * _NORMAL.inv_cdf(max(u, _LEAST)))
            case _:
                return first * _power(1.0 - u, -1.0 / self.parameters[1])

    @property
    def mean(self) -> float:
        """The mean, in seconds; infinity where there is none."""
        first = self.parameters[0]
        match self.shape:
            case "constant" | "exponential":
                return first
            case "uniform":
                return (first + self.parameters[1]) / 2
            case "lognormal":
                return first * _exp(self.parameters[1] * self.parameters[1] / 2)
            case _:
                alpha = self.parameters[1]
                return inf if alpha <= 1 else first * alpha / (alpha - 1)

    @property
    def is_zero(self) -> bool:
        """Whether it is 0, always."""
        return self.shape == "constant" and self.parameters[0] == 0

    def __repr__(self) -> str:
        """Show it as it is made."""
        return f"{self.shape}({', '.join(f'{each:g}' for each in self.parameters)})"


def constant(seconds: float) -> Distribution:
    """Get what is always the same, from 0. Raises ValueError for what is no such number."""
    return _made("constant", seconds)


def exponential(mean: float) -> Distribution:
    """Get what has no memory: exponential, by its mean, above 0. Raises ValueError for what is no such number."""
    return _made("exponential", mean)


def uniform(low: float, high: float) -> Distribution:
    """Get what is anywhere from low to high, from 0. Raises ValueError for what are no such numbers."""
    return _made("uniform", low, high)


def lognormal(median: float, sigma: float) -> Distribution:
    """Get what is the product of many causes: by its median, and the standard deviation of its logarithm. Raises ValueError."""
    return _made("lognormal", median, sigma)


def pareto(minimum: float, alpha: float) -> Distribution:
    """Get a heavy tail: by the least value, and how fast it falls; up to alpha 2 its variance has no bound, up to 1 its mean. Raises ValueError."""
    return _made("pareto", minimum, alpha)


#: shape -> its parameters, and for each whether it has to be above 0.
_SHAPES: Final[dict[str, tuple[tuple[str, bool], ...]]] = {
    "constant": (("seconds", False),),
    "exponential": (("mean", True),),
    "uniform": (("low", False), ("high", False)),
    "lognormal": (("median", True), ("sigma", False)),
    "pareto": (("minimum", True), ("alpha", True)),
}
SAYS: Final = (
    "a number of seconds from 0, or a table of one key: constant = seconds, exponential = mean, uniform = [low, high], "
    "lognormal = [median, sigma] or pareto = [minimum, alpha]"
)


def is_number(value: Any) -> bool:
    """Return whether a value is a finite number, and no truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def _made(shape: str, *given: Any) -> Distribution:
    names = _SHAPES[shape]
    if len(given) != len(names):
        words = ", ".join(name for name, _ in names)
        raise ValueError(f"{shape}: {len(given)} numbers are given; give {words}")
    for value, (name, is_above) in zip(given, names, strict=True):
        if not is_number(value) or value < 0 or (is_above and value == 0):
            bound = "above 0" if is_above else "from 0"
            raise ValueError(f"{shape}: {name} is {shown(value)}; give a finite number {bound}")
    if shape == "uniform" and given[0] > given[1]:
        raise ValueError(f"uniform: low is {given[0]:g} and high is {given[1]:g}; give low <= high")
    return Distribution(shape, tuple(float(each) for each in given))


def read_distribution(value: Any) -> Distribution:
    """Read a distribution as it is given in TOML or Python. Raises ValueError."""
    if isinstance(value, Distribution):
        return value
    if is_number(value) and value >= 0:
        return constant(value)
    if type(value) is dict:
        table = cast("dict[str, Any]", value)
        if len(table) == 1:
            ((shape, given),) = table.items()
            if shape in _SHAPES:
                return _made(shape, *(given if type(given) is list else (given,)))
        known = ", ".join(table) or "none at all"
        raise ValueError(f"a table with the keys {known} is wrong here; give {SAYS}")
    raise ValueError(f"{shown(value)} is wrong here; give {SAYS}")


def read_lasting(value: Any) -> Distribution:
    """Read a distribution of which no draw may be 0 for ever: what is between two events. Raises ValueError."""
    read = read_distribution(value)
    if read.mean == 0:
        raise ValueError("is always 0, so there would be no end of it at any moment; give a mean above 0")
    return read


def as_given(value: "Distribution | float") -> Distribution:
    """Turn a number into a distribution; what is none is left as it is, to be told with all else that is wrong."""
    given: Any = value
    return constant(given) if is_number(given) and given >= 0 else given


def _any(_value: object) -> bool:
    return True


SECONDS: Final = Kind(SAYS, {}, _any, read_distribution)
LASTING: Final = Kind(SAYS, {}, _any, read_lasting)
